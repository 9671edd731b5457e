/** Help texts of the command line, made from the tables of the commands. Pure. */
import { COMMAND_NAMES, COMMANDS, GROUPS, type CommandName } from './tables/commands';
import { FAMILIES, type Argument, type Option } from './spec';

const PROGRAM = 'edm-workbench';

/** All commands, or those of a group such as `fid`: by family, one line each. */
export function overview(group?: string): string {
  const shown = COMMAND_NAMES.filter((name) => group === undefined || name.startsWith(`${group} `));
  const width = Math.max(...shown.map((name) => name.length)) + 2;
  const families = Object.entries(FAMILIES).flatMap(([family, title]) => {
    const lines = shown
      .filter((name) => COMMANDS[name].family === family)
      .map((name) => `  ${name.padEnd(width)}${COMMANDS[name].summary}`);
    return lines.length > 0 ? [`\n${title}:`, ...lines] : [];
  });
  const of = group === undefined ? 'COMMAND' : `${group} ${GROUPS.get(group)?.join('|')}`;
  const more = `\n${PROGRAM} COMMAND --help shows the options and examples of one command, ${PROGRAM} --version the version.`;
  return [`Usage: ${PROGRAM} ${of} [arguments] [options]`, ...families, more].join('\n');
}

/** One command: its forms, arguments, options and examples. */
export function commandHelp(name: CommandName): string {
  const { summary, details = [], arguments: args = [], options, examples } = COMMANDS[name];
  const rows: [name: string, text: string][] = [
    ...Object.entries(options).map(([option, table]): [string, string] => [
      optionName(option, table),
      withFacts(table.help, optionFacts(table)),
    ]),
    ['-h, --help', 'Show this help'],
  ];
  return [
    `${summary}\n`,
    'Usage:',
    ...usageOf(name).map((line) => `  ${PROGRAM} ${line}`),
    ...(args.length > 0
      ? ['\nArguments:', ...columns(args.map((arg) => [arg.value, withFacts(arg.help, argumentFacts(arg))] as const))]
      : []),
    '\nOptions:',
    ...columns(rows),
    ...(details.length > 0 ? ['', ...details] : []),
    '\nExamples:',
    ...examples.map((line) => `  ${line}`),
  ].join('\n');
}

/** Forms of a command line, without the program's name. */
export function usageOf(name: CommandName): readonly string[] {
  const { usage, arguments: args = [], options } = COMMANDS[name];
  if (usage) return usage;
  const all = Object.entries(options);
  const required = all.filter(([, { required }]) => required);
  const words = [
    name,
    ...args.map(argumentText),
    ...required.map(([option, { value, short }]) => `${short ? `-${short}` : `--${option}`} ${value}`),
    ...(required.length < all.length ? ['[options]'] : []),
  ];
  return [words.join(' ')];
}

function argumentText({ value, many, optional }: Argument): string {
  const word = many ? `${value}...` : value;
  return optional ? `[${word}]` : word;
}

/** `-o, --out FILE` */
export function optionName(name: string, { short, value }: Option): string {
  return `${short ? `-${short}, ` : ''}--${name}${value === undefined ? '' : ` ${value}`}`;
}

/** Most values that a line has room for; more are for the option's own text. */
const LISTED = 6;

/** What is known of an option's value beside its help: the words allowed, the unit, the default. */
export function optionFacts({ choices, unit, required, default: fallback, otherwise }: Option): string[] {
  const usual = fallback ?? otherwise;
  return [
    choices && choices.length <= LISTED ? choices.join('|') : '',
    unit ?? '',
    required ? 'required' : '',
    usual === undefined ? '' : `default: ${usual}`,
  ].filter(Boolean);
}

/** As `optionFacts`. */
export function argumentFacts({ choices, otherwise }: Argument): string[] {
  return [choices?.join('|') ?? '', otherwise === undefined ? '' : `default: ${otherwise}`].filter(Boolean);
}

function withFacts(help: string, facts: readonly string[]): string {
  return facts.length > 0 ? `${help} [${facts.join('; ')}]` : help;
}

/** Names and texts in two columns, one line each. */
function columns(rows: readonly (readonly [name: string, text: string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, text]) => `  ${name.padEnd(width)}${text}`);
}
