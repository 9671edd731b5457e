/** The state of a run on a cluster: its jobs, the finished images, the distance so far, and how it ended. */
import { UserError } from '../errors';
import { runOn, type Cluster } from '../cluster/cluster';
import { LOG_FINDINGS } from '../cluster/log-findings';
import { isOver, type Job } from '../shared/protocol';
import { validator } from '../schema';
import type { Dispatch, RunConfig, RunManifest } from '../shared/schema-types.gen';
import { parseSeeds } from '../diffusion/seeds';
import { edmManifest } from './edm-result';
import { progressOf } from './progress';
import { readRemoteJson } from './remote-json';
import { printedDistance, verdictOf, type Evidence, type Verdict, type Witness } from './verdict';

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
export interface Outcome extends Pick<Verdict, 'state' | 'isFinal'> {
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
  const witnesses = dispatch.jobs.map(({ role, id }, at): Witness => ({ role, id, job: jobs[at] }));
  const evidence = await evidenceOf(cluster, dispatch, witnesses);
  const { state, isFinal, why, wrong } = verdictOf(evidence);
  if (state === 'complete') {
    const manifest = evidence.manifest ?? (await edmManifest(cluster, dispatch, jobs, evidence.distance));
    return { state, isFinal, manifest };
  }
  const log = await explainingLog(cluster, dispatch, witnesses);
  // Lines of a log explain a failure, and are no reason to call it one.
  const explained = state === 'unknown' ? undefined : log;
  const fix = state === 'unknown' ? undefined : FIXES[log?.id ?? wrong?.state ?? ''];
  const error = explained?.explained ?? why;
  return {
    ...{ state, isFinal },
    ...(error && { error }),
    ...(log && { log: log.file }),
    ...(explained?.line && { line: explained.line }),
    ...(fix && { fix }),
  };
}

async function evidenceOf(cluster: Cluster, dispatch: Dispatch, jobs: readonly Witness[]): Promise<Evidence> {
  const { engine, token } = dispatch;
  if (engine === 'workbench') {
    const manifest = await remoteManifest(cluster, dispatch);
    // A manifest of an earlier attempt in the same folder does not count.
    return { engine, jobs, ...(manifest?.dispatch === token && { manifest }) };
  }
  const [there, distance] = await Promise.all([wholeImages(cluster, dispatch), distanceOf(cluster, dispatch)]);
  const images = { there, wanted: new Set(parseSeeds(dispatch.seeds)).size };
  return { engine, jobs, images, ...(distance !== undefined && { distance }) };
}

/** Counts the images that have their end: the last ones of a job that was killed may be cut short. */
const WHOLE = `cd "$1/images" 2>/dev/null || { echo 0; exit 0; }
find . -name '*.png' -exec tail -q -c 8 {} + | LC_ALL=C grep -a -o IEND | wc -l`;

async function wholeImages(cluster: Cluster, { folder, run }: Dispatch): Promise<number> {
  const answer = (await runOn(cluster, 'Counting the images', ['sh', '-c', WHOLE, 'sh', `${folder}/${run}`])).trim();
  if (/^\d+$/.test(answer)) return Number(answer);
  throw new UserError(`Counting the images of ${run} on ${cluster.profile.name} was answered with "${answer.slice(0, 80)}"`, 1);
} // prettier-ignore

/** The number in the log of the job that computes it. */
async function distanceOf({ files }: Cluster, { folder, run, jobs }: Dispatch): Promise<number | undefined> {
  const id = jobs.find(({ role }) => role === 'fid')?.id;
  if (id === undefined) return undefined;
  const file = `${folder}/${run}/fid-${id}.out`;
  const { size } = (await files.stat(file)) ?? {};
  return size ? printedDistance((await files.read(file, Math.max(0, size - TAIL), TAIL)).toString()) : undefined;
}

async function remoteManifest(cluster: Cluster, { folder, run }: Dispatch): Promise<RunManifest | undefined> {
  const value = await readRemoteJson(cluster, `${folder}/${run}/run.json`);
  const checked = validator<RunManifest>('run-manifest')(value);
  return checked.valid ? checked.value : undefined;
}

/** Bytes at the end of a log in which the reason is looked for. */
const TAIL = 65_536;

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
  explained?: string;
  line?: string;
  id?: string;
}

/**
 * The log of the first job that explains the failure, or else of the last job. A job that succeeded explains nothing;
 * of an array only one task is known here.
 */
async function explainingLog(
  cluster: Cluster,
  { folder, run, jobs }: Dispatch,
  witnesses: readonly Witness[],
): Promise<ExplainingLog | undefined> {
  const ids = jobs.flatMap(({ id }) => id ?? []);
  const place = `${folder}/${run}`;
  const logs = (await cluster.files.list(place)).filter(
    ({ name }) => /^[\w.-]+\.out$/.test(name) && ids.some((id) => name.includes(`-${id}.`) || name.includes(`-${id}_`)),
  );
  let last: ExplainingLog | undefined;
  for (const [at, { role, tasks }] of jobs.entries()) {
    if (!tasks && witnesses[at]?.job?.state === 'done') continue;
    for (const { name, facts } of logs.filter((log) => log.name.startsWith(`${role}-`))) {
      const file = `${place}/${name}`;
      const text = (await cluster.files.read(file, Math.max(0, facts.size - TAIL), TAIL)).toString();
      last = { file };
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
