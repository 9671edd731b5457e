import { isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type Node } from 'yaml';

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

/** A text in YAML that somebody may still be typing: its value, what is wrong with its form, and where things are. */
export class YamlText {
  /** What is wrong with the form; a text with a problem has no value. */
  readonly problems: readonly (Span & { message: string })[];
  /** As JavaScript has it; undefined where there is a problem. */
  readonly value: unknown;
  private readonly lines = new LineCounter();
  private readonly document: Document;

  constructor(readonly text: string) {
    // Its own search for keys that are there twice compares each with all: 10 s for 20,000.
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false, uniqueKeys: false });
    const problems = [...this.document.errors, ...this.document.warnings].map(({ message, pos: [from, to] }) => ({
      message,
      from,
      to,
    }));
    if (problems.length === 0) {
      try {
        problems.push(...repeatedKeys(this.document));
        if (problems.length === 0) this.value = this.document.toJS({ maxAliasCount: 100 });
      } catch (error) {
        // An alias without an anchor, or aliases that multiply: yaml finds both only when it makes the value. Or maps in
        // maps without end, which overflow the stack.
        const at = text.indexOf('*');
        const from = Math.max(at, 0);
        problems.push({ message: error instanceof Error ? error.message : String(error), from, to: from + 1 });
      }
    }
    this.problems = problems;
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
}

/** Keys that their map has before. */
function repeatedKeys(document: Document): (Span & { message: string })[] {
  const repeated: (Span & { message: string })[] = [];
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
