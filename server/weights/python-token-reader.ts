import { PythonError, type Token, type TokenKind } from './python-tokens';

/** Words that begin or end something and are no names. */
export const KEYWORDS = new Set(
  'and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  ),
);

/** Tokens read from front to back, and the names that an expression uses. */
export class TokenReader {
  private at = 0;
  /** Names that what is being read uses; attributes and names of arguments are not among them. */
  uses = new Set<string>();

  constructor(private readonly tokens: readonly Token[]) {}

  get token(): Token {
    return this.tokens[this.at] ?? { kind: 'end', text: '' };
  }

  get following(): Token {
    return this.tokens[this.at + 1] ?? { kind: 'end', text: '' };
  }

  /** Whether a token of this kind comes next. */
  isAt(kind: TokenKind): boolean {
    return this.token.kind === kind;
  }

  take(): Token {
    const { token } = this;
    this.at++;
    return token;
  }

  /** Whether an operator or word comes next. */
  sees(text: string): boolean {
    return this.token.text === text && (this.token.kind === 'operator' || this.token.kind === 'name');
  }

  /** Takes it if it comes next. */
  accept(text: string): boolean {
    if (!this.sees(text)) return false;
    this.at++;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail();
  }

  /** Whether the bracket that comes next is closed right before `text`. */
  closesBefore(text: string): boolean {
    let depth = 0;
    for (let i = this.at; i < this.tokens.length; i++) {
      const { kind, text: one } = this.tokens[i]!;
      if (kind === 'operator' && '([{'.includes(one)) depth++;
      if (kind === 'operator' && ')]}'.includes(one) && --depth === 0) return this.tokens[i + 1]?.text === text;
    }
    return false;
  }

  name(): string {
    return this.token.kind === 'name' && !KEYWORDS.has(this.token.text) ? this.take().text : this.fail();
  }

  fail(): never {
    throw new PythonError(`its syntax near ${JSON.stringify(this.token.text.slice(0, 40))} is not known`);
  }
}
