/** Finished jobs as sacct prints them. */
import type { Job } from '../../shared/protocol';
import { set } from '../job-fields';
import { tokenIn } from '../token';
import { ending, reasonOf } from './job-table';
import { expandLogPath } from './log-path';
import { gpusOfTres, jobState, parseDuration, parseTime } from './values';

/** A character that never is in the text of a job, as sacct's own `|` may be. */
export const DELIMITER = '\x1f';

const FIELDS = [
  'JobID', 'JobIDRaw', 'State', 'ExitCode', 'User', 'Account', 'Partition', 'Submit', 'Start', 'End', 'Elapsed', 'Timelimit',
  'AllocTRES', 'ReqTRES', 'NNodes', 'NodeList', 'Reason', 'WorkDir', 'Comment', 'JobName',
] as const; // prettier-ignore

/** Fields of later versions, with their first release. */
const LATER = [
  ['SubmitLine', [21, 8]],
  ['StdOut', [24, 5]],
  ['StdErr', [24, 5]],
] as const;
type Field = (typeof FIELDS)[number] | (typeof LATER)[number][0];

/** The fields that a version has. @param version e.g. `22.05.8` */
export function sacctFields(version: string): readonly Field[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const has = ([from, month]: readonly [number, number]): boolean => major > from || (major === from && minor >= month);
  // Texts of users come last, so that they cannot spoil the state.
  return [...FIELDS, ...LATER.filter(([, since]) => has(since)).map(([name]) => name)];
}

/**
 * Reads `sacct --parsable2 --noheader --allocations --delimiter` of these fields. Names and submit lines may have line
 * ends: a record ends where it has all its fields and the next line begins with a job id.
 */
export function parseAccounting(text: string, fields: readonly Field[]): Job[] {
  const jobs: Job[] = [];
  const wanted = fields.length - 1;
  let record: string | undefined;
  const flush = (): void => {
    if (record !== undefined && separators(record) === wanted) {
      const values = record.split(DELIMITER);
      const row = {} as Record<Field, string>;
      fields.forEach((field, i) => (row[field] = values[i] ?? ''));
      jobs.push(toJob(row));
    }
    record = undefined;
  };
  for (const line of text.split('\n')) {
    if (/^\d+(?:[_+][^\x1f]*)?\x1f\d+\x1f/.test(line) && (record === undefined || separators(record) >= wanted)) {
      flush();
      record = line;
    } else if (record !== undefined) record += `\n${line}`;
  }
  if (record !== undefined) record = record.replace(/\n$/, '');
  flush();
  return jobs;
}

const separators = (text: string): number => text.split(DELIMITER).length - 1;

function toJob(row: Record<Field, string>): Job {
  const stateName = row.State.replace(/ by \d+$/, '');
  const state = jobState(stateName, row.Reason);
  const job: Job = { id: row.JobID, name: row.JobName, user: row.User, partition: row.Partition, state, stateName };
  const array = /^(\d+)_(?:\[(.*)\]|(\d+))$/.exec(row.JobID);
  if (array) job.array = { id: array[1] ?? '', tasks: array[2] ?? array[3] ?? '' };
  if (row.Account) job.account = row.Account;
  const reason = reasonOf(row.Reason, stateName);
  if (reason) job.reason = reason;
  set(job, 'elapsed', parseDuration(row.Elapsed));
  set(job, 'limit', parseDuration(row.Timelimit));
  const tres = row.AllocTRES || row.ReqTRES;
  const cpus = /(?:^|,)cpu=(\d+)/.exec(tres)?.[1];
  if (cpus) job.cpus = Number(cpus);
  set(job, 'gpus', gpusOfTres(tres));
  if (/^\d+$/.test(row.NNodes)) job.nodes = Number(row.NNodes);
  if (row.NodeList && row.NodeList !== 'None assigned') job.nodeList = row.NodeList;
  set(job, 'submitted', parseTime(row.Submit));
  set(job, 'started', parseTime(row.Start));
  set(job, 'ended', parseTime(row.End));
  if (job.ended !== undefined) Object.assign(job, ending(row.ExitCode, job));
  if (row.WorkDir) job.folder = row.WorkDir;
  set(job, 'token', tokenIn(row.Comment) ?? tokenIn(row.SubmitLine ?? ''));
  if (job.ended !== undefined && job.nodeList === undefined) return job; // it never ran, so it has no log
  const values = {
    job: row.JobIDRaw,
    ...(array && { array: array[1], task: array[3] }),
    name: row.JobName,
    user: row.User,
    node: /^[^[,]+/.exec(job.nodeList ?? '')?.[0],
  };
  if (row.StdOut) set(job, 'stdout', expandLogPath(row.StdOut, job.folder, values));
  set(job, 'stderr', row.StdErr ? expandLogPath(row.StdErr, job.folder, values) : job.stdout);
  return job;
}
