import { launchNames } from '../catalogue/programs';
import type { ShellCommand } from './shell-command';
import type { Span } from './text';
import type { Word } from './words';
import { isSlurmCommand, readStepOptions, type StepOption } from './steps';

/** An option of a program on a command line. */
export interface LaunchOption {
  /** Dashes removed and `_` made `-`, so that `--nproc_per_node` and `--nproc-per-node` are one. */
  name: string;
  word: Word;
  /** The value; undefined without one or where it depends on what the script cannot tell. */
  value?: string;
  /** Offsets of the value, for fixes. Not a `Span`, because there are many options and every object costs. */
  valueStart?: number;
  valueEnd?: number;
}

/** One program of a command: `srun apptainer exec img.sif torchrun gen.py` is four of them. */
export class Invocation {
  private arguments: Arguments | undefined;

  constructor(
    /** Base name: `torchrun`, `apptainer exec`, `python`, `generate.py`. */
    readonly program: string,
    readonly name: Word,
    /** The program that started this one. */
    readonly parent: Invocation | undefined,
    readonly command: ShellCommand,
    /** Index of its first argument among the command's words. */
    private readonly from: number,
  ) {}

  get options(): readonly LaunchOption[] {
    return this.read().options;
  }

  /** Arguments that are neither options nor the next program. */
  get operands(): readonly Word[] {
    return this.read().operands;
  }

  /** The options of srun, salloc and sbatch as Slurm reads them; empty for any other program. */
  get stepOptions(): readonly StepOption[] {
    return this.read().stepOptions;
  }

  /** Moves its arguments; words are moved with their command. */
  move(by: number): void {
    for (const option of this.arguments?.options ?? []) {
      if (option.valueStart !== undefined) option.valueStart += by;
      if (option.valueEnd !== undefined) option.valueEnd += by;
    }
    for (const option of this.arguments?.stepOptions ?? []) {
      option.start += by;
      option.end += by;
      if (!option.value) continue;
      option.value.start += by;
      option.value.end += by;
    }
  }

  /** Its arguments, read on first use: for most commands they are never needed. */
  read(): Arguments {
    return (this.arguments ??= readArguments(this.program, this.command.words, this.from));
  }
}

/** What follows a program's name. */
interface Arguments {
  options: readonly LaunchOption[];
  operands: readonly Word[];
  stepOptions: readonly StepOption[];
  /** Index of the next program's name among the command's words. */
  end: number;
}

interface Launcher {
  /** Options that take the next word as their value. */
  withValue: ReadonlySet<string>;
  /** Words between its options and the next program (the image of apptainer). */
  operandsBefore: number;
  /** Options that take no value, where all others take one (as nearly all of torchrun's do). */
  flags?: ReadonlySet<string>;
}

const pythonName = /^python[\d.]*$/;
const attachedNumber = /^-[A-Za-z](?=\d+$)/;
/** Programs that start each other are followed to this depth. */
const maxDepth = 12;

/** Names of options, with `-` for `_` as in `LaunchOption.name`. */
const names = (list: string): ReadonlySet<string> => new Set(list.split(' '));

const container: Launcher = {
  withValue: new Set(launchNames('apptainer exec', true)),
  operandsBefore: 1,
};

const podman: Launcher = {
  withValue: names(
    'v volume e env env-file w workdir u user name network net device gpus runtime shm-size ulimit mount entrypoint h hostname security-opt userns pull p publish m memory cpus cap-add cap-drop l label',
  ),
  operandsBefore: 1,
};

/** Programs that start another program. */
const launchers = new Map<string, Launcher>(
  Object.entries({
    mpirun: {
      withValue: names('n np N c H host hostfile machinefile x mca map-by bind-to rank-by ppn wdir wd'),
      operandsBefore: 0,
    },
    mpiexec: {
      withValue: names('n np N c H host hostfile machinefile x mca map-by bind-to rank-by ppn wdir wd'),
      operandsBefore: 0,
    },
    jsrun: {
      withValue: names('n nrs a tasks-per-rs c cpu-per-rs g gpu-per-rs r rs-per-host b bind d launch-distribution'),
      operandsBefore: 0,
    },
    blaunch: { withValue: names('u z n'), operandsBefore: 0 },
    'apptainer exec': container,
    'apptainer run': container,
    'apptainer shell': container,
    'podman-hpc run': podman,
    'podman run': podman,
    'docker run': podman,
    'podman-hpc exec': podman,
    'podman exec': podman,
    'sarus run': { withValue: names('mount w workdir e env entrypoint device'), operandsBefore: 1 },
    shifter: { withValue: names('image i V volume e env env-file w workdir m module'), operandsBefore: 0 },
    'ch-run': { withValue: names('b bind c cd j join-ct set-env unset-env u uid g gid m mount'), operandsBefore: 1 },
    'enroot start': { withValue: names('c conf e env m mount rc'), operandsBefore: 1 },
    torchrun: {
      withValue: new Set(),
      flags: new Set(launchNames('torchrun', false)),
      operandsBefore: 0,
    },
    'accelerate launch': { withValue: new Set(launchNames('accelerate launch', true)), operandsBefore: 0 },
    deepspeed: {
      withValue: names('num-gpus num-nodes hostfile H include i exclude e master-addr master-port launcher'),
      operandsBefore: 0,
    },
    python: { withValue: names('W X m c'), operandsBefore: 0 },
    env: { withValue: names('u C'), operandsBefore: 0 },
    nohup: { withValue: new Set(), operandsBefore: 0 },
    exec: { withValue: new Set(), operandsBefore: 0 },
    time: { withValue: new Set(), operandsBefore: 0 },
    stdbuf: { withValue: names('i o e'), operandsBefore: 0 },
    nice: { withValue: names('n'), operandsBefore: 0 },
    numactl: { withValue: names('C N m i p'), operandsBefore: 0 },
    timeout: { withValue: names('k s'), operandsBefore: 1 },
  }),
);

const subcommands = new Map<string, ReadonlySet<string>>(
  Object.entries({
    apptainer: names('exec run shell build pull push instance inspect'),
    singularity: names('exec run shell build pull push instance inspect'),
    accelerate: names('launch config'),
    podman: names('run exec build pull push load save images'),
    'podman-hpc': names('run exec build pull push load save images migrate'),
    docker: names('run exec build pull push load save images'),
    enroot: names('start import create exec bundle'),
    sarus: names('run pull load images'),
  }),
);

/** The programs of commands: those of one command outermost first. */
export function invocationsOf(commands: readonly ShellCommand[]): Invocation[] {
  const found: Invocation[] = [];
  for (const command of commands) readInvocations(command, found);
  return found;
}

function readInvocations(command: ShellCommand, found: Invocation[]): void {
  let at = 0;
  let parent: Invocation | undefined;
  for (let depth = 0; at < command.words.length && depth < maxDepth; depth++) {
    const name = command.words[at];
    if (!name) break;
    const { program, used } = programAt(command.words, at);
    const invocation: Invocation = new Invocation(program, name, parent, command, at + used);
    found.push(invocation);
    if (!launchers.has(program) && !isSlurmCommand(program)) break;
    at = invocation.read().end;
    parent = invocation;
  }
}

function programAt(words: readonly Word[], at: number): { program: string; used: number } {
  const written = words[at]?.text ?? words[at]?.raw ?? '';
  const base = written.slice(written.lastIndexOf('/') + 1);
  const canonical =
    base.startsWith('python') && pythonName.test(base) ? 'python' : base === 'singularity' ? 'apptainer' : base;
  const known = subcommands.get(base);
  if (known) {
    // Global options may come between, as in `apptainer -q exec`.
    for (let i = at + 1; i < Math.min(words.length, at + 4); i++) {
      const word = words[i]?.text;
      if (word !== undefined && known.has(word)) return { program: `${canonical} ${word}`, used: i - at + 1 };
      if (!word?.startsWith('-')) break;
    }
  }
  // `python -m torch.distributed.run` is torchrun under another name.
  if (canonical === 'python') {
    const module = words.findIndex((word, i) => i > at && i < at + 6 && word.raw === '-m');
    if (module > 0 && /^torch\.distributed\.(run|launch)$/.test(words[module + 1]?.text ?? ''))
      return { program: 'torchrun', used: module - at + 2 };
  }
  return { program: canonical, used: 1 };
}

/** Reads options and operands up to the next program's name. */
function readArguments(program: string, words: readonly Word[], from: number): Arguments {
  if (isSlurmCommand(program)) {
    const { options: stepOptions, end } = readStepOptions(program, words, from);
    return { options: stepOptions.map(asLaunchOption), operands: none, stepOptions, end };
  }
  const launcher = launchers.get(program);
  // Options matter only for launchers and Python scripts; for mkdir, trap and the rest the operands are enough.
  if (!launcher && !program.endsWith('.py')) {
    const operands = words.filter(({ raw }, i) => i >= from && !raw.startsWith('-'));
    return { options: none, operands: trimmed(operands), stepOptions: none, end: words.length };
  }
  const options: LaunchOption[] = [];
  const operands: Word[] = [];
  let operandsLeft = launcher?.operandsBefore ?? Infinity;
  let at = from;
  for (; at < words.length; at++) {
    const word = words[at];
    if (!word) break;
    if (word.raw === '--') {
      if (!launcher || operandsLeft > 0) continue;
      at++;
      break;
    }
    if (program === 'env' && /^[A-Za-z_]\w*=/.test(word.raw)) continue;
    if (!word.raw.startsWith('-') || word.raw === '-') {
      if (launcher && operandsLeft === 0) break;
      operands.push(word);
      operandsLeft--;
      continue;
    }
    const option = readOption(word);
    // After `python -m module` or `-c code` come their own arguments, not a script.
    if (program === 'python' && (option.name === 'm' || option.name === 'c')) operandsLeft = Infinity;
    const next = words[at + 1];
    const takesNext = launcher
      ? launcher.flags
        ? !launcher.flags.has(option.name) && !next?.raw.startsWith('--')
        : launcher.withValue.has(option.name)
      : next !== undefined && !next.raw.startsWith('-');
    if (option.valueStart === undefined && takesNext && next) {
      option.value = next.text;
      option.valueStart = next.start;
      option.valueEnd = next.end;
      // An unknown program's word after an option may be its value or an operand: it counts as both.
      if (launcher) at++;
    }
    options.push(option);
  }
  return { options: trimmed(options), operands: trimmed(operands), stepOptions: none, end: at };
}

/** Shared by the many lists without an entry. */
const none: readonly never[] = [];

/** A copy of exactly the list's length: a list that grew has room for sixteen more, which would be most of what is kept. */
function trimmed<T>(list: readonly T[]): readonly T[] {
  return list.length ? list.slice() : none;
}

function asLaunchOption({ spelling, option, word, value }: StepOption): LaunchOption {
  return {
    name: (option?.name ?? spelling).replace(/^-+/, ''),
    word,
    value: value?.text,
    valueStart: value?.start,
    valueEnd: value?.end,
  };
}

function readOption(word: Word): LaunchOption {
  const equals = word.raw.indexOf('=');
  const long = word.raw.startsWith('--');
  const attached = !long && equals < 0 && word.raw.length > 2 ? attachedNumber.exec(word.raw)?.[0].length : undefined;
  const cut = attached ?? (equals < 0 ? word.raw.length : equals);
  const name = word.raw.slice(long ? 2 : 1, cut).replaceAll('_', '-');
  if (equals < 0 && attached === undefined)
    return { name, word, value: undefined, valueStart: undefined, valueEnd: undefined };
  return {
    name,
    word,
    value: word.text?.slice(attached ?? word.text.indexOf('=') + 1),
    valueStart: word.start + cut + (attached === undefined ? 1 : 0),
    valueEnd: word.end,
  };
}

/** The last option with one of these names. */
export function optionOf(invocation: Invocation, ...wanted: string[]): LaunchOption | undefined {
  const { options } = invocation;
  for (let at = options.length - 1; at >= 0; at--) {
    const option = options[at];
    if (option && wanted.includes(option.name)) return option;
  }
  return undefined;
}

/** An option as it is spelled, without its value: `--nproc_per_node`, `-B`. */
export function spellingOf({ word: { raw } }: LaunchOption): string {
  if (!raw.startsWith('--')) return raw.slice(0, 2);
  const equals = raw.indexOf('=');
  return equals < 0 ? raw : raw.slice(0, equals);
}

/** Where an option stands, without its value. */
export function spellingSpan(option: LaunchOption): Span {
  const { start } = option.word;
  return { start, end: start + spellingOf(option).length };
}

/** Where an option and its value stand. */
export function optionSpan({ word, valueEnd }: LaunchOption): Span {
  return { start: word.start, end: valueEnd ?? word.end };
}

/** Where an option's value stands; undefined without one. */
export function valueSpan({ valueStart: start, valueEnd: end }: LaunchOption): Span | undefined {
  return start === undefined || end === undefined ? undefined : { start, end };
}

/** The value of an option as it is written, quotes and variables included; undefined without one. */
export function writtenValue(
  { command }: Invocation,
  { valueStart: start, valueEnd: end }: LaunchOption,
): string | undefined {
  if (start === undefined || end === undefined) return undefined;
  const word = command.words.find((one) => one.start <= start && end <= one.end);
  return word?.raw.slice(start - word.start, end - word.start);
}

/** The invocation of `program` under which this one runs, directly or not. */
export function runsUnder(invocation: Invocation, program: string | RegExp): Invocation | undefined {
  for (let at = invocation.parent; at; at = at.parent)
    if (typeof program === 'string' ? at.program === program : program.test(at.program)) return at;
  return undefined;
}
