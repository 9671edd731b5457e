/** Programs of a set-up: they run quietly, say how far they are, and give their own words when they fail. Needs nothing but Node. */
import { spawn } from 'node:child_process';
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
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
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
