/** A host that notes what it is asked and answers, and a host that gives such answers again. */
import type { Host, HostFiles, RunOptions, RunOutcome } from '../../server/cluster/host';
import { RECORD_END } from '../../server/cluster/slurm/job-table';

/** One command of the scheduler, without what brought it there, and how it ended. */
export interface Exchange extends RunOutcome {
  command: string;
}

/** What test/cluster/record-outputs.ts writes and test/unit/slurm-versions.test.ts reads. */
export interface Recording {
  /** A cluster with accounting: `askEverything`. */
  accounting: Exchange[];
  /** One without, where partitions enforce their limits: `askWithoutAccounting`. */
  plain: Exchange[];
  /** Long options that its sbatch takes, with their arguments. */
  options: Record<string, 'required' | 'optional' | 'none'>;
}

const PROGRAMS =
  /^(?:sbatch|squeue|sacct|scontrol|sacctmgr|sinfo|scancel|id|bsub|bjobs|bhist|bpeek|bkill|bstop|bresume|bqueues|bhosts|lshosts|lsid)$/;

/** What makes the ends of records in an answer unforeseeable: recorded without, given back with. */
const markIn = (command: readonly string[]): string =>
  new RegExp(`${RECORD_END}([0-9a-f]*)`).exec(command.join(' '))?.[1] ?? '';

/** A command from the scheduler's program on: what stands before it (env, sh) is ours. */
function asked(command: readonly string[]): string {
  const program = command.findIndex((word) => PROGRAMS.test(word));
  const end = RECORD_END + markIn(command);
  return JSON.stringify(command.slice(program).map((word) => word.replace(end, RECORD_END)));
}

export abstract class TalkingHost implements Host {
  abstract readonly name: string;
  abstract run(command: readonly string[], options?: RunOptions): Promise<RunOutcome>;

  get files(): HostFiles {
    throw new Error('A recording has commands alone');
  }

  stream(): Promise<number> {
    throw new Error('A recording has whole answers alone');
  }
}

export class RecordingHost extends TalkingHost {
  readonly exchanges: Exchange[] = [];

  /** @param scrub takes from a text what is of this machine */
  constructor(
    private readonly host: Host,
    private readonly scrub: (text: string) => string,
  ) {
    super();
  }

  get name(): string {
    return this.host.name;
  }

  override async run(command: readonly string[], options?: RunOptions): Promise<RunOutcome> {
    const { code, stdout, stderr } = await this.host.run(command, options);
    const plain = stdout.replaceAll(RECORD_END + markIn(command), RECORD_END);
    const [question, ...answer] = [asked(command), plain, stderr].map(this.scrub);
    this.exchanges.push({ command: question, code, stdout: answer[0], stderr: answer[1] });
    return { code, stdout, stderr };
  }
}

export class ReplayHost extends TalkingHost {
  readonly name = 'a recording';
  private readonly left: Exchange[];

  constructor(exchanges: readonly Exchange[]) {
    super();
    this.left = [...exchanges];
  }

  /** The next answer to the same command. */
  override run(command: readonly string[]): Promise<RunOutcome> {
    const at = this.left.findIndex((exchange) => exchange.command === asked(command));
    // The recordings are older than these questions; a site may not answer them either.
    if (at < 0 && (command.includes('--help') || command.some((word) => word.endsWith('plugstack.conf'))))
      return Promise.resolve({ code: 1, stdout: '', stderr: 'not recorded' });
    if (at < 0)
      return Promise.reject(new Error(`Nothing is recorded for ${asked(command)}: see test/cluster/record-outputs.ts`));
    const [answer] = this.left.splice(at, 1);
    return Promise.resolve({ ...answer, stdout: answer.stdout.replaceAll(RECORD_END, RECORD_END + markIn(command)) });
  }
}
