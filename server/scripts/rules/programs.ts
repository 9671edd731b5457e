/** Rules about the options of launchers and of EDM's programs. */
import type { ProgramOption } from '../catalogue/program-option';
import { optionOf, spellingOf, spellingSpan, type Invocation, type LaunchOption } from '../reading/invocations';
import { knownProgram, knownPrograms, localOptions, optionMeant, type KnownProgram } from '../reading/known-programs';
import type { Script } from '../reading/script';
import { editDistance } from '../../suggest';
import { replace } from './fixes';
import { BOTH, hit, links, type Hit, type Rule } from './rule';

/** Edits within which a name is taken for a misspelt one. */
const mostEdits = 2;

/** What looks like an option; anything else may be a value that begins with a dash. */
const long = /^--[A-Za-z][\w-]*$/;

/** Rules about options of programs below the directives. */
export const programRules: readonly Rule[] = [
  {
    id: 'program-option',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'An option that the program does not have',
    why: 'The job starts, waits for its GPUs, and ends at once with "no such option". Where the code of the program is in the same project, its own options count; else those of the original, and only misspelt ones are named.',
    remedy: 'Correct or remove the option.',
    link: links.edm,
    fixable: true,
    check: function* (script) {
      for (const { known } of script.inInvocations(strange)) {
        if (!isEdm(known)) yield* ofLauncher(known);
        else if (!localOptions(script, known)) yield* ofOriginal(known);
      }
      // What is not strange to the original may be so to the program of this project.
      if (script.context.program)
        for (const known of knownPrograms(script))
          if (isEdm(known) && !known.program.isPartial) yield* ofLocal(script, known);
    },
  },
];

const isEdm = ({ program }: KnownProgram): boolean => program.of.startsWith('EDM');

/** A known program with options that it does not have. */
function strange(invocation: Invocation): { known: KnownProgram } | undefined {
  const known = knownProgram(invocation);
  if (!known || known.program.isPartial || !unknown(known).length) return undefined;
  const { program, subcommand, options } = known;
  const isOther = isEdm(known) && program.subcommands !== undefined && subcommand === undefined && !options.length;
  return isOther ? undefined : { known };
}

/** Launchers are what they are called; but releases differ, so that only misspelt options are named. */
function* ofLauncher(known: KnownProgram): Generator<Hit> {
  for (const option of unknown(known)) {
    const spelling = spellingOf(option);
    if (known.program.spelling === 'abbreviated' && isBegun(known, spelling)) continue;
    const near = nearest(spelling, namesOf(known.options));
    if (near !== undefined) yield misspelt(known, option, near);
  }
}

function* ofLocal(script: Script, known: KnownProgram): Generator<Hit> {
  const { program, subcommand } = known;
  if (program.subcommands && subcommand === undefined && !known.options.length) return;
  const local = localOptions(script, known);
  if (!local) return;
  for (const option of known.given) {
    if (local.names.has(spellingOf(option)) || !isJudged(option)) continue;
    const near = nearest(spellingOf(option), [...local.names]);
    // With argparse an option may be abbreviated, or read by somebody else.
    if (near !== undefined && !(local.isOpen && near.startsWith(spellingOf(option))))
      yield misspelt(known, option, near); // prettier-ignore
    else if (near === undefined && !local.isOpen && !movesAway(script))
      yield hit(spellingSpan(option), `${program.program} of this project has no option ${spellingOf(option)}`);
  }
}

/** Without its code, a program is taken for the original where all that it is given fits, misspelt options included. */
function* ofOriginal(known: KnownProgram): Generator<Hit> {
  const { program, options } = known;
  const others = unknown(known);
  if (!others.length) return;
  const given = new Set(known.given.map(spellingOf));
  const free = namesOf(options).filter((name) => !given.has(name));
  const found = others.map((option) => ({ option, near: nearest(spellingOf(option), free) }));
  if (found.some(({ near }) => near === undefined)) return;
  const meant = new Set([...given, ...found.map(({ near }) => near)]);
  const isComplete = options.every(({ name, isRequired }) => !isRequired || meant.has(name));
  if (!isComplete && program.isCommonName) return;
  for (const { option, near } of found) {
    if (near === undefined) continue;
    // Forks shorten and lengthen names; nobody calls an option "stpes".
    const [a, b] = [spellingOf(option), near];
    const severity = a.startsWith(b) || b.startsWith(a) ? 'info' : 'warning';
    yield { ...misspelt(known, option, near), severity };
  }
}

function misspelt({ program: { program, of } }: KnownProgram, option: LaunchOption, near: string): Hit {
  const whose = of.startsWith('EDM') ? `${of}'s ${program}` : program;
  return hit(spellingSpan(option), `${whose} has no option ${spellingOf(option)}; did you mean ${near}?`, {
    fix: replace(spellingSpan(option), near),
  });
}

/** The given options that the program does not have. */
function unknown(known: KnownProgram): LaunchOption[] {
  return known.given.filter((option) => !optionMeant(known, spellingOf(option)) && isJudged(option));
}

/** Whether an option's name is written out, so that it can be judged. */
function isJudged(option: LaunchOption): boolean {
  const spelling = spellingOf(option);
  return long.test(spelling) && spelling !== '--help' && spelling !== '--version';
}

function isBegun({ options }: KnownProgram, spelling: string): boolean {
  return options.some(({ name, aliases = [] }) => [name, ...aliases].some((one) => one.startsWith(spelling)));
}

function namesOf(options: readonly ProgramOption[]): string[] {
  return options.filter(({ isHidden }) => !isHidden).flatMap(({ name, aliases = [] }) => [name, ...aliases].filter((one) => one.startsWith('--'))); // prettier-ignore
}

/** The name that was probably meant: at most two edits away, and fewer for short names. Upper and lower case differ. */
function nearest(spelling: string, names: readonly string[]): string | undefined {
  const limit = Math.min(mostEdits, Math.floor((spelling.length - 2) / 2)) + 1;
  let best: string | undefined;
  let least = limit;
  for (const name of names) {
    // A dash for an underscore, or another case, is the smallest slip of all.
    const isSame = plain(name) === plain(spelling);
    const distance = isSame ? 0.5 : editDistance(spelling, name, limit);
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

const plain = (name: string): string => name.toLowerCase().replace(/[-_]/g, '');

/** Whether the script goes to another folder, where another version of the program may lie. */
function movesAway(script: Script): boolean {
  return (
    script.running('cd', 'pushd', 'git').length > 0 ||
    script.option('--chdir', '-cwd') !== undefined ||
    script.inInvocations(elsewhere).length > 0
  );
}

const elsewhere = (invocation: Invocation): true | undefined => (optionOf(invocation, 'pwd', 'cwd') ? true : undefined);
