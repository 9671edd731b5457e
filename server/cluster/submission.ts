/**
 * A submission happens once, whatever becomes of the connection.
 *
 * On the cluster a few lines of sh stand between us and sbatch or bsub. They make sure that the whole script arrived,
 * then create `~/.edm-workbench/submissions/<token>` with O_EXCL, and only then submit; the scheduler's answer goes
 * into that file before it goes to us. Whoever lost the answer creates the same file: if that succeeds, the submission
 * has not begun and never will; if not, the file has the answer, or will have it in a moment. This needs neither
 * accounting nor comments kept by the scheduler. Files are removed after thirty days.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors';
import { ConnectionLostError, type Host } from './host';

/** What goes to the scheduler's submit command. */
export interface SubmitCommand {
  command: readonly string[];
  script: string;
  /** Absolute folder on the host to submit from. */
  folder: string;
  token: string;
}

/** What the submit command said, on either stream, and its exit code. */
export interface SubmitAnswer {
  code: number;
  text: string;
  /** True where it was read from the record after the connection was lost. */
  recovered?: boolean;
}

/** How to get a lost connection back; rejects where that is not possible now. */
export type Reconnect = () => Promise<void>;

/** The connection is gone, and whether there is a job cannot be told before it is back. */
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

// The dot keeps the line ends that $(...) would cut off. Without a place for the record (disk full, quota used up) the job is
// submitted all the same: its comment has the token too.
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

/** What the record of a token says. */
type Settled =
  | { state: 'withdrawn' }
  | { state: 'answered'; answer: SubmitAnswer }
  /** Handed to the scheduler, no answer yet. */
  | { state: 'running' }
  /** There is no record. */
  | { state: 'unknown' };

/** How long a scheduler that was asked may take to answer, and how often its record is read meanwhile. */
export interface Patience {
  seconds: number;
  pause: number;
}
const PATIENCE: Patience = { seconds: 60, pause: 0.5 };

/**
 * Submits; after a lost connection, finds out.
 * @returns undefined where the scheduler was asked and its answer never reached the record: look for the job's token
 * @throws UserError, SubmissionUnknownError, and ConnectionLostError never
 */
export async function submitOnce(
  host: Host,
  { command, script, folder, token }: SubmitCommand,
  reconnect?: Reconnect,
  patience = PATIENCE,
): Promise<SubmitAnswer | undefined> {
  if (script.includes('\0'))
    throw new UserError('The script has a NUL character, which no shell can read: is it a text file?');
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
    throw new UserError('The script did not arrive whole, so nothing was submitted: submit it again');
  if (outcome.code === TAKEN)
    throw new UserError(`Submission ${token} was made or withdrawn before: it is not made twice`);
  return { code: outcome.code, text: `${outcome.stdout}${outcome.stderr}` };
}

/**
 * What became of a submission whose answer was lost, once and for all: one that has not begun never will.
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
          'The connection was lost before the job was submitted: there is no job, submit it again',
          1,
        );
      if (settled.state === 'answered') return { ...settled.answer, recovered: true };
      if (settled.state === 'unknown') return undefined;
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw error;
      const lost = (): never => {
        throw new SubmissionUnknownError(
          `The connection to ${host.name} was lost while the job was being submitted (submission ${token}), and whether there is a job is not known yet: connect again and it is looked up. Do not submit it again before`,
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

/** The scheduler's answer to a token, if a record has it; nothing is changed. */
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
