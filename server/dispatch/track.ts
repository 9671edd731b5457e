/** The state of a run on a cluster: its jobs, the finished images, the distance so far, and how it ended. */
import type { Cluster } from '../cluster/cluster';
import { LOG_FINDINGS } from '../cluster/log-findings';
import { isOver, type Job } from '../shared/protocol';
import { validator } from '../schema';
import type { Dispatch, RunConfig, RunManifest } from '../shared/schema-types.gen';
import { edmManifest } from './edm-result';
import { progressOf } from './progress';
import { jobsText } from './job-text';
import { readRemoteJson } from './remote-json';

/** What one look found. */
export interface RunState {
  /** The scheduler's answer for each job; undefined for one that it no longer knows. */
  jobs: (Job | undefined)[];
  /** Number of finished images. */
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
  /** Log with the reason, as an absolute path there, and the line. */
  log?: string;
  line?: string;
  /** Key of the config whose change may help. */
  fix?: string;
  /** Of a run that is complete. */
  manifest?: RunManifest;
}

/** One look at a run. The scheduler is asked for each job once. */
export async function lookAt(cluster: Cluster, dispatch: Dispatch): Promise<RunState> {
  const [[progress], jobs] = await Promise.all([
    progressOf(cluster, [dispatch]),
    Promise.all(dispatch.jobs.map(({ id }) => (id ? cluster.scheduler.job(id) : Promise.resolve(undefined)))),
  ]);
  const over = jobs.every((job) => job === undefined || isOver(job));
  const { done = 0, note } = progress ?? {};
  return { jobs, done, ...(note && { note }), ...(over && { outcome: await outcomeOf(cluster, dispatch, jobs) }) };
}

async function outcomeOf(cluster: Cluster, dispatch: Dispatch, jobs: readonly (Job | undefined)[]): Promise<Outcome> {
  const manifest = dispatch.engine === 'workbench' ? await remoteManifest(cluster, dispatch) : undefined;
  // A manifest of an earlier attempt in the same folder does not count.
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
      : `The scheduler no longer knows ${jobsText(dispatch)}, and there is no result`);
  const fix = FIXES[log?.id ?? wrong?.state ?? ''];
  return {
    ...{ state, error: reason },
    ...(log && { log: log.file }),
    ...(log?.line && { line: log.line }),
    ...(fix && { fix }),
  };
}

async function remoteManifest(cluster: Cluster, { folder, run }: Dispatch): Promise<RunManifest | undefined> {
  const value = await readRemoteJson(cluster, `${folder}/${run}/run.json`);
  const checked = validator<RunManifest>('run-manifest')(value);
  return checked.valid ? checked.value : undefined;
}

/** Bytes at the end of a log in which the reason is looked for. */
const TAIL = 16_384;

/** The key of the config whose change may help, by the finding in the log or the state of the job. */
const FIXES: Readonly<Record<string, keyof RunConfig | undefined>> = {
  'cuda-memory': 'batch',
  memory: 'batch',
  killed: 'batch',
  'time-limit': 'time',
  timeout: 'time',
  'no-gpu': 'gpus',
};

/** A log that explains a failure: its line, what that means, and the id of the finding. */
interface ExplainingLog {
  file: string;
  text: string;
  explained?: string;
  line?: string;
  id?: string;
}

/** The log of the first job that explains the failure, or else of the last job. */
async function explainingLog(cluster: Cluster, { folder, run, jobs }: Dispatch): Promise<ExplainingLog | undefined> {
  const ids = jobs.flatMap(({ id }) => id ?? []);
  const place = `${folder}/${run}`;
  const logs = (await cluster.files.list(place)).filter(
    ({ name }) => /^[\w.-]+\.out$/.test(name) && ids.some((id) => name.includes(`-${id}.`) || name.includes(`-${id}_`)),
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

/** The number that fid.py prints with %g as its last line. */
function numberAtEnd(text: string): number | undefined {
  const last = text.trim().split('\n').pop()?.trim() ?? '';
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(last) ? Number(last) : undefined;
}
