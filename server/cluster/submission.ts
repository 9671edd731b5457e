/**
 * A submission happens once, whatever happens to the connection.
 *
 * On the cluster, a few lines of sh call sbatch or bsub. They check that the whole script arrived, then create
 * `~/.edm-workbench/submissions/<token>` with O_EXCL, and only then submit. The scheduler's answer is written to that
 * file before it is sent to us. If the answer is lost, we try to create the same file: if that succeeds, the submission
 * has not begun and never will; if not, the file has the answer, or will have it in a moment. This needs neither
 * accounting nor comments kept by the scheduler. Files are removed after thirty days.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from '../errors';
import { ConnectionLostError, type Host } from './host';

/** A call of the scheduler's submit command. */
export interface SubmitCommand {
  command: readonly string[];
  script: string;
  /** Absolute folder on the host to submit from. */
  folder: string;
  token: string;
}

/** The output of the submit command, from both streams, and its exit code. */
export interface SubmitAnswer {
  code: number;
  text: string;
  /** True where it was read from the record after the connection was lost. */
  recovered?: boolean;
}

/** Restores a lost connection; rejects where that is not possible now. */
export type Reconnect = () => Promise<void>;

/** No clear answer came, and whether there is a job cannot be known yet. */
export class SubmissionUnknownError extends UserError {
  constructor(
    message: string,
    readonly token: string,
  ) {
    super(message, 1);
    this.name = 'SubmissionUnknownError';
  }
}

const INCOMPLETE = 91;
const TAKEN = 92;
const RECORD = 'folder=${HOME:?}/.edm-workbench/submissions\nrecord=$folder/$1\nmkdir -p "$folder" 2>/dev/null\n';

// The dot keeps the line ends that $(...) would remove. If the record cannot be written (disk full, quota used up), the job
// is submitted all the same: its comment has the token too.
const SUBMIT = `trap '' HUP PIPE
${RECORD}bytes=$2
shift 2
script=$(cat; printf .)
[ "$(printf %s "$script" | wc -c)" -eq "$((bytes + 1))" ] || exit ${INCOMPLETE}
find "$folder" -type f -mtime +30 -exec rm -f {} + 2>/dev/null
if ! (set -C; : > "$record") 2>/dev/null; then
  if [ -e "$record" ]; then exit ${TAKEN}; fi
  record=/dev/null
fi
answer=$(printf %s "\${script%.}" | "$@" 2>&1)
code=$?
printf '%s\\n%s\\n' "$code" "$answer" 2>/dev/null > "$record"
printf '%s\\n' "$answer"
exit $code`;

const WITHDRAW = `${RECORD}if (set -C; echo withdrawn > "$record") 2>/dev/null; then echo withdrawn
elif [ -e "$record" ]; then echo taken; cat "$record"
else echo unknown; fi`;

const LOOK = `${RECORD}if [ -e "$record" ]; then echo taken; cat "$record"; else echo unknown; fi`;

/** Minutes after which a submit command without an answer is taken for dead: Slurm's longest timeout is far shorter. */
const LONGEST_SUBMIT = 10;
const ANSWERING = `${RECORD}[ -e "$record" ] && [ ! -s "$record" ] && [ -z "$(find "$record" -mmin +${LONGEST_SUBMIT})" ] && echo yes\nexit 0`;

/** The content of a token's record. */
type Settled =
  | { state: 'withdrawn' }
  | { state: 'answered'; answer: SubmitAnswer }
  /** Handed to the scheduler; no answer yet. */
  | { state: 'running' }
  /** There is no record. */
  | { state: 'unknown' };

/** How many seconds the scheduler may take to answer, and the pause between two looks at the record. */
export interface Patience {
  seconds: number;
  pause: number;
}
const PATIENCE: Patience = { seconds: 60, pause: 0.5 };

/**
 * Submits. After a lost connection, finds out what happened.
 * @returns undefined where the scheduler was asked but its answer never reached the record: look for the job's token
 * @throws UserError, SubmissionUnknownError, and ConnectionLostError never
 */
export async function submitOnce(
  host: Host,
  { command, script, folder, token }: SubmitCommand,
  reconnect?: Reconnect,
  patience = PATIENCE,
): Promise<SubmitAnswer | undefined> {
  if (script.includes('\0'))
    throw new UserError('The script contains a NUL character, which a shell cannot read: is it a text file?');
  const stdin = Buffer.from(script);
  let outcome;
  try {
    outcome = await host.run(['sh', '-c', SUBMIT, 'sh', token, String(stdin.length), ...command], {
      stdin,
      cwd: folder,
    });
  } catch (error) {
    if (!(error instanceof ConnectionLostError)) throw error;
    return recover(host, token, reconnect, patience);
  }
  if (outcome.code === INCOMPLETE)
    throw new UserError('The script did not arrive completely, so nothing was submitted: submit it again');
  if (outcome.code === TAKEN)
    throw new UserError(`Submission ${token} was already made or withdrawn: it is not made twice`);
  return { code: outcome.code, text: `${outcome.stdout}${outcome.stderr}` };
}

/**
 * Finds out what became of a submission whose answer was lost. One that has not begun is withdrawn and never will.
 * @returns as `submitOnce`
 * @throws UserError where it was not submitted; SubmissionUnknownError where the host cannot be reached
 */
export async function recover(
  host: Host,
  token: string,
  reconnect?: Reconnect,
  patience = PATIENCE,
): Promise<SubmitAnswer | undefined> {
  const deadline = performance.now() + patience.seconds * 1000;
  while (performance.now() < deadline) {
    try {
      const settled = await readRecord(host, WITHDRAW, token);
      if (settled.state === 'withdrawn')
        throw new UserError(
          'The connection was lost before the job was submitted: there is no job, so submit it again',
          1,
        );
      if (settled.state === 'answered') return { ...settled.answer, recovered: true };
      if (settled.state === 'unknown') return undefined;
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw error;
      const lost = (): never => {
        throw new SubmissionUnknownError(
          `The connection to ${host.name} was lost while the job was being submitted (submission ${token}), and it is not known yet whether there is a job: connect again to find out. Do not submit it again before that`,
          token,
        );
      };
      if (!reconnect) return lost();
      await reconnect().catch(lost);
    }
    await sleep(patience.pause * 1000);
  }
  return undefined;
}

/** How a job is looked for whose submission has no clear answer. */
export interface LostSubmission<T> {
  /** Name of the scheduler for the user. */
  title: string;
  /** What the submit command said, in words; absent where that is not known either. */
  said?: string;
  /** The job of the token, queued, running or finished; undefined where the scheduler shows none. */
  find: () => Promise<T | undefined>;
}

/** How often a job is looked for, and the pause in between: the scheduler may be busy with the submission itself. */
const LOOKS: Patience = { seconds: 5, pause: 1 };

/**
 * Looks for the job of a submission that the scheduler was asked for, and whose answer was lost.
 * @throws SubmissionUnknownError where none is found, and where the scheduler does not answer
 */
export async function lookForLost<T>(
  token: string,
  { title, said, find }: LostSubmission<T>,
  patience = LOOKS,
): Promise<T> {
  const { found, problem } = await lookPatiently(find, patience);
  if (found !== undefined) return found;
  const words = said ? ` (it said: ${said})` : '';
  const state =
    problem === undefined
      ? `No job of submission ${token} is in the queue so far`
      : `Submission ${token} cannot be looked for now (${problem})`;
  throw new SubmissionUnknownError(
    `${title} did not say whether it accepted the job${words}. ${state}: look at the queue again before you submit once more`,
    token,
  );
}

/**
 * Looks for a job until it is found or patience ends.
 * @param most looks
 * @returns the job, or why the last look failed, without a full stop; neither where the scheduler shows none
 */
export async function lookPatiently<T>(
  find: () => Promise<T | undefined>,
  { seconds, pause }: Patience,
  most = Infinity,
): Promise<{ found?: T; problem?: string }> {
  const deadline = performance.now() + seconds * 1000;
  let problem: string | undefined;
  for (let look = 1; ; look++) {
    try {
      const found = await find();
      if (found !== undefined) return { found };
      problem = undefined;
    } catch (error) {
      problem = messageOf(error).replace(/\.$/, '');
    }
    if (look < most) await sleep(pause * 1000);
    if (look >= most || performance.now() >= deadline) return { problem };
  }
}

/**
 * The job of a token as far as it is known now, and whether the submit command may still wait for its answer. That is asked
 * first: an answer that comes in between is then found.
 */
export async function lookOnce<T>(
  host: Host,
  token: string,
  find: (token: string) => Promise<T | undefined>,
): Promise<{ found: T | undefined; isOpen: boolean }> {
  const isOpen = await isBeingAnswered(host, token);
  return { isOpen, found: await find(token) };
}

/** The scheduler's answer in a token's record, if there is one; nothing is changed. */
export async function recordedAnswer(host: Host, token: string): Promise<SubmitAnswer | undefined> {
  const settled = await readRecord(host, LOOK, token);
  return settled.state === 'answered' ? settled.answer : undefined;
}

/** Whether the submit command of a token may still be waiting for the scheduler: there may be a job soon. */
async function isBeingAnswered(host: Host, token: string): Promise<boolean> {
  return (await host.run(['sh', '-c', ANSWERING, 'sh', token])).stdout.trim() === 'yes';
}

async function readRecord(host: Host, script: string, token: string): Promise<Settled> {
  const { stdout } = await host.run(['sh', '-c', script, 'sh', token]);
  const [state, code, ...text] = stdout.split('\n');
  if (state === 'withdrawn' || (state === 'taken' && code === 'withdrawn')) return { state: 'withdrawn' };
  if (state !== 'taken') return { state: 'unknown' };
  if (!code || !/^\d+$/.test(code)) return { state: 'running' };
  return { state: 'answered', answer: { code: Number(code), text: text.join('\n') } };
}
