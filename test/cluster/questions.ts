/**
 * All that the Slurm adapter can be asked, on the test bed: record-outputs.ts asks a real cluster of each version,
 * test/unit/slurm-versions.test.ts asks the recordings.
 */
import {
  RefusedError,
  type ActionResult,
  type DryRun,
  type JobHistory,
  type Scheduler,
  type Submitted,
} from '../../server/cluster/scheduler';
import type { ClusterSnapshot, Job, PartitionLoad } from '../../server/shared/protocol';

/** Where the questions are asked. */
export interface Stage {
  /** Home folder of the user. */
  home: string;
  /** Waits until the queue has all of these: beginnings of `ID STATE REASON`, as `squeue -o '%i %T %r'` has them. */
  until: (...rows: string[]) => Promise<void>;
}

/** Lines of scripts by what becomes of the jobs; some name jobs before them. */
const JOBS: Readonly<Record<string, (ids: Readonly<Record<string, string>>) => string[]>> = {
  timeout: () => ['#SBATCH --time=1', 'sleep 600'],
  done: () => ['#SBATCH --comment="of mine" --output=%x-%j.out', 'true'],
  failed: () => ['exit 3'],
  killed: () => ['kill -9 $$'],
  tasks: () => ['#SBATCH --array=1-3', 'exit $SLURM_ARRAY_TASK_ID'],
  odd: () => ['#SBATCH --hold'],
  gpus: () => ['#SBATCH -p gpu -c 2 --gres=gpu:a100:2 --time=10', 'sleep 600'],
  array: () => ['#SBATCH --array=0-9%2 --output=a-%A_%a.out', 'sleep 600'],
  het: () => ['#SBATCH -p cpu -n 1', '#SBATCH hetjob', '#SBATCH -p gpu -n 1 --gres=gpu:1', 'sleep 600'],
  resources: () => ['#SBATCH -p gpu --gpus=4 --time=10'],
  priority: () => ['#SBATCH -p gpu --gpus=4 --time=10 --nice=1000'],
  dependency: ({ gpus }) => [`#SBATCH --dependency=afterok:${gpus}`],
  begin: () => ['#SBATCH --begin=now+1hour'],
  held: () => ['#SBATCH --hold'],
  long: () => ['#SBATCH -p gpu --time=5:00:00'],
  budget: () => ['#SBATCH --account=tiny --time=10'],
};
export const ODD_NAME = 'a|b;c $(x)\n"ü"';

/** Lines of scripts that Slurm refuses. */
const REFUSED: Readonly<Record<string, string>> = {
  account: '#SBATCH --account=nosuch',
  partition: '#SBATCH -p nosuch',
  gpus: '#SBATCH -p gpu --gres=gpu:a100:9',
  gres: '#SBATCH --gres=nosuch:1',
  option: '#SBATCH --nosuch=1',
  time: '#SBATCH --time=soon',
  dos: '#SBATCH -n 1\r',
};

/** A token that is the same each time. */
export const tokenOf = (name: string): string => name.padEnd(16, 'x');

export interface Answers {
  version: string;
  submitted: Record<string, Submitted>;
  refused: Record<string, { message: string; line?: number }>;
  mine: Job[];
  all: Job[];
  snapshot: ClusterSnapshot;
  load: PartitionLoad[];
  details: Record<string, Job | undefined>;
  script: string;
  dryRuns: Record<string, DryRun>;
  acts: Record<string, ActionResult[]>;
  history: JobHistory;
}

export const SINCE = new Date('2020-01-01T00:00:00Z');
const script = (...lines: string[]): string => `#!/bin/bash\n${lines.join('\n')}\ntrue\n`;

/** Somebody else must have a job there. */
export async function askEverything(slurm: Scheduler, { home, until }: Stage): Promise<Answers> {
  const submitted: Record<string, Submitted> = {};
  const ids: Record<string, string> = {};
  for (const [name, lines] of Object.entries(JOBS)) {
    const options = [`--job-name=${name === 'odd' ? ODD_NAME : name}`];
    submitted[name] = await slurm.submit({
      script: script(...lines(ids)),
      folder: home,
      token: tokenOf(name),
      options,
    });
    ids[name] = submitted[name].id;
  }
  const waiting = {
    resources: 'Resources', priority: 'Priority', dependency: 'Dependency', begin: 'BeginTime', held: 'JobHeldUser',
    long: 'PartitionTimeLimit', budget: 'AssocGrpCPUMinutesLimit',
  }; // prettier-ignore
  await until(
    ...Object.entries(waiting).map(([name, reason]) => `${ids[name]} PENDING ${reason}`),
    `${ids.done} COMPLETED None`,
    `${ids.failed} FAILED NonZeroExitCode`,
    `${ids.tasks}_3 FAILED NonZeroExitCode`,
    `${ids.gpus} RUNNING None`,
    `${ids.het}+1 RUNNING None`,
    `${ids.array}_1 RUNNING None`,
    `${ids.array}_[2-9%2] PENDING JobArrayTaskLimit`,
  );
  const version = await slurm.version();
  const [mine, all, snapshot, load] = [
    await slurm.queue('mine'),
    await slurm.queue('all'),
    await slurm.snapshot(),
    await slurm.load(),
  ];
  const theirs = all.find(({ user }) => user !== mine[0].user)?.id ?? '';
  const details: Answers['details'] = {};
  for (const id of [ids.gpus, `${ids.array}_1`, `${ids.het}+1`, ids.done, '999999']) details[id] = await slurm.job(id);
  const refused: Answers['refused'] = {};
  for (const [name, lines] of Object.entries(REFUSED)) refused[name] = await refusal(slurm, home, name, lines);
  const dryRuns: Answers['dryRuns'] = {};
  for (const name of ['partition', 'gpus', 'account', 'dos'])
    dryRuns[name] = await slurm.dryRun(script(REFUSED[name]), home);
  dryRuns.fine = await slurm.dryRun(script('#SBATCH -n 1'), home);
  const acts = {
    hold: await slurm.act('hold', [ids.begin, ids.gpus]),
    release: await slurm.act('release', [ids.begin, ids.held]),
    cancel: await slurm.act('cancel', [ids.dependency, ids.gpus, `${ids.array}_[2-9%2]`, `${ids.array}_0`, ids.het, ids.failed, '999999', theirs]),
  }; // prettier-ignore
  const text = await slurm.script(ids.long);
  await until(`${ids.timeout} TIMEOUT TimeLimit`, `${ids.gpus} CANCELLED `, `${ids.array}_0 CANCELLED `);
  const history = await slurm.history(SINCE);
  return { version, submitted, refused, mine, all, snapshot, load, details, script: text, dryRuns, acts, history };
}

/** The cluster keeps no accounting and enforces the limits of its partitions. */
export async function askWithoutAccounting(
  slurm: Scheduler,
  { home, until }: Stage,
): Promise<Pick<Answers, 'mine' | 'snapshot' | 'history' | 'refused'>> {
  const { id } = await slurm.submit({ script: script('exit 3'), folder: home, token: tokenOf('failed') });
  await until(`${id} FAILED NonZeroExitCode`);
  return {
    refused: { long: await refusal(slurm, home, 'long', '#SBATCH -p gpu --time=5:00:00') },
    mine: await slurm.queue('mine'),
    snapshot: await slurm.snapshot(),
    history: await slurm.history(SINCE),
  };
}

async function refusal(slurm: Scheduler, folder: string, name: string, lines: string): Promise<RefusedError> {
  try {
    const { id } = await slurm.submit({ script: script(lines), folder, token: tokenOf(`no${name}`) });
    throw new Error(`Slurm took what it should refuse (${name}): job ${id}`);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return error;
  }
}
