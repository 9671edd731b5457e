/** Launchers and programs whose options are known, as a script runs them. */
import { enginePrograms } from '../catalogue/engines';
import { optionSpelled, programs } from '../catalogue/programs';
import type { Program, ProgramOption } from '../catalogue/program-option';
import { optionOf, spellingOf, type Invocation, type LaunchOption } from './invocations';
import { perScript, type Script } from './script';

/** A known program on a command line. */
export interface KnownProgram {
  program: Program;
  invocation: Invocation;
  /** The subcommand that is given, where the program has some. */
  subcommand: string | undefined;
  /** The options that it has. */
  options: readonly ProgramOption[];
  /** The options that are given; those after an image belong to what runs in it. */
  given: readonly LaunchOption[];
}

/** What is known of a program; undefined for any other one. */
export function knownProgram(invocation: Invocation): KnownProgram | undefined {
  const program = programs.get(invocation.program);
  if (!program) return undefined;
  const [operand] = invocation.operands;
  const subcommand = operand?.text !== undefined && program.subcommands && Object.hasOwn(program.subcommands, operand.text) ? operand.text : undefined; // prettier-ignore
  const options = subcommand === undefined ? program.options : (program.subcommands?.[subcommand]?.options ?? []);
  const end = endsAtImage(program) ? (operand?.start ?? Infinity) : Infinity;
  const given = end === Infinity ? invocation.options : invocation.options.filter(({ word }) => word.start < end);
  return { program, invocation, subcommand, options, given };
}

/** Whether what comes after its first operand, an image, belongs to the program in the container. */
export function endsAtImage({ program }: Program): boolean {
  return enginePrograms.has(program) || program.startsWith('apptainer ');
}

/** The known programs of a script, program by program; several rules ask for them. */
export const knownPrograms = perScript((script): readonly KnownProgram[] =>
  programByProgram(script.inInvocations(knownProgram), (known) => known),
);

/** What was found of known programs, in the order of the table of programs. */
export function programByProgram<T>(found: readonly T[], knownOf: (one: T) => KnownProgram): readonly T[] {
  if (new Set(found.map((one) => knownOf(one).program)).size < 2) return found;
  const lists = new Map<Program, T[]>([...programs.values()].map((program) => [program, []]));
  for (const one of found) lists.get(knownOf(one).program)?.push(one);
  return [...lists.values()].flat();
}

/** The option that is written, abbreviated or not; undefined for one that the program does not have. */
export function optionMeant({ program, options }: KnownProgram, spelling: string): ProgramOption | undefined {
  const exact = optionSpelled(options, spelling);
  if (exact || program.spelling === 'exact' || !spelling.startsWith('--')) return exact;
  const begun = options.filter(({ name, aliases = [] }) => [name, ...aliases].some((one) => one.startsWith(spelling)));
  return begun.length === 1 ? begun[0] : undefined;
}

/** A value as far as the script tells it. */
export function valueOf({ invocation }: KnownProgram, ...names: string[]): string | undefined {
  return optionOf(invocation, ...names.map((name) => name.replaceAll('_', '-')))?.value;
}

/** The options that a program of this folder defines itself. */
export interface LocalOptions {
  names: ReadonlySet<string>;
  /** Its strings that could be the name of a preset. */
  strings: ReadonlySet<string>;
  /** It also takes options that it does not define, or abbreviated ones. */
  isOpen: boolean;
}

/** For each program that a script runs by its name, what its code says of its options. */
const localPrograms = perScript(() => new Map<string, LocalOptions | undefined>());

/** What a program's own code says of its options; undefined where the code is not there, or defines none. */
export function localOptions(script: Script, { invocation }: KnownProgram): LocalOptions | undefined {
  const named = invocation.name.text;
  const { program } = script.context;
  if (!program || !named?.endsWith('.py')) return undefined;
  const known = localPrograms(script);
  if (!known.has(named)) known.set(named, optionsIn(program(named)));
  return known.get(named);
}

/** The options that code defines; undefined where it defines none, or there is none. */
function optionsIn(code: string | undefined): LocalOptions | undefined {
  if (code === undefined) return undefined;
  const names = [...code.matchAll(/["'](--?[A-Za-z][\w-]*)(?:\/(--[\w-]+))?["']/g)].flatMap(([, one = '', other]) => [one, ...(other === undefined ? [] : [other])]); // prettier-ignore
  if (names.length < 3) return undefined;
  const isOpen = /parse_known_args|ignore_unknown_options|allow_extra_args|argparse|add_argument|absl|hydra|\bfire\b/.test(code); // prettier-ignore
  const strings = new Set([...code.matchAll(/["']([\w.-]{1,80})["']/g)].map(([, text = '']) => text));
  return { names: new Set([...names, '--help', '-h']), strings, isOpen };
}

/**
 * Whether what is said of the options holds for this program, of whose name there may be others: its code is here and has
 * the option, or what is given does not contradict. `besides` is an option that does not count, as it is being written.
 */
export function isLikely(script: Script, known: KnownProgram, besides?: LaunchOption): boolean {
  const { program, options, given } = known;
  if (!program.isCommonName || localOptions(script, known)) return true;
  const others = given.filter((option) => option !== besides);
  const isKnown = (option: LaunchOption): boolean => optionMeant(known, spellingOf(option)) !== undefined;
  if (!others.every(isKnown)) return false;
  if (!program.isMostlyOthers || others.length === 0) return true;
  const demanded = options.filter(({ isRequired }) => isRequired);
  const has = ({ name }: ProgramOption): boolean => given.some((option) => spellingOf(option) === name);
  return demanded.some(has);
}
