/** LSF through its tables, its JSON where it has one, and its messages: exit codes differ between sites. */
import { readScript } from '../../scripts/reading/read-script';
import { messageOf, UserError } from '../../errors';
import { isOver, type ClusterSnapshot, type Job, type JobAction, type PartitionLoad } from '../../shared/protocol';
import { CommandScheduler, endedWithin, TIMEOUT_MS, type AdapterOptions } from '../command-scheduler';
import type { Host, RunOutcome } from '../host';
import { RefusedError, type ActionResult, type DryRun, type JobHistory, type Scheduler, type Submission, type Submitted } from '../scheduler'; // prettier-ignore
import { lookPatiently, recordedAnswer, submitOnce, SubmissionUnknownError, type SubmitAnswer } from '../submission';
import { tokenTag } from '../token';
import { isUnclear } from './endings';
import { plainWords, refusedLine, submissionIn, verdictOf, WITHIN_A_MINUTE } from './bsub-answers';
import { JSON_FIELDS, parseJson, parseLong, parseTable } from './job-table';
import { parseLoad, snapshotOf } from './queues';

const PLAIN = ['env', '-u', 'LSB_BJOBS_FORMAT', '-u', 'LSB_BQUEUES_FORMAT', 'TZ=UTC', 'LSB_DISPLAY_YEAR=Y'];
const JOB_ID = /^\d+(?:\[\d+\])?$/;
const NONE = /No (?:unfinished )?(?:matching )?job found|is not found/i;

/** How often a job is looked for whose bsub gave no clear answer. */
const LOOKS = 5;
/** No look begins after so long: where bjobs hangs, one is enough. */
const LOOK_PATIENCE = { seconds: 10, pause: 1 };
/** A command that has printed no answer after so long is ended. IBM's say every ten seconds that they wait. */
const SILENCE_MS = 15_000;
/** Characters kept of what a command says while it waits. */
const LONGEST_COMPLAINT = 2000;

/** Headings of bpeek above the two outputs; in a pipe they may come below them. */
const PEEKED = /^<< output from stdout >>\n|\n?^<< output from stderr >>\n/m;
/** Jobs whose events are asked for at a time. */
const MOST_EXPLAINED = 50;
/** How many logs of events are searched: each has a thousand jobs of the site. */
const EVENT_LOGS = '10';
const PAST_LOGS = `bhist looks through the last ${EVENT_LOGS} logs of events of the site: older jobs are not known`;

const COMMANDS = { cancel: 'bkill', hold: 'bstop', release: 'bresume' } as const;
/** Of an array, an engine may only have begun with its tasks: the operation is in progress. */
const DONE_WORDS = {
  cancel: /is being (?:terminated|signaled)|operation is in progress/i,
  hold: /is being stopped|operation is in progress/i,
  release: /is being resumed|operation is in progress/i,
} as const;
const DONE_TEXT = { cancel: 'Being cancelled', hold: 'Held', release: 'Released' } as const;

/** What the adapter needs to know besides the host. */
export interface LsfOptions extends AdapterOptions {
  /** Home folder of the user on the host: LSF writes `$HOME` where it stands for it. */
  home: string;
}

export class Lsf extends CommandScheduler implements Scheduler {
  readonly name = 'lsf';
  readonly title = 'LSF';
  readonly withoutFile = 'LSF mails it, with the report of the job, to the user who submitted it';
  protected readonly plainly = PLAIN;
  /** What bhist says of jobs that a signal ended; undefined where it does not know one. */
  private readonly endings = new Map<string, Job | undefined>();
  /** Whether bjobs has -json; the first question finds out. */
  private json: boolean | undefined;

  constructor(
    host: Host,
    protected override readonly options: LsfOptions,
  ) {
    super(host, options);
  }

  protected override async readVersion(): Promise<string> {
    const { stdout, stderr } = await this.plain('lsid', '-V');
    return /\b(\d+\.\d+(?:\.\d+)*)/.exec(stderr + stdout)?.[1] ?? 'of unknown version';
  }

  protected override checkId(id: string): void {
    if (!JOB_ID.test(id)) throw new UserError(`"${id}" is not an LSF job id: 42 or 42[7]`);
  }

  /** Where LSF is down or hangs, its commands wait for ever: they are ended, and what they said meanwhile is the reason. */
  protected override async plain(...command: string[]): Promise<RunOutcome> {
    const [program = ''] = command;
    const ending = new AbortController();
    let said = '';
    let answers = false;
    const onOutput = (chunk: Buffer, source: 'stdout' | 'stderr'): void => {
      if (source === 'stdout') answers = true;
      else said = (said + chunk.toString()).slice(-LONGEST_COMPLAINT);
    };
    // bhist reads files and may take its time.
    const timer = program === 'bhist' ? undefined : setTimeout(() => answers || ending.abort(), SILENCE_MS);
    try {
      const limits = { timeoutMs: TIMEOUT_MS, signal: ending.signal, onOutput };
      return await this.host.run([...this.prefix, ...this.plainly, ...command], limits);
    } catch (error) {
      if (!ending.signal.aborted) throw error;
      const words = plainWords(said) || `not a word in ${SILENCE_MS / 1000} s`;
      throw new UserError(
        `${program} on ${this.host.name} does not answer (${words}): running jobs continue, others wait until LSF is back`,
        1,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** @throws UserError where mbatchd does not answer: bsub would wait for it, and hand over the job whenever it is back */
  private async demandAnswer(): Promise<void> {
    await this.plain('bqueues', '-w').catch((error: unknown) => {
      throw new UserError(`Nothing was submitted: ${messageOf(error)}`, 1);
    });
  }

  async submit({ script, folder, token, asByHand, options = [], defaults = {} }: Submission): Promise<Submitted> {
    const read = readScript(script, { scheduler: 'lsf' });
    await this.demandAnswer();
    // Old versions have no description; the record of the submission has the token anyway.
    const help = await this.plain('bsub', '-h');
    const described = /-Jd\b/.test(help.stdout + help.stderr);
    const own = read?.option('-Jd')?.value?.text ?? '';
    const missing = (name: '-P' | '-q', value: string | undefined): string[] =>
      value !== undefined && !read?.option(name) ? [name, value] : [];
    const command = [
      ...(await this.submitPrefix('bsub', asByHand)),
      ...WITHIN_A_MINUTE,
      'bsub',
      ...(described ? ['-Jd', `${tokenTag(token)} ${own}`.trim()] : []),
      ...missing('-P', defaults.account),
      ...missing('-q', defaults.partition?.replaceAll(',', ' ')),
      ...options,
    ];
    const answer = await submitOnce(this.host, { command, script, folder, token }, this.options.reconnect);
    const submitted = answer && submissionIn(answer.text);
    if (submitted) return { ...submitted, ...(answer.recovered && { found: true }) };
    return this.lookedFor(token, answer, script);
  }

  /**
   * The job of a bsub that named none: it may have been killed, or may have lost mbatchd, after the job was handed over.
   * @throws RefusedError where there is none and bsub says why; SubmissionUnknownError where that is not known
   */
  private async lookedFor(token: string, answer: SubmitAnswer | undefined, script: string): Promise<Submitted> {
    const verdict = verdictOf(answer);
    const looks = verdict === 'refused' ? 1 : LOOKS;
    const { found, problem: silent } = await lookPatiently(() => this.findDescribed(token), LOOK_PATIENCE, looks);
    if (found) return found;
    // After an option that it does not know, bsub lists all the others.
    const words = plainWords((answer?.text ?? '').replace(/^Usage:[\s\S]*/m, ''));
    if (verdict === 'refused' || (verdict === 'refused unless found' && silent === undefined))
      throw new RefusedError(`LSF refused the job: ${words}`, refusedLine(words, script));
    const said = words ? ` (it said: ${words})` : '';
    const looked = silent ?? `no job of submission ${token} is in the queue so far`;
    throw new SubmissionUnknownError(
      `LSF did not say whether it accepted the job${said}, and ${looked}: look at the queue again before you submit once more`,
      token,
    );
  }

  /** @throws SubmissionUnknownError where LSF does not answer now */
  async find(token: string): Promise<Submitted | undefined> {
    const answer = await recordedAnswer(this.host, token);
    const submitted = answer && submissionIn(answer.text);
    if (submitted) return { ...submitted, found: true };
    if (answer && verdictOf(answer) === 'refused') return undefined;
    try {
      return (await this.findDescribed(token)) ?? (await this.findPast(token));
    } catch (error) {
      const why = messageOf(error);
      throw new SubmissionUnknownError(`Whether submission ${token} became a job is not known: ${why}`, token);
    }
  }

  /** @throws UserError where bjobs does not answer: then nothing is known of the job */
  private async findDescribed(token: string): Promise<Submitted | undefined> {
    return jobWith(token, await this.queue('mine'));
  }

  /** The same among jobs that bjobs has forgotten. */
  private async findPast(token: string): Promise<Submitted | undefined> {
    const { stdout } = await this.plain('bhist', '-a', '-l', '-n', EVENT_LOGS);
    return jobWith(token, parseLong(stdout, this.options.home));
  }

  dryRun(): Promise<DryRun> {
    return Promise.resolve({ ok: true, message: 'LSF has no dry run: the script was only checked here' });
  }

  async queue(whose: 'mine' | 'all'): Promise<Job[]> {
    if (whose === 'all') return this.bjobs(['-u', 'all']);
    return this.explained(await this.bjobs(['-a']));
  }

  /** Jobs that a signal ended, with what their events say of it; each is asked for once. */
  private async explained(jobs: Job[]): Promise<Job[]> {
    const unclear = jobs.filter(isUnclear);
    const asked = unclear.map(({ id }) => id).filter((id) => !this.endings.has(id)).slice(-MOST_EXPLAINED); // prettier-ignore
    if (asked.length > 0) {
      const { stdout } = await this.plain('bhist', '-l', '-n', EVENT_LOGS, ...asked);
      const told = new Map(parseLong(stdout, this.options.home).map((job) => [job.id, job]));
      for (const id of asked) this.endings.set(id, told.get(id));
    }
    return jobs.map((job) => {
      const told = isUnclear(job) ? this.endings.get(job.id) : undefined;
      return told && told.state !== 'failed' ? { ...job, state: told.state, ...(told.reason && { reason: told.reason }) } : job; // prettier-ignore
    });
  }

  private async bjobs(options: readonly string[]): Promise<Job[]> {
    const { home } = this.options;
    if (this.json !== false) {
      const answer = await this.plain('bjobs', ...options, '-json', '-o', JSON_FIELDS);
      const jobs = parseJson(answer.stdout, home);
      this.json ??= jobs !== undefined || NONE.test(answer.stderr);
      if (jobs) return jobs;
      if (this.json) return this.none(answer);
    }
    // The table has no reasons, limits, logs, end times and tokens: it is for engines that print nothing else.
    const answer = await this.plain('bjobs', ...options, '-l');
    const long = parseLong(answer.stdout, home);
    const jobs = long.length > 0 ? long : parseTable(answer.stdout, home);
    return jobs.length > 0 ? jobs : this.none(answer);
  }

  /** An empty list where LSF says that there are no jobs. @throws UserError for anything else */
  private none({ stdout, stderr, code }: RunOutcome): Job[] {
    const words = plainWords(stderr + stdout);
    if (words === '' || NONE.test(words)) return [];
    throw new UserError(`bjobs on ${this.host.name} failed: ${words || `exit code ${code}`}`, 1);
  }

  async job(id: string): Promise<Job | undefined> {
    this.checkId(id);
    // bjobs forgets jobs that ended an hour ago (CLEAN_PERIOD); the log of events does not.
    for (const command of [['bjobs'], ['bhist', '-n', '0']]) {
      const { stdout } = await this.plain(...command, '-l', id);
      const jobs = parseLong(stdout, this.options.home);
      const found = jobs.find((job) => job.id === id) ?? wholeOf(jobs);
      if (found) return (await this.explained([found]))[0];
    }
    return undefined;
  }

  /** Through bpeek: LSF keeps the output elsewhere until the job is over, unless LSB_STDOUT_DIRECT is set. */
  async peek(id: string, stream: 'stdout' | 'stderr'): Promise<string | undefined> {
    this.checkId(id);
    const { stdout } = await this.plain('bpeek', id);
    const [above, out, err = ''] = stdout.split(PEEKED);
    if (out === undefined) return undefined;
    return stream === 'stdout' ? above || out : err;
  }

  script(id: string): Promise<string> {
    this.checkId(id);
    return Promise.reject(
      new UserError(`LSF does not show the script of job ${id}: look at the file that it was submitted from`, 1),
    );
  }

  protected override async actOn(action: JobAction, ids: readonly string[]): Promise<ActionResult[]> {
    const { stdout, stderr } = await this.plain(COMMANDS[action], ...ids);
    const said = `${stdout}\n${stderr}`.split('\n').map((line) => line.trim());
    return ids.map((id) => {
      const line = said.find((one) => one.includes(`<${id}>`)) ?? plainWords(stderr + stdout);
      const ok = DONE_WORDS[action].test(line);
      return { id, ok, message: ok ? DONE_TEXT[action] : line || `${COMMANDS[action]} said nothing` };
    });
  }

  async history(since: Date, until?: Date): Promise<JobHistory> {
    // To the minute: the last one is asked for whole.
    const time = (date: Date): string => date.toISOString().slice(0, 16).replaceAll('-', '/').replace('T', '/');
    const last = until ? time(new Date(until.getTime() + 60_000)) : '';
    const [lately, events] = await Promise.all([
      until ? [] : this.queue('mine'),
      this.plain('bhist', '-d', '-l', '-n', EVENT_LOGS, '-C', `${time(since)},${last}`),
    ]);
    const before = parseLong(events.stdout, this.options.home);
    const jobs = new Map<string, Job>();
    // Where both know a job: the queue has its log, the events say that its owner killed it.
    for (const job of [...lately, ...before].filter(isOver))
      if (endedWithin(job, since, until)) jobs.set(job.id, { ...jobs.get(job.id), ...job });
    if (before.length === 0 && !NONE.test(events.stderr))
      return {
        jobs: [...jobs.values()],
        note: 'Only jobs that ended in about the last hour (CLEAN_PERIOD) are shown: bhist does not answer',
        unanswered: true,
      };
    return { jobs: [...jobs.values()], ...(until && { note: PAST_LOGS }) };
  }

  async snapshot(): Promise<ClusterSnapshot> {
    const ask = async (...command: string[]): Promise<string> => (await this.plain(...command)).stdout;
    const user = (await ask('id', '-un')).trim();
    const [version, queues, mine, hosts, machines, identity] = await Promise.all([
      this.version(),
      ask('bqueues', '-l'),
      ask('bqueues', '-w', '-u', user),
      ask('bhosts', '-w'),
      ask('lshosts', '-w'),
      ask('lsid'),
    ]);
    return snapshotOf({ version, queues, mine, hosts, machines, identity }, new Date().toISOString());
  }

  async load(): Promise<PartitionLoad[]> {
    const [queues, hosts] = await Promise.all([this.plain('bqueues', '-w'), this.plain('bhosts', '-w')]);
    return parseLoad(queues.stdout, hosts.stdout);
  }
}

/** The job of a submission. bsub hands a job over again where it hears nothing, so there may be two. */
function jobWith(token: string, jobs: readonly Job[]): Submitted | undefined {
  const ids = [...new Set(jobs.filter((one) => one.token === token).map(({ id, array }) => array?.id ?? id))];
  const [id, ...others] = ids;
  const twice = `LSF has more than one job of this submission: cancel ${others.join(' and ')} unless you want them all`;
  return id === undefined ? undefined : { id, warnings: others.length > 0 ? [twice] : [], found: true };
}

/** The task that an array is judged by: one that is not over, or else one that did not succeed. */
function wholeOf(tasks: readonly Job[]): Job | undefined {
  return tasks.find((job) => !isOver(job)) ?? tasks.find(({ state }) => state !== 'done') ?? tasks[0];
}
