/**
 * A light reader of shell code: enough to see commands, their words and the variables they use, through continued
 * lines, quotes, here-documents and `bash -c` strings. It never fails and never runs anything. Whatever it cannot know,
 * such as a word built from a command's output, it calls unknown. Its time is linear in the length of the text.
 *
 * All other code sees only the result, a `Shell`, so that another parser could replace this one. Why not
 * tree-sitter-bash (@vscode/tree-sitter-wasm 0.3.1, Node 20.20, two shared cores): 59 ms to start; for 1,000 lines 5.9 ms
 * to parse again after an edit and 23 ms to walk the tree, for 20,000 lines 32 and 122 ms, before any rule has run;
 * 20,000 here-documents on one line took more than 20 s; 1.6 MB of wasm. The goals are 5 and 100 ms in all.
 * The tests use it: test/unit/scripts-shell-judge.test.ts compares this reader with it, word for word.
 */

import type { Assignment, BrokenContinuation, EmbeddedText, Shell, ShellCommand } from './shell-command';
import { closing, lineEndAt, longParts, WordReader, type Word } from './words';

const compoundOpeners = new Set(['if', 'for', 'while', 'until', 'case', 'select', '{', 'function']);
const compoundClosers = new Set(['fi', 'done', 'esac', '}']);
const prefixWords = new Set(['then', 'else', 'elif', 'do', '!', 'time', 'if', 'while', 'until', '{']);
const declarations = new Set(['export', 'declare', 'local', 'readonly', 'typeset']);
/** A pattern inside a function is created each time the function runs; here, once. */
const digits = /^\d+$/;
const assignmentStart = /^([A-Za-z_]\w*)\+?=/;
const declared = /^([A-Za-z_]\w*)=/;
const variableName = /^[A-Za-z_]\w*$/;
const emptyBrackets = /^\(\s*\)/;
const redirectionStart = /^(?:<<<|<<-?|<>|>>|>\||[<>]&|[<>])/;
const shells = new Set(['bash', 'sh', 'zsh', 'dash', 'ksh']);
/** Nested here-documents and -c strings are read to this depth. */
const maxNesting = 3;

/** Reads a script's shell code. */
export function readShell(text: string): Shell {
  const reader = new ShellReader(text);
  reader.read(0, text.length, 0);
  const { commands, assignments, brokenContinuations, texts, variables } = reader;
  return { commands, assignments, brokenContinuations, texts, variables };
}

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

/** What is known of a script's code while it is read. */
class ShellReader implements Shell {
  readonly commands: ShellCommand[] = [];
  readonly assignments: Assignment[] = [];
  readonly brokenContinuations: BrokenContinuation[] = [];
  readonly texts: EmbeddedText[] = [];
  readonly variables = new Set<string>();
  /** Known values; a name maps to undefined once its value cannot be known. */
  private readonly values = new Map<string, string | undefined>();
  readonly words: WordReader;

  constructor(readonly text: string) {
    this.words = new WordReader(text, this.values);
  }

  /** Reads a stretch of code; `nesting` counts the here-documents and -c strings around it. */
  read(from: number, to: number, nesting: number): void {
    if (nesting <= maxNesting) new StretchReader(this, from, to, nesting).read();
  }

  /** Takes a finished command, the variables it sets, and the code it gives to a shell. */
  add(command: ShellCommand, nesting: number): void {
    command.start = command.assignments[0]?.start ?? command.words[0]?.start ?? command.start;
    const name = command.words[0]?.text;
    if (name !== undefined && declarations.has(name)) this.declare(command);
    if (name === 'for' || name === 'select' || name === 'read' || name === 'unset' || name === 'mapfile')
      for (const word of command.words.slice(1)) {
        if (word.raw === 'in') break;
        this.forget(word.raw);
      }
    // Before a command an assignment holds for that command alone.
    if (command.words.length === 0)
      for (const assignment of command.assignments) this.assign(assignment, command.depth);
    this.commands.push(command);
    const script = nesting < maxNesting ? commandString(command) : undefined;
    if (script) this.read(script.start, script.end, nesting + 1);
  }

  /** Notes what a word over several lines holds: strings are texts; command substitutions may have texts of their own. */
  addLongWord(word: Word, command: ShellCommand, nesting: number): void {
    for (const { kind, start, end } of longParts(this.text, word.start, word.end))
      if (kind !== 'code') this.texts.push({ start, end, kind, stripTabs: false, command });
      else if (nesting < maxNesting) {
        const inner = new ShellReader(this.text);
        inner.read(start, end, nesting + 1);
        this.texts.push(...inner.texts);
      }
  }

  private declare({ words, depth }: ShellCommand): void {
    for (const word of words.slice(1)) {
      const found = declared.exec(word.raw);
      if (found?.[1]) {
        const value = this.words.read(word.start + found[0].length, word.end);
        this.assign({ name: found[1], value, start: word.start, end: word.end }, depth);
      } else if (variableName.test(word.raw)) this.variables.add(word.raw);
    }
  }

  private assign(assignment: Assignment, depth: number): void {
    this.assignments.push(assignment);
    this.variables.add(assignment.name);
    // In a loop, condition or function it may or may not happen.
    this.values.set(assignment.name, depth > 0 ? undefined : assignment.value.text);
  }

  private forget(name: string): void {
    if (!variableName.test(name)) return;
    this.variables.add(name);
    this.values.set(name, undefined);
  }
}

/** Reads one stretch of code: a whole script, a here-document that a shell gets, or the string of `bash -c`. */
class StretchReader {
  private readonly text: string;
  private at: number;
  /** How many compound commands are open. */
  private depth = 0;
  private command: ShellCommand;
  /** Words of the command that is being read; it keeps a copy of exactly their number. */
  private readonly words: Word[] = [];
  private wordCount = 0;
  /** Here-documents whose bodies begin on the next line. */
  private documents: HereDocument[] = [];
  private caseDepth = 0;
  /** Whether a pattern of `case` comes next instead of a command. */
  private awaitingPattern = false;

  constructor(
    private readonly shell: ShellReader,
    from: number,
    private readonly to: number,
    private readonly nesting: number,
  ) {
    this.text = shell.text;
    this.at = from;
    this.command = newCommand(from, 0);
  }

  read(): void {
    while (this.at < this.to) this.step();
    this.finish(this.to);
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
      this.command = newCommand(at, this.depth);
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
    if (word.raw.length > 2 && word.raw.includes('\n')) this.shell.addLongWord(word, this.command, this.nesting);
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
      this.command = newCommand(end, this.depth);
      return;
    }
    // An empty command is used again: empty lines and separators are many.
    command.start = end;
    command.depth = this.depth;
    command.piped = false;
    command.outputs = noWords;
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
      if (delimiter)
        this.documents.push({ delimiter, quoted: delimiter !== target.raw, stripTabs: operator === '<<-', command });
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
        this.shell.texts.push({ start: from, end: at, kind, stripTabs, command });
        if (readsShellFromStdin(command)) this.shell.read(from, at, this.nesting + 1);
        this.at = end;
        return;
      }
      this.at = end + (text[end] === '\r' && text[end + 1] === '\n' ? 2 : 1);
    }
    this.shell.texts.push({ start: from, end: to, kind, stripTabs, command });
    this.at = to;
  }

  private noteBrokenContinuation(at: number): void {
    const end = lineEndAt(this.text, at, this.to);
    const rest = this.text.slice(at + 1, end);
    // Inside a line `\ ` escapes a space in a file name. At the end, or before an arrow or a comment, it is a mistake.
    if (/^[ \t]*$/.test(rest) || /^[ \t]+(?:#|<-)/.test(rest)) this.shell.brokenContinuations.push({ start: at, end });
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
function commandString(command: ShellCommand): { start: number; end: number } | undefined {
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
