/** Programs of a set-up: they run quietly, say how far they are, and give their own words when they fail. Needs nothing but Node. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** How much of a program's output is kept, in characters. */
export const LOG_TAIL = 64 * 1024;
/** How often progress is written, in ms: the terminal's one line is rewritten, elsewhere each report is a line of its own. */
const REPORT_EVERY_MS = process.stderr.isTTY ? 1_000 : 20_000;

/** @param {string} line */
export const say = (line) => process.stderr.write(`${line}\n`);

/** The first line of anything thrown. @param {unknown} thrown @returns {string} */
export const lineOf = (thrown) => (thrown instanceof Error ? thrown.message : String(thrown)).split('\n', 1)[0] ?? '';

/** Why something cannot be had on this machine: `missing` is one line for the user, `remedy` what gives it. @typedef {{ missing: string, remedy: string }} Missing */

/**
 * What is handed to the system to start a program.
 * @typedef {object} Start
 * @property {string} file
 * @property {string[]} args
 * @property {boolean} [windowsVerbatimArguments] the arguments are one line that is quoted already
 */

/** Endings that Windows starts, in the order in which they are looked for; elsewhere a program has its whole name. */
const WINDOWS_ENDINGS = ['.exe', '.cmd', '.bat'];

/**
 * How the programs of Windows are started by their endings: the first that fits counts. The system itself starts `.exe` files, with
 * any space in their paths and arguments; a batch file is read by cmd.exe, which splits, expands and joins what is not escaped.
 * @type {readonly { ending: RegExp, start: (file: string, args: readonly string[], env: NodeJS.ProcessEnv) => Start }[]}
 */
const WINDOWS_STARTS = [
  {
    ending: /\.(?:cmd|bat)$/i,
    start: (file, args, env) => ({
      file: env.ComSpec ?? env.COMSPEC ?? 'C:\\Windows\\System32\\cmd.exe',
      // /d: no AutoRun commands; /s: of the quotes only the outermost are taken away.
      args: ['/d', '/s', '/c', `"${[file, ...args].map(forBatchFile).join(' ')}"`],
      windowsVerbatimArguments: true,
    }),
  },
  { ending: /(?:)/, start: (file, args) => ({ file, args: [...args] }) },
];

/**
 * A word for a batch file. cmd.exe reads the line twice, the batch file's own `%*` being the second time: the first time every
 * special character, the quotes too, stands behind a caret, the second time all of it stands in quotes.
 * @param {string} word
 * @returns {string}
 * @throws Error for a quote or a line break, which no batch file takes unharmed
 */
function forBatchFile(word) {
  if (/["\r\n\0]/.test(word)) throw new Error(`A batch file cannot be given ${JSON.stringify(word)}`);
  // Backslashes before the closing quote would escape it.
  const quoted = `"${word.replace(/\\+$/, '$&$&')}"`;
  return quoted.replace(/[()[\]%!^"`<>&|;, *?]/g, '^$&');
}

/**
 * How a program is started: the one place that knows what needs a shell.
 * @param {string} command a path, or a name that is looked for on PATH (in absolute folders only: never in the working folder)
 * @param {readonly string[]} args each arrives as one argument, whatever it has in it
 * @param {{ platform?: string, env?: NodeJS.ProcessEnv }} [system] the one to start it on; this one by default
 * @returns {Start}
 */
export function startOf(command, args, { platform = process.platform, env = process.env } = {}) {
  const file = /[/\\]/.test(command) ? command : (onPath(command, { platform, env })[0] ?? command);
  if (platform !== 'win32') return { file, args: [...args] };
  const { start } = WINDOWS_STARTS.find(({ ending }) => ending.test(file)) ?? {};
  if (!start) throw new Error(`Cannot start ${file}`);
  return start(file, args, env);
}

/**
 * Every program of a name on PATH.
 * @param {string} name without its ending
 * @param {{ platform?: string, env?: NodeJS.ProcessEnv }} [system]
 * @returns {string[]} absolute paths, in the order of PATH
 */
export function onPath(name, { platform = process.platform, env = process.env } = {}) {
  const paths = platform === 'win32' ? path.win32 : path.posix;
  const names = platform === 'win32' ? WINDOWS_ENDINGS.map((ending) => `${name}${ending}`) : [name];
  return (env.PATH ?? env.Path ?? '')
    .split(paths.delimiter)
    .filter((folder) => paths.isAbsolute(folder))
    .flatMap((folder) => names.map((file) => paths.join(folder, file)))
    .filter((file) => existsSync(file) && statSync(file).isFile());
}

/**
 * `spawn` for any program.
 * @param {string} command @param {readonly string[]} args @param {import('node:child_process').SpawnOptions} [options]
 * @returns {import('node:child_process').ChildProcess}
 */
export function start(command, args, options = {}) {
  const { file, args: words, ...how } = startOf(command, args, { env: options.env ?? process.env });
  return spawn(file, words, { ...options, ...how });
}

/**
 * `spawnSync` for any program; its output is text.
 * @param {string} command @param {readonly string[]} args @param {import('node:child_process').SpawnSyncOptions} [options]
 * @returns {import('node:child_process').SpawnSyncReturns<string>}
 */
export function startSync(command, args, options = {}) {
  const { file, args: words, ...how } = startOf(command, args, { env: options.env ?? process.env });
  return spawnSync(file, words, { ...options, ...how, encoding: 'utf8' });
}

/** A program that ended with a failure, and the last 64 Ki characters of what it wrote. */
export class ProgramError extends Error {
  /** @param {string} message @param {string} output */
  constructor(message, output) {
    super(message);
    this.output = output;
  }
}

/** A time span in words: `8 s`, `3 min 20 s`. @param {number} ms @returns {string} */
export function timeText(ms) {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * Reports a step that takes minutes: at once, then again and again how long it has run and what it is doing.
 * @param {string} what what is being done, e.g. `Installing code-server`
 * @param {() => string | undefined} phase what it is doing now
 * @returns {() => void} ends the reports
 */
function reportProgress(what, phase) {
  const start = Date.now();
  const report = () => {
    const doing = phase();
    const line = `  ${what}: ${timeText(Date.now() - start)}${doing ? `, ${doing}` : ''}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
    else say(line);
  };
  if (process.stderr.isTTY) report();
  else say(`  ${what}...`);
  const timer = setInterval(report, REPORT_EVERY_MS);
  return () => {
    clearInterval(timer);
    const end = `  ${what}: ended after ${timeText(Date.now() - start)}\n`;
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[2K${end}` : end);
  };
}

/**
 * @typedef {object} QuietOptions
 * @property {string} [what] what is being done: given, progress is reported
 * @property {(line: string) => string | undefined} [phaseOf] what a line of the output says about what is going on now
 */

/**
 * Runs a program at low priority. Its output is not shown.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions & QuietOptions} [options]
 * @returns {Promise<void>} rejects with a ProgramError when it fails, with the system's error when it cannot be started
 */
export function runQuietly(command, args, { what, phaseOf, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = start(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let partial = '';
    /** @type {string | undefined} */
    let phase;
    const collect = (/** @type {Buffer} */ chunk) => {
      const text = chunk.toString();
      output = (output + text).slice(-LOG_TAIL);
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) phase = phaseOf?.(line) ?? phase;
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const endProgress = what ? reportProgress(what, () => phase) : () => {};
    child.on('error', (error) => {
      endProgress();
      reject(error);
    });
    child.on('spawn', () => {
      if (child.pid !== undefined) os.setPriority(child.pid, os.constants.priority.PRIORITY_BELOW_NORMAL);
    });
    child.on('close', (code, signal) => {
      endProgress();
      if (code === 0) return resolve();
      const how = signal ? `was ended by ${signal}` : `ended with ${code}`;
      reject(new ProgramError(`${path.basename(command)} ${args.join(' ')} ${how}`, output.trim()));
    });
  });
}
