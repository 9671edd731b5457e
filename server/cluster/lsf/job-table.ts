/**
 * Jobs as bjobs prints them: JSON where it can (10.1.0.2 and later, only with -o), the table of all versions, and the
 * long form for one job.
 */
import { stateNamed } from '../../batch';
import { isOver, type Job } from '../../protocol';
import { once } from '../once';
import { tokenIn } from '../token';
import { jobState, parseHosts, parseLimit, parseTime } from './values';

/** Value of `bjobs -o` beside `-json`. */
export const JSON_FIELDS =
  'jobid jobindex stat user queue proj_name job_name job_description submit_time start_time finish_time estimated_start_time run_time runtimelimit slots gpu_num exec_host exit_code exit_reason pend_reason sub_cwd output_file error_file';

/** Reads the JSON; undefined where the answer is none (an older bjobs explains its options instead). */
export function parseJson(text: string, home: string): Job[] | undefined {
  const from = text.indexOf('{');
  if (from < 0 || !text.includes('"RECORDS"')) return undefined;
  const { RECORDS } = JSON.parse(text.slice(from, text.lastIndexOf('}') + 1)) as { RECORDS: Record<string, string>[] };
  const read = readers();
  return RECORDS.filter(({ JOBID, ERROR }) => JOBID !== undefined && ERROR === undefined).map((row) => {
    const value = (name: string): string => (row[name] === undefined || row[name] === '-' ? '' : row[name]);
    const index = Number(value('JOBINDEX')) || undefined;
    const { hosts, slots } = read.hosts(value('EXEC_HOST'));
    return job(
      {
        number: row.JOBID,
        index,
        stat: row.STAT,
        user: row.USER,
        queue: row.QUEUE,
        name: value('JOB_NAME').replace(/\[[^\]]*\](%\d+)?$/, index === undefined ? '$&' : ''),
        project: value('PROJ_NAME'),
        description: value('JOB_DESCRIPTION'),
        submitted: value('SUBMIT_TIME'),
        started: value('START_TIME'),
        expected: value('ESTIMATED_START_TIME'),
        finished: value('FINISH_TIME'),
        elapsed: /^\d+/.exec(value('RUN_TIME'))?.[0],
        limit: value('RUNTIMELIMIT'),
        slots: Number(value('SLOTS')) || slots || undefined,
        gpus: Number(value('GPU_NUM')) || undefined,
        hosts,
        exitCode: value('EXIT_CODE'),
        why: value('EXIT_REASON') || value('PEND_REASON'),
        folder: value('SUB_CWD'),
        stdout: value('OUTPUT_FILE'),
        stderr: value('ERROR_FILE'),
        home,
      },
      read,
    );
  });
}

/** Reads the table of `bjobs -w`, and of bjobs without it: more hosts of a job follow on lines of their own. */
export function parseTable(text: string, home: string): Job[] {
  const rows: Facts[] = [];
  let hostColumn = -1;
  for (const line of text.split('\n')) {
    if (/^JOBID\s+USER\s+STAT/.test(line)) {
      hostColumn = line.indexOf('EXEC_HOST');
      continue;
    }
    const found = /^(\d+)\s+(\S+)\s+([A-Z]+)\s+(\S+)\s+(\S+)\s+(.*\S)\s+([A-Z][a-z]{2} +\d+ \d\d:\d\d)\s*$/.exec(line);
    const more = /^\s+(\S+)\s*$/.exec(line);
    if (more && rows.length > 0) {
      const row = rows[rows.length - 1];
      const { hosts, slots } = parseHosts(more[1]);
      row.hosts = [...new Set([...row.hosts, ...hosts])];
      row.slots = (row.slots ?? 0) + slots;
    }
    if (!found) continue;
    const [, number, user, stat, queue, , middle, submitted] = found;
    // Without an execution host its column is blank, or a dash.
    const placed = line[hostColumn] !== ' ' && line[hostColumn] !== '-';
    const [, host, rest] = placed
      ? (/^(\S+)\s+(.*)$/.exec(middle) ?? ['', '', middle])
      : ['', '', middle.replace(/^-\s+/, '')];
    const index = /^(.*)\[(\d+)\]$/.exec(rest);
    const { hosts, slots } = parseHosts(host);
    rows.push({ number, user, stat, queue, submitted, hosts, slots: slots || undefined, name: index ? index[1] : rest, index: index ? Number(index[2]) : undefined, home }); // prettier-ignore
  }
  const read = readers();
  return rows.map((row) => job(row, read));
}

/** Reads `bjobs -l` of one job or more. Its lines are cut at 80 columns and go on behind 21 blanks. */
export function parseLong(text: string, home: string): Job[] {
  const whole = text.replace(/\n {21}/g, '');
  return whole
    .split(/^-{20,}$/m)
    .flatMap((part) => part.split(/(?=^Job <\d+(?:\[\d+\])?>, )/m))
    .flatMap((part) => {
      const head = /^Job <(\d+)(?:\[(\d+)\])?>/m.exec(part);
      if (!head) return [];
      const field = (name: string): string => new RegExp(`${name} ?<([^>]*)>`).exec(part)?.[1] ?? '';
      const time = (event: string): string => new RegExp(`^(.*?\\d\\d:\\d\\d:\\d\\d(?: \\d{4})?): (?:${event})`, 'm').exec(part)?.[1] ?? ''; // prettier-ignore
      const started = /(?:Started|started|Dispatched)(?: \d+ Task\(s\))? on (?:\d+ )?(?:Hosts?(?:\/Processors)?|Host\(s\))? ?((?:<[^>]*>\s*)+)/.exec(part); // prettier-ignore
      const { hosts, slots } = parseHosts((started?.[1] ?? '').replace(/[<>]/g, ' '));
      return job({
        number: head[1],
        index: head[2] === undefined ? undefined : Number(head[2]),
        stat: field('Status'),
        user: field('User'),
        queue: field('Queue'),
        name: field('Job Name').replace(/\[[^\]]*\](%\d+)?$/, ''),
        project: field('Project'),
        description: field('Job Description'),
        submitted: time('Submitted from'),
        started: time('(?:\\[\\d+\\] )?(?:Started|started|Dispatched)'),
        finished: time('Done|Exited|Completed|Termination'),
        limit: /RUNLIMIT\s*\n\s*(.*)/.exec(part)?.[1],
        slots: slots || undefined,
        hosts,
        exitCode: /[Ee]xit(?:ed with exit)? code (\d+)/.exec(part)?.[1] ?? /Completed <exit>.*?(\d+)/.exec(part)?.[1],
        why: /\bTERM_\w+/.exec(part)?.[0] ?? /PENDING REASONS:\n\s*(.*?);?\n/.exec(part)?.[1],
        folder: field('CWD'),
        stdout: field('Output File(?: \\(overwrite\\))?'),
        stderr: field('Error File(?: \\(overwrite\\))?'),
        home,
      });
    });
}

/** A job in LSF's words; empty means not told. */
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
  elapsed?: string;
  limit?: string;
  slots?: number;
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
  time: once((text) => parseTime(text)),
  limit: once(parseLimit),
  hosts: once(parseHosts),
});

function job(facts: Facts, read = readers()): Job {
  const { number, index, stat, why = '', hosts } = facts;
  const state = jobState(stat, why);
  const over = isOver({ state });
  const folder = facts.folder?.replace(/^\$HOME/, facts.home);
  const [started, ended] = [read.time(facts.started ?? ''), over ? read.time(facts.finished ?? '') : undefined];
  const elapsed = facts.elapsed ?? (started && ended ? (Date.parse(ended) - Date.parse(started)) / 1000 : undefined);
  const waits = state === 'queued' || state === 'held';
  const known: Partial<Job> = {
    account: facts.project || undefined,
    reason: reasonOf(stat, why),
    elapsed: waits || elapsed === undefined ? undefined : Number(elapsed),
    limit: read.limit(facts.limit ?? ''),
    cpus: facts.slots,
    gpus: facts.gpus,
    nodes: hosts.length || undefined,
    nodeList: hosts.join(',') || undefined,
    submitted: read.time(facts.submitted ?? ''),
    started,
    expected: waits ? read.time(facts.expected ?? '') : undefined,
    ended,
    exitCode: over && facts.exitCode ? Number(facts.exitCode) : undefined,
    folder,
    stdout: logPath(facts.stdout, facts, folder),
    stderr: logPath(facts.stderr || facts.stdout, facts, folder),
    token: tokenIn(facts.description ?? ''),
  };
  return {
    id: index === undefined ? number : `${number}[${index}]`,
    ...(index !== undefined && { array: { id: number, tasks: String(index) } }),
    name: facts.name,
    user: facts.user,
    partition: facts.queue,
    state,
    stateName: stat,
    ...(Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)) as Partial<Job>),
  };
}

/** `%J` is the number of the job, `%I` that of its task. */
function logPath(pattern: string | undefined, { number, index }: Facts, folder?: string): string | undefined {
  if (!pattern || pattern === '/dev/null') return undefined;
  const name = pattern.replaceAll('%J', number).replaceAll('%I', String(index ?? 0));
  return name.startsWith('/') ? name : folder && `${folder}/${name}`;
}

function reasonOf(stat: string, why: string): Job['reason'] {
  const name = /TERM_\w+/.exec(why)?.[0] ?? '';
  const found = stateNamed('lsf', name || stat);
  if (why && stat === 'PEND') return { name: 'PEND', text: why };
  if (!found || (!name && !found.remedy)) return undefined;
  return { name: name || stat, text: found.help, ...(found.remedy && { remedy: found.remedy }) };
}
