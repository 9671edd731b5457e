/** Where a script's comments are, found without looking at its other lines: among comments are the directives. */
import type { ScriptText } from './text';

/** A line that is a comment. */
interface Remark {
  /** The whole line, without its end. */
  text: string;
  offset: number;
  line: number;
}

/** The lines that begin with `#`, spaces before it or not; most lines of long scripts do not. */
export function* remarks(script: ScriptText): Generator<Remark> {
  const { text } = script;
  for (let hash = text.indexOf('#'); hash >= 0; hash = text.indexOf('#', hash)) {
    const line = script.lineAt(hash);
    const { start, end } = script.lineSpan(line);
    if (start === hash || text.slice(start, hash).trim() === '')
      yield { text: text.slice(start, end), offset: start, line };
    hash = script.wholeLine(line).end;
    if (line + 1 >= script.lineCount) return;
  }
}

/** The number of the first line that is neither empty nor a comment; the number of lines if there is none. */
export function firstCommandOf(script: ScriptText): number {
  for (let line = 0; line < script.lineCount; line++) {
    const written = script.slice(script.lineSpan(line)).trimStart();
    if (written !== '' && !written.startsWith('#')) return line;
  }
  return script.lineCount;
}
