import type { ClusterSnapshot } from '../../shared/schema-types.gen';
import type { SchedulerName } from '../../shared/scheduler-name';
import type { DirectiveLine, Directives, OptionUse } from './directives';
import type { Invocation } from './invocations';
import type { ShellCode } from './shell-code';
import type { Shell, ShellCommand } from './shell-command';
import type { Structure } from './structure';
import type { ScriptText } from './text';

/** Another script of the same folder. */
export interface Sibling {
  path: string;
  /** Its name in the folder, for messages. */
  name: string;
  text: string;
}

/** What the caller knows beyond the text. */
export interface ScriptContext {
  /** Path or name of the script, for its extension. */
  path?: string;
  /** Overrules what the directives say. */
  scheduler?: SchedulerName;
  /** The cluster the script is for; without it the rules about clusters are silent. */
  cluster?: ClusterSnapshot;
  /** Names of all clusters; undefined where they are not known, or not all of them. */
  clusters?: readonly string[];
  /** Ids of rules that are off. */
  disabled?: readonly string[];
  /** Whether a folder named in the script exists where the job will run; undefined where that is not known. */
  folderExists?: (folder: string) => boolean | undefined;
  /** The code of a Python program as the script names it, where it lies in the same project; undefined where it does not. */
  program?: (name: string) => string | undefined;
  /** The other scripts of the folder, which may use the same names; none where it is not given. */
  siblings?: () => readonly Sibling[];
}

/** A script as rules see it. The shell code is read only when a rule asks for it. */
export class Script {
  readonly scheduler: SchedulerName;
  /** The directives that the scheduler reads: those below the first command are left out. */
  readonly activeLines: readonly DirectiveLine[];
  /** The options of those directives, in the order of the text. */
  readonly activeOptions: readonly OptionUse[];
  readonly cluster: ClusterSnapshot | undefined;

  constructor(
    readonly text: ScriptText,
    private readonly code: ShellCode,
    readonly directives: Directives,
    readonly context: ScriptContext = {},
  ) {
    this.scheduler = directives.scheduler;
    this.activeLines = this.directives.lines.filter(({ late }) => !late);
    this.activeOptions = this.directives.options.filter(({ late }) => !late);
    this.cluster = context.cluster;
  }

  get shell(): Shell {
    return this.code.shell;
  }

  /** Where variables are named in the code, and what encloses what. */
  get structure(): Structure {
    return this.code.structure;
  }

  /** Every program of every command, outermost first. */
  get invocations(): readonly Invocation[] {
    return this.code.invocations;
  }

  /** The invocations of some programs (names as in `Invocation.program`), program by program. */
  running(...names: string[]): readonly Invocation[] {
    const [name] = names;
    return names.length === 1 && name !== undefined ? this.code.running(name) : names.flatMap((one) => this.code.running(one)); // prettier-ignore
  }

  /** The names of all programs that are run, as in `Invocation.program`. */
  get programs(): ReadonlySet<string> {
    return this.code.programs;
  }

  /**
   * What `find` finds in each invocation, looking at nothing else. It is kept for the next version of the text, where its
   * lines are not edited: `find` must be one function, not made anew, and what it gives holds no offsets, which move, but
   * the words and options that have them.
   */
  inInvocations<T>(find: (invocation: Invocation) => T | undefined): readonly T[] {
    return this.code.inInvocations(find);
  }

  /** The invocations on lines that hold some text, and on a few lines around them. */
  invocationsAround(written: string): readonly Invocation[] {
    return this.code.invocationsAround(written);
  }

  /** What `find` finds in each command; see `inInvocations`. */
  inCommands<T>(find: (command: ShellCommand) => T | undefined): readonly T[] {
    return this.code.inCommands(find);
  }

  /** What `find` finds in the text, a few whole lines at a time; see `inInvocations`. */
  inLines<T>(find: (text: string) => T | undefined): readonly T[] {
    return this.code.inLines(find);
  }

  /** The last command before an offset, as if the script ended there; undefined where a line ended since. */
  commandBefore(offset: number): ShellCommand | undefined {
    return this.code.commandBefore(offset);
  }

  /** The use of an option that counts: the last one of the first component that the scheduler reads. */
  option(...names: string[]): OptionUse | undefined {
    return this.uses(...names).pop();
  }

  /** Every use of an option that the scheduler reads, in the first component. */
  uses(...names: string[]): OptionUse[] {
    return this.usesIn(0, ...names);
  }

  /** Every use of an option that the scheduler reads, in one component of a heterogeneous job. */
  usesIn(component: number, ...names: string[]): OptionUse[] {
    return this.activeOptions.filter(
      (use) => use.component === component && use.option !== undefined && names.includes(use.option.name),
    );
  }

  /** Numbers of the components: just 0 unless there are hetjob lines. */
  get components(): number[] {
    return [...new Set([0, ...this.directives.lines.map(({ component }) => component)])];
  }
}

/** What is found in a script once, however many rules ask for it. */
export function perScript<T extends object>(find: (script: Script) => T): (script: Script) => T {
  const found = new WeakMap<Script, T>();
  return (script) => {
    const known = found.get(script) ?? find(script);
    found.set(script, known);
    return known;
  };
}
