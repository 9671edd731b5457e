/** The words of a shell command: quotes, escapes and variables, without running anything. */

/** One word of a command. Offsets include quotes. */
export interface Word {
  /** As written. */
  raw: string;
  /** Without quotes and with variables that the script sets filled in; undefined where that cannot be known. */
  text: string | undefined;
  start: number;
  end: number;
  /** Variables the word uses. */
  uses: readonly string[];
}

/** Characters between double quotes that stand for themselves. */
const quotedRun = /[^"\\$`]+/y;
/** Characters with which a word continues although its plain part ends. */
const quoting = '"\'\\$`';
const wordEnds = ' \t\n\r;&|<>()';
/** What must follow a dollar sign to make an expansion of it. */
const expanding = /[A-Za-z_{(0-9@*#?!$-]/;
const variableName = /[A-Za-z_]\w*/y;
const bracedName = /^\$\{[#!]?([A-Za-z_]\w*)/;
/** For each ASCII code, whether the character stands for itself in a word. */
const plain = Uint8Array.from({ length: 128 }, (_, code) =>
  /[^\s;&|<>()'"\\$`]/.test(String.fromCharCode(code)) ? 1 : 0,
);
/** Shared by the many words without variables. */
const noUses: readonly string[] = [];
/** Nested `$(( ... ))` and `${ ... }` are read to this depth. */
const maxBrackets = 64;

/** Reads the words of one script in linear time. `values` may change between two words as the script sets variables. */
export class WordReader {
  private at = 0;
  private value: string | undefined;
  private uses = noUses;
  /** Lists of a single variable, shared by all words that use only that one: there may be tens of thousands. */
  private readonly lists = new Map<string, readonly string[]>();

  /**
   * @param values the known values of variables; a value is unknown where the entry is missing or undefined
   * @param isDetached whether words must not keep the text in memory
   */
  constructor(
    private readonly text: string,
    private readonly values: { get(name: string): string | undefined },
    private readonly isDetached = false,
  ) {}

  /** Reads one word from `start`, never past `to`; the word is empty where none begins there. */
  read(start: number, to: number): Word {
    const { text } = this;
    const after = plainEnd(text, start, to);
    // Most words have neither quotes nor variables.
    if (after > start && text[start] !== '~' && (after === to || !quoting.includes(text.charAt(after)))) {
      const raw = this.slice(start, after);
      return { raw, text: raw, start, end: after, uses: noUses };
    }
    this.at = start;
    this.value = '';
    this.uses = noUses;
    if (text[start] === '~' && start < to) {
      this.uses = this.listOf('HOME');
      this.put('~');
      this.at++;
    }
    while (this.at < to && this.part(to));
    return { raw: this.slice(start, this.at), text: this.value, start, end: this.at, uses: this.uses };
  }

  /** A stretch of the text. What `slice` gives keeps the whole text as long as it lives itself. */
  private slice(from: number, to: number): string {
    const written = this.text.slice(from, to);
    return this.isDetached ? ` ${written}`.slice(1) : written;
  }

  /** Reads the next part of a word, as far as one kind of quoting goes; false at the word's end. */
  private part(to: number): boolean {
    const { text, at } = this;
    const run = plainEnd(text, at, to);
    if (run > at) {
      this.take(at, run);
      this.at = run;
      return true;
    }
    const c = text.charAt(at);
    const next = text.charAt(at + 1);
    if ((c === '<' || c === '>') && next === '(' && at + 1 < to) {
      // Process substitution is a word: the name of a pipe.
      this.put(undefined);
      this.at = closing(text, at + 1, to);
      return true;
    }
    if (wordEnds.includes(c)) return false;
    if (c === '"') this.doubleQuoted(to);
    else if (c === "'") this.quoted(at + 1, to);
    else if (c === '\\') this.escape(to);
    else if (c === '`') this.backquoted(to);
    else if (c === '$' && next === "'" && at + 1 < to) this.ansiQuoted(to);
    else if (c === '$' && next === '"' && at + 1 < to) this.at++;
    else if (c === '$' && at + 1 < to && expanding.test(next)) this.expansion(to);
    else {
      this.put(c);
      this.at++;
    }
    return true;
  }

  /** Adds to the value; undefined makes the whole value unknown. */
  private put(part: string | undefined): void {
    this.value = part === undefined || this.value === undefined ? undefined : this.value + part;
  }

  /** Adds a stretch of the text to the value, unless the value is already unknown. */
  private take(from: number, to: number): void {
    if (this.value !== undefined) this.value += this.slice(from, to);
  }

  /** Up to the closing single quote. */
  private quoted(from: number, to: number): void {
    const end = indexWithin(this.text, "'", from, to);
    this.take(from, end);
    this.at = Math.min(to, end + 1);
  }

  /** `$'...'`, in which a backslash escapes the quote. Its escapes are not evaluated. */
  private ansiQuoted(to: number): void {
    const { text } = this;
    let at = this.at + 2;
    while (at < to && text[at] !== "'") at += text[at] === '\\' ? 2 : 1;
    this.put(undefined);
    this.at = Math.min(to, at + 1);
  }

  private escape(to: number): void {
    const { text, at } = this;
    const next = text[at + 1] ?? '';
    if (next === '\n' || next === '\r') this.at = Math.min(to, at + (next === '\r' && text[at + 2] === '\n' ? 3 : 2));
    else {
      this.put(next);
      this.at = Math.min(to, at + 2);
    }
  }

  private backquoted(to: number): void {
    this.put(undefined);
    this.at = Math.min(to, indexWithin(this.text, '`', this.at + 1, to) + 1);
  }

  private doubleQuoted(to: number): void {
    const { text } = this;
    this.at++;
    while (this.at < to) {
      const { at } = this;
      const run = runEnd(quotedRun, text, at, to);
      if (run > at) {
        this.take(at, run);
        this.at = run;
        continue;
      }
      const c = text[at];
      if (c === '"') {
        this.at++;
        return;
      }
      if (c === '`') this.backquoted(to);
      else if (c === '\\' && at + 1 < to) {
        const escaped = text.charAt(at + 1);
        this.put(escaped === '\n' ? '' : '$`"\\'.includes(escaped) ? escaped : c + escaped);
        this.at += 2;
      } else if (c === '$' && at + 1 < to && expanding.test(text.charAt(at + 1))) this.expansion(to);
      else {
        this.put(c);
        this.at++;
      }
    }
  }

  /** `$NAME`, `${...}`, `$(...)`, `$((...))` from its dollar sign. */
  private expansion(to: number): void {
    const { text, at } = this;
    const open = text[at + 1];
    if (open === '(') {
      this.put(undefined);
      this.at = closing(text, at + 1, to);
      return;
    }
    let end: number;
    let name: string | undefined;
    let plain = true;
    if (open === '{') {
      end = closing(text, at + 1, to);
      name = bracedName.exec(this.slice(at, Math.min(end, at + 80)))?.[1];
      plain = end === at + (name?.length ?? 0) + 3;
    } else {
      end = runEnd(variableName, text, at + 1, to);
      if (end > at + 1) name = this.slice(at + 1, end);
      else end = at + 2;
    }
    if (name !== undefined) this.uses = this.uses.length ? [...this.uses, name] : this.listOf(name);
    this.put(plain && name !== undefined ? this.values.get(name) : undefined);
    this.at = Math.min(end, to);
  }

  private listOf(name: string): readonly string[] {
    let list = this.lists.get(name);
    if (!list) this.lists.set(name, (list = [name]));
    return list;
  }
}

const closers: Readonly<Record<string, string>> = { '(': ')', '{': '}' };

/**
 * Offset after the bracket that closes the one at `start`, `(` or `{`; quotes and expansions inside are respected.
 * A `${` that is never closed ends with its line. Otherwise reading a long script would take quadratic time.
 */
export function closing(text: string, start: number, to: number): number {
  const open: string[] = [];
  let delimiter: string | undefined;
  for (let at = start; at < to; at++) {
    const c = text[at];
    const inner = open[open.length - 1];
    if (delimiter !== undefined && c === '\n' && inner === '(') {
      // The body of a here-document may hold any quotes and brackets.
      at = documentEnd(text, at, to, delimiter) - 1;
      delimiter = undefined;
      continue;
    }
    if (inner === '"') {
      if (c === '\\') at++;
      else if (c === '"') open.pop();
      else if (c === '$' && (text[at + 1] === '(' || text[at + 1] === '{') && open.length < maxBrackets)
        open.push(text.charAt(++at));
    } else if (c === '\\') at++;
    else if (c === "'" && inner !== '{') at = indexWithin(text, "'", at + 1, to);
    else if (c === '"') open.push(c);
    else if (c === '(' || (c === '{' && (inner === '{' || text[at - 1] === '$' || at === start))) {
      if (open.length >= maxBrackets) return to;
      open.push(c);
    } else if (c === '<' && inner === '(' && text[at + 1] === '<' && text[at + 2] !== '<') {
      nestedDocument.lastIndex = at;
      delimiter = nestedDocument.exec(text)?.[2] ?? delimiter;
      at++;
    } else if (inner !== undefined && c === closers[inner]) {
      open.pop();
      if (open.length === 0) return at + 1;
    } else if (c === '#' && inner === '(' && /\s/.test(text.charAt(at - 1))) at = lineEndAt(text, at, to) - 1;
    else if ((c === '\n' || c === '\r') && open[0] === '{') return at;
  }
  return to;
}

/** A part of a word that goes over several lines. */
interface LongPart {
  /** `plain`: single quotes; `string`: double quotes; `code`: a command substitution outside double quotes. */
  kind: 'plain' | 'string' | 'code';
  /** Without the quotes or brackets. */
  start: number;
  end: number;
}

/** The quoted strings and command substitutions of a word that go over several lines, also within double quotes. */
export function longParts(text: string, from: number, to: number): LongPart[] {
  const parts: LongPart[] = [];
  const add = (kind: LongPart['kind'], start: number, end: number): void => {
    if (text.slice(start, end).includes('\n')) parts.push({ kind, start, end });
  };
  for (let at = from; at < to; at++) {
    const c = text[at];
    if (c === '\\') at++;
    else if (c === "'") {
      const end = indexWithin(text, "'", at + 1, to);
      add('plain', at + 1, end);
      at = end;
    } else if (c === '"') {
      const start = at + 1;
      for (at = start; at < to && text[at] !== '"'; at++)
        if (text[at] === '\\') at++;
        else if (text[at] === '$' && (text[at + 1] === '(' || text[at + 1] === '{')) {
          const end = closing(text, at + 1, to);
          if (text[at + 1] === '(') add('code', at + 2, end - 1);
          at = end - 1;
        }
      add('string', start, Math.min(at, to));
    } else if (c === '$' && text[at + 1] === '(') {
      const end = closing(text, at + 1, to);
      add('code', at + 2, end - 1);
      at = end - 1;
    }
  }
  return parts;
}

/** `<<EOF` inside brackets: its delimiter, possibly quoted. */
const nestedDocument = /<<-?[ \t]*\\?(["']?)([A-Za-z_]\w*)\1/y;

/** Offset of the line that ends a here-document, from the end of the line that begins it; `to` where there is none. */
function documentEnd(text: string, from: number, to: number, delimiter: string): number {
  for (let at = from; at < to;) {
    const end = lineEndAt(text, at + 1, to);
    if (text.slice(at + 1, end).replace(/^\t+/, '') === delimiter) return end;
    at = end;
  }
  return to;
}

const lineEnd = /[\r\n]/g;

/** Offset of the end of the line that `from` is on, at most `to`. */
export function lineEndAt(text: string, from: number, to: number): number {
  lineEnd.lastIndex = from;
  return lineEnd.test(text) ? Math.min(to, lineEnd.lastIndex - 1) : to;
}

/** Offset after the characters from `from` on that stand for themselves. A loop: on short words a pattern costs more. */
function plainEnd(text: string, from: number, to: number): number {
  let at = from;
  while (at < to) {
    const code = text.charCodeAt(at);
    if (code < 128 ? !plain[code] : /\s/.test(text.charAt(at))) break;
    at++;
  }
  return at;
}

/** Offset after the characters from `from` on that a sticky pattern matches, without making a match array. */
function runEnd(pattern: RegExp, text: string, from: number, to: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? Math.min(to, pattern.lastIndex) : from;
}

function indexWithin(text: string, wanted: string, from: number, to: number): number {
  const at = text.indexOf(wanted, from);
  return at < 0 || at >= to ? to : at;
}
