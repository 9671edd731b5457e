import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Alias,
  type Document,
  type Node,
} from 'yaml';

/** Offsets in a text, in UTF-16 units. */
export interface Span {
  from: number;
  to: number;
}

/** A place in a text: 0-based line, 0-based UTF-16 character. */
export interface Place {
  line: number;
  character: number;
}

/** From one place in a text to another. */
export interface Range {
  start: Place;
  end: Place;
}

/** What is wrong with the form of a text, and where. */
type Fault = Span & { message: string };

/** Most values that aliases may stand for together; a file that people write has few or none. */
const MOST_NODES = 1000;

const TOO_DEEP = 'Too many levels, one inside the other';

/** What some work gives; undefined where it overflows the stack, as reading YAML calls itself for each level. */
function orTooDeep<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parsed(text: string, lineCounter: LineCounter): Document {
  // Its own search for keys that are there twice compares each with all: 10 s for 20,000.
  return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
}

function problemsOf(document: Document): Fault[] {
  const found = [...document.errors, ...document.warnings];
  if (found.length > 0) {
    return found.map(({ message, pos: [from, to] }) => {
      // The package puts an overflow of the stack among the errors of the text.
      return { message: message.startsWith('Maximum call stack') ? TOO_DEEP : message, from, to };
    });
  }
  const repeated = repeatedKeys(document);
  if (repeated.length > 0) return repeated;
  const fault = new Aliases().faultIn(document.contents);
  return fault ? [fault] : [];
}

/** The aliases have been counted: the package's own count is of something else. */
function valueOf(document: Document): unknown {
  return document.toJS({ maxAliasCount: -1 });
}

/** The aliases of a document, looked at before any value is made: few bytes can stand for more than a memory holds. */
class Aliases {
  /** Values below each anchor so far; undefined while its node has not ended. */
  private readonly anchors = new Map<string, number | undefined>();
  private stoodFor = 0;
  private fault: Fault | undefined;

  /** The first alias without an anchor before it, inside its own anchor, or with which there are too many values. */
  faultIn(contents: unknown): Fault | undefined {
    this.countOf(contents);
    return this.fault;
  }

  /** How many values a node stands for. */
  private countOf(node: unknown): number {
    if (this.fault) return 0;
    if (isAlias(node)) return this.countOfAlias(node);
    if (isPair(node)) return this.countOf(node.key) + this.countOf(node.value);
    if (!isNode(node)) return 1;
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) this.anchors.set(anchor, undefined);
    let count = 1;
    if (isCollection(node)) for (const item of node.items) count += this.countOf(item);
    if (anchor !== undefined) this.anchors.set(anchor, count);
    return count;
  }

  private countOfAlias({ source, range }: Alias): number {
    const count = this.anchors.get(source);
    this.stoodFor += count ?? 0;
    const why = !this.anchors.has(source)
      ? 'has no anchor before it; in quotes it is a text'
      : count === undefined
        ? 'is inside what it stands for'
        : `makes more than ${MOST_NODES} values of this file: write out what is needed`;
    const [from, to] = range ?? [0, 1];
    if (count === undefined || this.stoodFor > MOST_NODES)
      this.fault = { message: `The alias *${source} ${why}`, from, to };
    return count ?? 0;
  }
}

/** A text in YAML that somebody may still be typing: its value, what is wrong with its form, and where things are. */
export class YamlText {
  /** What is wrong with the form; a text with a problem has no value. */
  readonly problems: readonly Fault[];
  /** As JavaScript has it; undefined where there is a problem. */
  readonly value: unknown;
  private readonly lines = new LineCounter();
  private readonly document: Document;

  constructor(readonly text: string) {
    const read = orTooDeep(() => {
      const document = parsed(text, this.lines);
      const problems = problemsOf(document);
      return { document, problems, value: problems.length > 0 ? undefined : valueOf(document) };
    });
    this.document = read?.document ?? parseDocument('');
    this.problems = read?.problems ?? [{ message: TOO_DEEP, from: 0, to: 1 }];
    this.value = read?.value;
  }

  /**
   * Where the key or the value at a path is, or the nearest parent that exists.
   * @param path keys of maps, and indices of lists as text
   * @returns undefined where not even the first key is there
   */
  locate(path: readonly string[], part: 'key' | 'value'): Span | undefined {
    let node: unknown = this.document.contents;
    let found: Span | undefined;
    for (const [depth, name] of path.entries()) {
      let key: Node | undefined;
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === name);
        key = pair?.key as Node | undefined;
        node = pair?.value;
      } else node = isSeq(node) ? node.items[Number(name)] : undefined;
      const value = node as Node | undefined;
      if (!key && !value) return found;
      const wantsValue = !key || (depth === path.length - 1 && part === 'value');
      const range = (wantsValue && value?.range) || key?.range;
      if (range) found = { from: range[0], to: range[1] };
    }
    return found;
  }

  /** The place of an offset. */
  place(offset: number): Place {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(line - 1, 0), character: Math.max(col - 1, 0) };
  }

  /** The range of a span, at least one character long. */
  range({ from, to }: Span): Range {
    return { start: this.place(from), end: this.place(Math.max(to, from + 1)) };
  }

  /** The range of what `locate` finds; the first line where it finds nothing. */
  rangeAt(path: readonly string[], part: 'key' | 'value'): Range {
    const firstLine = { from: 0, to: Math.min(this.text.length, Math.max(this.text.indexOf('\n'), 1)) };
    return this.range(this.locate(path, part) ?? firstLine);
  }

  /**
   * The range of a part of a text at a path, where the file has that text as it is; of the whole value where it is written
   * with escapes or over several lines.
   * @param within offsets in the text
   */
  rangeWithin(path: readonly string[], value: string, within: Span): Range {
    const span = this.locate(path, 'value');
    const at = span ? this.text.slice(span.from, span.to).indexOf(value) : -1;
    if (!span || at < 0 || value === '') return this.rangeAt(path, 'value');
    return this.range({ from: span.from + at + within.from, to: span.from + at + within.to });
  }
}

/** Keys that their map has before. */
function repeatedKeys(document: Document): Fault[] {
  const repeated: Fault[] = [];
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const from = key.range?.[0] ?? 0;
        if (seen.has(key.value)) repeated.push({ message: 'Map keys must be unique', from, to: from + 1 });
        seen.add(key.value);
      }
    },
  });
  return repeated;
}
