import { TextDocument, type Position, type Range } from 'vscode-languageserver-textdocument';

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
  readonly lines: readonly Line[];
  private readonly document: TextDocument;

  constructor(readonly text: string) {
    this.document = TextDocument.create('', 'shellscript', 0, text);
    const lines: Line[] = [];
    let offset = 0;
    // The document knows its lines too, but hands them out one copy at a time; directives are looked for in all of them.
    const ends = /\r\n?|\n/g;
    while (ends.test(text)) {
      const at = ends.lastIndex - (text[ends.lastIndex - 2] === '\r' && text[ends.lastIndex - 1] === '\n' ? 2 : 1);
      lines.push({ text: text.slice(offset, at), offset, eol: text.slice(at, ends.lastIndex) as Line['eol'] });
      offset = ends.lastIndex;
    }
    lines.push({ text: text.slice(offset), offset, eol: '' });
    this.lines = lines;
  }

  /** What is written in a stretch. */
  slice({ start, end }: Span): string {
    return this.text.slice(start, end);
  }

  /** The position of an offset; an offset past the end gives the end, one inside a line's end gives that line's end. */
  positionAt(offset: number): Position {
    return this.document.positionAt(offset);
  }

  /** The offset of a position; a position outside the text gives the nearest place in it. */
  offsetAt(position: Position): number {
    return this.document.offsetAt(position);
  }

  /** A stretch in LSP's terms. */
  range({ start, end }: Span): Range {
    return { start: this.positionAt(start), end: this.positionAt(end) };
  }

  /** One line without its end; the empty end of the text for a line that does not exist. */
  lineSpan(line: number): Span {
    const { offset, text } = this.lines[line] ?? { offset: this.text.length, text: '' };
    return { start: offset, end: offset + text.length };
  }

  /** One line with its end; the last line takes the end of the line before it. */
  wholeLine(line: number): Span {
    const { start, end } = this.lineSpan(line);
    const next = this.lines[line + 1];
    if (next) return { start, end: next.offset };
    return { start: line > 0 ? this.lineSpan(line - 1).end : start, end };
  }
}

/** Orders positions: negative when `a` comes first. */
export function comparePositions(a: Position, b: Position): number {
  return a.line - b.line || a.character - b.character;
}

/** Whether `position` lies in `range`, its end included (a cursor after the last letter still means the word). */
export function contains(range: Range, position: Position): boolean {
  return comparePositions(range.start, position) <= 0 && comparePositions(position, range.end) <= 0;
}
