/**
 * The structure of shell code, with places: its compound commands, functions and here-documents, and every variable's
 * name. `shell.ts` says what is run; this says where things are, for an editor. It is read only when it is asked for.
 */
import { ExpansionReader, type NameUse } from './expansions';
import type { Span } from './text';
import { lineEndAt } from './words';

/** A part of the code that opens and closes. */
export interface Block extends Span {
  kind: 'function' | 'if' | 'loop' | 'case' | 'group' | 'document';
}

/** What is where in a script's code. */
export interface Structure {
  /** In the order of the text, except that nested code may come before what encloses it. */
  names: readonly NameUse[];
  blocks: readonly Block[];
  /** Names that are given to programs, by `export` or before a command. */
  exported: ReadonlySet<string>;
  /** Scripts that `source` reads into this one. */
  sources: readonly Span[];
  /** Commands that make code from text: `eval`. */
  evaluations: readonly Span[];
}

/** Of a script in another language. */
export const NO_STRUCTURE: Structure = { names: [], blocks: [], exported: new Set(), sources: [], evaluations: [] };

/** Reads the structure of shell code. Never fails; takes linear time. */
export function readStructure(text: string): Structure {
  const reader = new StructureReader(text);
  reader.read();
  return reader;
}

const openers: Readonly<Record<string, Block['kind']>> = {
  if: 'if',
  while: 'loop',
  until: 'loop',
  for: 'loop',
  select: 'loop',
  case: 'case',
};
const closers: Readonly<Record<string, readonly Block['kind'][]>> = {
  fi: ['if'],
  done: ['loop'],
  esac: ['case'],
  '}': ['group', 'function'],
};
/** Words after which a command begins. */
const between = new Set(['then', 'else', 'elif', 'do', '!', 'time']);
const assigned = /^([A-Za-z_]\w*)(\[[^\]]*\])?\+?=/;
const plainName = /^[A-Za-z_]\w*$/;
const declarations = new Set(['export', 'declare', 'local', 'readonly', 'typeset']);
/** Commands that set the variables they name, with the letters of options that take a value. */
const readers: Readonly<Record<string, string>> = { read: 'dinNptu', mapfile: 'dnOsuCc', readarray: 'dnOsuCc' };
const delimiterAt = /(?:'[^'\n]*'|"[^"\n]*"|\\.|[^\s;&|<>()'"\\])+/y;

interface HereDocument {
  start: number;
  delimiter: string;
  quoted: boolean;
  stripTabs: boolean;
}

/** One list of commands: a script, or what stands between brackets. */
class Frame {
  readonly open: { kind: Block['kind']; start: number }[] = [];
  documents: HereDocument[] = [];
  /** Whether a command begins here. */
  starts = true;
  /** The command's name and where it begins, and how many arguments were read. */
  command: { name: string; start: number; end: number } | undefined;
  count = 0;
  /** Whether the next word is the target of a redirection, or the value of an option. */
  passes = false;
  /** Whether the declaration is one of functions, exports what it names, or makes maps. */
  flags = '';
  /** Where a function began whose body comes next. */
  definesFrom: number | undefined;
  /** Names that are set for the command that follows. */
  prefix: string[] = [];
  /** Whether patterns of `case` come next. */
  awaitsPattern = false;
  awaitsIn = false;

  begin(): void {
    this.starts = true;
    this.command = undefined;
    this.count = 0;
    this.passes = false;
    this.flags = '';
    this.prefix = [];
  }
}

class StructureReader extends ExpansionReader implements Structure {
  readonly blocks: Block[] = [];
  readonly exported = new Set<string>();
  readonly sources: Span[] = [];
  readonly evaluations: Span[] = [];
  private frame = new Frame();

  read(): void {
    this.code(0, this.text.length);
  }

  protected code(from: number, to: number, closer?: ')' | '`'): number {
    const outer = this.frame;
    const frame = (this.frame = new Frame());
    let at = from;
    while (at < to) {
      const c = this.text.charAt(at);
      if (c === closer && (c === '`' || !frame.awaitsPattern)) {
        at++;
        break;
      }
      at = this.step(c, at, to);
    }
    this.depth -= frame.open.length;
    this.frame = outer;
    return Math.min(at, to);
  }

  /** Reads one word or operator. @returns the offset after it */
  private step(c: string, at: number, to: number): number {
    const { text, frame } = this;
    switch (c) {
      case '\n':
      case '\r':
        frame.begin();
        return this.readDocuments(at + (c === '\r' && text[at + 1] === '\n' ? 2 : 1), to);
      case ' ':
      case '\t':
        return at + 1;
      case '#':
        return lineEndAt(text, at, to);
      case ';':
      case '&':
      case '|':
        if (text[at + 1] === '>' && c === '&') return at + 1;
        if (c === ';' && /[;&]/.test(text.charAt(at + 1)) && frame.open.at(-1)?.kind === 'case')
          frame.awaitsPattern = true;
        frame.begin();
        return at + 1;
      case '(':
        return this.openingBracket(at, to);
      case ')':
        if (frame.awaitsPattern) frame.begin();
        frame.awaitsPattern = false;
        return at + 1;
      case '<':
      case '>':
        return this.redirection(at, to);
      case '\\':
        if (/[\r\n]/.test(text.charAt(at + 1))) return at + (text.startsWith('\r\n', at + 1) ? 3 : 2);
    }
    return this.nextWord(at, to);
  }

  private openingBracket(at: number, to: number): number {
    const { text, frame } = this;
    if (frame.awaitsPattern) return at + 1;
    const { command } = frame;
    const empty = /^\(\s*\)/.exec(text.slice(at, at + 40))?.[0];
    const named = command && frame.count === 0 ? command.start : undefined;
    if (empty !== undefined && (named ?? frame.definesFrom) !== undefined) {
      frame.definesFrom ??= named;
      const from = frame.definesFrom;
      frame.begin();
      frame.definesFrom = from;
      return at + empty.length;
    }
    if (text[at + 1] === '(' && (frame.starts || (command?.name === 'for' && frame.count === 0))) {
      frame.starts = false;
      return this.arithmetic(at + 2, to, '))');
    }
    const { starts } = frame;
    const start = frame.definesFrom ?? at;
    const kind = frame.definesFrom === undefined ? 'group' : 'function';
    const end = this.substitution(at + 1, to, ')');
    if (starts) this.blocks.push({ kind, start, end });
    frame.definesFrom = undefined;
    frame.starts = false;
    return end;
  }

  private redirection(at: number, to: number): number {
    const { text, frame } = this;
    if (text[at + 1] === '(') return this.substitution(at + 2, to, ')');
    const operator = /^(?:<<<|<<-?|<>|>>|>\||[<>]&|[<>])/.exec(text.slice(at, at + 3))?.[0] ?? '<';
    let next = at + operator.length;
    if (operator !== '<<' && operator !== '<<-') {
      frame.passes = true;
      return next;
    }
    while (text[next] === ' ' || text[next] === '\t') next++;
    delimiterAt.lastIndex = next;
    const raw = delimiterAt.exec(text)?.[0] ?? '';
    const delimiter = raw.replace(/['"\\]/g, '');
    if (delimiter)
      frame.documents.push({ start: at, delimiter, quoted: raw !== delimiter, stripTabs: operator === '<<-' });
    return Math.min(to, next + raw.length);
  }

  /** The bodies of the here-documents that the line before began. */
  private readDocuments(from: number, to: number): number {
    const { text, frame } = this;
    let at = from;
    for (const { start, delimiter, quoted, stripTabs } of frame.documents) {
      const body = at;
      let bodyEnd = to;
      let end = to;
      while (at < to) {
        const lineEnd = lineEndAt(text, at, to);
        const line = text.slice(at, lineEnd);
        if ((stripTabs ? line.replace(/^\t+/, '') : line) === delimiter) {
          [bodyEnd, end] = [at, lineEnd];
          break;
        }
        at = lineEnd + (text.startsWith('\r\n', lineEnd) ? 2 : 1);
      }
      if (!quoted) this.document(body, bodyEnd);
      this.blocks.push({ kind: 'document', start, end });
      at = end + (text.startsWith('\r\n', end) ? 2 : end < to ? 1 : 0);
    }
    if (frame.documents.length) frame.documents = [];
    return Math.min(at, to);
  }

  private nextWord(at: number, to: number): number {
    const { text, frame } = this;
    const end = this.word(at, to);
    if (end <= at) return at + 1;
    const raw = text.slice(at, end);
    if (frame.passes) {
      frame.passes = false;
      return end;
    }
    // The number before a redirection is a file descriptor.
    if (/[<>]/.test(text.charAt(end)) && /^\d+$/.test(raw)) return end;
    if (frame.awaitsPattern) {
      if (raw === 'esac') this.close(closers.esac ?? [], end);
      return end;
    }
    return frame.starts ? this.commandWord(raw, at, end, to) : this.argument(raw, at, end, to);
  }

  private open(kind: Block['kind'], start: number): void {
    this.frame.open.push({ kind, start });
    this.depth++;
  }

  private close(kinds: readonly Block['kind'][], end: number): void {
    const { frame } = this;
    frame.awaitsPattern = false;
    frame.starts = false;
    const index = frame.open.findLastIndex(({ kind }) => kinds.includes(kind));
    const opened = frame.open[index];
    if (!opened) return;
    this.blocks.push({ ...opened, end });
    this.depth -= frame.open.length - index;
    frame.open.length = index;
  }

  /** A word where a command begins. */
  private commandWord(raw: string, at: number, end: number, to: number): number {
    const { frame } = this;
    if (between.has(raw)) return end;
    const closed = Object.hasOwn(closers, raw) ? closers[raw] : undefined;
    if (closed) {
      this.close(closed, end);
      return end;
    }
    if (raw === '{') {
      this.open(frame.definesFrom === undefined ? 'group' : 'function', frame.definesFrom ?? at);
      frame.definesFrom = undefined;
      return end;
    }
    if (raw === 'in' && frame.awaitsIn) {
      frame.awaitsIn = false;
      frame.awaitsPattern = true;
      return end;
    }
    if (raw === '[[') {
      frame.starts = false;
      return this.test(end, to);
    }
    const opened = Object.hasOwn(openers, raw) ? openers[raw] : undefined;
    if (opened) this.open(opened, at);
    if (opened && raw !== 'for' && raw !== 'select' && raw !== 'case') return end;
    if (raw === 'case') frame.awaitsIn = true;
    const name = assigned.exec(raw)?.[1];
    if (name !== undefined) {
      this.note('definition', at, at + name.length);
      frame.prefix.push(name);
      return this.arrayAfter(raw, end, to);
    }
    for (const given of frame.prefix) this.exported.add(given);
    frame.starts = false;
    frame.count = 0;
    frame.command = { name: raw, start: at, end };
    if (raw === 'eval') this.evaluations.push({ start: at, end });
    return end;
  }

  /** The values of an array, where its brackets follow the `=` of a word. */
  private arrayAfter(raw: string, end: number, to: number): number {
    const { text } = this;
    if (!raw.endsWith('=') || text[end] !== '(') return end;
    let at = end + 1;
    while (at < to && text[at] !== ')') {
      if (text[at] === '#') at = lineEndAt(text, at, to);
      else at = Math.max(at + 1, this.word(at, to));
    }
    return Math.min(to, at + 1);
  }

  /** A word after the command's name. */
  private argument(raw: string, at: number, end: number, to: number): number {
    const { frame } = this;
    const name = frame.command?.name ?? '';
    const index = frame.count++;
    if (frame.flags.endsWith('>')) {
      frame.flags = frame.flags.slice(0, -1);
      return end;
    }
    if (declarations.has(name)) return this.declaration(name, raw, at, end, to);
    const withValue = Object.hasOwn(readers, name) ? readers[name] : undefined;
    if (withValue !== undefined) {
      if (raw.startsWith('-')) frame.flags += withValue.includes(raw.slice(-1)) ? '>' : '';
      else if (plainName.test(raw)) this.note('definition', at, end);
      return end;
    }
    switch (name) {
      case 'for':
      case 'select':
        if (index === 0 && plainName.test(raw)) this.note('definition', at, end);
        break;
      case 'case':
        if (raw === 'in' && index > 0) [frame.awaitsIn, frame.awaitsPattern] = [false, true];
        break;
      case 'function':
        if (index > 0) break;
        [frame.definesFrom, frame.starts] = [frame.command?.start, true];
        frame.command = undefined;
        break;
      case 'source':
      case '.':
        if (index === 0) this.sources.push({ start: at, end });
        break;
      default:
        this.namedBy(name, raw, index, at, end);
    }
    return end;
  }

  /** Names that other built-in commands take as words. */
  private namedBy(command: string, raw: string, index: number, start: number, end: number): void {
    const { frame } = this;
    const before = frame.flags;
    frame.flags = raw === '-v' || (command === 'unset' && raw === '-f') ? raw : before === '-f' ? before : '';
    if (command === 'let') {
      const quote = /^["']/.test(raw) ? 1 : 0;
      if (!raw.includes('$')) this.arithmetic(start + quote, end - quote, '))');
    } else if (!plainName.test(raw)) return;
    else if (command === 'printf' && before === '-v') this.note('definition', start, end);
    else if (command === 'getopts' && index === 1) this.note('definition', start, end);
    else if (command === 'unset' && before !== '-f') this.note('use', start, end);
    else if ((command === 'test' || command === '[') && before === '-v') this.note('use', start, end);
  }

  private declaration(command: string, raw: string, at: number, end: number, to: number): number {
    const { frame } = this;
    if (/^[-+]/.test(raw)) {
      frame.flags += raw;
      return end;
    }
    // `declare -f` names functions.
    if (/[fF]/.test(frame.flags)) return end;
    const name = assigned.exec(raw)?.[1] ?? (plainName.test(raw) ? raw : undefined);
    if (name === undefined) return end;
    const makes = raw.length > name.length || (command !== 'export' && command !== 'readonly');
    this.note(makes ? 'definition' : 'use', at, at + name.length);
    if (command === 'export' ? !frame.flags.includes('n') : frame.flags.includes('x')) this.exported.add(name);
    return this.arrayAfter(raw, end, to);
  }

  /** `[[ ... ]]`, in which names that are compared as numbers need no dollar sign. */
  private test(from: number, to: number): number {
    const { text } = this;
    let previous: Span = { start: from, end: from };
    let operator = '';
    let at = from;
    while (at < to) {
      const end = this.word(at, to);
      if (end <= at) {
        at++;
        continue;
      }
      const raw = text.slice(at, end);
      if (raw === ']]') return end;
      const number = /^-(?:eq|ne|lt|le|gt|ge)$/.test(raw);
      if (number && plainName.test(text.slice(previous.start, previous.end)))
        this.note('use', previous.start, previous.end);
      if (operator !== '' && plainName.test(raw)) this.note('use', at, end);
      operator = number || raw === '-v' ? raw : '';
      previous = { start: at, end };
      at = end;
    }
    return at;
  }
}
