import { TextDocument, type Position } from 'vscode-languageserver-textdocument';
import { variables } from './catalogue/environment';
import { completeApplications, completeGpu, completeRequirement } from './lsf-completion';
import { readScript } from './reading/read-script';
import { optionProposals } from './option-completion';
import { inName, inOption, inValue, type Completion, type RangeFrom } from './proposal';
import { programProposals, runsPrograms } from './program-completion';
import { invocationsOf, type Invocation } from './reading/invocations';
import { optionNamed } from './catalogue/options';
import type { SchedulerName } from '../shared/scheduler-name';
import type { Script, ScriptContext } from './reading/script';
import { isSlurmCommand } from './reading/steps';
import { rules } from './rules';
import { templates } from './templates';
import { values } from './value-completion';

/** What can be written at a position: directives, options, values (the cluster's first), variables, templates. */
export function completionsAt(text: string, position: Position, context: ScriptContext = {}): Completion[] {
  const document = TextDocument.create('', 'shellscript', 0, text);
  const before = document.getText({ start: { line: position.line, character: 0 }, end: position });
  const rest = text.slice(document.offsetAt(position)).split(/[\r\n]/, 1)[0] ?? '';
  const from: RangeFrom = (start, word) => {
    const further = start < position.character || word === inValue ? (word.exec(rest)?.[0].length ?? 0) : 0;
    const { line, character } = position;
    return { start: { line, character: start }, end: { line, character: character + further } };
  };
  const comment = inComment(before, from, context);
  if (comment) return comment;
  const directive = /^#(SBATCH|BSUB)(?=[ \t])/.exec(before);
  if (directive) {
    const scheduler = directive[1] === 'BSUB' ? 'lsf' : 'slurm';
    const inside = scheduler === 'lsf' ? insideValue(before.slice(directive[0].length), rest, position) : undefined;
    return inside ?? inDirective(scheduler, before, directive[0].length, from, text, context, rest);
  }
  const variable = /\$\{?([A-Z][A-Z_]*)$/.exec(before);
  if (variable?.[1] !== undefined && readScript(text, context))
    return variables
      .filter(({ name }) => name.startsWith(variable[1] ?? ''))
      .map(({ name, help }) => ({
        label: name,
        kind: 'variable',
        insert: name,
        range: from(before.length - (variable[1] ?? '').length, inName),
        documentation: help,
      }));
  if (/^#?[A-Z]*$/.test(before)) return atLineStart(text, before, from, context);
  return inStep(text, position, before, from, context, rest);
}

/** Proposals in our own comments: `# edm-workbench: cluster=NAME` and `disable=RULE,...`. */
function inComment(before: string, from: RangeFrom, context: ScriptContext): Completion[] | undefined {
  const found = /#[ \t]*edm-workbench:[ \t]*(?:(cluster|disable)=(?:[\w-]+,[ \t]*)*)?([\w.-]*)$/.exec(before);
  if (!found) return undefined;
  const [, key, typed = ''] = found;
  const labels =
    key === 'cluster' ? (context.clusters ?? []) : key === 'disable' ? rules.map(({ id }) => id) : ['cluster=', 'disable=']; // prettier-ignore
  const range = from(before.length - typed.length, key === undefined ? /^\w*=?/ : /^[\w.-]*/);
  return labels.map((label) => ({ label, kind: 'value', insert: label, range }));
}

/** The parts of values that have a language of their own. */
const insideOf = { '-R': completeRequirement, '-gpu': completeGpu, '-a': completeApplications } as const;

/** Proposals inside the value of bsub's -R, -gpu or -a; undefined where the cursor is in none. */
function insideValue(before: string, rest: string, position: Position): Completion[] | undefined {
  const found = /(?<!\S)(-R|-gpu|-a(?=[ \t"']))[ \t]*(?:"([^"]*)|'([^']*)|([^\s"'][^\s"']*))$/.exec(before);
  if (!found) return undefined;
  const value = found[2] ?? found[3] ?? found[4] ?? '';
  const option = found[1] === '-R' || found[1] === '-a' ? found[1] : '-gpu';
  // The word that the cursor is in is replaced whole, and so is a value; a key that begins at the cursor stays.
  const word = /\w$|=$/.test(value) ? (/^\w*/.exec(rest)?.[0].length ?? 0) : 0;
  const { typed, proposals } = insideOf[option](value, rest.slice(word));
  const range = {
    start: { line: position.line, character: position.character - typed },
    end: { line: position.line, character: position.character + word },
  };
  return proposals.map(({ insert, ...proposal }) => ({
    ...proposal,
    kind: 'value',
    insert,
    ...(insert.includes('$1') && { snippet: true }),
    range,
  }));
}

/** Options and values of commands at the cursor, also on continued lines: of Slurm's, of launchers and of programs. */
function inStep(
  text: string,
  position: Position,
  before: string,
  from: RangeFrom,
  context: ScriptContext,
  rest: string,
): Completion[] {
  if (!/\b(?:srun|salloc|sbatch)\b/.test(text) && !runsPrograms(text)) return [];
  const script = readScript(text, context);
  if (!script) return [];
  const offset = script.text.offsetAt(position);
  const command = script.commandBefore(offset);
  if (!command || !/^(?:[ \t]|\\\r?\n)*$/.test(text.slice(command.words.at(-1)?.end ?? offset, offset))) return [];
  const invocations = invocationsOf([command]);
  const word = /(?<!\S)\S*$/.exec(before)?.[0] ?? '';
  // After the first word that is not an option come the program and its own arguments.
  const inner = invocations.at(-1);
  const isValueThere = isWritten(word, rest);
  const found = inner ? programProposals(script, inner, { word, offset, isValueThere }) : [];
  if (found.length > 0)
    return found.map(({ from: start, kind, ...proposal }) => ({
      ...proposal,
      kind,
      range: from(before.length - (offset - start), kind === 'option' ? inOption : inValue),
    }));
  if (script.scheduler !== 'slurm') return [];
  const step = invocations.findLast(({ program }) => isSlurmCommand(program));
  return step ? ofStep(step, script, { offset, before, word, from, isValueThere }) : [];
}

/** The cursor's place in a command. */
interface Cursor {
  offset: number;
  /** The line up to it, and the word at its end. */
  before: string;
  word: string;
  from: RangeFrom;
  isValueThere: boolean;
}

/** Options and values of srun, salloc and sbatch. */
function ofStep(
  invocation: Invocation,
  script: Script,
  { offset, before, word, from, isValueThere }: Cursor,
): Completion[] {
  const { program, stepOptions, command } = invocation;
  if (!isSlurmCommand(program)) return [];
  const start = before.length - word.length;
  const { end } = invocation.read();
  const last = stepOptions.at(-1);
  if (word !== '' && last?.option && last.value?.end === offset && last.option.argument !== 'none') {
    const valueStart = before.length - (offset - last.value.start);
    return values(last.option, before.slice(valueStart), valueStart, from, script);
  }
  if (end < command.words.length) return [];
  if (word === '' && last?.option && !last.value && (last.option.argument ?? 'required') === 'required')
    return values(last.option, '', start, from, script);
  if (word !== '' && !word.startsWith('-')) return [];
  const used = new Set(stepOptions.map(({ option }) => option?.name));
  return optionProposals(program, used, from(start, inOption), script.cluster, isValueThere);
}

function atLineStart(text: string, before: string, from: RangeFrom, context: ScriptContext): Completion[] {
  const scheduler = readScript(text, context)?.scheduler ?? context.scheduler;
  const proposals: Completion[] = [];
  for (const [keyword, name] of [
    ['#SBATCH', 'slurm'],
    ['#BSUB', 'lsf'],
  ] as const)
    if ((scheduler === undefined || scheduler === name) && before.startsWith('#') && keyword.startsWith(before))
      proposals.push({
        label: keyword,
        kind: 'directive',
        insert: `${keyword} `,
        range: from(0, inName),
        detail: name === 'slurm' ? 'Slurm directive' : 'LSF directive',
      });
  // Whole scripts are proposed in a file that contains at most a shebang.
  if (/^[#A-Z]*$/.test(text.replace(/^#!.*/, '').trim()))
    for (const template of templates)
      proposals.push({
        label: template.title,
        kind: 'template',
        insert: template.snippet.replace(/^#!.*\n/, text.startsWith('#!') ? '' : '$&'),
        snippet: true,
        range: from(0, inName),
        detail: template.scheduler === 'slurm' ? 'Slurm' : 'LSF',
        documentation: template.help,
      });
  return proposals;
}

function inDirective(
  scheduler: SchedulerName,
  before: string,
  bodyStart: number,
  from: RangeFrom,
  text: string,
  context: ScriptContext,
  rest: string,
): Completion[] {
  const word = /(?<!\S)\S*$/.exec(before)?.[0] ?? '';
  const start = before.length - word.length;
  const script = readScript(text, { ...context, scheduler });
  const equals = word.indexOf('=');
  if (scheduler === 'slurm' && equals > 0) {
    const option = optionNamed('slurm', word.slice(0, equals));
    return option ? values(option, word.slice(equals + 1), start + equals + 1, from, script) : [];
  }
  const previous = before.slice(bodyStart, start).trim().split(/\s+/).pop() ?? '';
  const owner = optionNamed(scheduler, previous);
  if (owner && owner.argument === undefined && !word.startsWith('-')) return values(owner, word, start, from, script);
  if (word !== '' && !word.startsWith('-')) return [];
  const used = new Set(script?.directives.options.map(({ option }) => option?.name));
  return optionProposals(
    scheduler,
    used,
    from(start, inOption),
    script?.cluster ?? context.cluster,
    isWritten(word, rest),
  );
}

/** Whether the option whose name the cursor is in has its value already. */
function isWritten(word: string, rest: string): boolean {
  return word !== '' && /^[\w-]*(?:=|[ \t]+[^\s#-])/.test(rest);
}
