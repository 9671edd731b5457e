/** Reads one stretch of shell code: commands, what they are made of, and where they end. */
import type { Assignment, ShellCommand } from './shell-command';
import type { ReaderState } from './region';
import type { EmbeddedText, BrokenContinuation } from './shell-command';
import { closing, lineEndAt, type Word, type WordReader } from './words';

const compoundOpeners = new Set(['if', 'for', 'while', 'until', 'case', 'select', '{', 'function']);
const compoundClosers = new Set(['fi', 'done', 'esac', '}']);
const prefixWords = new Set(['then', 'else', 'elif', 'do', '!', 'time', 'if', 'while', 'until', '{']);
/** A pattern inside a function is created each time the function runs; here, once. */
const digits = /^\d+$/;
const assignmentStart = /^([A-Za-z_]\w*)\+?=/;
const shells = new Set(['bash', 'sh', 'zsh', 'dash', 'ksh']);
const emptyBrackets = /^\(\s*\)/;
const redirectionStart = /^(?:<<<|<<-?|<>|>>|>\||[<>]&|[<>])/;

/** Shared by the many commands without assignments or redirections: creating and keeping lists costs more than reading. */
const noAssignments: readonly Assignment[] = [];
const noWords: readonly Word[] = [];

interface HereDocument {
  delimiter: string;
  /** Whether the delimiter is quoted: then the shell expands nothing in the body. */
  quoted: boolean;
  stripTabs: boolean;
  command: ShellCommand;
}

/** Where a script's code begins. */
export const startOfCode: ReaderState = { depth: 0, caseDepth: 0, awaitingPattern: false };

/** Who takes what is read. */
export interface CodeTaker {
  readonly text: string;
  readonly words: WordReader;
  /** Takes a finished command. `nesting` counts the here-documents and strings around it. */
  add(command: ShellCommand, nesting: number): void;
  /** Takes a word that goes over several lines. */
  addLongWord(word: Word, command: ShellCommand, nesting: number): void;
  addText(text: EmbeddedText): void;
  addBrokenContinuation(found: BrokenContinuation): void;
  /** Reads a stretch within this one. */
  read(from: number, to: number, nesting: number): void;
  /** Told where a line of the script itself begins that continues nothing. @returns whether the rest is known already */
  lineBegins(at: number, state: ReaderState): boolean;
}

/** Reads one stretch of code: a whole script, a here-document that a shell gets, or the string of `bash -c`. */
export class StretchReader implements ReaderState {
  private readonly text: string;
  private at: number;
  depth: number;
  private command: ShellCommand;
  /** Whether a text names the command: it then stays what it is, though it has no words. */
  private isNamed = false;
  /** Words of the command that is being read; it keeps a copy of exactly their number. */
  private readonly words: Word[] = [];
  private wordCount = 0;
  /** Here-documents whose bodies begin on the next line. */
  private documents: HereDocument[] = [];
  caseDepth: number;
  awaitingPattern: boolean;
  /** Whether what comes next is known already. */
  private isKnown = false;

  constructor(
    private readonly shell: CodeTaker,
    from: number,
    private readonly to: number,
    private readonly nesting: number,
    { depth, caseDepth, awaitingPattern }: ReaderState = startOfCode,
  ) {
    this.text = shell.text;
    this.at = from;
    this.depth = depth;
    this.caseDepth = caseDepth;
    this.awaitingPattern = awaitingPattern;
    this.command = newCommand(from, depth);
  }

  read(): void {
    while (this.at < this.to && !this.isKnown) this.step();
    if (!this.isKnown) this.finish(this.to);
  }

  /** Reads one word or operator. */
  private step(): void {
    const { text, at, to } = this;
    const c = text.charAt(at);
    switch (c) {
      case '\n':
      case '\r':
        return this.lineEnd(c);
      case ' ':
      case '\t':
        this.at++;
        return;
      case '#':
        this.at = lineEndAt(text, at, to);
        return;
      case ';':
      case '&':
      case '|':
        return this.separator(c);
      case '(':
        return this.openingBracket();
      case ')':
        return this.closingBracket();
      case '\\':
        if (isEol(text[at + 1])) {
          this.at += text[at + 1] === '\r' && text[at + 2] === '\n' ? 3 : 2;
          return;
        }
        if (text[at + 1] === ' ' || text[at + 1] === '\t') this.noteBrokenContinuation(at);
        break;
      case '<':
      case '>':
        if (text[at + 1] !== '(') return this.redirection(at);
    }
    this.word();
  }

  private lineEnd(c: string): void {
    this.finish(this.at);
    this.at++;
    if (c === '\r' && this.text[this.at] === '\n') this.at++;
    for (const document of this.documents) this.hereDocument(document);
    if (this.documents.length) this.documents = [];
    if (this.nesting > 0 || this.at >= this.to) return;
    // As if reading began here.
    this.command.start = this.command.end = this.at;
    this.isKnown = this.shell.lineBegins(this.at, this);
  }

  private separator(c: string): void {
    const two = this.text.slice(this.at, this.at + 2);
    if (two === '&>') return this.redirection(this.at + 1);
    const pipe = c === '|' && two !== '||';
    if (pipe) this.command.piped = true;
    this.finish(this.at, c === '&' && two !== '&&');
    if (pipe) this.command.piped = true;
    if (two === ';;' && this.caseDepth > 0) this.awaitingPattern = true;
    this.at += two === '&&' || two === '||' || two === ';;' || two === '|&' ? 2 : 1;
  }

  /** `name() {` declares a function, `((` is arithmetic, `(` alone opens a subshell. */
  private openingBracket(): void {
    const { text, at } = this;
    if (this.wordCount === 1 && emptyBrackets.test(text.slice(at, at + 40))) {
      this.wordCount = 0;
      this.begin(at);
      this.at = text.indexOf(')', at) + 1;
      return;
    }
    this.finish(at);
    if (text[at + 1] === '(') this.skipPast('))');
    else {
      this.command.depth = ++this.depth;
      this.at++;
    }
  }

  private closingBracket(): void {
    this.finish(this.at);
    if (this.awaitingPattern) this.awaitingPattern = false;
    else this.closeCompound();
    this.command.depth = this.depth;
    this.at++;
  }

  private word(): void {
    const word = this.shell.words.read(this.at, this.to);
    if (word.end <= this.at) {
      this.at++;
      return;
    }
    this.at = word.end;
    if (word.raw.length > 2 && word.raw.includes('\n')) {
      this.isNamed = true;
      this.shell.addLongWord(word, this.command, this.nesting);
    }
    const next = this.text[this.at];
    // The number before a redirection is a file descriptor.
    if ((next === '<' || next === '>') && digits.test(word.raw)) return;
    if (this.awaitingPattern) {
      if (word.raw === 'esac') {
        this.awaitingPattern = false;
        this.caseDepth--;
        this.closeCompound();
      }
      return;
    }
    if (this.wordCount === 0) {
      if (this.command.assignments.length === 0 && this.keyword(word.raw)) return;
      const assigned = assignmentStart.exec(word.raw);
      if (assigned?.[1]) return this.assignment(word, assigned[1], assigned[0]);
    }
    this.words[this.wordCount++] = word;
  }

  /** Where a command begins: opens and closes compound commands; true for a word that is not part of the command. */
  private keyword(raw: string): boolean {
    if (compoundOpeners.has(raw)) this.depth++;
    if (compoundClosers.has(raw)) {
      if (raw === 'esac') this.caseDepth--;
      this.closeCompound();
      this.command.depth = this.depth;
      return true;
    }
    this.command.depth = this.depth;
    if (prefixWords.has(raw)) return true;
    if (raw === '[[') this.skipPast(']]');
    else if (raw === 'case') {
      this.caseDepth++;
      const inWord = /\bin\b/g;
      inWord.lastIndex = this.at;
      const found = inWord.exec(this.text);
      if (found && found.index < lineEndAt(this.text, this.at, this.to)) this.at = found.index + 2;
      this.awaitingPattern = true;
    } else return false;
    return true;
  }

  /** @param beginning the name with the `=` or `+=` */
  private assignment(word: Word, name: string, beginning: string): void {
    const skip = beginning.length;
    if (word.raw.length === skip && this.text[this.at] === '(') this.at = closing(this.text, this.at, this.to);
    const value = this.shell.words.read(word.start + skip, word.end);
    this.command.assignments = this.command.assignments.concat({
      name,
      value: beginning.endsWith('+=') ? { ...value, text: undefined } : value,
      start: word.start,
      end: word.end,
    });
  }

  /** Ends the command that is being read, if there is one, and begins the next. */
  private finish(end: number, background = false): void {
    const { command } = this;
    if (this.wordCount || command.assignments.length) {
      command.words = this.words.slice(0, this.wordCount);
      this.wordCount = 0;
      command.end = end;
      command.background = background;
      this.shell.add(command, this.nesting);
      return this.begin(end);
    }
    if (this.isNamed) return this.begin(end);
    // An empty command is used again: empty lines and separators are many.
    command.start = end;
    command.end = end;
    command.depth = this.depth;
    command.piped = false;
    command.outputs = noWords;
  }

  private begin(at: number): void {
    this.command = newCommand(at, this.depth);
    this.isNamed = false;
  }

  private closeCompound(): void {
    this.depth = Math.max(0, this.depth - 1);
  }

  /** Skips to after the brackets that close a test or arithmetic, at most to the end of the line. */
  private skipPast(brackets: string): void {
    const end = lineEndAt(this.text, this.at, this.to);
    const close = this.text.slice(this.at, end).indexOf(brackets);
    this.at = close >= 0 ? this.at + close + 2 : end;
  }

  private redirection(start: number): void {
    const { text, command } = this;
    const operator = redirectionStart.exec(text.slice(start, start + 3))?.[0] ?? '<';
    let at = start + operator.length;
    while (text[at] === ' ' || text[at] === '\t') at++;
    const target = this.shell.words.read(at, this.to);
    if (operator === '<<' || operator === '<<-') {
      const delimiter = target.raw.replace(/['"\\]/g, '');
      if (delimiter) {
        this.isNamed = true;
        this.documents.push({ delimiter, quoted: delimiter !== target.raw, stripTabs: operator === '<<-', command });
      }
    } else if (operator.startsWith('>') && operator !== '>&') command.outputs = command.outputs.concat(target);
    this.at = Math.max(target.end, at);
  }

  /** Reads past a here-document; its body is code where a shell gets it. */
  private hereDocument({ delimiter, quoted, stripTabs, command }: HereDocument): void {
    const kind = quoted ? 'plain' : 'document';
    const { text, to, at: from } = this;
    while (this.at < to) {
      const { at } = this;
      const end = lineEndAt(text, at, to);
      const line = text.slice(at, end);
      if ((stripTabs ? line.replace(/^\t+/, '') : line) === delimiter) {
        this.shell.addText({ start: from, end: at, kind, stripTabs, command });
        if (readsShellFromStdin(command)) this.shell.read(from, at, this.nesting + 1);
        this.at = end;
        return;
      }
      this.at = end + (text[end] === '\r' && text[end + 1] === '\n' ? 2 : 1);
    }
    this.shell.addText({ start: from, end: to, kind, stripTabs, command });
    this.at = to;
  }

  private noteBrokenContinuation(at: number): void {
    const end = lineEndAt(this.text, at, this.to);
    const rest = this.text.slice(at + 1, end);
    // Inside a line `\ ` escapes a space in a file name. At the end, or before an arrow or a comment, it is a mistake.
    if (/^[ \t]*$/.test(rest) || /^[ \t]+(?:#|<-)/.test(rest)) this.shell.addBrokenContinuation({ start: at, end });
  }
}

function newCommand(start: number, depth: number): ShellCommand {
  return {
    assignments: noAssignments,
    words: noWords,
    start,
    end: start,
    background: false,
    piped: false,
    depth,
    outputs: noWords,
  };
}

/** The place of the string of `bash -c "..."`, if its text is in the script exactly as the shell gets it. */
export function commandString(command: ShellCommand): { start: number; end: number } | undefined {
  const { words } = command;
  for (let i = 0; i + 2 < words.length; i++) {
    if (!words[i]?.raw.endsWith('sh')) continue;
    const name = words[i]?.text?.split('/').pop();
    if (!name || !shells.has(name) || !/^-[a-z]*c$/.test(words[i + 1]?.raw ?? '')) continue;
    const script = words[i + 2];
    if (script && /^(["']).*\1$/s.test(script.raw) && !script.raw.includes('\\'))
      return { start: script.start + 1, end: script.end - 1 };
  }
  return undefined;
}

function readsShellFromStdin(command: ShellCommand): boolean {
  const last = command.words.filter((word) => !word.raw.startsWith('-')).pop();
  return shells.has(last?.text?.split('/').pop() ?? '');
}

function isEol(c: string | undefined): boolean {
  return c === '\n' || c === '\r';
}
