/**
 * Jobs as bjobs prints them: JSON where it has that (10.1.0.2 and later, only with -o), the table of all versions, and
 * the long form for one job.
 */
import { isOver, type Job } from '../../shared/protocol';
import { set } from '../job-fields';
import { once } from '../once';
import { tokenIn } from '../token';
import { endingOf, reasonNamed } from './endings';
import { jobState, parseHosts, parseLimit, parseTime } from './values';

/** Value of `bjobs -o` beside `-json`. */
export const JSON_FIELDS =
  'jobid jobindex stat user queue proj_name job_name job_description submit_time start_time finish_time estimated_start_time run_time runtimelimit slots gpu_num exec_host exit_code exit_reason pend_reason sub_cwd exec_cwd output_file error_file';

/** Reads the JSON; undefined where the answer is not JSON (an older bjobs explains its options instead). */
export function parseJson(text: string, home: string): Job[] | undefined {
  const from = text.indexOf('{');
  if (from < 0 || !text.includes('"RECORDS"')) return undefined;
  const { RECORDS } = JSON.parse(text.slice(from, text.lastIndexOf('}') + 1)) as { RECORDS: Record<string, string>[] };
  const read = readers();
  return RECORDS.filter(({ JOBID, ERROR }) => JOBID !== undefined && ERROR === undefined).map((row) => {
    const index = Number(told(row.JOBINDEX)) || undefined;
    const { hosts, slots } = read.hosts(told(row.EXEC_HOST));
    return job(
      {
        number: told(row.JOBID),
        index,
        stat: told(row.STAT),
        user: told(row.USER),
        queue: told(row.QUEUE),
        name: index === undefined ? told(row.JOB_NAME) : arrayName(told(row.JOB_NAME)),
        project: told(row.PROJ_NAME),
        description: told(row.JOB_DESCRIPTION),
        submitted: told(row.SUBMIT_TIME),
        started: told(row.START_TIME),
        expected: told(row.ESTIMATED_START_TIME),
        finished: told(row.FINISH_TIME),
        elapsed: parseInt(told(row.RUN_TIME), 10),
        limit: told(row.RUNTIMELIMIT),
        slots: Number(told(row.SLOTS)) || slots,
        gpus: Number(told(row.GPU_NUM)),
        hosts,
        exitCode: told(row.EXIT_CODE),
        why: told(row.EXIT_REASON) || told(row.PEND_REASON),
        folder: told(row.EXEC_CWD) || told(row.SUB_CWD),
        stdout: told(row.OUTPUT_FILE),
        stderr: told(row.ERROR_FILE),
        home,
      },
      read,
    );
  });
}

const told = (value: string | undefined): string => (value === undefined || value === '-' ? '' : value);

/** The name of an array without its list of tasks: `edm[1-9]%2`, `edm[3]`. */
const arrayName = (name: string): string => name.replace(/\[[^[\]]*\](%\d+)?$/, '');

/** Job, user, state, queue and the submitting host. The execution host may be empty, and the name may contain spaces. */
const ROW = /^(\d+) +(\S+) +([A-Z]+) +(\S+) +(\S+) +/;
/** `Nov 23 03:20` */
const TIME_LENGTH = 12;

/** Reads the table of `bjobs -w`, and of bjobs without it: more hosts of a job follow on lines of their own. */
export function parseTable(text: string, home: string): Job[] {
  const read = readers();
  const rows: Facts[] = [];
  let hostColumn = -1;
  for (const padded of text.split('\n')) {
    const line = padded.trimEnd();
    const row = rows.at(-1);
    const found = ROW.exec(line);
    if (found) {
      const [start, number = '', user = '', stat = '', queue = ''] = found;
      const middle = line.slice(start.length, -TIME_LENGTH).trimEnd();
      // Without an execution host its column is empty, or a dash.
      const placed = line[hostColumn] !== ' ' && line[hostColumn] !== '-';
      const blank = placed ? middle.indexOf(' ') : -1;
      const { hosts, slots } = read.hosts(middle.slice(0, Math.max(0, blank)));
      const name = placed ? middle.slice(blank).trimStart() : middle.replace(/^- +/, '');
      const task = name.endsWith(']') ? /\[(\d+)\]$/.exec(name) : null;
      const index = task ? Number(task[1]) : undefined;
      const submitted = line.slice(-TIME_LENGTH);
      rows.push({ number, index, stat, user, queue, name: task ? name.slice(0, task.index) : name, submitted, hosts, slots, home }); // prettier-ignore
    } else if (line.startsWith('JOBID ')) hostColumn = line.indexOf('EXEC_HOST');
    else if (row && line.startsWith(' ')) {
      const { hosts, slots } = read.hosts(line.trim());
      row.hosts = [...new Set([...row.hosts, ...hosts])];
      row.slots += slots;
    }
  }
  return rows.map((row) => job(row, read));
}

/**
 * Reads `bjobs -l` and `bhist -l` of one job or more; in bhist, a job's state follows from its events. Lines are cut at
 * 80 columns and continue after 21 spaces.
 */
export function parseLong(text: string, home: string): Job[] {
  const whole = text.replace(/\n {21}/g, '');
  return whole
    .split(/^-{20,}$/m)
    .flatMap((part) => part.split(/(?=^Job <\d+(?:\[\d+\])?>, )/m))
    .flatMap((part) => {
      const head = /^Job <(\d+)(?:\[(\d+)\])?>/m.exec(part);
      if (!head) return [];
      const field = (name: string): string => new RegExp(`(?:^|[ ,])${name} ?<([^>]*)>`, 'm').exec(part)?.[1] ?? '';
      const time = (event: string): string => new RegExp(`^(.*?\\d\\d:\\d\\d:\\d\\d(?: \\d{4})?): (?:${event})`, 'm').exec(part)?.[1] ?? ''; // prettier-ignore
      const started = /(?:Started|started|Dispatched)(?: \d+ Task\(s\))? (?:on|to) (?:\d+ )?(?:Hosts?(?:\/Processors)?|Host\(s\))? ?((?:<[^>]*>\s*)+)/.exec(part); // prettier-ignore
      const { hosts, slots } = parseHosts((started?.[1] ?? '').replace(/[<>]/g, ' '));
      return job({
        number: head[1] ?? '',
        index: head[2] === undefined ? undefined : Number(head[2]),
        stat: field('Status') || lastState(part),
        user: field('User'),
        queue: field('Queue'),
        name: arrayName(field('Job Name')),
        project: field('Project'),
        description: field('Job Description'),
        submitted: time('Submitted from'),
        started: time('(?:\\[\\d+\\] )?(?:Started|started|Dispatched)'),
        finished: time('Done|Exited|Completed|Termination'),
        limit: /RUNLIMIT\s*\n\s*(.*)/.exec(part)?.[1],
        slots,
        hosts,
        exitCode: /[Ee]xit(?:ed with exit)? code (\d+)/.exec(part)?.[1] ?? /Completed <exit>.*?(\d+)/.exec(part)?.[1],
        why:
          /\bTERM_\w+/.exec(part)?.[0] ??
          (/: Signal <KILL> requested by/.test(part) ? 'TERM_OWNER' : undefined) ??
          /PENDING REASONS:\n(.*)\n/.exec(part)?.[1]?.trim().replace(/;$/, ''),
        // A folder that the execution host does not have is replaced there, by /tmp for instance.
        folder: field('Execution CWD') || field('CWD'),
        stdout: field('Output File(?: \\(overwrite\\))?'),
        stderr: field('Error File(?: \\(overwrite\\))?'),
        home,
      });
    });
}

/** The state that the events of bhist lead to. */
function lastState(events: string): string {
  if (/: Done successfully/.test(events)) return 'DONE';
  if (/: (?:Exited|Completed <exit>)/.test(events)) return 'EXIT';
  return /: (?:\[\d+\] )?(?:Started|started|Starting|Dispatched)/.test(events) ? 'RUN' : 'PEND';
}

/** A job in LSF's words; empty, zero and NaN mean unknown. */
interface Facts {
  number: string;
  index?: number;
  stat: string;
  user: string;
  queue: string;
  name: string;
  project?: string;
  description?: string;
  submitted?: string;
  started?: string;
  expected?: string;
  finished?: string;
  elapsed?: number;
  limit?: string;
  slots: number;
  gpus?: number;
  hosts: string[];
  exitCode?: string;
  why?: string;
  folder?: string;
  stdout?: string;
  stderr?: string;
  home: string;
}

/** What reads the fields. */
const readers = () => ({
  /** Kept once, however many jobs have it. */
  word: once((text) => text),
  time: once((text) => parseTime(text)),
  limit: once(parseLimit),
  hosts: once(parseHosts),
  /** Of a state alone. */
  reason: once((stat) => reasonOf(stat, '')),
});

function job(facts: Facts, read = readers()): Job {
  const { number, index, stat, why = '', hosts } = facts;
  const task = index === undefined ? undefined : String(index);
  const [started, finished] = [read.time(facts.started ?? ''), read.time(facts.finished ?? '')];
  const ran = started && finished ? (Date.parse(finished) - Date.parse(started)) / 1000 : undefined;
  const elapsed = facts.elapsed || ran;
  const limit = read.limit(facts.limit ?? '');
  const exitCode = facts.exitCode ? Number(facts.exitCode) : undefined;
  const wasStarted = started !== undefined || hosts.length > 0 || Boolean(facts.elapsed) || exitCode !== undefined;
  const exit = stat === 'EXIT' ? endingOf({ why, exitCode, started: wasStarted, ran: elapsed, limit }) : undefined;
  const state = exit?.state ?? jobState(stat);
  const result: Job = {
    id: task === undefined ? number : `${number}[${task}]`,
    name: facts.name,
    user: read.word(facts.user),
    partition: read.word(facts.queue),
    state,
    stateName: read.word(stat),
  };
  if (task !== undefined) result.array = { id: number, tasks: task };
  const over = isOver(result);
  const waits = state === 'queued' || state === 'held';
  const ended = over ? finished : undefined;
  set(result, 'account', facts.project || undefined);
  set(result, 'reason', exit?.reason ?? (why ? reasonOf(stat, why) : read.reason(stat)));
  set(result, 'elapsed', waits ? undefined : elapsed);
  set(result, 'limit', limit);
  set(result, 'cpus', facts.slots || undefined);
  set(result, 'gpus', facts.gpus || undefined);
  set(result, 'nodes', hosts.length || undefined);
  set(result, 'nodeList', hosts.length > 1 ? hosts.join(',') : hosts[0]);
  set(result, 'submitted', read.time(facts.submitted ?? ''));
  set(result, 'started', started);
  set(result, 'expected', waits ? read.time(facts.expected ?? '') : undefined);
  set(result, 'ended', ended);
  set(result, 'exitCode', over ? exitCode : undefined);
  const folder = facts.folder?.replace(/^\$HOME/, facts.home) || undefined;
  set(result, 'folder', folder);
  set(result, 'stdout', logPath(facts.stdout, facts, folder));
  set(result, 'stderr', facts.stderr ? logPath(facts.stderr, facts, folder) : result.stdout);
  set(result, 'token', tokenIn(facts.description ?? ''));
  return result;
}

/** In a pattern, `%J` is the number of the job and `%I` that of its task. */
function logPath(pattern: string | undefined, { number, index }: Facts, folder?: string): string | undefined {
  if (!pattern || pattern === '/dev/null') return undefined;
  const name = pattern.replaceAll('%J', number).replaceAll('%I', String(index ?? 0));
  return name.startsWith('/') ? name : folder && `${folder}/${name}`;
}

function reasonOf(stat: string, why: string): Job['reason'] {
  if (why && stat === 'PEND') return { name: 'PEND', text: why };
  const reason = reasonNamed(stat);
  // A state that says all by itself is no reason.
  return reason?.remedy === undefined ? undefined : reason;
}
