/** Reads a command line by the table of its command. Pure. */
import { parseArgs } from 'node:util';
import { UserError } from '../errors';
import { didYouMean } from '../suggest';
import { COMMAND_NAMES, GROUPS, type CommandName } from './tables/commands';
import type { CommandSpec, Option } from './spec';

/** A command line as its command's code gets it. */
export interface Parsed {
  values: Record<string, string | number | boolean | undefined>;
  /** Names of the options that were given. */
  given: ReadonlySet<string>;
  positionals: readonly string[];
}

/**
 * The command that is meant, of one word or two.
 * @param argv what follows the program's name, not empty
 * @throws UserError with the name that was probably meant
 */
export function commandOf(argv: readonly string[]): { name: CommandName; args: string[] } {
  const two = argv.slice(0, 2).join(' ');
  const name = COMMAND_NAMES.find((known) => known === two) ?? COMMAND_NAMES.find((known) => known === argv[0]);
  if (name) return { name, args: argv.slice(name.split(' ').length) };
  const [first = ''] = argv;
  const seconds = GROUPS.get(first);
  const word = seconds && argv.length > 1 ? two : first;
  const hint = didYouMean(two, COMMAND_NAMES) ?? (seconds ? undefined : didYouMean(first, COMMAND_NAMES));
  if (hint) throw new UserError(`Unknown command "${word}": did you mean "${hint}"?`);
  if (seconds) throw new UserError(`Unknown command "${word}": after "${argv[0]}" write ${orList(seconds)}`);
  throw new UserError(`Unknown command "${word}"; edm-workbench --help lists them`);
}

/**
 * Options and arguments of one command.
 * @throws UserError for what the command's table does not allow
 */
export function parseCommand(name: string, spec: CommandSpec, args: string[]): Parsed {
  const { raw, positionals } = split(name, spec, args);
  checkCount(name, spec, positionals);
  const values: Parsed['values'] = {};
  for (const [option, table] of Object.entries(spec.options)) values[option] = valueOf(option, table, raw[option]);
  return { values, given: new Set(Object.keys(raw)), positionals };
}

/** `a, b or c` */
function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`;
}

type RawValues = Record<string, string | boolean | undefined>;

function split(name: string, { options }: CommandSpec, args: string[]): { raw: RawValues; positionals: string[] } {
  const known = Object.entries(options).map(([option, { value, short }]) => [
    option,
    { type: value === undefined ? ('boolean' as const) : ('string' as const), ...(short && { short }) },
  ]);
  try {
    const { values, positionals } = parseArgs({
      args,
      options: Object.fromEntries(known) as Record<string, { type: 'boolean' | 'string' }>,
      allowPositionals: true,
    });
    return { raw: { ...values }, positionals };
  } catch (error) {
    throw new UserError(problemText(name, Object.keys(options), error as Error));
  }
}

/** What is wrong with a command line, of the messages of node's parser. */
function problemText(name: string, known: readonly string[], { message }: Error): string {
  const [, unknown] = /^Unknown option '(--?[^'=]+)/.exec(message) ?? [];
  if (unknown) {
    const hint = didYouMean(unknown.replace(/^--?/, ''), known);
    return `${name} has no option ${unknown}${hint ? `: did you mean --${hint}?` : `; edm-workbench ${name} --help lists them`}`;
  }
  const [, ambiguous] = /^Option '(?:-\w, )?(--[^ ']+)(?: [^']*)?' argument is ambiguous/.exec(message) ?? [];
  if (ambiguous) return `${name}: ${ambiguous} needs a value; one that begins with "-" is written ${ambiguous}=-1`;
  const [, missing] = /^Option '(?:-\w, )?(--[^ ']+)(?: [^']*)?' argument missing/.exec(message) ?? [];
  if (missing) return `${name}: ${missing} needs a value`;
  const [, flag] = /^Option '(?:-\w, )?(--[^ ']+)' does not take an argument/.exec(message) ?? [];
  if (flag) return `${name}: ${flag} does not take a value`;
  return `${name}: ${message.split('. ')[0]}`;
}

function checkCount(name: string, { arguments: wanted = [], ask }: CommandSpec, positionals: readonly string[]): void {
  const least = wanted.filter(({ optional }) => !optional).length;
  if (positionals.length < least) throw new UserError(`${name}: ${ask ?? 'an argument is missing'}`);
  const most = wanted.some(({ many }) => many) ? Infinity : wanted.length;
  if (positionals.length > most) throw new UserError(`${name}: unexpected argument "${positionals[most]}"`);
  for (const [index, { choices, value }] of wanted.entries()) {
    const given = positionals[index];
    if (choices && given !== undefined && !choices.includes(given))
      throw new UserError(`${name}: ${value} "${given}": choose one of ${choices.join(', ')}`);
  }
}

function valueOf(name: string, option: Option, given: string | boolean | undefined): Parsed['values'][string] {
  if (option.value === undefined) return given === true;
  if (option.required && !given) throw new UserError(`Missing option --${name}`);
  if (typeof given !== 'string') return option.default;
  if (option.choices && !option.choices.includes(given))
    throw new UserError(`--${name} ${given}: choose one of ${option.choices.join(', ')}`);
  return option.type === undefined ? given : numberOf(name, option, given);
}

/** `inf` is a number; what a number may be beyond that is for the one to say who uses it. */
function numberOf(name: string, { type, least }: Option, given: string): number {
  const value = given === 'inf' ? Infinity : Number(given);
  if (given.trim() === '' || Number.isNaN(value)) throw new UserError(`--${name} ${given}: must be a number`);
  if (type === 'integer' && !(Number.isInteger(value) && value >= (least ?? -Infinity)))
    throw new UserError(`--${name} ${value}: must be a whole number${least === undefined ? '' : `, ${least} or more`}`);
  return value;
}
