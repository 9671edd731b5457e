/** The stretches in which a script's code is read, so that after an edit only the edited ones are read again. */
import { invocationsOf, type Invocation } from './invocations';
import type { Assignment, BrokenContinuation, EmbeddedText, ShellCommand } from './shell-command';
import type { Word } from './words';

/** What reading depends on where a line begins that continues nothing, besides the values of variables. */
export interface ReaderState {
  /** How many compound commands are open. */
  readonly depth: number;
  readonly caseDepth: number;
  /** Whether a pattern of `case` comes next instead of a command. */
  readonly awaitingPattern: boolean;
}

/** What happens to a variable. */
interface Setting {
  name: string;
  /** Undefined where it is not known. */
  value: string | undefined;
  /** It is only declared: its value stays as it is. */
  isBare: boolean;
}

/** The lists of regions as one; quicker than `flatMap`, as there are many regions and long lists. */
export function joinedLists<T>(
  regions: readonly Region[],
  listOf: (region: Region, index: number) => readonly T[],
): T[] {
  const joined: T[] = [];
  for (let index = 0; index < regions.length; index++) {
    const region = regions[index];
    if (region) for (const one of listOf(region, index)) joined.push(one);
  }
  return joined;
}

/** Whole lines of code, and what they hold. */
export class Region {
  readonly commands: ShellCommand[] = [];
  readonly assignments: Assignment[] = [];
  readonly brokenContinuations: BrokenContinuation[] = [];
  readonly texts: EmbeddedText[] = [];
  /** In the order of the text. */
  readonly settings: Setting[] = [];
  /** The variables whose values its words asked for. */
  readonly uses = new Set<string>();
  private invocationsRead: readonly Invocation[] | undefined;
  private programsRead: ReadonlyMap<string, readonly Invocation[]> | undefined;
  /** What rules look for, by whatever looks for it. */
  private readonly found = new Map<unknown, readonly unknown[]>();

  constructor(
    /** Offset of its first line. */
    public start: number,
    readonly before: ReaderState,
  ) {}

  /** Every program of every command, outermost first. */
  get invocations(): readonly Invocation[] {
    return (this.invocationsRead ??= invocationsOf(this.commands));
  }

  /** The invocations by their programs. */
  get programs(): ReadonlyMap<string, readonly Invocation[]> {
    return (this.programsRead ??= groupedByProgram(this.invocations));
  }

  /** What `find` finds here, looked for once. */
  keep<T>(name: unknown, find: () => readonly T[]): readonly T[] {
    const known = this.found.get(name) as readonly T[] | undefined;
    const found = known ?? find();
    if (!known) this.found.set(name, found);
    return found;
  }

  /** Moves everything in it: what comes before has another length now. */
  move(by: number): void {
    if (by === 0) return;
    this.start += by;
    for (const command of this.commands) moveCommand(command, by);
    for (const assignment of this.assignments) moveAssignment(assignment, by);
    for (const one of this.brokenContinuations) moveSpan(one, by);
    if (this.texts.length) {
      // The commands within a command substitution are not among those of the script.
      const moved = new Set(this.commands);
      for (const text of this.texts) {
        moveSpan(text, by);
        if (moved.has(text.command)) continue;
        moved.add(text.command);
        moveCommand(text.command, by);
        if (!text.command.words.length)
          for (const assignment of text.command.assignments) moveAssignment(assignment, by);
      }
    }
    for (const invocation of this.invocationsRead ?? []) invocation.move(by);
  }
}

function groupedByProgram(invocations: readonly Invocation[]): Map<string, readonly Invocation[]> {
  const programs = new Map<string, Invocation[]>();
  for (const invocation of invocations) {
    const same = programs.get(invocation.program);
    if (same) same.push(invocation);
    else programs.set(invocation.program, [invocation]);
  }
  return programs;
}

interface Place {
  start: number;
  end: number;
}

function moveSpan(span: Place, by: number): void {
  span.start += by;
  span.end += by;
}

function moveWords(words: readonly Word[], by: number): void {
  for (const word of words) moveSpan(word, by);
}

/** Moves a command; assignments that are a command of their own are among those of the script. */
function moveCommand(command: ShellCommand, by: number): void {
  moveSpan(command, by);
  moveWords(command.words, by);
  moveWords(command.outputs, by);
  if (command.words.length) for (const assignment of command.assignments) moveAssignment(assignment, by);
}

function moveAssignment(assignment: Assignment, by: number): void {
  moveSpan(assignment, by);
  moveSpan(assignment.value, by);
}
