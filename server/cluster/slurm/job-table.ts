/**
 * Jobs as squeue prints them. `squeue -O field:SEPARATOR` has been the same from 20.02 to 26.05 (a size of none means
 * no padding and no cut), where `--json` changed its types and `-o` has no letter for GPUs.
 */
import { randomBytes } from 'node:crypto';
import { stateNamed } from '../../batch';
import { isOver, type Job } from '../../protocol';
import { tokenIn } from '../token';
import { once } from '../once';
import { expandLogPath } from './log-path';
import { endsJobs, reasonInWords } from './reasons';
import { gpusOfTres, jobState, parseDuration, parseExit, parseTime } from './values';

/** Between fields and at the end of records: names of jobs may have anything else, line ends too. */
export const FIELD_END = '\x1f';
export const RECORD_END = '\x1e';

/** An end of records for one answer alone: nobody knows it beforehand, and so can name a job to look like two. */
export function recordEnd(): string {
  return RECORD_END + randomBytes(6).toString('hex');
}

const LEAN = [
  'JobArrayID',
  'ArrayJobID',
  'ArrayTaskID',
  'State',
  'Reason',
  'TimeUsed',
  'TimeLimit',
  'NumCPUs',
  'NumNodes',
  'tres-alloc',
  'NodeList',
  'SubmitTime',
  'StartTime',
  'UserName',
  'Account',
  'Partition',
] as const;
const FULL = [...LEAN, 'JobID', 'EndTime', 'exit_code', 'Comment', 'WorkDir', 'STDOUT', 'STDERR'] as const;
type Field = (typeof FULL)[number] | 'Name';

/** All that squeue tells of a job, or what a list of everybody's jobs needs (half as long). */
export type Detail = 'lean' | 'full';

/** The name comes last: whatever it has in it spoils no other field. */
const columns = (detail: Detail): readonly Field[] => [...(detail === 'full' ? FULL : LEAN), 'Name'];

/** Value of squeue's `-O`. @param end of records, see `recordEnd` */
export function squeueFormat(detail: Detail, end = RECORD_END): string {
  const fields = columns(detail);
  return fields.map((field) => `${field}:${field === 'Name' ? end : FIELD_END}`).join(',');
}

/** Reads squeue's answer to `squeueFormat` of the same end; text before the first record (a login banner) does no harm. */
export function parseQueue(text: string, detail: Detail, end = RECORD_END): Job[] {
  const fields = columns(detail);
  const jobs: Job[] = [];
  const read = readers();
  for (const record of text.split(end)) {
    const values = record.split(FIELD_END);
    if (values.length < fields.length) continue;
    const row = {} as Record<Field, string>;
    for (let i = 0; i < fields.length - 1; i++) row[fields[i]] = known(values[i]);
    row.Name = values.slice(fields.length - 1).join(FIELD_END);
    row.JobArrayID = row.JobArrayID.slice(row.JobArrayID.lastIndexOf('\n') + 1);
    jobs.push(toJob(row, read));
  }
  return jobs;
}

/** What reads the fields. */
const readers = () => ({
  duration: once(parseDuration),
  gpus: once(gpusOfTres),
  time: once(parseTime),
  count: once((text) => (/^\d+/.test(text) ? parseInt(text, 10) : undefined)),
  /** Of `STATE reason`. */
  state: once((text) => jobState(...stateAndReason(text))),
  reason: once((text) => {
    const [state, reason] = stateAndReason(text);
    return reasonOf(reason, state);
  }),
});
type Readers = ReturnType<typeof readers>;

const stateAndReason = (text: string): [state: string, reason: string] => {
  const at = text.indexOf(' ');
  return [text.slice(0, at), text.slice(at + 1)];
};

const known = (value: string): string => (value === '(null)' || value === 'N/A' ? '' : value);

function toJob(row: Record<Field, string>, read: Readers): Job {
  const why = `${row.State} ${row.Reason}`;
  const state = read.state(why);
  const job: Job = {
    id: row.JobArrayID,
    name: row.Name,
    user: row.UserName,
    partition: row.Partition,
    state,
    stateName: row.State,
  };
  if (row.ArrayTaskID && row.ArrayJobID) job.array = { id: row.ArrayJobID, tasks: row.ArrayTaskID };
  if (row.Account) job.account = row.Account;
  const reason = read.reason(why);
  if (reason) job.reason = reason;
  const waits = state === 'queued' || state === 'held';
  const over = !waits && state !== 'running' && state !== 'suspended' && state !== 'ending';
  if (!waits) set(job, 'elapsed', read.duration(row.TimeUsed));
  set(job, 'limit', read.duration(row.TimeLimit));
  set(job, 'cpus', read.count(row.NumCPUs));
  set(job, 'gpus', read.gpus(row['tres-alloc']));
  set(job, 'nodes', read.count(row.NumNodes));
  if (row.NodeList) job.nodeList = row.NodeList;
  set(job, 'submitted', read.time(row.SubmitTime));
  // One column for both: when it started, or when the backfill scheduler expects it to.
  set(job, waits ? 'expected' : 'started', read.time(row.StartTime));
  if (row.JobID === undefined) return job;
  // The end of a running job is only where its limit would be.
  if (over) Object.assign(job, { ended: read.time(row.EndTime) }, ending(row.exit_code, job));
  if (row.WorkDir) job.folder = row.WorkDir;
  set(job, 'token', tokenIn(row.Comment));
  // What was cancelled while it waited never wrote.
  if (over && !row.NodeList) return job;
  set(job, 'stdout', logFile(row, row.STDOUT));
  // Both in one file: 22.05 tells it twice, 24.11 once.
  set(job, 'stderr', !row.STDERR || row.STDERR === row.STDOUT ? job.stdout : logFile(row, row.STDERR));
  return job;
}

/** The log of one job or task; undefined for a row that stands for many, and before the node is known if it matters. */
function logFile(row: Record<Field, string>, pattern: string): string | undefined {
  const inArray = row.ArrayTaskID !== '';
  if (!pattern || (inArray && !/^\d+$/.test(row.ArrayTaskID))) return undefined;
  // squeue's own words for "not given": it forgets that arrays have another default.
  const given = inArray && pattern === `${row.WorkDir}/slurm-${row.JobID}.out` ? 'slurm-%A_%a.out' : pattern;
  const array = inArray ? { array: row.ArrayJobID, task: row.ArrayTaskID } : {};
  const node = /^[^[,]+/.exec(row.NodeList)?.[0].split('.')[0];
  return expandLogPath(given, row.WorkDir, { job: row.JobID, ...array, name: row.Name, user: row.UserName, node });
}

/** Exit code or signal of a job that is over, and the reason where that says more. */
export function ending(exit: string, { reason }: Job): Pick<Job, 'exitCode' | 'signal' | 'reason'> {
  const end = parseExit(exit);
  // 22.05 gives it to scripts that a signal ended too; those that were not started have no such signal.
  const signalled = reason?.name === 'JobLaunchFailure' && end.signal !== undefined && end.signal < 32;
  return { ...end, ...(signalled && { reason: reasonOf('RaisedSignal', '') }) };
}

/** Why a job waits or failed, in words. `None` says nothing, and is all there is right after a submission. */
export function reasonOf(name: string, stateName: string): Job['reason'] {
  const stale = isOver({ state: jobState(stateName, '') }) && !endsJobs(name);
  if (!name || name === 'None' || stale) {
    const state = stateNamed('slurm', stateName);
    return state?.remedy ? { name: stateName, text: state.help, remedy: state.remedy } : undefined;
  }
  return { name, ...(reasonInWords(name) ?? { text: name }) };
}

/** Sets what is known: absent stays absent. */
export function set<K extends keyof Job>(job: Job, key: K, value: Job[K] | undefined): void {
  if (value !== undefined) job[key] = value;
}
