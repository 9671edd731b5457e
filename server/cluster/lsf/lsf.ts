/** LSF through its tables, its JSON where it has one, and its messages: exit codes differ between sites. */
import { readScript } from '../../scripts/reading/read-script';
import { UserError } from '../../errors';
import { isOver, type ClusterSnapshot, type Job, type JobAction, type PartitionLoad } from '../../shared/protocol';
import { CommandScheduler, type AdapterOptions } from '../command-scheduler';
import type { Host, RunOutcome } from '../host';
import { RefusedError, type ActionResult, type DryRun, type JobHistory, type Scheduler, type Submission, type Submitted } from '../scheduler'; // prettier-ignore
import { recordedAnswer, submitOnce } from '../submission';
import { tokenTag } from '../token';
import { JSON_FIELDS, parseJson, parseLong, parseTable } from './job-table';
import { parseLoad, snapshotOf } from './queues';

const PLAIN = ['env', '-u', 'LSB_BJOBS_FORMAT', '-u', 'LSB_BQUEUES_FORMAT', 'TZ=UTC', 'LSB_DISPLAY_YEAR=Y'];
const JOB_ID = /^\d+(?:\[\d+\])?$/;
const SUBMITTED = /^Job <(\d+)> is submitted to (?:default )?queue <([^>]*)>/m;
const NONE = /No (?:unfinished )?(?:matching )?job found|is not found/i;

/** Which option a refusal of bsub is about: the first that the script has. */
const REFUSALS: readonly { pattern: RegExp; options: readonly string[] }[] = [
  { pattern: /No such queue|cannot use the queue|queue .*(?:closed|inactive)/i, options: ['-q'] },
  { pattern: /RUNLIMIT|run ?limit|time limit|Bad RUNLIMIT/i, options: ['-W', '-We'] },
  { pattern: /MEMLIMIT|memory/i, options: ['-M', '-R'] },
  { pattern: /processors|PROCLIMIT|TASKLIMIT|slots|tasks/i, options: ['-n'] },
  { pattern: /resource requirement|resreq/i, options: ['-R'] },
  { pattern: /gpu/i, options: ['-gpu', '-R'] },
  { pattern: /project/i, options: ['-P'] },
  { pattern: /dependency|condition|No matching job found/i, options: ['-w'] },
  { pattern: /array|job name/i, options: ['-J'] },
  { pattern: /host/i, options: ['-m'] },
  { pattern: /application profile/i, options: ['-app'] },
];

/** Headings of bpeek above the two outputs; in a pipe they may come below them. */
const PEEKED = /^<< output from stdout >>\n|\n?^<< output from stderr >>\n/m;
/** How many logs of events are searched: each has a thousand jobs of the site. */
const EVENT_LOGS = '10';

const COMMANDS = { cancel: 'bkill', hold: 'bstop', release: 'bresume' } as const;
const DONE_WORDS = { cancel: /is being terminated/, hold: /is being stopped/, release: /is being resumed/ } as const;
const DONE_TEXT = { cancel: 'Being cancelled', hold: 'Held', release: 'Released' } as const;

/** What the adapter needs to know besides the host. */
export interface LsfOptions extends AdapterOptions {
  /** Home folder of the user on the host: LSF writes `$HOME` where it stands for it. */
  home: string;
}

export class Lsf extends CommandScheduler implements Scheduler {
  readonly name = 'lsf';
  readonly title = 'LSF';
  protected readonly plainly = PLAIN;
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

  async submit({ script, folder, token, options = [], defaults = {} }: Submission): Promise<Submitted> {
    const read = readScript(script, { scheduler: 'lsf' });
    // Old versions have no description; the record of the submission has the token anyway.
    const help = await this.plain('bsub', '-h');
    const described = /-Jd\b/.test(help.stdout + help.stderr);
    const own = read?.option('-Jd')?.value?.text ?? '';
    const missing = (name: '-P' | '-q', value: string | undefined): string[] =>
      value !== undefined && !read?.option(name) ? [name, value] : [];
    const command = [
      ...this.prefix,
      'bsub',
      ...(described ? ['-Jd', `${tokenTag(token)} ${own}`.trim()] : []),
      ...missing('-P', defaults.account),
      ...missing('-q', defaults.partition),
      ...options,
    ];
    const answer = await submitOnce(this.host, { command, script, folder, token }, this.options.reconnect);
    const submitted = answer && submission(answer.text);
    if (submitted) return { ...submitted, ...(answer.recovered && { found: true }) };
    if (answer) {
      // After an option that it does not know, bsub lists all the others.
      const words = plainWords(answer.text.replace(/^Usage:[\s\S]*/m, ''));
      throw new RefusedError(`LSF refused the job: ${words}`, refusedLine(words, script));
    }
    const found = await this.findDescribed(token);
    if (found) return found;
    throw new UserError(
      `LSF did not say whether it accepted the job, and no job of submission ${token} is in the queue so far: look at the queue again before you submit once more`,
      1,
    );
  }

  async find(token: string): Promise<Submitted | undefined> {
    const answer = await recordedAnswer(this.host, token);
    if (!answer) return this.findDescribed(token);
    const submitted = submission(answer.text);
    return submitted && { ...submitted, found: true };
  }

  private async findDescribed(token: string): Promise<Submitted | undefined> {
    const { stdout } = await this.plain('bjobs', '-a', '-l');
    const job = parseLong(stdout, this.options.home).find((one) => one.token === token);
    return job && { id: job.array?.id ?? job.id, warnings: [], found: true };
  }

  dryRun(): Promise<DryRun> {
    return Promise.resolve({ ok: true, message: 'LSF has no dry run: the script was only checked here' });
  }

  async queue(whose: 'mine' | 'all'): Promise<Job[]> {
    const who = whose === 'all' ? ['-u', 'all'] : ['-a'];
    return this.bjobs(who);
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
    // My jobs are read from the long form: the table has no logs, end times and tokens.
    const mine = options.includes('-a');
    const answer = await this.plain('bjobs', ...options, mine ? '-l' : '-w');
    const jobs = mine ? parseLong(answer.stdout, home) : parseTable(answer.stdout, home);
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
      if (jobs.length > 0) return jobs.find((job) => job.id === id) ?? jobs[0];
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

  async history(since: Date): Promise<JobHistory> {
    const from = since.toISOString().slice(0, 16).replaceAll('-', '/').replace('T', '/');
    const [lately, events] = await Promise.all([
      this.queue('mine'),
      this.plain('bhist', '-d', '-l', '-n', EVENT_LOGS, '-C', `${from},`),
    ]);
    const before = parseLong(events.stdout, this.options.home);
    const jobs = new Map<string, Job>();
    // Where both know a job: the queue has its log, the events say that its owner killed it.
    for (const job of [...lately, ...before].filter(isOver))
      if (!(Date.parse(job.ended ?? '') < since.getTime())) jobs.set(job.id, { ...jobs.get(job.id), ...job });
    const silent = before.length === 0 && !NONE.test(events.stderr);
    return { jobs: [...jobs.values()], ...(silent && { note: 'Only jobs that ended in about the last hour (CLEAN_PERIOD) are shown: bhist does not answer' }) }; // prettier-ignore
  }

  async snapshot(): Promise<ClusterSnapshot> {
    const ask = async (...command: string[]): Promise<string> => (await this.plain(...command)).stdout;
    const [version, queues, hosts, machines, identity] = await Promise.all([
      this.version(),
      ask('bqueues', '-l'),
      ask('bhosts', '-w'),
      ask('lshosts', '-w'),
      ask('lsid'),
    ]);
    return snapshotOf({ version, queues, hosts, machines, identity }, new Date().toISOString());
  }

  async load(): Promise<PartitionLoad[]> {
    const [queues, hosts] = await Promise.all([this.plain('bqueues', '-w'), this.plain('bhosts', '-w')]);
    return parseLoad(queues.stdout, hosts.stdout);
  }
}

/** The id in the output of bsub. */
function submission(text: string): Submitted | undefined {
  const id = SUBMITTED.exec(text)?.[1];
  if (id === undefined) return undefined;
  const warnings = text.split('\n').map((line) => line.trim()).filter((line) => line && !SUBMITTED.test(line)); // prettier-ignore
  return { id, warnings };
}

function refusedLine(words: string, script: string): number | undefined {
  const read = readScript(script, { scheduler: 'lsf' });
  const spelling = /Illegal option -+ ?(\S+)/i.exec(words)?.[1];
  const used = read?.directives.options ?? [];
  if (spelling) return used.find((use) => use.spelling.replace(/^-/, '').startsWith(spelling.replace(/^-/, '')))?.line;
  for (const { pattern, options } of REFUSALS) {
    const use = pattern.test(words)
      ? used.filter(({ option }) => option && options.includes(option.name)).pop()
      : undefined;
    if (use) return use.line;
  }
  return undefined;
}

function plainWords(text: string): string {
  return [...new Set(text.split('\n').map((line) => line.trim()).filter(Boolean))].join('; '); // prettier-ignore
}
