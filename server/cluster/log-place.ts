/** Logs that are not where they should be: what is said before a job is submitted, and when its log is looked for. */
import path from 'node:path';
import { UserError } from '../errors';
import { readScript } from '../scripts/reading/read-script';
import type { Job } from '../shared/protocol';
import type { Cluster } from './cluster';

type Place = Pick<Cluster, 'host' | 'scheduler'>;

/** Nothing was submitted yet: folders of the script's logs are not there, and the user decides what becomes of that. */
export class MissingLogFoldersError extends UserError {
  /** @param folders absolute paths there @param sentences one for each of them */
  constructor(
    readonly folders: readonly string[],
    sentences: readonly string[],
  ) {
    super(`Nothing was submitted: ${sentences.join('; ')}`, 1);
    this.name = 'MissingLogFoldersError';
  }
}

/**
 * The folders of a script's logs that are not there, as absolute paths.
 * @param folder absolute; relative logs start there
 */
export async function missingLogFolders({ host, scheduler }: Place, script: string, folder: string): Promise<string[]> {
  const options = readScript(script, { scheduler: scheduler.name })?.activeOptions ?? [];
  const logs = options.flatMap(({ option, value }) => (option?.type === 'log' && value ? [value.text] : []));
  const folders = [...new Set(logs.filter((log) => log.includes('/')).map((log) => path.posix.dirname(log)))];
  // What a pattern or a variable stands for is known to the scheduler alone.
  const known = folders.filter((name) => !/[%$\\]/.test(name)).map((name) => path.posix.resolve(folder, name));
  const facts = await Promise.all(known.map((name) => host.files.stat(name).catch(() => 'unknown' as const)));
  return known.filter((_, at) => facts[at] === undefined);
}

/** What a missing folder of a log means: a sentence. */
export function missingFolderText({ host, scheduler }: Place, folder: string): string {
  const lost = scheduler.withoutFile ?? 'the job fails without a log';
  return `${folder}, the folder of the log, does not exist on ${host.name}: make it before the job starts, or ${lost}`;
}

/** Why a job has no log, and where its output is; undefined where the log is there, or that cannot be seen now. */
export async function absentLog(
  { host, scheduler }: Place,
  job: Job,
  stream: 'stdout' | 'stderr',
): Promise<string | undefined> {
  const file = job[stream];
  const elsewhere = scheduler.withoutFile === undefined ? '' : `; ${scheduler.withoutFile}`;
  if (file === undefined) return `Job ${job.id} has no file for its ${stream}${elsewhere}`;
  try {
    if ((await host.files.stat(file)) !== undefined) return undefined;
    const folder = path.posix.dirname(file);
    const missing = (await host.files.stat(folder)) === undefined ? `, nor does its folder` : '';
    return `The log ${file} does not exist on ${host.name}${missing}${elsewhere}`;
  } catch {
    return undefined;
  }
}
