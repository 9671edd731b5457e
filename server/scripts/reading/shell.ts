/**
 * A light reader of shell code: enough to see commands, their words and the variables they use, through continued
 * lines, quotes, here-documents and `bash -c` strings. It never fails and never runs anything. Whatever it cannot know,
 * such as a word built from a command's output, it calls unknown. Its time is linear in the length of the text.
 *
 * All other code sees only the result, a `Shell`, so that another parser could replace this one. Why not
 * tree-sitter-bash (@vscode/tree-sitter-wasm 0.3.1, Node 20.20, two shared cores): 59 ms to start; for 1,000 lines 5.9 ms
 * to parse again after an edit and 23 ms to walk the tree, for 20,000 lines 32 and 122 ms, before any rule has run;
 * 20,000 here-documents on one line took more than 20 s; 1.6 MB of wasm. The goals are 5 and 100 ms in all.
 * The tests use it: test/unit/scripts-shell-judge.test.ts compares this reader with it, word for word.
 */

import { joinedLists, Region, type ReaderState } from './region';
import type { Assignment, BrokenContinuation, EmbeddedText, Shell, ShellCommand } from './shell-command';
import { commandString, startOfCode, StretchReader, type CodeTaker } from './stretch';
import { longParts, WordReader, type Word } from './words';

const declarations = new Set(['export', 'declare', 'local', 'readonly', 'typeset']);
/** A pattern inside a function is created each time the function runs; here, once. */
const declared = /^([A-Za-z_]\w*)=/;
const variableName = /^[A-Za-z_]\w*$/;
/** Nested here-documents and -c strings are read to this depth. */
const maxNesting = 3;
/** Characters after which a region ends with its line, where it can. */
const regionLength = 4096;

/** Reads a script's shell code. */
export function readShell(text: string): Shell {
  return shellOf(readRegions(text));
}

/** Reads a script's shell code, region by region. */
export function readRegions(text: string): Region[] {
  const reader = new ShellReader(text);
  reader.read(0, text.length, 0);
  return reader.regions;
}

/** The code of regions in their order. */
export function shellOf(regions: readonly Region[]): Shell {
  return {
    commands: joinedLists(regions, ({ commands }) => commands),
    assignments: joinedLists(regions, ({ assignments }) => assignments),
    brokenContinuations: joinedLists(regions, ({ brokenContinuations }) => brokenContinuations),
    texts: joinedLists(regions, ({ texts }) => texts),
    variables: new Set(regions.flatMap(({ settings }) => settings.map(({ name }) => name))),
  };
}

/** The last command before an offset, read up to it as if the script ended there; undefined where a line ended since. */
export function commandBefore(text: string, regions: readonly Region[], offset: number): ShellCommand | undefined {
  const last = Math.max(
    0,
    regions.findLastIndex(({ start }) => start + lookAhead <= offset),
  );
  const from = regions[last];
  const reader = new ShellReader(text.slice(0, offset), from, valuesAfter(regions.slice(0, last)));
  reader.read(from?.start ?? 0, offset, 0);
  return reader.regions.at(-1)?.commands.at(-1);
}

/** Characters after the end of a region that may have changed how it was read: `name (` with its `)` on the next line. */
export const lookAhead = 64;

/** The known values of variables; remembers which were asked for. */
export class Values {
  /** Where it is remembered. */
  asked = new Set<string>();
  private readonly values = new Map<string, string | undefined>();

  get(name: string): string | undefined {
    this.asked.add(name);
    return this.values.get(name);
  }

  /** The same for whoever compares values: that is not remembered. */
  peek(name: string): string | undefined {
    return this.values.get(name);
  }

  /** Takes what happens in a region. */
  apply({ settings }: Region): void {
    for (const { name, value, isBare } of settings) if (!isBare) this.values.set(name, value);
  }

  set(name: string, value: string | undefined): void {
    this.values.set(name, value);
  }
}

/** The values of variables after some regions. */
export function valuesAfter(regions: readonly Region[]): Values {
  const values = new Values();
  for (const region of regions) values.apply(region);
  return values;
}

/** Code after an edit that was read before it. */
interface KnownRest {
  /** Whether reading comes to it at `at`: it need not be read. */
  beginsAt(at: number, state: ReaderState, reader: ShellReader): boolean;
}

/** Reads a script's code, or a part of it. */
export class ShellReader implements CodeTaker {
  readonly regions: Region[];
  private region: Region;
  readonly words: WordReader;

  /**
   * @param values known values; a name has the value undefined once it cannot be known
   * @param rest given where an edited text is read: the words then do not keep the whole text in memory
   */
  constructor(
    readonly text: string,
    { start, before }: Pick<Region, 'start' | 'before'> = { start: 0, before: startOfCode },
    readonly values = new Values(),
    private readonly rest?: KnownRest,
  ) {
    this.region = new Region(start, before);
    this.regions = [this.region];
    values.asked = this.region.uses;
    this.words = new WordReader(text, values, rest !== undefined);
  }

  read(from: number, to: number, nesting: number): void {
    if (nesting > maxNesting) return;
    new StretchReader(this, from, to, nesting, nesting === 0 ? this.region.before : startOfCode).read();
  }

  lineBegins(at: number, state: ReaderState): boolean {
    if (this.rest?.beginsAt(at, state, this)) return true;
    if (at - this.region.start < regionLength) return false;
    const { depth, caseDepth, awaitingPattern } = state;
    this.region = new Region(at, { depth, caseDepth, awaitingPattern });
    this.regions.push(this.region);
    this.values.asked = this.region.uses;
    return false;
  }

  addText(text: EmbeddedText): void {
    this.region.texts.push(text);
  }

  addBrokenContinuation(found: BrokenContinuation): void {
    this.region.brokenContinuations.push(found);
  }

  /** Takes a finished command, the variables it sets, and the code it gives to a shell. */
  add(command: ShellCommand, nesting: number): void {
    command.start = command.assignments[0]?.start ?? command.words[0]?.start ?? command.start;
    const name = command.words[0]?.text;
    if (name !== undefined && declarations.has(name)) this.declare(command);
    if (name === 'for' || name === 'select' || name === 'read' || name === 'unset' || name === 'mapfile')
      for (const word of command.words.slice(1)) {
        if (word.raw === 'in') break;
        this.forget(word.raw);
      }
    // Before a command an assignment holds for that command alone.
    if (command.words.length === 0)
      for (const assignment of command.assignments) this.assign(assignment, command.depth);
    this.region.commands.push(command);
    const script = nesting < maxNesting ? commandString(command) : undefined;
    if (script) this.read(script.start, script.end, nesting + 1);
  }

  /** Notes what a word over several lines holds: strings are texts; command substitutions may have texts of their own. */
  addLongWord(word: Word, command: ShellCommand, nesting: number): void {
    for (const { kind, start, end } of longParts(this.text, word.start, word.end))
      if (kind !== 'code') this.addText({ start, end, kind, stripTabs: false, command });
      else if (nesting < maxNesting) {
        const inner = new ShellReader(this.text);
        inner.read(start, end, nesting + 1);
        for (const { texts } of inner.regions) this.region.texts.push(...texts);
      }
  }

  private declare({ words, depth }: ShellCommand): void {
    for (const word of words.slice(1)) {
      const found = declared.exec(word.raw);
      if (found?.[1]) {
        const value = this.words.read(word.start + found[0].length, word.end);
        this.assign({ name: found[1], value, start: word.start, end: word.end }, depth);
      } else if (variableName.test(word.raw)) this.note(word.raw, undefined, true);
    }
  }

  private assign(assignment: Assignment, depth: number): void {
    this.region.assignments.push(assignment);
    // In a loop, condition or function it may or may not happen.
    this.note(assignment.name, depth > 0 ? undefined : assignment.value.text);
  }

  private forget(name: string): void {
    if (variableName.test(name)) this.note(name, undefined);
  }

  private note(name: string, value: string | undefined, isBare = false): void {
    this.region.settings.push({ name, value, isBare });
    if (!isBare) this.values.set(name, value);
  }
}
