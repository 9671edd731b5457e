/**
 * What the command line knows of a command as data. Parsing, help, docs/cli.md and shell completion are all made from
 * these tables (`tables/`), so that an option is written down once.
 */

/** Files that completion offers for a value. */
export type Completes = 'file' | 'folder';

/** One option; its name is its key in the table, without the dashes. */
export interface Option {
  /** One line, without a full stop. */
  help: string;
  /** Placeholder of its value, e.g. `N`. An option without one is a flag. */
  value?: string;
  /** One letter that may be typed instead. */
  short?: string;
  /** What the value is read as; text unless given. `inf` is a number, not an integer. */
  type?: 'number' | 'integer';
  /** Smallest integer allowed. */
  least?: number;
  /** The only values allowed. */
  choices?: readonly string[];
  /** Values that completion offers; others are taken too. */
  suggestions?: readonly string[];
  completes?: Completes;
  /** Whether the command refuses to run without it. */
  required?: boolean;
  /** Value that the command gets where none is given. */
  default?: string | number;
  /** What happens where it is not given, in words; for options without a `default`. */
  otherwise?: string;
  /** What the value counts or measures. */
  unit?: string;
}

/** One argument; the last one of a command may be `many`. */
export interface Argument {
  /** Placeholder, e.g. `FILE`. */
  value: string;
  help: string;
  many?: boolean;
  optional?: boolean;
  /** What happens where it is not given, in words. */
  otherwise?: string;
  choices?: readonly string[];
  completes?: Completes;
}

/** The families of the help, in its order. */
export const FAMILIES = {
  runs: 'Runs of a config',
  images: 'Images and networks',
  metrics: 'Metrics',
  checks: 'Checks and setup',
  clusters: 'Clusters and their jobs',
  dispatches: 'Runs on clusters',
} as const;

/** One command; its name is its key in the table. */
export interface CommandSpec {
  family: keyof typeof FAMILIES;
  /** One line, without a full stop. */
  summary: string;
  /** What the summary leaves out: one line each. */
  details?: readonly string[];
  /** Forms of the command line where one does not follow from arguments and options; without the program's name. */
  usage?: readonly string[];
  arguments?: readonly Argument[];
  /** What to do where an argument is missing, e.g. `give the files to check`. */
  ask?: string;
  options: Readonly<Record<string, Option>>;
  /** Whole command lines. */
  examples: readonly string[];
  /** Whether its options are read by the program that it starts, and not here. */
  passesOn?: boolean;
}

type ValueOf<O extends Option> = O extends { value: string }
  ? O extends { type: 'number' | 'integer' }
    ? number
    : O extends { choices: readonly (infer Choice)[] }
      ? Choice
      : string
  : boolean;

/** The values of a command's options as its code gets them: undefined only where nothing is given and nothing applies. */
export type ValuesOf<T extends Readonly<Record<string, Option>>> = {
  readonly [Name in keyof T]: T[Name] extends { required: true } | { default: string | number }
    ? ValueOf<T[Name]>
    : T[Name] extends { value: string }
      ? ValueOf<T[Name]> | undefined
      : boolean;
};

/** The arguments of a command as its code gets them: those that it cannot do without are there. */
export type PositionalsOf<T> = T extends { arguments: infer List } ? ArgumentsOf<List> : readonly [];

type ArgumentsOf<List> = List extends readonly [infer First, ...infer Rest]
  ? First extends { many: true }
    ? First extends { optional: true }
      ? readonly string[]
      : readonly [string, ...string[]]
    : First extends { optional: true }
      ? readonly [string?, ...ArgumentsOf<Rest>]
      : readonly [string, ...ArgumentsOf<Rest>]
  : readonly [];
