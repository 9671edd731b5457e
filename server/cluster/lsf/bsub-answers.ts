/** What bsub's answers mean: the id of a job, a refusal, or nothing that can be relied on. */
import { readScript } from '../../scripts/reading/read-script';
import type { Submitted } from '../scheduler';
import type { SubmitAnswer } from '../submission';

/** Words of bsub after which there may be a job, and where they come from. They are found in any case, anywhere in a line. */
export interface LostWords {
  source: string;
  words: readonly string[];
  /** True where they are a decision of bsub's own side: if no job has the token after all, the job was refused. */
  decided?: true;
}

/**
 * bsub hands a job to mbatchd and waits for its id. Whatever happens after that leaves no id here and perhaps a job there,
 * and bsub ends such messages with "Job not submitted" too. Where it hears nothing, it even hands the job over again.
 */
export const LOST_WORDS: readonly LostWords[] = [
  {
    source: 'IBM: Customize batch command messages (LSB_MBD_BUSY_MSG, LSB_MBD_CONNECT_FAIL_MSG, LSB_MBD_DOWN_MSG)',
    words: ['LSF is processing your request', 'Cannot connect to LSF', 'LSF is down'],
  },
  {
    source: 'IBM: LSF error messages; the waiting of callmbd and of the calls to LIM',
    words: [
      'batch system daemon not responding',
      'batch daemon (mbatchd) not responding',
      'daemon (LIM) not responding',
      'still trying',
      'Please wait',
      'mbatchd is down',
      'Slave LIM configuration is not ready',
      'Server LIM configuration is not ready',
      'internal system connections',
    ],
  },
  {
    source: 'lsbatch.h: errors of LSBLIB (LSBE_...) that can come after the job was handed over',
    words: [
      'Master batch daemon internal error',
      'Batch library internal error',
      'Failed in an LSF library call',
      'System call failed',
      'Cannot allocate memory',
      'Batch daemon cannot fork',
      'Batch protocol error',
      'XDR encode/decode error',
      'Communication timeout',
      'Timeout on connect call to server',
      'Connection refused by server',
      'Server connection already exists',
      'Server is not connected',
      'Operation is in progress',
      'Child process died',
      'mbatchd did not handle',
      'Unknown batch system error',
    ],
  },
  {
    source: 'lsf.h: errors of LSLIB (LSE_...), which LSBLIB passes on',
    words: [
      'XDR operation error',
      'Failed in sending/receiving a message',
      'Cannot locate master LIM',
      'LIM is down',
      'LIM protocol error',
      'A socket operation has failed',
      'Communication time out',
      'Connection is lost',
      'Memory allocation failed',
      'Out of communication channels',
      'Bad communication channel',
      'Internal library error',
      'Protocol error with server',
      'connect sys call failed',
      'select system call failed',
      'poll system call failed',
      'A system call failed',
      'Bad host name.',
      'Bad host name\n',
      'Host name not recognizable by LIM',
      'External authentication failed',
      'End of file',
    ],
  },
  {
    source: 'The C library and shells, where bsub itself was cut off',
    words: [
      'Connection reset by peer',
      'Connection timed out',
      'Connection refused',
      'Broken pipe',
      'Interrupted system call',
      'Stale file handle',
      'Input/output error',
      'No space left on device',
      'Segmentation fault',
      'Bus error',
      'Killed',
      'Terminated',
    ],
  },
  {
    source: 'IBM: Configuration to enable job submission and execution controls (LSB_SUB_ABORT_VALUE)',
    words: ['aborted by esub', 'Unable to access esub'],
    decided: true,
  },
  {
    source: 'lsbatch.h: LSBE_BAD_HOST, of -m and of names that cannot be looked up',
    words: ['Bad host'],
    decided: true,
  },
];

/** What bsub says where it has decided: the end of each refusal, and its words on options that it does not take. */
const DECIDED = /not submitted|illegal option|invalid option|unknown option|option requires|^usage:/im;
/** Exit codes of a shell that could not start bsub at all. */
const NEVER_BEGUN: readonly number[] = [126, 127];
/** bsub's own exit code for every failure; the others above 128 are of signals. */
const FAILED = 255;

/** `refused unless found`: where no job has the token after all. */
export type Verdict = 'refused' | 'refused unless found' | 'unknown';

/** What is known after an answer without an id. @param answer undefined where it was lost */
export function verdictOf(answer: SubmitAnswer | undefined): Verdict {
  if (!answer) return 'unknown';
  const { code } = answer;
  if (NEVER_BEGUN.includes(code)) return 'refused';
  if (code === TIMED_OUT || (code > 128 && code !== FAILED)) return 'unknown';
  const text = `${answer.text.trimEnd()}\n`.toLowerCase();
  const lost = LOST_WORDS.filter(({ words }) => words.some((one) => text.includes(one.toLowerCase())));
  if (lost.some(({ decided }) => !decided)) return 'unknown';
  if (lost.length > 0) return 'refused unless found';
  return DECIDED.test(text) ? 'refused' : 'unknown';
}

/** Exit code of timeout(1) for a program that it ended. */
const TIMED_OUT = 124;
/**
 * Ends a bsub that hears nothing from mbatchd, as it would try for ever. This is less than the patience of a client that
 * comes back (`recover`): a bsub that is still under way then could hand over a job that was submitted again meanwhile.
 */
export const WITHIN_A_MINUTE = [
  'sh',
  '-c',
  'if command -v timeout >/dev/null 2>&1; then exec timeout -k 5 45 "$@"; fi; exec "$@"',
  'sh',
] as const;

const SUBMITTED = /^Job <(\d+)> is submitted to (?:default )?queue <([^>]*)>/m;

/** The id in the output of bsub, and what else it says. */
export function submissionIn(text: string): Submitted | undefined {
  const id = SUBMITTED.exec(text)?.[1];
  if (id === undefined) return undefined;
  const warnings = text.split('\n').map((line) => line.trim()).filter((line) => line && !SUBMITTED.test(line)); // prettier-ignore
  return { id, warnings };
}

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

/** 0-based line of the script that a refusal is about; undefined where that is not known. */
export function refusedLine(words: string, script: string): number | undefined {
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

/** What an LSF command says, each line once, in one. */
export function plainWords(text: string): string {
  return [...new Set(text.split('\n').map((line) => line.trim()).filter(Boolean))].join('; '); // prettier-ignore
}
