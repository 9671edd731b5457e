/** A place in a script: 0-based line, 0-based UTF-16 code unit in the line (what LSP calls a position). */
export interface Position {
  line: number;
  character: number;
}

/** A half-open stretch of a script. */
export interface Range {
  start: Position;
  end: Position;
}

/** Replaces `start`..`end` by `newText`. */
export interface TextEdit extends Range {
  newText: string;
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

  constructor(readonly text: string) {
    const lines: Line[] = [];
    let offset = 0;
    const ends = /\r\n?|\n/g;
    while (ends.test(text)) {
      const at = ends.lastIndex - (text[ends.lastIndex - 2] === '\r' && text[ends.lastIndex - 1] === '\n' ? 2 : 1);
      lines.push({ text: text.slice(offset, at), offset, eol: text.slice(at, ends.lastIndex) as Line['eol'] });
      offset = ends.lastIndex;
    }
    lines.push({ text: text.slice(offset), offset, eol: '' });
    this.lines = lines;
  }

  /** The position of an offset; offsets past the end give the end. */
  positionAt(offset: number): Position {
    let low = 0;
    let high = this.lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.lines[middle]?.offset ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low, character: Math.max(0, offset - (this.lines[low]?.offset ?? 0)) };
  }

  /** The offset of a position; positions outside the text give the nearest place in it. */
  offsetAt(position: Position): number {
    if (position.line >= this.lines.length) return this.text.length;
    const line = this.lines[Math.max(0, position.line)];
    if (!line) return 0;
    return line.offset + Math.min(Math.max(0, position.character), line.text.length);
  }

  /** The range between two offsets. */
  range(start: number, end: number): Range {
    return { start: this.positionAt(start), end: this.positionAt(end) };
  }

  /** The whole of one line, without its end. */
  lineRange(line: number): Range {
    return { start: { line, character: 0 }, end: { line, character: this.lines[line]?.text.length ?? 0 } };
  }

  /** Deletes a line with its end; the last line goes with the end of the line before it. */
  lineRemoval(line: number): TextEdit {
    const last = line === this.lines.length - 1;
    const previous = this.lines[line - 1];
    if (!last) return { start: { line, character: 0 }, end: { line: line + 1, character: 0 }, newText: '' };
    const start = previous ? { line: line - 1, character: previous.text.length } : { line, character: 0 };
    return { start, end: this.lineRange(line).end, newText: '' };
  }
}

/** Orders positions: negative when `a` comes first. */
export function comparePositions(a: Position, b: Position): number {
  return a.line - b.line || a.character - b.character;
}

/** Whether `position` lies in `range`, its end included (a cursor behind the last letter still means the word). */
export function contains(range: Range, position: Position): boolean {
  return comparePositions(range.start, position) <= 0 && comparePositions(position, range.end) <= 0;
}

/** Applies edits that do not overlap; of two that do, the earlier in the list wins. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const script = new ScriptText(text);
  const chosen = edits
    .map((edit, order) => ({
      start: script.offsetAt(edit.start),
      end: script.offsetAt(edit.end),
      newText: edit.newText,
      order,
    }))
    .sort((a, b) => a.start - b.start || a.order - b.order);
  let result = '';
  let at = 0;
  for (const edit of chosen) {
    if (edit.start < at) continue;
    result += text.slice(at, edit.start) + edit.newText;
    at = edit.end;
  }
  return result + text.slice(at);
}
