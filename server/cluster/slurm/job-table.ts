/**
 * Jobs as squeue prints them. `squeue -O field:SEPARATOR` is the same from 20.02 to 26.05 (without a size, fields are
 * neither padded nor cut), while `--json` changed its types and `-o` has no letter for GPUs.
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

/** A random end of records for one answer: nobody can know it beforehand and name a job so that it looks like two. */
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

/** Everything that squeue knows about a job, or what a list of everybody's jobs needs (half as long). */
export type Detail = 'lean' | 'full';

/** The name comes last, so that it cannot spoil another field. */
const columns = (detail: Detail): readonly Field[] => [...(detail === 'full' ? FULL : LEAN), 'Name'];

/** Value of squeue's `-O`. @param end of records, see `recordEnd` */
export function squeueFormat(detail: Detail, end = RECORD_END): string {
  const fields = columns(detail);
  return fields.map((field) => `${field}:${field === 'Name' ? end : FIELD_END}`).join(',');
}

/** Position of each field in a record; the name comes last, at a position that depends on the detail. */
const AT = Object.fromEntries(FULL.map((field, at) => [field, at])) as Record<(typeof FULL)[number], number>;

/** Reads squeue's answer to `squeueFormat` with the same end; text before the first record (a login banner) is skipped. */
export function parseQueue(text: string, detail: Detail, end = RECORD_END): Job[] {
  const records = new Records(text, end, columns(detail).length);
  const read = readers();
  const jobs: Job[] = [];
  while (records.next()) jobs.push(toJob(records, read));
  return jobs;
}

/** The records of a text one after the other. Fields are cut out only when asked for: splitting all of them takes most of the time. */
class Records {
  /** Where each field begins, and one past the end of the last. */
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
        const start = text.indexOf(FIELD_END, starts[nth - 1]) + 1;
        if (start === 0 || start > end) break;
        starts[nth] = start;
      }
      starts[fields] = end + 1;
      if (nth === fields) return true;
    }
  }

  /** A field as it is written; the last one is everything that is left, with any ends of fields in it. */
  raw(nth: number): string {
    return this.text.slice(this.starts[nth], (this.starts[nth + 1] ?? 0) - 1);
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

/** Fields are set one by one: for ten thousand jobs this takes a third of the time of a loop over names. */
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
  // One column for both: when it started, or when the backfill scheduler expects it to start.
  set(job, waits ? 'expected' : 'started', read.time(record.get(AT.StartTime)));
  if (record.fields > LEAN.length + 1) addDetails(job, record, read);
  return job;
}

/** The fields that only a full record has. */
function addDetails(job: Job, record: Records, read: Readers): void {
  // The end time of a running job is only that of its limit.
  const over = isOver(job);
  if (over) Object.assign(job, { ended: read.time(record.get(AT.EndTime)) }, ending(record.get(AT.exit_code), job));
  set(job, 'folder', read.word(record.get(AT.WorkDir)) || undefined);
  set(job, 'token', tokenIn(record.get(AT.Comment)));
  // A job that was cancelled while it waited has no log.
  if (over && job.nodeList === undefined) return;
  const [raw, stdout, stderr] = [record.get(AT.JobID), record.get(AT.STDOUT), record.get(AT.STDERR)];
  set(job, 'stdout', logFile(job, raw, stdout));
  // Both in one file: 22.05 names it twice, 24.11 once.
  set(job, 'stderr', !stderr || stderr === stdout ? job.stdout : logFile(job, raw, stderr));
}

/** The log of one job or task; undefined for a row of many tasks, and before the node is known if the name contains it. */
function logFile({ array, folder, name, user, nodeList }: Job, raw: string, pattern: string): string | undefined {
  if (!pattern || (array && !/^\d+$/.test(array.tasks))) return undefined;
  // squeue prints this where no name was given; it forgets that arrays have another default.
  const given = array && pattern === `${folder}/slurm-${raw}.out` ? 'slurm-%A_%a.out' : pattern;
  const node = nodeList && /^[^[,.]+/.exec(nodeList)?.[0];
  return expandLogPath(given, folder, { job: raw, array: array?.id, task: array?.tasks, name, user, node });
}

/** Exit code or signal of a finished job, and its reason where that says more. */
export function ending(exit: string, { reason }: Job): Pick<Job, 'exitCode' | 'signal' | 'reason'> {
  const end = parseExit(exit);
  // 22.05 gives this reason also to scripts that a signal ended; jobs that failed to start have no such signal.
  const signalled = reason?.name === 'JobLaunchFailure' && end.signal !== undefined && end.signal < 32;
  return { ...end, ...(signalled && { reason: reasonOf('RaisedSignal', '') }) };
}

/** Why a job waits or failed, in words. `None` means nothing; it is the reason right after a submission. */
export function reasonOf(name: string, stateName: string): Job['reason'] {
  const stale = isOver({ state: jobState(stateName, '') }) && !endsJobs(name);
  if (!name || name === 'None' || stale) {
    const state = stateNamed('slurm', stateName);
    return state?.remedy ? { name: stateName, text: state.help, remedy: state.remedy } : undefined;
  }
  return { name, ...(reasonInWords(name) ?? { text: name }) };
}
