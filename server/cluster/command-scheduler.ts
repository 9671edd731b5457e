/** What adapters that use a scheduler's commands have in common. */
import { UserError } from '../errors';
import type { Job, JobAction } from '../shared/protocol';
import type { Host, RunOutcome } from './host';
import type { ActionResult } from './scheduler';
import { IN_LOGIN_SHELL, loginShellHas } from './login-environment';
import type { Reconnect } from './submission';

/** Where slurmctld is down, commands say so after nine seconds; where it is overloaded, after MessageTimeout, at most sites 100 s. */
export const TIMEOUT_MS = 120_000;

/** Whether a job ended in that time; one whose end is not known may have. */
export function endedWithin({ ended }: Pick<Job, 'ended'>, since: Date, until?: Date): boolean {
  const time = Date.parse(ended ?? '');
  return !(time < since.getTime()) && !(until !== undefined && time >= until.getTime());
}

export interface AdapterOptions {
  /** Words before every command, e.g. a login shell that finds it. */
  prefix?: readonly string[];
  reconnect?: Reconnect;
  /** Name of the cluster that the commands are about, where one login node serves several. */
  clusters?: string;
}

export abstract class CommandScheduler {
  private versionRead: Promise<string> | undefined;
  private loginShell: Promise<boolean> | undefined;
  /** Words before a command that give it a plain environment: no setting of the user may shape its output. */
  protected abstract readonly plainly: readonly string[];

  constructor(
    protected readonly host: Host,
    protected readonly options: AdapterOptions = {},
  ) {}

  /** E.g. `22.05.8`; asked for once. @throws UserError where the scheduler does not say */
  version(): Promise<string> {
    this.versionRead ??= this.readVersion();
    this.versionRead.catch(() => (this.versionRead = undefined));
    return this.versionRead;
  }

  /** @throws UserError where the host does not say */
  async now(): Promise<Date> {
    const { stdout, stderr } = await this.host.run(['date', '+%s'], { timeoutMs: TIMEOUT_MS });
    if (!/^\d+\s*$/.test(stdout)) throw new UserError(`Cannot read the time of ${this.host.name}: ${stderr.trim()}`, 1);
    return new Date(Number(stdout) * 1000);
  }

  /** One command for all ids, and the state of each afterwards. @throws UserError for what is not a job id */
  async act(action: JobAction, ids: readonly string[]): Promise<ActionResult[]> {
    ids.forEach((id) => this.checkId(id));
    return ids.length === 0 ? [] : this.actOn(action, ids);
  }

  protected abstract readVersion(): Promise<string>;
  protected abstract checkId(id: string): void;
  protected abstract actOn(action: JobAction, ids: readonly string[]): Promise<ActionResult[]>;

  protected get prefix(): readonly string[] {
    return this.options.prefix ?? [];
  }

  /** Words before a submit command. @param asByHand whether the job gets the environment of a login shell, where there is one */
  protected async submitPrefix(program: string, asByHand: boolean | undefined): Promise<readonly string[]> {
    if (!asByHand) return this.prefix;
    this.loginShell ??= loginShellHas(this.host, program);
    return (await this.loginShell) ? IN_LOGIN_SHELL : this.prefix;
  }

  protected plain(...command: string[]): Promise<RunOutcome> {
    return this.host.run([...this.prefix, ...this.plainly, ...command], { timeoutMs: TIMEOUT_MS });
  }
}
