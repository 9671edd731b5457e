/**
 * Where variables are named within words: through quotes, `$NAME`, `${...}`, `$(...)`, arithmetic. Like `words.ts` it
 * never fails and takes linear time; unlike it, it keeps the place of every name, and asks for no value.
 */
import type { Span } from './text';

/** A variable's name in the code. */
export interface NameUse extends Span {
  name: string;
  /** `definition`: sets the variable, or makes one of that name; what does both, as `${X:=1}`, is one too. */
  kind: 'definition' | 'use';
  /** How many loops, conditions, functions and subshells are around it: a definition at 0 always happens. */
  depth: number;
}

/** Characters that end a word outside quotes. */
const wordEnds = ' \t\n\r;&|<>()';
/** Characters that stand for themselves, outside quotes and within double quotes. */
const plainRun = /[^\s;&|<>()'"\\$`]+/y;
const quotedRun = /[^"\\$`]+/y;
const documentRun = /[^\\$`]+/y;
const nameAt = /[A-Za-z_]\w*/y;
const numberAt = /\d[\w#]*/y;
const assigning = /[ \t]*(?:=(?!=)|(?:[-+*/%&^|]|<<|>>)=|\+\+|--)/y;
/** Nested quotes and expansions are read to this depth. */
const mostNested = 64;

/** Offset after what a sticky pattern matches at an offset, at most `to`. */
function runEnd(pattern: RegExp, text: string, at: number, to: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? Math.min(to, pattern.lastIndex) : at;
}

/** Reads words; what a command substitution holds is read by the class that knows commands. */
export abstract class ExpansionReader {
  readonly names: NameUse[] = [];
  protected depth = 0;
  private nesting = 0;
  /** Whether a backquote ends what is read. */
  private backquoted = false;

  constructor(protected readonly text: string) {}

  /** Reads commands up to `closer` or to `to`. @returns the offset after it */
  protected abstract code(at: number, to: number, closer: ')' | '`'): number;

  protected note(kind: NameUse['kind'], start: number, end: number): void {
    this.names.push({ name: this.text.slice(start, end), kind, start, end, depth: this.depth });
  }

  /** Reads one word. @returns its end, which is `at` where no word begins there */
  protected word(at: number, to: number): number {
    const { text } = this;
    while (at < to) {
      const run = runEnd(plainRun, text, at, to);
      if (run > at) {
        at = run;
        continue;
      }
      const c = text.charAt(at);
      if (wordEnds.includes(c) || (c === '`' && this.backquoted)) break;
      if (c === '"') at = this.doubleQuoted(at + 1, to);
      else if (c === "'") at = this.singleQuoted(at + 1, to);
      else at = this.special(c, at, to, false);
    }
    return Math.min(at, to);
  }

  /** The body of a here-document whose delimiter is not quoted. */
  protected document(at: number, to: number): void {
    while (at < to) {
      const run = runEnd(documentRun, this.text, at, to);
      at = run > at ? run : this.special(this.text.charAt(at), at, to, true);
    }
  }

  /** What begins with a backslash, a dollar sign or a backquote; any other character is passed. */
  private special(c: string, at: number, to: number, quoted: boolean): number {
    if (c === '\\') return at + 2;
    if (c === '$') return this.dollar(at, to, quoted);
    return c === '`' ? this.substitution(at + 1, to, '`') : at + 1;
  }

  private singleQuoted(at: number, to: number): number {
    const end = this.text.indexOf("'", at);
    return end < 0 || end >= to ? to : end + 1;
  }

  private doubleQuoted(from: number, to: number): number {
    return this.nested(to, () => {
      let at = from;
      while (at < to) {
        const run = runEnd(quotedRun, this.text, at, to);
        if (run > at) {
          at = run;
          continue;
        }
        const c = this.text.charAt(at);
        if (c === '"') return at + 1;
        if (c === '`' && this.backquoted) return at;
        at = this.special(c, at, to, true);
      }
      return at;
    });
  }

  private nested(to: number, read: () => number): number {
    if (this.nesting >= mostNested) return to;
    this.nesting++;
    const end = read();
    this.nesting--;
    return end;
  }

  /** The commands of `$(...)`, `<(...)` or backquotes, from the first of them on. */
  protected substitution(at: number, to: number, closer: ')' | '`'): number {
    return this.nested(to, () => {
      const before = this.backquoted;
      this.backquoted ||= closer === '`';
      this.depth++;
      const end = this.code(at, to, closer);
      this.depth--;
      this.backquoted = before;
      return end;
    });
  }

  /** An expansion from its dollar sign on. */
  private dollar(at: number, to: number, quoted: boolean): number {
    const { text } = this;
    const next = text.charAt(at + 1);
    if (next === '(')
      return text[at + 2] === '(' ? this.arithmetic(at + 3, to, '))') : this.substitution(at + 2, to, ')');
    if (next === '{') return this.nested(to, () => this.braced(at + 2, to, quoted));
    if (next === "'" && !quoted) {
      let end = at + 2;
      while (end < to && text[end] !== "'") end += text[end] === '\\' ? 2 : 1;
      return end + 1;
    }
    const end = runEnd(nameAt, text, at + 1, to);
    if (end > at + 1) {
      this.note('use', at + 1, end);
      return end;
    }
    return /[0-9@*#?!$-]/.test(next) ? at + 2 : at + 1;
  }

  /** `${...}` from after its bracket on; one that is never closed ends with its line. */
  private braced(from: number, to: number, quoted: boolean): number {
    const { text } = this;
    let at = from;
    if ((text[at] === '#' || text[at] === '!') && /[A-Za-z_]/.test(text.charAt(at + 1))) at++;
    const end = runEnd(nameAt, text, at, to);
    if (end > at) this.note(/^:?=/.test(text.slice(end, end + 2)) ? 'definition' : 'use', at, end);
    at = end;
    if (text[at] === '[') at = this.arithmetic(at + 1, to, ']');
    if (text[at] === ':' && !/[-=?+]/.test(text.charAt(at + 1))) return this.arithmetic(at + 1, to, '}');
    while (at < to) {
      const c = text.charAt(at);
      if (c === '}') return at + 1;
      if (c === '\n' || c === '\r' || (c === '`' && this.backquoted)) return at;
      if (c === '"') at = this.doubleQuoted(at + 1, to);
      else if (c === "'" && !quoted) at = this.singleQuoted(at + 1, to);
      else at = this.special(c, at, to, quoted);
    }
    return at;
  }

  /**
   * Arithmetic, in which names need no dollar sign. `]` and `}` that are missing end with their line.
   * @returns the offset after `closer`
   */
  protected arithmetic(from: number, to: number, closer: '))' | ']' | '}'): number {
    return this.nested(to, () => {
      const { text } = this;
      const last = closer.charAt(0);
      let level = 0;
      let at = from;
      while (at < to) {
        const c = text.charAt(at);
        if (c === last && level === 0) return text.startsWith(closer, at) ? at + closer.length : at + 1;
        if (closer !== '))' && (c === '\n' || c === '\r')) return at;
        if (c === '(' || c === '[') level++;
        else if (c === ')' || c === ']') level = Math.max(0, level - 1);
        const number = runEnd(numberAt, text, at, to);
        const end = runEnd(nameAt, text, at, to);
        if (number > at) at = number;
        else if (end > at) {
          const sets = runEnd(assigning, text, end, to) > end || /(?:\+\+|--)$/.test(text.slice(at - 2, at));
          this.note(sets ? 'definition' : 'use', at, end);
          at = end;
        } else at = this.special(c, at, to, true);
      }
      return at;
    });
  }
}
