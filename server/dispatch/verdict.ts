/**
 * How a run ended, from the evidence alone: exit codes and accounting, the manifest, the images and the number. What logs
 * say beside that only explains a failure; it never makes one. Pure.
 */
import type { Job } from '../shared/protocol';
import type { DispatchedJob, RunManifest } from '../shared/schema-types.gen';

/** A job of the run, and what the scheduler says of it; undefined where it no longer knows the job. */
export interface Witness {
  role: DispatchedJob['role'];
  id?: string;
  job: Job | undefined;
}

/** What can be seen of a run whose jobs are over. */
export interface Evidence {
  engine: 'edm' | 'workbench';
  /** In the order of submission. */
  jobs: readonly Witness[];
  /** Engine workbench: the manifest that this attempt has written. */
  manifest?: RunManifest;
  /** Engine edm: whole images that are there, and how many the run consists of. */
  images?: { there: number; wanted: number };
  /** Engine edm: the number that fid.py printed. */
  distance?: number;
}

/** The end of a run. */
export interface Verdict {
  /** unknown: its jobs are over, and nothing says how. */
  state: 'complete' | 'failed' | 'cancelled' | 'unknown';
  /** False where what is missing may only not be visible yet: it is looked for again. */
  isFinal: boolean;
  /** Why, in words; absent where it is complete. */
  why?: string;
  /** The job that went wrong, where the scheduler says so. */
  wrong?: Job;
}

/** @returns the end of a run whose jobs are all over, or are no longer known */
export function verdictOf(evidence: Evidence): Verdict {
  return evidence.engine === 'edm' ? edmVerdict(evidence) : workbenchVerdict(evidence);
}

function workbenchVerdict({ jobs, manifest }: Evidence): Verdict {
  if (manifest?.status === 'complete') return { state: 'complete', isFinal: true };
  const ended = manifest?.status === 'failed' || manifest?.status === 'cancelled' ? manifest.status : undefined;
  const wrong = wrongJob(jobs);
  if (wrong) {
    // The last job writes the manifest, whatever became of the others: without its failure one may still appear.
    const last = jobs.at(-1)?.job;
    const isFinal = ended !== undefined || (last !== undefined && last.state !== 'done');
    return { ...failure(wrong, manifest?.error), isFinal };
  }
  if (ended) return { state: ended, isFinal: true, ...(manifest?.error && { why: manifest.error }) };
  return { state: 'unknown', isFinal: false, why: `${jobsSay(jobs)}, but the run folder has no result` };
}

function edmVerdict({ jobs, images = { there: 0, wanted: 0 }, distance }: Evidence): Verdict {
  const wrong = wrongJob(jobs);
  if (wrong) return { ...failure(wrong), isFinal: true };
  const isMeasured = jobs.some(({ role }) => role === 'fid');
  const isWhole = images.there >= images.wanted;
  // The number comes last, and only from images that are all there: with both, nothing is open.
  if (isWhole && (!isMeasured || distance !== undefined)) return { state: 'complete', isFinal: true };
  const lacks = [
    ...(isWhole ? [] : [`${images.there} of ${images.wanted} images are there`]),
    ...(isMeasured && distance === undefined ? ["the log of fid.py has no number that is certainly the run's"] : []),
  ];
  return { state: 'unknown', isFinal: false, why: `${jobsSay(jobs)}, but ${lacks.join(', and ')}` };
}

/** The first job whose exit code or state says that it did not succeed. */
function wrongJob(jobs: readonly Witness[]): Job | undefined {
  return jobs.find(({ job }) => job !== undefined && job.state !== 'done')?.job;
}

function failure(wrong: Job, said?: string): Omit<Verdict, 'isFinal'> {
  const { state, stateName, reason } = wrong;
  const why = reason && [reason.text, reason.remedy].filter(Boolean).join(' ');
  return {
    state: state === 'cancelled' ? 'cancelled' : 'failed',
    why: why ?? said ?? `The scheduler says ${stateName}`,
    wrong,
  };
}

function jobsSay(jobs: readonly Witness[]): string {
  const forgotten = jobs.filter(({ job }) => job === undefined).flatMap(({ id }) => id ?? []);
  if (forgotten.length === 0) return 'Its jobs ended with exit code 0';
  return `The scheduler no longer knows job${forgotten.length === 1 ? '' : 's'} ${forgotten.join(' and ')}`;
}

const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;

/**
 * The number that fid.py prints with %g, after a line of its own. Other programs write into the same log, before and
 * after it.
 * @returns undefined where there is none, or where several lines could be it
 */
export function printedDistance(log: string): number | undefined {
  const lines = log.split(/[\r\n]+/).map((line) => line.trim());
  // A job that was requeued may have measured twice: the last counts.
  const after = lines.slice(lines.findLastIndex((line) => line.startsWith('Calculating FID')) + 1);
  const numbers = new Set(after.filter((line) => NUMBER.test(line)));
  const [only, another] = numbers;
  return only === undefined || another !== undefined ? undefined : Number(only);
}
