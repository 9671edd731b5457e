/** Slurm from version 20.02 on, through the named fields of its commands. */
import path from 'node:path';
import { readScript } from '../../scripts/reading/read-script';
import { UserError } from '../../errors';
import {
  FINISHED_STATES,
  isOver,
  type ClusterSnapshot,
  type Job,
  type JobAction,
  type JobState,
  type PartitionLoad,
} from '../../shared/protocol';
import { CommandScheduler, endedWithin, TIMEOUT_MS } from '../command-scheduler';
import type { RunOutcome } from '../host';
import {
  RefusedError,
  type ActionResult,
  type DryRun,
  type JobHistory,
  type Scheduler,
  type Submission,
  type Submitted,
} from '../scheduler';
import { lookForLost, recordedAnswer, submitOnce } from '../submission';
import { tokenTag } from '../token';
import { DELIMITER, parseAccounting, sacctFields } from './accounting';
import { parseQueue, recordEnd, squeueFormat, type Detail } from './job-table';
import { misleadsLogs } from './log-path';
import { isAnswerLost } from './lost-answers';
import { readPlugStack } from './plug-ins';
import { parseLoad, SINFO_FORMAT, snapshotOf } from './partitions';
import { refusedLine } from './refusals';

/** Times as UTC in one form, complete lists of tasks, and no setting of the user that shapes the output. */
const PLAIN = [
  'env',
  ...['ARRAY', 'ACCOUNT', 'PARTITION', 'STATES', 'USERS', 'LICENSES', 'QOS', 'SORT', 'FORMAT', 'FORMAT2', 'ALL', 'CLUSTERS']
    .flatMap((name) => ['-u', `SQUEUE_${name}`]), // prettier-ignore
  'TZ=UTC',
  'SLURM_TIME_FORMAT=standard',
  'SLURM_BITSTR_LEN=0',
];
/** The oldest release whose squeue has the fields that are asked for. */
const OLDEST = [20, 2] as const;
/** Commands that take -M. */
const OF_A_CLUSTER = new Set(['sbatch', 'squeue', 'scancel', 'scontrol', 'sacct', 'sinfo']);
const JOB_ID = /^\d+(?:\+\d+|_(?:\d+|\[[\d,:%-]+\]))?$/;

/** How long the help of sbatch and srun is taken to stay the same. */
const DAY_MS = 86_400_000;
/** Files that one plugstack.conf includes; sites have one or two. */
const MOST_INCLUDED = 8;

export class Slurm extends CommandScheduler implements Scheduler {
  readonly name = 'slurm';
  readonly title = 'Slurm';
  protected readonly plainly = PLAIN;
  private plugInsRead: { at: number; names: string[] } | undefined;
  private helpRead: { at: number; texts: { sbatch?: string; srun?: string } } | undefined;

  /** The option with which a command is about the profile's cluster, where one login node serves several. */
  private onCluster(program: string): string[] {
    const { clusters } = this.options;
    return clusters === undefined || !OF_A_CLUSTER.has(program) ? [] : ['-M', clusters];
  }

  protected override plain(program: string, ...words: string[]): Promise<RunOutcome> {
    const asksForHelp = words.some((word) => word === '--help' || word === '--version');
    return super.plain(program, ...(asksForHelp ? [] : this.onCluster(program)), ...words);
  }

  protected override async readVersion(): Promise<string> {
    const { stdout, stderr } = await this.plain('squeue', '--version');
    const found = /\b(\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1];
    if (found === undefined)
      throw new UserError(`Cannot read the version of Slurm on ${this.host.name}: ${stderr.trim()}`);
    return found;
  }

  protected override checkId(id: string): void {
    if (!JOB_ID.test(id)) throw new UserError(`"${id}" is not a Slurm job id: 42, 42_7 or 42+1`);
  }

  async submit({ script, folder, token, asByHand, options = [], defaults = {} }: Submission): Promise<Submitted> {
    if (misleadsLogs(folder))
      throw new UserError(
        `${folder}: Slurm reads % and \\ in a folder as a pattern for log names, so every job would fail at its start: choose a folder without them`,
      );
    const read = readScript(script, { scheduler: 'slurm' });
    const missing = (name: '--account' | '--partition' | '--job-name', value: string | undefined): string[] =>
      value !== undefined && !read?.option(name) ? [`${name}=${value}`] : [];
    // The script's own comment stays, after the token.
    const own = read?.option('--comment')?.value?.text;
    const comment = own ? `${tokenTag(token)} ${own}` : tokenTag(token);
    const command = [
      ...(await this.submitPrefix('sbatch', asByHand)),
      'sbatch',
      ...this.onCluster('sbatch'),
      '--parsable',
      `--comment=${comment}`,
      ...missing('--account', defaults.account),
      ...missing('--partition', defaults.partition),
      // sbatch names a job after its file; ours come through a pipe, and `%x` would be "(null)".
      ...missing('--job-name', defaults.name),
      ...options,
    ];
    const answer = await submitOnce(this.host, { command, script, folder, token }, this.options.reconnect);
    if (answer?.code === 0 && submittedId(answer.text)) return this.submitted(answer.text, answer.recovered);
    if (answer && answer.code !== 0 && !isAnswerLost(answer.text, answer.code)) {
      const words = plainWords(answer.text);
      throw new RefusedError(`Slurm refused the job: ${words}`, refusedLine(words, script));
    }
    // Asked, but without a clear answer: the job is there, or it is not.
    const said = answer && plainWords(answer.text);
    return lookForLost(token, { title: this.title, said, find: () => this.findInQueue(token) });
  }

  async find(token: string): Promise<Submitted | undefined> {
    const answer = await recordedAnswer(this.host, token);
    if (answer?.code === 0 && submittedId(answer.text)) return { ...this.submitted(answer.text), found: true };
    if (answer && answer.code !== 0 && !isAnswerLost(answer.text, answer.code)) return undefined;
    return this.findInQueue(token);
  }

  private submitted(text: string, found = false): Submitted {
    const id = submittedId(text) ?? '';
    const warnings = text
      .split('\n')
      .map((line) => line.replace(/^sbatch: (?:warning: |info: )?/i, '').trim())
      .filter((line) => line && submittedId(line) === undefined);
    return { id, warnings, ...(found && { found: true }) };
  }

  /** By the comment, in the queue and in accounting (which keeps comments before 21.08 and submit lines since). */
  private async findInQueue(token: string): Promise<Submitted | undefined> {
    const mine = (jobs: readonly Job[]): Submitted | undefined => {
      const job = jobs.find((one) => one.token === token);
      return job && { id: job.array?.id ?? job.id.replace(/\+.*/, ''), warnings: [], found: true };
    };
    return mine(await this.queue('mine')) ?? mine((await this.accounting(['--starttime', 'now-7days'])).jobs);
  }

  async dryRun(script: string, folder: string): Promise<DryRun> {
    const command = [...this.prefix, 'sbatch', ...this.onCluster('sbatch'), '--test-only'];
    const { code, stdout, stderr } = await this.host.run(command, {
      stdin: script,
      cwd: folder,
      timeoutMs: TIMEOUT_MS,
    });
    const message = plainWords(stdout + stderr);
    if (code === 0) return { ok: true, message };
    const line = refusedLine(message, script);
    return { ok: false, message, ...(line !== undefined && { line }) };
  }

  queue(whose: 'mine' | 'all'): Promise<Job[]> {
    if (whose === 'all') return this.squeue('lean', []);
    return this.squeue('full', ['--me', '--states=all']).then((jobs) => jobs.filter(wasAccepted));
  }

  private async squeue(detail: Detail, options: readonly string[]): Promise<Job[]> {
    const end = recordEnd();
    const answer = await this.plain('squeue', '--noheader', ...options, '-O', squeueFormat(detail, end));
    // Site wrappers may end with 0 whatever happened: silence is an empty queue, an error is none.
    const isFailure = answer.code !== 0 || (answer.stdout.trim() === '' && /\berror:/.test(answer.stderr));
    if (isFailure) throw (await this.tooOld()) ?? this.failure('squeue', answer);
    return parseQueue(answer.stdout, detail, end);
  }

  async job(id: string): Promise<Job | undefined> {
    this.checkId(id);
    const whole = wholeId(id);
    const asked = ['--states=all', `--jobs=${whole}`];
    const jobs = await this.squeue('full', asked).catch((error: Error) => {
      if (!/Invalid job id/i.test(error.message)) throw error;
      return [];
    });
    const pick = (from: readonly Job[]): Job | undefined =>
      from.find((job) => job.id === id) ?? (id === whole ? from[0] : undefined);
    return pick(jobs) ?? pick((await this.accounting(['--jobs', whole])).jobs);
  }

  async script(id: string): Promise<string> {
    this.checkId(id);
    const { code, stdout, stderr } = await this.plain('scontrol', 'write', 'batch_script', wholeId(id), '-');
    if (code === 0 && stdout.trim()) return stdout;
    // Kept where AccountingStoreFlags has job_script; sacct prints a heading of two lines.
    const stored = await this.plain('sacct', '--batch-script', '--jobs', wholeId(id));
    const text = /^Batch Script for \S+\n-+\n([\s\S]*)$/.exec(stored.stdout)?.[1];
    if (stored.code === 0 && text && !/^NONE\s*$/.test(text)) return text;
    throw new UserError(`Slurm no longer has the script of job ${id}: ${plainWords(stderr || stdout)}`, 1);
  }

  protected override async actOn(action: JobAction, ids: readonly string[]): Promise<ActionResult[]> {
    // scancel accepts no throttle within the brackets.
    const names = ids.map((id) => id.replace(/%\d+(?=\])/, ''));
    const [program, ...words] =
      action === 'cancel' ? (['scancel', ...names] as const) : (['scontrol', action, names.join(',')] as const);
    const { code, stdout, stderr } = await this.plain(program, ...words);
    const said = `${stderr}\n${stdout}`.split('\n').map((line) => line.trim());
    if (code !== 0 && /contact slurm controller/i.test(stderr)) throw this.failure(program, { code, stdout, stderr });
    // scancel is silent about jobs that have ended or never existed, so the state of each is looked up.
    const jobs = await this.squeue('full', [
      '--states=all',
      `--jobs=${[...new Set(ids.map(wholeId))].join(',')}`,
    ]).catch(() => []);
    return ids.map((id) => {
      const named = new RegExp(`\\b${id.replace(/[_+].*/, '')}\\b`);
      const complaint = said.find((line) => /error|denied|invalid|not/i.test(line) && named.test(line));
      return {
        id,
        ...verdict(
          action,
          jobs.filter((job) => covers(job, id)),
          complaint && plainWords(complaint),
        ),
      };
    });
  }

  async history(since: Date, until?: Date): Promise<JobHistory> {
    const before = until ? ['--endtime', slurmTime(until)] : [];
    // The queue shows jobs of the last minutes at once, with their logs; accounting has the others, a little later.
    const [lately, { jobs, note, unanswered }] = await Promise.all([
      until ? [] : this.queue('mine'),
      this.accounting(['--starttime', slurmTime(since), ...before]),
    ]);
    // Where both know a job, the queue counts: of a cancelled script it knows the signal, where accounting has exit code 0.
    const known = new Map([...jobs, ...lately].map((job) => [job.id, job]));
    const finished = [...known.values()].filter((job) => isOver(job) && endedWithin(job, since, until));
    return { jobs: finished, ...(note !== undefined && { note }), ...(unanswered && { unanswered }) };
  }

  private async accounting(options: readonly string[]): Promise<JobHistory> {
    const fields = sacctFields(await this.version());
    const { code, stdout, stderr } = await this.plain(
      'sacct', '--allocations', '--parsable2', '--noheader', `--delimiter=${DELIMITER}`, `--format=${fields.join(',')}`, ...options,
    ); // prettier-ignore
    if (code === 0) return { jobs: parseAccounting(stdout, fields).filter(wasAccepted) };
    const why = /disabled/i.test(stderr)
      ? 'this cluster has no accounting'
      : `accounting does not answer (${plainWords(stderr)})`;
    return { jobs: [], unanswered: true, note: `Only jobs that ended in the last minutes are known: ${why}` };
  }

  async snapshot(): Promise<ClusterSnapshot> {
    const allowed = async (program: string, ...words: string[]): Promise<string | undefined> => {
      const { code, stdout } = await this.plain(program, ...words);
      return code === 0 ? stdout : undefined;
    };
    const needed = async (program: string, ...words: string[]): Promise<string> => {
      const answer = await this.plain(program, ...words);
      if (answer.code !== 0) throw this.failure(program, answer);
      return answer.stdout;
    };
    const [version, help, partitions, nodes, config, user] = await Promise.all([
      this.version(),
      this.help(),
      needed('scontrol', 'show', 'partition', '--oneliner'),
      needed('scontrol', 'show', 'node', '--oneliner'),
      allowed('scontrol', 'show', 'config'),
      allowed('id', '-un'),
    ]);
    const ask = (...words: string[]): Promise<string | undefined> =>
      allowed('sacctmgr', '--parsable2', '--noheader', 'show', ...words);
    const [associations, defaultAccount] = await Promise.all([
      ask('assoc', `user=${user?.trim()}`, 'format=account,partition,qos,defaultqos'),
      ask('user', user?.trim() ?? '', 'format=defaultaccount'),
    ]);
    const plugIns = await this.plugIns(config);
    const texts = {
      version,
      help,
      partitions,
      nodes,
      config,
      associations,
      defaultAccount,
      ...(plugIns && { plugIns }),
    };
    return snapshotOf(texts, new Date().toISOString());
  }

  /** What sbatch and srun say of their options, those of the site's plug-ins included; asked once a day. */
  private async help(): Promise<{ sbatch?: string; srun?: string }> {
    if (this.helpRead && Date.now() - this.helpRead.at < DAY_MS) return this.helpRead.texts;
    const [sbatch, srun] = await Promise.all(['sbatch', 'srun'].map((program) => this.plain(program, '--help')));
    const texts = {
      ...(sbatch?.code === 0 && { sbatch: sbatch.stdout }),
      ...(srun?.code === 0 && { srun: srun.stdout }),
    };
    this.helpRead = { at: Date.now(), texts };
    return texts;
  }

  /** The plug-ins of the site's plugstack.conf and of the files that it includes; undefined where it cannot be read. */
  private async plugIns(config: string | undefined): Promise<string[] | undefined> {
    if (this.plugInsRead && Date.now() - this.plugInsRead.at < DAY_MS) return this.plugInsRead.names;
    const file = /^PlugStackConfig\s*=\s*(\/\S+)/m.exec(config ?? '')?.[1] ?? '/etc/slurm/plugstack.conf';
    const read = await this.plain('cat', file);
    if (read.code !== 0) return undefined;
    const { plugIns, includes } = readPlugStack(read.stdout);
    for (const included of includes.slice(0, MOST_INCLUDED)) {
      const absolute = path.posix.resolve(path.posix.dirname(file), included);
      const [folder, pattern] = [path.posix.dirname(absolute), path.posix.basename(absolute)];
      const more = await this.plain(
        'find',
        `${folder}/`,
        '-maxdepth',
        '1',
        '-name',
        pattern,
        '-exec',
        'cat',
        '{}',
        '+',
      );
      plugIns.push(...readPlugStack(more.stdout).plugIns);
    }
    this.plugInsRead = { at: Date.now(), names: plugIns };
    return plugIns;
  }

  async load(): Promise<PartitionLoad[]> {
    const answer = await this.plain('sinfo', '--noheader', '--Node', '-O', SINFO_FORMAT);
    if (answer.code !== 0) throw this.failure('sinfo', answer);
    return parseLoad(answer.stdout);
  }

  /** Why the commands do not answer as they should, where Slurm is older than what is read here. */
  private async tooOld(): Promise<UserError | undefined> {
    const version = await this.version().catch(() => undefined);
    const [major = NaN, minor = NaN] = (version ?? '').split('.').map(Number);
    const [first, second] = OLDEST;
    if (!(major < first || (major === first && minor < second))) return undefined;
    const needed = `${first}.${String(second).padStart(2, '0')}`;
    return new UserError(
      `Slurm ${version} on ${this.host.name} is too old: ${needed} or newer is needed. Its jobs can be looked at there with squeue`,
      1,
    );
  }

  private failure(program: string, { code, stdout, stderr }: RunOutcome): UserError {
    const words = plainWords(stderr || stdout) || `exit code ${code}`;
    const down = /contact slurm controller|Unable to contact|Connection refused/i.test(words);
    return new UserError(
      down
        ? `Slurm's controller on ${this.host.name} does not answer (${words}): running jobs continue, others wait until it is back`
        : `${program} on ${this.host.name} failed: ${words}`,
      1,
    );
  }
}

/** The id that sbatch printed, on its own line among whatever else is there: `42`, `42;cluster`. */
export function submittedId(text: string): string | undefined {
  return /^(?:Submitted batch job )?(\d+)(?:;\S+)?\s*$/m.exec(text)?.[1];
}

/** False for a refused submission, which Slurm may show as a job that failed at once without a node. */
function wasAccepted({ state, nodeList, elapsed }: Job): boolean {
  return !(state === 'failed' && nodeList === undefined && !elapsed);
}

/** Whether a row is the job of an id, one of its components or tasks, or shares tasks with it: ranges change while jobs start. */
function covers(row: Job, id: string): boolean {
  if (row.id === id || row.array?.id === id || row.id.startsWith(`${id}+`)) return true;
  const [whole, tasks] = id.split('_');
  // The waiting rest of an array, once cancelled, goes by the id of the whole.
  if (tasks?.startsWith('[') && row.id === whole) return true;
  if (!row.array || row.array.id !== whole || tasks === undefined) return false;
  const theirs = taskRanges(row.array.tasks);
  return taskRanges(tasks).some(([from, to]) => theirs.some(([first, last]) => first <= to && from <= last));
}

/** Ranges of `[1,4-9%2]`; a step (`0-9:3`) counts as everything in between. */
function taskRanges(tasks: string): [number, number][] {
  return [...tasks.replace(/%\d+/, '').matchAll(/(\d+)(?:-(\d+))?(?::\d+)?/g)].map(([, from = '', to]) => [
    Number(from),
    Number(to ?? from),
  ]);
}

/** The result of an action, from the rows of its job afterwards. */
function verdict(action: JobAction, rows: readonly Job[], complaint: string | undefined): Omit<ActionResult, 'id'> {
  const states = new Set(rows.map(({ state }) => state));
  const only = (...allowed: readonly JobState[]): boolean =>
    rows.length > 0 && [...states].every((state) => allowed.includes(state));
  const failure = (message: string): Omit<ActionResult, 'id'> => ({ ok: false, message });
  const [first] = rows;
  if (!first) return failure(complaint ?? 'There is no such job in the queue: it has ended, or never existed');
  if (action === 'cancel' && states.has('cancelled') && only(...FINISHED_STATES))
    return { ok: true, message: 'Cancelled' };
  if (only(...FINISHED_STATES)) return failure(`It had already ended (${first.stateName})`);
  switch (action) {
    case 'cancel':
      return complaint === undefined ? { ok: true, message: 'Being cancelled' } : failure(complaint);
    case 'hold':
      // A job that somebody else holds is held too.
      if (complaint !== undefined) return failure(complaint);
      if (states.has('held') && !states.has('queued')) return { ok: true, message: 'Held' };
      return failure(`It is ${first.stateName}: only waiting jobs can be held`);
    case 'release':
      if (complaint === undefined && !states.has('held')) return { ok: true, message: 'Released' };
      return failure(complaint ?? 'It is still held');
  }
}

/** What squeue and sacct are asked for: tasks one by one, lists of tasks by their array. */
const wholeId = (id: string): string => id.replace(/_\[.*$/, '');

/** Slurm's message on one line, without the names of its programs. */
function plainWords(text: string): string {
  const lines = text
    .split('\n')
    .map((line) =>
      line.replace(/^(?:sbatch|scancel|scontrol|squeue|sacct|sinfo): (?:error: |fatal: )?/, '').replace(/^(?:Batch job submission failed|slurm_\w+ error|allocation failure): /, '').trim(),
    ); // prettier-ignore
  // Some sentences continue on the next line.
  return [...new Set(lines.filter(Boolean))]
    .join('; ')
    .replace(/; (?=[a-z])/g, ' ')
    .replace(/ {2,}/g, ' ');
}

/** A time as sacct reads it under TZ=UTC. */
const slurmTime = (time: Date): string => time.toISOString().slice(0, 19);
