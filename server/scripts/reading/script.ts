import type { ClusterSnapshot } from '../../shared/schema-types.gen';
import type { SchedulerName } from '../../shared/scheduler-name';
import { parseDirectives, type DirectiveLine, type Directives, type OptionUse } from './directives';
import { invocationsOf, type Invocation } from './invocations';
import type { ShellCode } from './shell-code';
import type { Shell } from './shell-command';
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
  /** Ids of rules that are off. */
  disabled?: readonly string[];
  /** Whether a folder named in the script exists where the job will run; undefined where that is not known. */
  folderExists?: (folder: string) => boolean | undefined;
  /** The other scripts of the folder, which may use the same names; none where it is not given. */
  siblings?: () => readonly Sibling[];
}

/** A script as rules see it. The shell code is read only when a rule asks for it. */
export class Script {
  readonly directives: Directives;
  /** The directives that the scheduler reads: those below the first command are left out. */
  readonly activeLines: readonly DirectiveLine[];
  /** The options of those directives, in the order of the text. */
  readonly activeOptions: readonly OptionUse[];
  readonly cluster: ClusterSnapshot | undefined;
  private invocationsRead: Invocation[] | undefined;
  private programs: Map<string, Invocation[]> | undefined;

  constructor(
    readonly text: ScriptText,
    readonly scheduler: SchedulerName,
    private readonly code: ShellCode,
    readonly context: ScriptContext = {},
  ) {
    this.directives = parseDirectives(text, scheduler, code.isText);
    this.activeLines = this.directives.lines.filter(({ late }) => !late);
    this.activeOptions = this.directives.options.filter(({ late }) => !late);
    this.cluster = context.cluster;
  }

  get shell(): Shell {
    return this.code.shell;
  }

  /** Every program of every command, outermost first. */
  get invocations(): readonly Invocation[] {
    return (this.invocationsRead ??= invocationsOf(this.shell.commands));
  }

  /** The invocations of some programs (names as in `Invocation.program`), program by program. */
  running(...names: string[]): readonly Invocation[] {
    const programs = (this.programs ??= byProgram(this.invocations));
    return names.flatMap((name) => programs.get(name) ?? []);
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

function byProgram(invocations: readonly Invocation[]): Map<string, Invocation[]> {
  const programs = new Map<string, Invocation[]>();
  for (const invocation of invocations) {
    const same = programs.get(invocation.program);
    if (same) same.push(invocation);
    else programs.set(invocation.program, [invocation]);
  }
  return programs;
}
