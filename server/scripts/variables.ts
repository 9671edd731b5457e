/**
 * Variables of a script for an editor: where each is set and used, and what renaming one takes. Scripts within a script
 * have variables of their own. Files that are read with `source` are not looked into; a renaming says so.
 */
import { variables } from './catalogue/environment';
import type { NameUse } from './reading/expansions';
import type { Script } from './reading/script';
import type { Span } from './reading/text';
import { scopeAt, type Scope, type Scopes } from './scopes';

/** A variable's name at a place. */
export interface NamedVariable extends Span {
  name: string;
}

/** What renaming a variable changes, and what the user should know of it; or why it cannot be renamed. */
export type Renaming = { spans: Span[]; notes: string[] } | { problem: string };

/** Names that schedulers give a meaning, whichever release or site adds them. */
const ofSchedulers = /^(?:SLURM|SLURMD|SBATCH|SRUN|SALLOC|SQUEUE|SINFO|SACCT|PMI|PMIX|LSB|LSF|LS|BSUB|EGO)_/;
/** Names that the shell or most programs give a meaning. */
const ofTheSystem = new Set(
  'PATH HOME USER SHELL PWD OLDPWD IFS TMPDIR LANG LC_ALL TERM HOSTNAME LD_LIBRARY_PATH PYTHONPATH BASH_ENV PS1 PS4 UID EUID PPID RANDOM SECONDS LINENO FUNCNAME BASH_SOURCE PIPESTATUS REPLY OPTARG OPTIND MASTER_ADDR MASTER_PORT RANK LOCAL_RANK WORLD_SIZE'.split(
    ' ',
  ),
);
const catalogued = new Set(variables.map(({ name }) => name));

/** Whether a name means something to a scheduler, the shell or the programs of jobs. */
function isReserved(name: string): boolean {
  return ofSchedulers.test(name) || catalogued.has(name) || ofTheSystem.has(name);
}

/** The variable whose name is at an offset; undefined where there is none. */
export function variableAt(scopes: Scopes, offset: number): NamedVariable | undefined {
  return lookUp(scopes, offset)?.variable;
}

/** Where the variable at an offset gets the value that it has there; every place that sets it, where that is not known. */
export function definitionsAt(scopes: Scopes, offset: number): Span[] {
  const found = lookUp(scopes, offset);
  if (!found) return [];
  const { scope, variable, same } = found;
  const sets = same.filter(({ kind }) => kind === 'definition');
  if (variable.kind === 'definition') return [spanOf(variable)];
  const reaching = reachingFrom(scope, sets, variable.start);
  return (reaching.length ? reaching : sets).map(spanOf);
}

/** Every place that uses the variable at an offset, and those that set it, in the order of the text. */
export function referencesAt(scopes: Scopes, offset: number, withDefinitions = true): Span[] {
  const { same = [] } = lookUp(scopes, offset) ?? {};
  return same.filter(({ kind }) => withDefinitions || kind === 'use').map(spanOf);
}

/** Renames the variable at an offset wherever its script names it; undefined where there is none. */
export function renameAt(scopes: Scopes, offset: number, newName: string): Renaming | undefined {
  const found = lookUp(scopes, offset);
  if (!found) return undefined;
  const { scope, variable, names, same } = found;
  const { name } = variable;
  const problem = fixedName(name) ?? nameProblem(newName);
  if (problem !== undefined) return { problem };
  if (newName !== name && names.some((one) => one.name === newName))
    return { problem: `There is a variable ${newName} already: the two would become one` };
  return { spans: same.map(spanOf), notes: notesOf(scope, name, same) };
}

/** Why the variable of a name cannot be renamed; undefined where it can. */
export function fixedName(name: string): string | undefined {
  return isReserved(name)
    ? `${name} is not the script's own name: a scheduler, the shell or programs give it its meaning`
    : undefined;
}

function nameProblem(name: string): string | undefined {
  if (!/^[A-Za-z_]\w*$/.test(name))
    return `"${name}" cannot name a variable: a name has letters, digits and _, and does not begin with a digit`;
  return isReserved(name) ? `${name} has a meaning of its own in jobs: choose another name` : undefined;
}

const spanOf = ({ start, end }: Span): Span => ({ start, end });

/** The variable at an offset, its script, and all names of that script with their places in the whole text. */
function lookUp(
  scopes: Scopes,
  offset: number,
): { scope: Scope; variable: NameUse; names: NameUse[]; same: NameUse[] } | undefined {
  const scope = scopeAt(scopes, offset);
  if (!scope) return undefined;
  const names = [...scope.script.structure.names, ...fromDirectives(scope.script)].map((use) => ({ ...use, ...scope.outer(use) })); // prettier-ignore
  const variable = names.find(({ start, end }) => start <= offset && offset <= end);
  if (!variable) return undefined;
  const same = names.filter(({ name }) => name === variable.name).sort((a, b) => a.start - b.start);
  return { scope, variable, names, same };
}

/** Variables that directives set for the job: `--export=ALL,DATA=/data`, `-env "DATA=/data"`. */
function fromDirectives(script: Script): NameUse[] {
  return script.activeOptions.flatMap(({ option, value }) => {
    if (!value || (option?.name !== '--export' && option?.name !== '-env')) return [];
    const raw = script.text.slice(value);
    return [...raw.matchAll(/(?:^|,)[ \t"']*([A-Za-z_]\w*)(?=[=,"']|$)/g)].flatMap(({ 0: whole, 1: name = '', index }) => {
      if (/^(?:ALL|NONE|NIL|all|none)$/.test(name)) return [];
      const start = value.start + index + whole.length - name.length;
      return [{ name, kind: 'definition' as const, start, end: start + name.length, depth: 0 }];
    }); // prettier-ignore
  });
}

/** The places that may have set a variable before it is used: back to the last one that always happens. */
function reachingFrom({ script }: Scope, sets: readonly NameUse[], use: number): NameUse[] {
  const reaching: NameUse[] = [];
  for (const set of [...sets].reverse()) {
    // What an assignment's own value uses is the variable as it was before.
    if (set.end > use || !/[;\n\r&|)]/.test(script.text.text.slice(set.end, use))) continue;
    reaching.unshift(set);
    if (set.depth === 0) break;
  }
  return reaching;
}

/** What renaming a variable does not reach. */
function notesOf({ script, outer }: Scope, name: string, changed: readonly Span[]): string[] {
  const { text, structure } = script;
  const notes: string[] = [];
  const lines = (spans: readonly Span[]): string => {
    const all = [...new Set(spans.map(({ start }) => text.positionAt(start).line + 1))];
    return `line${all.length > 1 ? 's' : ''} ${all.slice(0, 5).join(', ')}${all.length > 5 ? ' and others' : ''}`;
  };
  const others = mentions(text.text, name).filter(({ start }) => !changed.some((one) => one.start === outer({ start, end: start }).start)); // prettier-ignore
  if (others.length) notes.push(`${name} also stands in text for other programs (${lines(others)}), which was not changed`);
  else if (structure.exported.has(name)) notes.push(`${name} is exported: programs and scripts that read it must be changed too`); // prettier-ignore
  if (structure.sources.length) notes.push(`Files that the script reads with source (${lines(structure.sources)}) were not changed`); // prettier-ignore
  if (structure.evaluations.length) notes.push(`Code that eval makes (${lines(structure.evaluations)}) was not changed`); // prettier-ignore
  return notes;
}

/** Where a text names a variable for somebody: as an expansion, an assignment or a key between quotes; not in comments. */
function mentions(text: string, name: string): Span[] {
  const found: Span[] = [];
  for (const { index } of text.matchAll(new RegExp(`(?<!\\w)${name}(?!\\w)`, 'g'))) {
    const [before, after] = [text.slice(Math.max(0, index - 2), index), text.charAt(index + name.length)];
    const named = /\$\{?$/.test(before) || after === '=' || (/["']$/.test(before) && /["']/.test(after));
    const comment = /^[ \t]*#(?!BSUB|SBATCH)/.test(text.slice(text.lastIndexOf('\n', index) + 1, index));
    if (named && !comment) found.push({ start: index, end: index + name.length });
  }
  return found;
}
