import { KEYWORDS, type TokenReader } from './python-token-reader';
import { PythonError, type Token } from './python-tokens';

/** Of expressions within each other; those of networks have 10. */
const MAX_DEPTH = 200;

/** How strongly the operators with two sides bind; comparisons are chained, powers go from right to left. */
const BINARY: ReadonlyMap<string, number> = new Map(
  Object.entries({
    or: 1,
    and: 2,
    '|': 5,
    '^': 6,
    '&': 7,
    '<<': 8,
    '>>': 8,
    '+': 9,
    '-': 9,
    '*': 10,
    '/': 10,
    '//': 10,
    '%': 10,
    '@': 10,
  }),
);
const NOT = 3;
const COMPARE = 4;
/** Above comparisons: the targets of `for`, which end at `in`. */
const TARGET = 5;

const COMPARISONS = new Set(['<', '>', '<=', '>=', '==', '!=', 'in', 'not', 'is']);

/**
 * Reads expressions and gives each as text in which every operation has brackets of its own: two expressions have the same
 * text if and only if Python reads them as the same, however they are laid out. Source: the Python reference, "Full
 * grammar specification" (3.11).
 */
export class Expressions {
  private depth = 0;

  constructor(readonly reader: TokenReader) {}

  /** `a, *b`: a tuple if there is a comma. @param one reads a member @param isSlices whether members may begin with a colon */
  list(one: () => string = () => this.starred(), isSlices = false): string {
    const { reader } = this;
    const items = [one()];
    let isTuple = false;
    while (reader.accept(',')) {
      isTuple = true;
      if (!this.beginsExpression() && !(isSlices && reader.sees(':'))) break;
      items.push(one());
    }
    return isTuple ? `(tuple ${items.join(' ')})` : items[0]!;
  }

  /** Targets of a loop, which end at `in`. */
  targets(): string {
    return this.list(() => this.target());
  }

  /** One target of a loop or a context. */
  target(): string {
    return this.reader.accept('*') ? `(* ${this.binary(TARGET)})` : this.binary(TARGET);
  }

  /** `yield`, or a list. */
  listOrYield(): string {
    return this.reader.sees('yield') ? this.yielded() : this.list();
  }

  starred(): string {
    return this.reader.accept('*') ? `(* ${this.binary(TARGET)})` : this.named();
  }

  /** `name := value`, or an expression. */
  named(): string {
    const { reader } = this;
    if (reader.token.kind === 'name' && reader.following.text === ':=') {
      const name = reader.name();
      reader.expect(':=');
      return `(:= ${name} ${this.test()})`;
    }
    return this.test();
  }

  /** An expression without commas. */
  test(): string {
    return this.nested(() => {
      const { reader } = this;
      if (reader.accept('lambda')) {
        const parameters = this.parameters(':', false);
        reader.expect(':');
        return `(lambda (${parameters}) ${this.test()})`;
      }
      const value = this.binary(1);
      if (!reader.accept('if')) return value;
      const condition = this.binary(1);
      reader.expect('else');
      return `(if ${condition} ${value} ${this.test()})`;
    });
  }

  /** Parameters of a function up to `end`, which stays. */
  parameters(end: string, isTyped: boolean): string {
    const { reader } = this;
    const list: string[] = [];
    while (!reader.sees(end)) {
      const star = reader.accept('**') ? '**' : reader.accept('*') ? '*' : reader.accept('/') ? '/' : '';
      let text = star;
      if (star !== '/' && !(star === '*' && reader.sees(','))) {
        text += reader.name();
        if (isTyped && reader.accept(':')) text += `: ${this.test()}`;
        if (reader.accept('=')) text += `= ${this.test()}`;
      }
      list.push(text);
      if (!reader.accept(',')) break;
    }
    return list.join(', ');
  }

  /** Arguments of a call or bases of a class up to the closing bracket, which is taken. */
  callArguments(): string {
    const { reader } = this;
    const list: string[] = [];
    while (!reader.sees(')')) {
      if (reader.accept('**')) list.push(`(** ${this.test()})`);
      else if (reader.accept('*')) list.push(`(* ${this.test()})`);
      else if (reader.token.kind === 'name' && reader.following.text === '=') {
        const name = reader.name();
        reader.expect('=');
        list.push(`(= ${name} ${this.test()})`);
      } else list.push(this.comprehended(this.named(), 'gen'));
      if (!reader.accept(',')) break;
    }
    reader.expect(')');
    return list.join(' ');
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) throw new PythonError('its expressions are nested too deeply');
    const value = read();
    this.depth--;
    return value;
  }

  private beginsExpression(): boolean {
    const { kind, text } = this.reader.token;
    if (kind === 'operator') return '([{-+~*...'.includes(text) && text !== '.' && text !== '**';
    if (kind === 'name') return !KEYWORDS.has(text) || ['not', 'lambda', 'await'].includes(text);
    return kind === 'number' || kind === 'string';
  }

  private yielded(): string {
    const { reader } = this;
    reader.expect('yield');
    if (reader.accept('from')) return `(yield-from ${this.test()})`;
    return this.beginsExpression() ? `(yield ${this.list()})` : '(yield)';
  }

  /** Operators that bind at least as strongly as `least`. */
  private binary(least: number): string {
    return this.nested(() => {
      const { reader } = this;
      let left = least <= NOT && reader.accept('not') ? `(not ${this.binary(NOT)})` : this.unary();
      for (;;) {
        const { text, kind } = reader.token;
        const binds = kind === 'string' ? undefined : BINARY.get(text);
        if (binds !== undefined && binds >= least) {
          reader.take();
          left = `(${text} ${left} ${this.binary(binds + 1)})`;
        } else if (least <= COMPARE && this.seesComparison()) {
          left = this.comparison(left);
        } else return left;
      }
    });
  }

  private seesComparison(): boolean {
    const { token, following } = this.reader;
    return token.kind !== 'string' && COMPARISONS.has(token.text) && (token.text !== 'not' || following.text === 'in');
  }

  /** `a < b < c` is one operation. */
  private comparison(first: string): string {
    const { reader } = this;
    const parts = [first];
    while (this.seesComparison()) {
      let operator = reader.take().text;
      if (operator === 'not') operator = `not ${reader.take().text}`;
      else if (operator === 'is' && reader.accept('not')) operator = 'is not';
      parts.push(operator, this.binary(COMPARE + 1));
    }
    return `(compare ${parts.join(' ')})`;
  }

  private unary(): string {
    return this.nested(() => {
      const { reader } = this;
      for (const sign of ['-', '+', '~']) if (reader.accept(sign)) return `(${sign} ${this.unary()})`;
      const base = reader.accept('await') ? `(await ${this.primary()})` : this.primary();
      return reader.accept('**') ? `(** ${base} ${this.unary()})` : base;
    });
  }

  /** An atom with what follows it: attributes, calls, subscripts. */
  private primary(): string {
    const { reader } = this;
    let value = this.atom();
    for (;;) {
      if (reader.accept('.')) value = `(. ${value} ${reader.name()})`;
      else if (reader.accept('(')) value = `(call ${value} ${this.callArguments()})`;
      else if (reader.accept('[')) {
        value = `(item ${value} ${this.list(() => this.slice(), true)})`;
        reader.expect(']');
      } else return value;
    }
  }

  private slice(): string {
    const { reader } = this;
    const part = (): string => (reader.sees(':') || reader.sees(',') || reader.sees(']') ? '_' : this.starred());
    const first = part();
    if (!reader.accept(':')) return first;
    const second = part();
    return `(slice ${first} ${second} ${reader.accept(':') ? part() : '_'})`;
  }

  private atom(): string {
    const { reader } = this;
    const { kind } = reader.token;
    if (kind === 'number') return reader.take().text;
    if (kind === 'string') return this.strings();
    if (kind === 'name') {
      const name = reader.name();
      reader.uses.add(name);
      return name;
    }
    if (reader.accept('...')) return '...';
    if (reader.accept('(')) return this.parenthesised();
    if (reader.accept('[')) return this.closed('list', ']');
    if (reader.accept('{')) return this.braces();
    return reader.fail();
  }

  /** Texts side by side are one. */
  private strings(): string {
    const { reader } = this;
    const parts: Token[] = [];
    while (reader.token.kind === 'string') parts.push(reader.take());
    const isFormat = parts.some(({ prefix }) => prefix === 'f');
    const content = parts
      .map(({ content = '', prefix }) => (isFormat && prefix !== 'f' ? content.replace(/[{}]/g, '$&$&') : content))
      .join('');
    if (isFormat) for (const [name] of content.matchAll(/[A-Za-z_]\w*/g)) reader.uses.add(name);
    return `${isFormat ? 'f' : (parts[0]?.prefix ?? '')}${JSON.stringify(content)}`;
  }

  private parenthesised(): string {
    const { reader } = this;
    if (reader.accept(')')) return '(tuple )';
    const inner = reader.sees('yield') ? this.yielded() : this.comprehended(this.list(), 'gen');
    reader.expect(')');
    return inner;
  }

  /** Members of a list or set up to the closing bracket. */
  private closed(what: string, end: string, first?: string): string {
    const { reader } = this;
    const items = first === undefined ? [] : [first];
    while (!reader.sees(end)) {
      items.push(this.starred());
      if (items.length === 1 && this.seesComprehension()) {
        const all = this.comprehended(items[0]!, what);
        reader.expect(end);
        return all;
      }
      if (!reader.accept(',')) break;
    }
    reader.expect(end);
    return `(${what} ${items.join(' ')})`;
  }

  private braces(): string {
    const { reader } = this;
    if (reader.accept('}')) return '(dict )';
    const items: string[] = [];
    do {
      if (reader.sees('}')) break;
      if (reader.accept('**')) items.push(`(** ${this.binary(TARGET)})`);
      else {
        const key = this.starred();
        if (!reader.accept(':')) return this.set(key, items);
        items.push(this.comprehended(`${key}: ${this.test()}`, 'dict'));
      }
    } while (reader.accept(','));
    reader.expect('}');
    return `(dict ${items.join(', ')})`;
  }

  private set(first: string, items: readonly string[]): string {
    const { reader } = this;
    if (items.length) reader.fail();
    if (this.seesComprehension()) {
      const all = this.comprehended(first, 'set');
      reader.expect('}');
      return all;
    }
    if (!reader.accept(',') && !reader.sees('}')) reader.fail();
    return this.closed('set', '}', first);
  }

  private seesComprehension(): boolean {
    const { reader } = this;
    return reader.sees('for') || (reader.sees('async') && reader.following.text === 'for');
  }

  /** `value for x in y if z`, or the value alone. */
  private comprehended(value: string, what: string): string {
    const { reader } = this;
    const parts: string[] = [];
    while (this.seesComprehension()) {
      const word = reader.accept('async') ? 'async-for' : 'for';
      reader.expect('for');
      const targets = this.targets();
      reader.expect('in');
      parts.push(`(${word} ${targets} ${this.binary(1)})`);
      while (reader.accept('if')) parts.push(`(when ${this.binary(1)})`);
    }
    return parts.length ? `(${what}-of ${value} ${parts.join(' ')})` : value;
  }
}
