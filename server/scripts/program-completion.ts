/** Proposals among the options of launchers and programs below the directives. */
import { addressesOf } from '../published/published-names';
import type { Meaning, ProgramOption } from './catalogue/program-option';
import { programs } from './catalogue/programs';
import { describeProgramOption } from './program-hover';
import { spellingOf, type Invocation } from './reading/invocations';
import {
  endsAtImage,
  isLikely,
  knownProgram,
  localOptions,
  optionMeant,
  type KnownProgram,
} from './reading/known-programs';
import type { Script } from './reading/script';

/** One proposal; it replaces what was typed, from `from` on. */
interface ProgramProposal {
  label: string;
  kind: 'option' | 'value';
  insert: string;
  snippet?: boolean;
  detail?: string;
  documentation?: string;
  /** Offset in the script. */
  from: number;
}

/** A place in a command. */
interface ProgramCursor {
  /** What is typed of the word at the cursor; empty after a space. */
  word: string;
  /** Of the cursor, in the script. */
  offset: number;
  /** An option that is completed has its value already. */
  isValueThere: boolean;
}

/** Whether a text runs any program that there are proposals for; cheap. */
export function runsPrograms(text: string): boolean {
  return mentions.test(text);
}

const mentions = new RegExp(
  `\\b(?:torchrun|accelerate|apptainer|singularity|podman|docker|ch-run|enroot|shifter|torch\\.distributed|${[...programs.keys()].filter((name) => name.endsWith('.py')).map((name) => name.replace('.', '\\.')).join('|')})`,
); // prettier-ignore

/**
 * Proposals for the end of a command.
 * @param invocation the innermost program of the command, read up to the cursor
 */
export function programProposals(
  script: Script,
  invocation: Invocation,
  { word, offset, isValueThere }: ProgramCursor,
): ProgramProposal[] {
  const known = knownProgram(invocation);
  if (!known) return [];
  const { program, subcommand, given } = known;
  const typing = given.find((option) => option.word.end === offset && word !== '' && option.word.start < offset);
  if (!isLikely(script, known, typing)) return [];
  const value = valueAt(known, word, offset);
  if (value) return valueProposals(value.option, value.from, value.typed);
  if (program.subcommands && subcommand === undefined && !word.startsWith('-')) {
    const from = offset - word.length;
    const operands = invocation.operands.filter(({ start }) => start < from);
    const commands = Object.entries(program.subcommands);
    const listed = operands.length ? [] : commands.map(([label, { help }]): ProgramProposal => ({ label, kind: 'value', insert: label, documentation: help, from })); // prettier-ignore
    return [...listed, ...(word === '' && program.options.length ? optionProposals(script, known, from, false) : [])];
  }
  // After its image, a launcher has no options any more.
  const isOver = endsAtImage(program) && invocation.operands.some(({ end }) => end < offset);
  if (isOver || (word !== '' && !word.startsWith('-'))) return [];
  return optionProposals(script, known, offset - word.length, isValueThere);
}

/** The option whose value the cursor is in. */
function valueAt(
  known: KnownProgram,
  word: string,
  offset: number,
): { option: ProgramOption; from: number; typed: string } | undefined {
  const equals = word.indexOf('=');
  if (word.startsWith('-') && equals > 0) {
    const option = optionMeant(known, word.slice(0, equals));
    const quote = /^["']/.test(word.slice(equals + 1)) ? 1 : 0;
    const from = offset - word.length + equals + 1 + quote;
    return option?.meta === undefined ? undefined : { option, from, typed: word.slice(equals + 1 + quote) };
  }
  if (word.startsWith('-')) return undefined;
  // The option before, where it still waits for its value or has just this one.
  const start = offset - word.length;
  const last = known.given.findLast((option) => option.word.end <= start && !option.word.raw.includes('='));
  const isNext = last && (word === '' ? last.valueStart === undefined : last.valueStart === start);
  const option = isNext ? optionMeant(known, spellingOf(last)) : undefined;
  if (option?.meta === undefined) return undefined;
  const quote = /^["']/.test(word) ? 1 : 0;
  return { option, from: start + quote, typed: word.slice(quote) };
}

/** Usual values of options that have no list of their own. */
const USUAL: Readonly<Partial<Record<Meaning, readonly (readonly [value: string, detail: string])[]>>> = {
  seeds: [
    ['0-63', '64 images'],
    ['0-49999', '50,000 images, as FID takes them'],
    ['50000-99999', 'the second 50,000 of three'],
    ['100000-149999', 'the third 50,000 of three'],
  ],
  steps: [
    ['18', 'NFE 35: CIFAR-10'],
    ['40', 'NFE 79: FFHQ, AFHQv2'],
    ['256', 'NFE 511: ImageNet-64, with churn'],
    ['32', "NFE 63: EDM2's networks"],
  ],
  processes: [
    ['1', ''],
    ['2', ''],
    ['4', ''],
    ['gpu', 'all GPUs that are seen'],
  ],
};

function valueProposals({ values = [], meaning }: ProgramOption, from: number, typed: string): ProgramProposal[] {
  const proposal = (label: string, detail = ''): ProgramProposal => ({
    label,
    kind: 'value',
    insert: label,
    from,
    ...(detail && { detail }),
  });
  if (meaning === 'network' || meaning === 'reference') {
    // Nothing published begins with a variable or a path.
    if (/^[.~/$]/.test(typed)) return [];
    return addressesOf(meaning).map(({ address, detail }) => proposal(address, detail));
  }
  const usual = (meaning && USUAL[meaning]) ?? [];
  return [...values.map((value) => proposal(value)), ...usual.map(([value, detail]) => proposal(value, detail))];
}

/** All options that a program has here, required ones first and those that are there last. */
function optionProposals(script: Script, known: KnownProgram, from: number, isValueThere: boolean): ProgramProposal[] {
  const { program, options, given } = known;
  const local = localOptions(script, known);
  const used = new Set(given.filter(({ word }) => word.start < from).map((option) => optionMeant(known, spellingOf(option))?.name)); // prettier-ignore
  const shown = options.filter(
    ({ name, aliases = [], isHidden }) =>
      !isHidden && (!local || [name, ...aliases].some((one) => local.names.has(one))),
  );
  const names = new Set(options.flatMap(({ name, aliases = [] }) => [name, ...aliases]));
  const own = [...(local?.names ?? [])].filter(
    (name) => name.startsWith('--') && name !== '--help' && !names.has(name),
  );
  return [
    ...shown
      .toSorted((a, b) => order(a, used) - order(b, used))
      .map((option): ProgramProposal => ({
        label: option.name,
        kind: 'option',
        insert: option.name + (option.meta === undefined || isValueThere ? '' : `=${placeholder(option)}`),
        snippet: true,
        detail: program.of,
        documentation: describeProgramOption(program, option),
        from,
      })),
    ...own.map((label): ProgramProposal => ({ label, kind: 'option', insert: label, detail: `${program.program} of this project`, from })), // prettier-ignore
  ];
}

function order({ name, isRequired }: ProgramOption, used: ReadonlySet<string | undefined>): number {
  return used.has(name) ? 2 : isRequired ? 0 : 1;
}

function placeholder({ values, default: standard }: ProgramOption): string {
  if (values && values.length <= 12) return `\${1|${values.map((value) => value.replace(/,/g, '\\,')).join(',')}|}`;
  return standard === undefined ? '$1' : `\${1:${standard}}`;
}
