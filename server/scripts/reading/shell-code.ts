import { rereadRegions, type RegionsOf } from './edited-code';
import type { Invocation } from './invocations';
import { joinedLists, type Region } from './region';
import { commandBefore, readRegions, shellOf } from './shell';
import type { EmbeddedText, Shell, ShellCommand } from './shell-command';
import { NO_STRUCTURE, readStructure, type Structure } from './structure';
import type { Span } from './text';

/** Interpreters whose scripts are not shell code, by the end of the shebang. */
const otherLanguages =
  /^#!.*\b(?:python|perl|ruby|Rscript|julia|node|lua|octave|matlab|gnuplot|awk|tclsh|php)[\d.]*\b/i;

/** What is put together from the regions of code, for those who ask. */
interface Flat {
  shell?: Shell;
  invocations?: readonly Invocation[];
  byProgram?: Map<string, readonly Invocation[]>;
  programs?: ReadonlySet<string>;
  spans?: Span[];
}

const none: readonly never[] = [];

function foundIn<From, T>(list: readonly From[], find: (one: From) => T | undefined): readonly T[] {
  const found: T[] = [];
  for (const one of list) {
    const made = find(one);
    if (made !== undefined) found.push(made);
  }
  return found.length ? found : none;
}

/** A script's shell code, read when it is first needed. */
export class ShellCode {
  /** What was read; undefined before that, and after it became part of a later version. */
  private regionsRead: readonly Region[] | undefined;
  private flat: Flat = {};
  private structureRead: Structure | undefined;
  private readonly isShell: boolean;

  /** @param earlier the code of an earlier version, of which what is read here takes over what the edit did not touch */
  constructor(
    private readonly text: string,
    private earlier?: ShellCode,
  ) {
    this.isShell = !otherLanguages.test(text);
    // A version that nobody asked about has nothing to take over but what was read before it.
    if (earlier && !earlier.regionsRead) this.earlier = earlier.earlier;
  }

  private get regions(): readonly Region[] {
    if (this.regionsRead) return this.regionsRead;
    const earlier = this.earlier?.release();
    this.earlier = undefined;
    return (this.regionsRead = earlier ? rereadRegions(earlier, this.text) : readRegions(this.text));
  }

  /** Gives what was read away. Whoever asks this version again has it read anew. */
  private release(): RegionsOf | undefined {
    const { text, regionsRead: regions } = this;
    this.regionsRead = undefined;
    this.flat = {};
    return regions && { text, regions };
  }

  /** The regions of code; none of a script in another language. */
  private get code(): readonly Region[] {
    return this.isShell ? this.regions : [];
  }

  /** The code. A script in another language has no commands, but its texts are recognised by their quotes all the same. */
  get shell(): Shell {
    return (this.flat.shell ??= { ...shellOf(this.code), texts: this.texts });
  }

  private get texts(): EmbeddedText[] {
    return joinedLists(this.regions, ({ texts }) => texts);
  }

  /** Where variables are named, and what encloses what; nothing in a script in another language. */
  get structure(): Structure {
    return (this.structureRead ??= this.isShell ? readStructure(this.text) : NO_STRUCTURE);
  }

  /** Every program of every command, outermost first. */
  get invocations(): readonly Invocation[] {
    return (this.flat.invocations ??= joinedLists(this.code, ({ invocations }) => invocations));
  }

  /** The invocations of a program, in the order of the text. */
  running(program: string): readonly Invocation[] {
    const byProgram = (this.flat.byProgram ??= new Map<string, readonly Invocation[]>());
    let found = byProgram.get(program);
    if (!found)
      byProgram.set(program, (found = joinedLists(this.code, ({ programs }) => programs.get(program) ?? none)));
    return found;
  }

  /** The names of the programs that are run. */
  get programs(): ReadonlySet<string> {
    return (this.flat.programs ??= new Set(joinedLists(this.code, ({ programs }) => [...programs.keys()])));
  }

  /** What is found in each invocation by itself. */
  inInvocations<T>(find: (invocation: Invocation) => T | undefined): readonly T[] {
    return joinedLists(this.code, (region) => region.keep(find, () => foundIn(region.invocations, find)));
  }

  /** The invocations of all stretches in which something is written, and of no more lines than are read at once. */
  invocationsAround(written: string): readonly Invocation[] {
    const { text, code } = this;
    let next = text.indexOf(written);
    return joinedLists(code, ({ start, invocations }, index) => {
      const end = code[index + 1]?.start ?? text.length;
      if (next >= 0 && next < start) next = text.indexOf(written, start);
      return next >= 0 && next < end ? invocations : none;
    });
  }

  /** What is found in each command by itself. */
  inCommands<T>(find: (command: ShellCommand) => T | undefined): readonly T[] {
    return joinedLists(this.code, (region) => region.keep(find, () => foundIn(region.commands, find)));
  }

  /** What is found in stretches of whole lines, each by itself. */
  inLines<T>(find: (text: string) => T | undefined): readonly T[] {
    const { regions, text } = this;
    return joinedLists(regions, (region, index) =>
      region.keep(find, () => foundIn([text.slice(region.start, regions[index + 1]?.start)], find)),
    );
  }

  /** The last command before an offset, read up to it; undefined where a line ended since. */
  commandBefore(offset: number): ShellCommand | undefined {
    return commandBefore(this.text, this.regions, offset);
  }

  /** Whether it may hold scripts: directives after something that may begin a text. Cheap. */
  get hasTexts(): boolean {
    const { text } = this;
    const openers = ['<<', '"', "'"].map((opener) => text.indexOf(opener)).filter((at) => at >= 0);
    if (!openers.length) return false;
    const first = Math.min(...openers);
    return text.includes('#SBATCH', first) || text.includes('#BSUB', first);
  }

  /** Whether an offset lies in a text: after its beginning, as the line with the quote is still code. */
  readonly isText = (offset: number): boolean => {
    const spans = (this.flat.spans ??= joined(this.texts));
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((spans[middle]?.end ?? Infinity) <= offset) low = middle + 1;
      else high = middle;
    }
    return (spans[low]?.start ?? Infinity) <= offset;
  };
}

/** Stretches in ascending order; those that overlap become one. */
function joined(texts: readonly Span[]): Span[] {
  const spans: Span[] = [];
  for (const { start, end } of [...texts].sort((a, b) => a.start - b.start)) {
    const last = spans.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else spans.push({ start, end });
  }
  return spans;
}
