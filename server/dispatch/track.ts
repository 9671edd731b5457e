/** How a run on a cluster stands: its jobs, the images done, the distance so far; and how it ended. */
import type { Cluster } from '../cluster/cluster';
import { LOG_FINDINGS } from '../cluster/log-findings';
import { isOver, type Job } from '../shared/protocol';
import { validator } from '../schema';
import type { Dispatch, RunConfig, RunManifest } from '../shared/schema-types.gen';
import { edmManifest } from './edm-result';
import { progressOf } from './progress';
import { jobsText } from './job-text';

/** What was seen at one look. */
export interface RunState {
  /** The scheduler's answer for each job; undefined where it has forgotten one. */
  jobs: (Job | undefined)[];
  /** Images that are there. */
  done: number;
  /** E.g. `FD so far 12.3 (N = 400, not final)`. */
  note?: string;
  /** Set once all jobs are over. */
  outcome?: Outcome;
}

/** How a run ended. */
export interface Outcome {
  state: 'complete' | 'failed' | 'cancelled';
  /** Why, in words. */
  error?: string;
  /** Log that tells, absolute there, and the line of it. */
  log?: string;
  line?: string;
  /** Key of the config that may put it right. */
  fix?: string;
  /** Of a run that is complete. */
  manifest?: RunManifest;
}

/** One look at a run. The scheduler is asked for each job once. */
export async function lookAt(cluster: Cluster, dispatch: Dispatch): Promise<RunState> {
  const [[{ done, note }], jobs] = await Promise.all([
    progressOf(cluster, [dispatch]),
    Promise.all(dispatch.jobs.map(({ id }) => (id ? cluster.scheduler.job(id) : Promise.resolve(undefined)))),
  ]);
  const over = jobs.every((job) => job === undefined || isOver(job));
  return { jobs, done, ...(note && { note }), ...(over && { outcome: await outcomeOf(cluster, dispatch, jobs) }) };
}

async function outcomeOf(cluster: Cluster, dispatch: Dispatch, jobs: readonly (Job | undefined)[]): Promise<Outcome> {
  const manifest = dispatch.engine === 'workbench' ? await remoteManifest(cluster, dispatch) : undefined;
  // A manifest of an earlier attempt in the same folder says nothing of this one.
  const own = manifest?.dispatch === dispatch.token ? manifest : undefined;
  if (own?.status === 'complete') return { state: 'complete', manifest: own };
  const wrong = jobs.find((job) => job && job.state !== 'done') ?? jobs.find((job) => job === undefined);
  const log = await explainingLog(cluster, dispatch);
  if (dispatch.engine === 'edm' && !wrong) {
    const measured = dispatch.jobs.some(({ role }) => role === 'fid');
    const distance = measured ? numberAtEnd(log?.text ?? '') : undefined;
    if (distance !== undefined || !measured)
      return { state: 'complete', manifest: await edmManifest(cluster, dispatch, jobs, distance) };
  }
  const state = wrong?.state === 'cancelled' ? ('cancelled' as const) : ('failed' as const);
  const reason =
    log?.explained ??
    (wrong?.reason ? [wrong.reason.text, wrong.reason.remedy].filter(Boolean).join(' ') : undefined) ??
    own?.error ??
    (wrong
      ? `The scheduler says ${wrong.stateName}`
      : `The scheduler has forgotten ${jobsText(dispatch)}, and no result is there`);
  const fix = FIXES[log?.id ?? wrong?.state ?? ''];
  return {
    ...{ state, error: reason },
    ...(log && { log: log.file }),
    ...(log?.line && { line: log.line }),
    ...(fix && { fix }),
  };
}

async function remoteManifest(cluster: Cluster, { folder, run }: Dispatch): Promise<RunManifest | undefined> {
  const file = `${folder}/${run}/run.json`;
  if (!(await cluster.files.stat(file))) return undefined;
  const checked = validator<RunManifest>('run-manifest')(JSON.parse((await cluster.files.read(file)).toString()));
  return checked.valid ? checked.value : undefined;
}

/** Bytes of a log's end that are read for its reason. */
const TAIL = 16_384;

/** What of the config may put a failure right: by the finding in its log, or by the state of its job. */
const FIXES: Readonly<Record<string, keyof RunConfig | undefined>> = {
  'cuda-memory': 'batch',
  memory: 'batch',
  killed: 'batch',
  'time-limit': 'time',
  timeout: 'time',
  'no-gpu': 'gpus',
};

/** A log by what explains the failure: the line, what it means, and which finding knows it. */
interface ExplainingLog {
  file: string;
  text: string;
  explained?: string;
  line?: string;
  id?: string;
}

/** The log of the first job that explains itself, else of the last one. */
async function explainingLog(cluster: Cluster, { folder, run, jobs }: Dispatch): Promise<ExplainingLog | undefined> {
  const ids = jobs.flatMap(({ id }) => id ?? []);
  const place = `${folder}/${run}`;
  const logs = (await cluster.files.list(place)).filter(
    ({ name }) => name.endsWith('.out') && ids.some((id) => name.includes(`-${id}.`) || name.includes(`-${id}_`)),
  );
  let last: ExplainingLog | undefined;
  for (const { role } of jobs) {
    for (const { name, facts } of logs.filter((log) => log.name.startsWith(`${role}-`))) {
      const file = `${place}/${name}`;
      const text = (await cluster.files.read(file, Math.max(0, facts.size - TAIL), TAIL)).toString();
      last = { file, text };
      const lines = text.split('\n');
      for (const { id, pattern, text: what, remedy } of LOG_FINDINGS) {
        const line = remedy && lines.findLast((one) => pattern.test(one));
        if (line) return { ...last, explained: `${what}. ${remedy}`, line, id };
      }
      const line = lines.findLast((one) => /^(?:Error|\w*Error): ./.test(one));
      if (line) return { ...last, explained: line.slice(line.indexOf(': ') + 2), line };
    }
  }
  return last;
}

/** fid.py prints the number with %g as its last line. */
function numberAtEnd(text: string): number | undefined {
  const last = text.trim().split('\n').pop()?.trim() ?? '';
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(last) ? Number(last) : undefined;
}
