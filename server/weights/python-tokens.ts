/** Python source as tokens, for comparing it. Nothing is ever executed. Source: the Python reference, "Lexical analysis". */

/** Source that is no Python, or that is larger or nested deeper than any network's. */
export class PythonError extends Error {}

export type TokenKind = 'name' | 'number' | 'string' | 'operator' | 'newline' | 'indent' | 'dedent' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written; numbers and strings in a canonical form. */
  readonly text: string;
  /** Strings: what a format string (`f`) holds between its quotes, else the value. */
  readonly content?: string;
  /** Strings: `f` for format strings, `b` for bytes, else empty. */
  readonly prefix?: '' | 'f' | 'b';
}

/** Characters of a module; the networks that are published have 50,000. */
export const MAX_SOURCE = 2 ** 20;
/** Of brackets and of blocks within each other. */
const MAX_NESTING = 100;

const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy;
const NUMBER =
  /0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?[jJ]?/y;
const OPERATOR =
  /\*\*=|\/\/=|>>=|<<=|\.\.\.|->|:=|\*\*|\/\/|>>|<<|<=|>=|==|!=|[-+*/%@&|^]=|[-+*/%@&|^~<>()[\]{},:.;=]/y;
const STRING_START = /([a-zA-Z]{0,2})('''|"""|'|")/y;
const OPENING = '([{';
const CLOSING = ')]}';

/**
 * All tokens of a module. Comments, blank lines and line breaks that join are left out.
 * @throws PythonError
 */
export function pythonTokens(source: string): Token[] {
  if (source.length > MAX_SOURCE) throw new PythonError(`it has more than ${MAX_SOURCE} characters`);
  return new Lexer(source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')).run();
}

class Lexer {
  private readonly tokens: Token[] = [];
  private readonly indents = [0];
  private brackets: string[] = [];
  private at = 0;

  constructor(private readonly source: string) {}

  run(): Token[] {
    while (this.at < this.source.length) {
      if (this.isLineStart()) this.startLine();
      else this.next();
    }
    if (this.brackets.length) this.fail('a bracket is not closed');
    this.endLine();
    while (this.indents.length > 1) this.dedent();
    this.push('end', '');
    return this.tokens;
  }

  private isLineStart(): boolean {
    return !this.brackets.length && (this.at === 0 || (this.source[this.at - 1] === '\n' && !this.isContinued));
  }

  /** Whether the line break before `at` was escaped. */
  private isContinued = false;

  /** Indentation; lines without code change nothing. */
  private startLine(): void {
    let column = 0;
    for (; ; this.at++) {
      const character = this.source[this.at];
      if (character === ' ') column++;
      else if (character === '\t') column = (Math.floor(column / 8) + 1) * 8;
      else if (character === '\f') column = 0;
      else break;
    }
    const first = this.source[this.at];
    if (first === undefined) return;
    if (first === '\n' || first === '#') return this.skipLine();
    if (column > this.indents.at(-1)!) {
      this.indents.push(column);
      if (this.indents.length > MAX_NESTING) this.fail('its blocks are nested too deeply');
      this.push('indent', '');
    }
    while (column < this.indents.at(-1)!) this.dedent();
    if (column !== this.indents.at(-1)) this.fail('a line is indented like no line before it');
    this.next();
  }

  private skipLine(): void {
    const end = this.source.indexOf('\n', this.at);
    this.at = end < 0 ? this.source.length : end + 1;
    this.isContinued = false;
  }

  private dedent(): void {
    this.indents.pop();
    this.push('dedent', '');
  }

  private next(): void {
    const { source } = this;
    const character = source[this.at]!;
    if (character === '\n') {
      this.at++;
      if (!this.brackets.length && !this.isContinued) this.endLine();
      this.isContinued = false;
    } else if (character === ' ' || character === '\t' || character === '\f') {
      this.at++;
      this.isContinued = false;
    } else if (character === '#') {
      const end = source.indexOf('\n', this.at);
      this.at = end < 0 ? source.length : end;
    } else if (character === '\\' && source[this.at + 1] === '\n') {
      this.at += 2;
      this.isContinued = true;
    } else {
      this.isContinued = false;
      this.token(character);
    }
  }

  private token(character: string): void {
    const start = this.match(STRING_START);
    if (start) return this.string(start[1]!.toLowerCase(), start[2]!);
    const name = this.match(NAME);
    if (name) return this.push('name', name[0].normalize('NFKC'));
    if (/[0-9.]/.test(character)) {
      const number = this.match(NUMBER);
      if (number) return this.push('number', canonicalNumber(number[0]));
    }
    const operator = this.match(OPERATOR)?.[0] ?? this.fail(`it has ${JSON.stringify(character)} outside of a text`);
    this.bracket(operator);
    this.push('operator', operator);
  }

  private bracket(operator: string): void {
    if (OPENING.includes(operator)) {
      this.brackets.push(operator);
      if (this.brackets.length > MAX_NESTING) this.fail('its brackets are nested too deeply');
    } else if (CLOSING.includes(operator)) {
      const opened = this.brackets.pop();
      if (!opened || OPENING.indexOf(opened) !== CLOSING.indexOf(operator)) this.fail('its brackets do not match');
    }
  }

  /** A string literal whose quotes have been read. */
  private string(letters: string, quotes: string): void {
    const begin = this.at;
    for (;;) {
      const character = this.source[this.at];
      if (character === undefined || (character === '\n' && quotes.length === 1)) this.fail('a text is not closed');
      if (character === '\\') this.at += 2;
      else if (this.source.startsWith(quotes, this.at)) break;
      else this.at++;
    }
    const raw = this.source.slice(begin, this.at);
    this.at += quotes.length;
    const prefix = /[ft]/.test(letters) ? 'f' : letters.includes('b') ? 'b' : '';
    // Which quotes a format string has inside is a matter of taste, and never seen in an image.
    const plain = letters.includes('r') ? raw : unescaped(raw);
    const content = prefix === 'f' ? plain.replaceAll("'", '"') : plain;
    this.tokens.push({ kind: 'string', text: `${prefix}${JSON.stringify(content)}`, content, prefix });
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    if (found) this.at = pattern.lastIndex;
    return found ?? undefined;
  }

  private endLine(): void {
    const last = this.tokens.at(-1)?.kind;
    if (last && last !== 'newline' && last !== 'indent' && last !== 'dedent') this.push('newline', '');
  }

  private push(kind: TokenKind, text: string): void {
    this.tokens.push({ kind, text });
  }

  private fail(problem: string): never {
    throw new PythonError(`${problem} (line ${this.source.slice(0, this.at).split('\n').length})`);
  }
}

/** `1_000` as `1000`, `1e-4` as `0.0001.`: a float ends with a full stop. */
function canonicalNumber(written: string): string {
  const text = written.replaceAll('_', '').toLowerCase();
  if (/^(0[xob].+|\d+)$/.test(text)) return BigInt(text).toString();
  return text.endsWith('j') ? `${Number(text.slice(0, -1))}j` : `${Number(text)}.`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The value of a literal that is not raw; names of characters (`\N{...}`) stay as they are. */
function unescaped(raw: string): string {
  const escape = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g;
  return raw.replace(escape, (all: string, octal?: string, x?: string, u?: string, long?: string, one?: string) => {
    if (octal !== undefined) return String.fromCodePoint(parseInt(octal, 8));
    const code = parseInt(x ?? u ?? long ?? '', 16);
    if (!Number.isNaN(code)) return code <= 0x10ffff ? String.fromCodePoint(code) : all;
    return ESCAPES[one ?? ''] ?? all;
  });
}
