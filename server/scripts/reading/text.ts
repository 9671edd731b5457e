import type { Position, Range } from 'vscode-languageserver-textdocument';

/** A half-open stretch of a script, as offsets in UTF-16 code units. */
export interface Span {
  start: number;
  end: number;
}

/** One line without its end. */
export interface Line {
  text: string;
  /** Offset of its first code unit in the script. */
  offset: number;
  /** How it ends; empty for the last line. */
  eol: '' | '\n' | '\r\n' | '\r';
}

/** A script cut into lines as LSP counts them (`\n`, `\r\n` and a lone `\r` end a line). */
export class ScriptText {
  /** Offsets of the first code units of its lines. */
  private readonly starts: readonly number[];
  private linesRead: readonly Line[] | undefined;
  /** Where an offset was last looked for. */
  private lastLine = 0;

  constructor(readonly text: string) {
    this.starts = text.includes('\r') ? lineStarts(text) : startsAfterNewlines(text);
  }

  /** All lines; made on first use, as most who ask want only a few of them. */
  get lines(): readonly Line[] {
    return (this.linesRead ??= this.starts.map((_, number) => this.line(number)));
  }

  get lineCount(): number {
    return this.starts.length;
  }

  /** One line; the empty end of the text for a line that does not exist. */
  line(number: number): Line {
    const { text, starts } = this;
    const offset = starts[number];
    if (offset === undefined) return { text: '', offset: text.length, eol: '' };
    const next = starts[number + 1];
    if (next === undefined) return { text: text.slice(offset), offset, eol: '' };
    const eol = text[next - 1] === '\r' ? '\r' : text[next - 2] === '\r' && next - 2 >= offset ? '\r\n' : '\n';
    return { text: text.slice(offset, next - eol.length), offset, eol };
  }

  /** The number of the line that holds an offset. */
  lineAt(offset: number): number {
    const { starts } = this;
    let low = 0;
    let high = starts.length - 1;
    // Whoever asks for many asks for one after the other.
    if (offset >= (starts[this.lastLine] ?? Infinity)) {
      low = this.lastLine;
      if (offset < (starts[low + 2] ?? 0)) high = Math.min(high, low + 1);
    }
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? Infinity) <= offset) low = middle;
      else high = middle - 1;
    }
    return (this.lastLine = low);
  }

  /** What is written in a stretch. */
  slice({ start, end }: Span): string {
    return this.text.slice(start, end);
  }

  /** The position of an offset; an offset past the end gives the end, one inside a line's end gives that line's end. */
  positionAt(offset: number): Position {
    const line = this.lineAt(offset);
    const { start, end } = this.lineSpan(line);
    return { line, character: Math.max(0, Math.min(offset, end) - start) };
  }

  /** The offset of a position; a position outside the text gives the nearest place in it. */
  offsetAt({ line, character }: Position): number {
    if (line < 0) return 0;
    const { start, end } = this.lineSpan(line);
    return Math.max(start, Math.min(start + character, end));
  }

  /** A stretch in LSP's terms. */
  range({ start, end }: Span): Range {
    return { start: this.positionAt(start), end: this.positionAt(end) };
  }

  /** One line without its end; the empty end of the text for a line that does not exist. */
  lineSpan(line: number): Span {
    const { text, starts } = this;
    const start = starts[line];
    if (start === undefined) return { start: text.length, end: text.length };
    let end = starts[line + 1] ?? text.length;
    if (line + 1 < starts.length) {
      if (text[end - 1] === '\n') end--;
      if (end > start && text[end - 1] === '\r') end--;
    }
    return { start, end };
  }

  /** One line with its end; the last line takes the end of the line before it. */
  wholeLine(line: number): Span {
    const { start, end } = this.lineSpan(line);
    const next = this.starts[line + 1];
    if (next !== undefined) return { start, end: next };
    return { start: line > 0 ? this.lineSpan(line - 1).end : start, end };
  }
}

function startsAfterNewlines(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  const ends = /\r\n?|\n/g;
  while (ends.test(text)) starts.push(ends.lastIndex);
  return starts;
}

/** Orders positions: negative when `a` comes first. */
export function comparePositions(a: Position, b: Position): number {
  return a.line - b.line || a.character - b.character;
}

/** Whether `position` lies in `range`, its end included (a cursor after the last letter still means the word). */
export function contains(range: Range, position: Position): boolean {
  return comparePositions(range.start, position) <= 0 && comparePositions(position, range.end) <= 0;
}
