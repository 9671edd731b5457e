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
import { UserError } from '../errors';
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

/** The connection is lost, and whether there is a job cannot be known before it is back. */
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

/** The scheduler's answer in a token's record, if there is one; nothing is changed. */
export async function recordedAnswer(host: Host, token: string): Promise<SubmitAnswer | undefined> {
  const settled = await readRecord(host, LOOK, token);
  return settled.state === 'answered' ? settled.answer : undefined;
}

async function readRecord(host: Host, script: string, token: string): Promise<Settled> {
  const { stdout } = await host.run(['sh', '-c', script, 'sh', token]);
  const [state, code, ...text] = stdout.split('\n');
  if (state === 'withdrawn' || (state === 'taken' && code === 'withdrawn')) return { state: 'withdrawn' };
  if (state !== 'taken') return { state: 'unknown' };
  if (!code || !/^\d+$/.test(code)) return { state: 'running' };
  return { state: 'answered', answer: { code: Number(code), text: text.join('\n') } };
}
