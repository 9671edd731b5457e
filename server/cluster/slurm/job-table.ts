/**
 * Jobs as squeue prints them. `squeue -O field:SEPARATOR` has been the same from 20.02 to 26.05 (a size of none means
 * no padding and no cut), where `--json` changed its types and `-o` has no letter for GPUs.
 */
import { randomBytes } from 'node:crypto';
import { stateNamed } from '../states';
import { isOver, type Job } from '../../shared/protocol';
import { set } from '../job-fields';
import { once } from '../once';
import { tokenIn } from '../token';
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

/** Where a field stands in a record; the name stands last, and its place depends on the detail. */
const AT = Object.fromEntries(FULL.map((field, at) => [field, at])) as Record<(typeof FULL)[number], number>;

/** Reads squeue's answer to `squeueFormat` of the same end; text before the first record (a login banner) does no harm. */
export function parseQueue(text: string, detail: Detail, end = RECORD_END): Job[] {
  const records = new Records(text, end, columns(detail).length);
  const read = readers();
  const jobs: Job[] = [];
  while (records.next()) jobs.push(toJob(records, read));
  return jobs;
}

/** The records of a text one after the other, cut up only where a field is asked for: splitting them costs more than all else. */
class Records {
  /** Where each field begins, and behind the last one's end. */
  private readonly starts: number[] = [];
  private following = 0;

  constructor(
    private readonly text: string,
    private readonly recordEnd: string,
    readonly fields: number,
  ) {}

  /** Goes on to the next record that has all its fields; false where there is none. */
  next(): boolean {
    const { text, starts, fields } = this;
    for (;;) {
      starts[0] = this.following;
      const end = text.indexOf(this.recordEnd, starts[0]);
      if (end < 0) return false;
      this.following = end + this.recordEnd.length;
      let nth = 1;
      for (; nth < fields; nth++) {
        starts[nth] = text.indexOf(FIELD_END, starts[nth - 1]) + 1;
        if (starts[nth] === 0 || starts[nth] > end) break;
      }
      starts[fields] = end + 1;
      if (nth === fields) return true;
    }
  }

  /** A field as it stands there: the last one is all that is left, the ends of fields too. */
  raw(nth: number): string {
    return this.text.slice(this.starts[nth], this.starts[nth + 1] - 1);
  }

  /** A field; empty where Slurm writes that there is none. */
  get(nth: number): string {
    const value = this.raw(nth);
    return value === '(null)' || value === 'N/A' ? '' : value;
  }
}

/** What reads the fields. */
const readers = () => ({
  /** Kept once, however many jobs have it. */
  word: once((text) => text),
  time: once(parseTime),
  duration: once(parseDuration),
  gpus: once(gpusOfTres),
  count: once((text) => (/^\d/.test(text) ? parseInt(text, 10) : undefined)),
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

/** Fields are set by their names, one by one: ten thousand jobs take a third of the time of a loop over names. */
function toJob(record: Records, read: Readers): Job {
  const id = record.get(AT.JobArrayID);
  const why = `${record.get(AT.State)} ${record.get(AT.Reason)}`;
  const state = read.state(why);
  const job: Job = {
    id: id.slice(id.lastIndexOf('\n') + 1),
    name: record.raw(record.fields - 1),
    user: read.word(record.get(AT.UserName)),
    partition: read.word(record.get(AT.Partition)),
    state,
    stateName: read.word(record.get(AT.State)),
  };
  const tasks = record.get(AT.ArrayTaskID);
  if (tasks) job.array = { id: read.word(record.get(AT.ArrayJobID)), tasks };
  const waits = state === 'queued' || state === 'held';
  set(job, 'account', read.word(record.get(AT.Account)) || undefined);
  set(job, 'reason', read.reason(why));
  set(job, 'elapsed', waits ? undefined : read.duration(record.get(AT.TimeUsed)));
  set(job, 'limit', read.duration(record.get(AT.TimeLimit)));
  set(job, 'cpus', read.count(record.get(AT.NumCPUs)));
  set(job, 'gpus', read.gpus(record.get(AT['tres-alloc'])));
  set(job, 'nodes', read.count(record.get(AT.NumNodes)));
  set(job, 'nodeList', read.word(record.get(AT.NodeList)) || undefined);
  set(job, 'submitted', read.time(record.get(AT.SubmitTime)));
  // One column for both: when it started, or when the backfill scheduler expects it to.
  set(job, waits ? 'expected' : 'started', read.time(record.get(AT.StartTime)));
  if (record.fields > LEAN.length + 1) addDetails(job, record, read);
  return job;
}

/** What only a full record has. */
function addDetails(job: Job, record: Records, read: Readers): void {
  // The end of a running job is only where its limit would be.
  const over = isOver(job);
  if (over) Object.assign(job, { ended: read.time(record.get(AT.EndTime)) }, ending(record.get(AT.exit_code), job));
  set(job, 'folder', read.word(record.get(AT.WorkDir)) || undefined);
  set(job, 'token', tokenIn(record.get(AT.Comment)));
  // What was cancelled while it waited never wrote.
  if (over && job.nodeList === undefined) return;
  const [raw, stdout, stderr] = [record.get(AT.JobID), record.get(AT.STDOUT), record.get(AT.STDERR)];
  set(job, 'stdout', logFile(job, raw, stdout));
  // Both in one file: 22.05 tells it twice, 24.11 once.
  set(job, 'stderr', !stderr || stderr === stdout ? job.stdout : logFile(job, raw, stderr));
}

/** The log of one job or task; undefined for a row that stands for many, and before the node is known if it matters. */
function logFile({ array, folder, name, user, nodeList }: Job, raw: string, pattern: string): string | undefined {
  if (!pattern || (array && !/^\d+$/.test(array.tasks))) return undefined;
  // squeue's own words for "not given": it forgets that arrays have another default.
  const given = array && pattern === `${folder}/slurm-${raw}.out` ? 'slurm-%A_%a.out' : pattern;
  const node = nodeList && /^[^[,.]+/.exec(nodeList)?.[0];
  return expandLogPath(given, folder, { job: raw, array: array?.id, task: array?.tasks, name, user, node });
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
