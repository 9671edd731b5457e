/** Programs below the directives, and their options, as data. */

/** What there is more to say about a value than its option's help. */
export type Meaning =
  | 'network'
  | 'reference'
  | 'steps'
  | 'seeds'
  | 'batch'
  | 'total-batch'
  | 'class'
  | 'preset'
  | 'training-preset'
  | 'processes';

/** An option of a program. */
export interface ProgramOption {
  /** The main spelling, with its dashes. */
  name: string;
  /** Other spellings, short ones too. */
  aliases?: readonly string[];
  /** What stands for the value; absent where the option takes none. */
  meta?: string;
  /** The possible values. */
  values?: readonly string[];
  /** What counts without the option. */
  default?: string;
  isRequired?: boolean;
  /** Works, but nobody should begin to use it. */
  isHidden?: boolean;
  meaning?: Meaning;
  /** A paragraph in Markdown. */
  help: string;
}

/** A program, or one of its subcommands. */
export interface Program {
  /** As `Invocation.program` has it: `generate.py`, `apptainer exec`. */
  program: string;
  /** Whose it is, for hover: `EDM`, `PyTorch`. */
  of: string;
  help: string;
  link: string;
  options: readonly ProgramOption[];
  /** Subcommands by name, where the first operand is one. */
  subcommands?: Readonly<Record<string, { help: string; options: readonly ProgramOption[] }>>;
  /** Whether options are taken exactly as they are spelled, or also abbreviated (argparse). */
  spelling: 'exact' | 'abbreviated';
  /** It has further options: one that is not listed is not unknown. */
  isPartial?: boolean;
  /** Other people have programs of that name: what is said of its options is said of this one only. */
  isCommonName?: boolean;
  /** Most programs of that name are other people's: it is this one only where one of its required options is given. */
  isMostlyOthers?: boolean;
}

/** Whatever an option has beyond its name, its placeholder and its help. */
type More = Omit<ProgramOption, 'name' | 'meta' | 'help'>;

/** An option with a value. */
export function valued(name: string, meta: string, help: string, more: More = {}): ProgramOption {
  return { name, meta, help, ...more };
}

/** An option without a value. */
export function flag(name: string, help: string, more: More = {}): ProgramOption {
  return { name, help, ...more };
}
