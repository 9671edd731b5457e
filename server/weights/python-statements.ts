import { Expressions } from './python-expressions';
import { TokenReader } from './python-token-reader';
import { pythonTokens } from './python-tokens';

/** A statement of a module without its layout, comments and docstrings. */
export interface Statement {
  /** The same for two statements if and only if Python reads them as the same. */
  readonly text: string;
  /** Names that it gives a meaning in the module. */
  readonly binds: readonly string[];
  /** Names that it uses, those of its functions' own variables among them. */
  readonly uses: ReadonlySet<string>;
  /** Whether it may do more than to bind names: a call, a loop, an assignment to an attribute. */
  readonly acts: boolean;
}

const ASSIGNMENTS = new Set('+= -= *= /= //= %= @= &= |= ^= >>= <<= **='.split(' '));
const BLOCKS = 5000;

interface Part {
  text: string;
  binds: string[];
  acts: boolean;
}

const TEXT_ONLY = /^b?"(?:[^"\\]|\\.)*"$/s;
const NAME_ONLY = /^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u;
/** What only a running interpreter of this file's own would do. */
const MAIN_ONLY = /^\(if \(compare (__name__ == b?"__main__"|b?"__main__" == __name__)\) /;

/**
 * The statements of a module. An import of several names is several statements; texts that stand alone and what runs only
 * as a program are left out.
 * @throws PythonError for anything that is not Python 3 up to 3.11 without `match`, or takes too much
 */
export function pythonStatements(source: string): Statement[] {
  return new Statements(new TokenReader(pythonTokens(source))).module();
}

class Statements {
  private readonly expressions: Expressions;
  private blocks = 0;

  constructor(private readonly reader: TokenReader) {
    this.expressions = new Expressions(reader);
  }

  module(): Statement[] {
    const { reader } = this;
    const statements: Statement[] = [];
    while (reader.token.kind !== 'end') {
      reader.uses = new Set();
      const parts = this.line();
      for (const part of parts) if (!MAIN_ONLY.test(part.text)) statements.push({ ...part, uses: reader.uses });
    }
    return statements;
  }

  /** A compound statement, or the simple ones of a line. */
  private line(): Part[] {
    const { reader } = this;
    if (reader.sees('@')) return [this.decorated()];
    const compound = reader.token.kind === 'name' ? this.compounds.get(reader.token.text) : undefined;
    if (compound) return [compound()];
    const parts: Part[] = [];
    do {
      if (reader.token.kind === 'newline') break;
      parts.push(...this.simple());
    } while (reader.accept(';'));
    if (reader.token.kind !== 'newline') reader.fail();
    reader.take();
    return parts.filter(({ text }) => !TEXT_ONLY.test(text));
  }

  private readonly compounds: ReadonlyMap<string, () => Part> = new Map(
    Object.entries({
      if: () => this.ifs(),
      while: () => this.headed('while', () => this.expressions.named(), ['else']),
      for: () => this.headed('for', () => this.loop(), ['else']),
      try: () => this.tries(),
      with: () => this.headed('with', () => this.contexts(), []),
      def: () => this.definition(''),
      class: () => this.classes(''),
      async: () => this.asynchronous(),
    }),
  );

  /** Statements after a colon: on the same line, or a block. */
  private suite(): Part {
    const { reader } = this;
    reader.expect(':');
    if (++this.blocks > BLOCKS) reader.fail();
    const parts: Part[] = [];
    if (!reader.isAt('newline')) parts.push(...this.line());
    else {
      reader.take();
      if (reader.take().kind !== 'indent') reader.fail();
      while (!reader.isAt('dedent')) parts.push(...this.line());
      reader.take();
    }
    const doing = parts.filter(({ text }) => text !== 'pass');
    return {
      text: `{${(doing.length ? doing.map(({ text }) => text) : ['pass']).join('; ')}}`,
      binds: parts.flatMap(({ binds }) => binds),
      acts: parts.some(({ acts }) => acts),
    };
  }

  private ifs(): Part {
    const { reader } = this;
    reader.take();
    const condition = this.expressions.named();
    const then = this.suite();
    const otherwise = reader.sees('elif') ? this.ifs() : reader.accept('else') ? this.suite() : undefined;
    const parts = otherwise ? [then, otherwise] : [then];
    return {
      text: `(if ${condition} ${then.text}${otherwise ? ` else ${otherwise.text.startsWith('{') ? otherwise.text : `{${otherwise.text}}`}` : ''})`,
      binds: parts.flatMap(({ binds }) => binds),
      acts: parts.some(({ acts }) => acts) || condition.includes('(call '),
    };
  }

  /** A statement with a header, a block, and further blocks. Loops and contexts always count as acting. */
  private headed(word: string, header: () => string, more: readonly string[]): Part {
    const { reader } = this;
    reader.expect(word);
    const first = `${word} ${header()}`;
    const body = this.suite();
    let { text } = body;
    const binds = [...body.binds];
    for (const further of more) {
      if (!reader.accept(further)) continue;
      const part = this.suite();
      text += ` ${further} ${part.text}`;
      binds.push(...part.binds);
    }
    return { text: `(${first} ${text})`, binds, acts: true };
  }

  private loop(): string {
    const targets = this.expressions.targets();
    this.reader.expect('in');
    return `${targets} in ${this.expressions.list()}`;
  }

  /** `with a as b, c:`, in brackets or not. */
  private contexts(): string {
    const { reader, expressions } = this;
    const list: string[] = [];
    const isBracketed = reader.sees('(') && reader.closesBefore(':');
    if (isBracketed) reader.take();
    do {
      if (isBracketed && reader.sees(')')) break;
      const context = expressions.named();
      list.push(reader.accept('as') ? `${context} as ${expressions.target()}` : context);
    } while (reader.accept(','));
    if (isBracketed) reader.expect(')');
    return list.join(', ');
  }

  private tries(): Part {
    const { reader } = this;
    reader.take();
    const parts = [this.suite()];
    let text = `try ${parts[0]!.text}`;
    while (reader.sees('except') || reader.sees('else') || reader.sees('finally')) {
      let header = reader.take().text;
      if (header === 'except') {
        if (reader.accept('*')) header += '*';
        if (!reader.sees(':')) header += ` ${this.expressions.test()}`;
        if (reader.accept('as')) header += ` as ${reader.name()}`;
      }
      const part = this.suite();
      parts.push(part);
      text += ` ${header} ${part.text}`;
    }
    return { text: `(${text})`, binds: parts.flatMap(({ binds }) => binds), acts: parts.some(({ acts }) => acts) };
  }

  private asynchronous(): Part {
    const { reader } = this;
    reader.take();
    if (reader.sees('def')) return this.definition('async ');
    const part = (reader.sees('for') || reader.sees('with') ? this.compounds.get(reader.token.text) : undefined)?.();
    return part ? { ...part, text: `(async ${part.text})` } : reader.fail();
  }

  private decorated(): Part {
    const { reader } = this;
    let decorators = '';
    while (reader.accept('@')) {
      decorators += `@${this.expressions.named()} `;
      if (reader.take().kind !== 'newline') reader.fail();
    }
    if (reader.sees('class')) return this.classes(decorators);
    return this.definition(decorators + (reader.accept('async') ? 'async ' : ''));
  }

  private definition(before: string): Part {
    const { reader, expressions } = this;
    reader.expect('def');
    const name = reader.name();
    reader.expect('(');
    const parameters = expressions.parameters(')', true);
    reader.expect(')');
    const returns = reader.accept('->') ? ` -> ${expressions.test()}` : '';
    return { text: `(${before}def ${name}(${parameters})${returns} ${this.suite().text})`, binds: [name], acts: false };
  }

  private classes(before: string): Part {
    const { reader } = this;
    reader.expect('class');
    const name = reader.name();
    const bases = reader.accept('(') ? this.expressions.callArguments() : '';
    return { text: `(${before}class ${name}(${bases}) ${this.suite().text})`, binds: [name], acts: false };
  }

  private simple(): Part[] {
    const { reader } = this;
    const { text: word, kind } = reader.token;
    const read = kind === 'name' ? this.words.get(word) : undefined;
    if (!read) return [this.assignment()];
    reader.take();
    return read();
  }

  private readonly words: ReadonlyMap<string, () => Part[]> = new Map(
    Object.entries({
      pass: () => [{ text: 'pass', binds: [], acts: false }],
      break: () => act('break'),
      continue: () => act('continue'),
      return: () => act(`(return ${this.ends() ? '' : this.expressions.list()})`),
      raise: () => {
        const raised = this.ends() ? '' : this.expressions.test();
        return act(`(raise ${raised}${this.reader.accept('from') ? ` from ${this.expressions.test()}` : ''})`);
      },
      assert: () => {
        const held = this.expressions.test();
        return act(`(assert ${held}${this.reader.accept(',') ? `, ${this.expressions.test()}` : ''})`);
      },
      del: () => act(`(del ${this.expressions.list()})`),
      global: () => this.scope('global'),
      nonlocal: () => this.scope('nonlocal'),
      import: () => this.imports(),
      from: () => this.importsFrom(),
    }),
  );

  private ends(): boolean {
    return this.reader.token.kind === 'newline' || this.reader.sees(';');
  }

  private scope(word: string): Part[] {
    const names: string[] = [];
    do names.push(this.reader.name());
    while (this.reader.accept(','));
    return act(`(${word} ${names.join(', ')})`);
  }

  private imports(): Part[] {
    const parts: Part[] = [];
    do {
      const module = this.dotted();
      const name = this.reader.accept('as') ? this.reader.name() : undefined;
      parts.push({
        text: `(import ${module}${name ? ` as ${name}` : ''})`,
        binds: [name ?? module.split('.')[0]!],
        acts: false,
      });
    } while (this.reader.accept(','));
    return parts;
  }

  private importsFrom(): Part[] {
    const { reader } = this;
    let module = '';
    while (reader.sees('.') || reader.sees('...')) module += reader.take().text;
    if (!reader.sees('import')) module += this.dotted();
    reader.expect('import');
    if (reader.accept('*')) return act(`(from ${module} import *)`);
    const isBracketed = reader.accept('(');
    const parts: Part[] = [];
    do {
      if (isBracketed && reader.sees(')')) break;
      const name = reader.name();
      const as = reader.accept('as') ? reader.name() : name;
      parts.push({ text: `(from ${module} import ${name} as ${as})`, binds: [as], acts: false });
    } while (reader.accept(','));
    if (isBracketed) reader.expect(')');
    return parts;
  }

  private dotted(): string {
    let name = this.reader.name();
    while (this.reader.accept('.')) name += `.${this.reader.name()}`;
    return name;
  }

  /** An assignment of any form, or an expression that stands alone. */
  private assignment(): Part {
    const { reader, expressions } = this;
    const values = [expressions.listOrYield()];
    if (reader.accept(':')) {
      const type = expressions.test();
      const value = reader.accept('=') ? ` = ${expressions.listOrYield()}` : '';
      return assigned(`(${values[0]}: ${type}${value})`, values, value);
    }
    const { text: sign, kind } = reader.token;
    if (kind === 'operator' && ASSIGNMENTS.has(sign)) {
      reader.take();
      const value = expressions.listOrYield();
      return assigned(`(${values[0]} ${sign} ${value})`, values, value);
    }
    while (reader.accept('=')) values.push(expressions.listOrYield());
    const value = values.at(-1)!;
    if (values.length === 1) return { text: value, binds: [], acts: true };
    return assigned(`(${values.join(' = ')})`, values.slice(0, -1), value);
  }
}

function act(text: string): Part[] {
  return [{ text, binds: [], acts: true }];
}

/** An assignment binds names, and acts where it assigns to anything else or calls something. */
function assigned(text: string, targets: readonly string[], value: string): Part {
  const names = targets.flatMap((target) =>
    /^\(tuple |^\(list /.test(target) ? target.slice(0, -1).split(' ').slice(1) : [target],
  );
  const binds = names.filter((name) => NAME_ONLY.test(name));
  return { text, binds, acts: binds.length < names.length || value.includes('(call ') };
}
