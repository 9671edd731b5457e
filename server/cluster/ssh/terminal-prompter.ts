/** Questions on the terminal, also where standard input is a pipe. */
import { openSync } from 'node:fs';
import readline from 'node:readline/promises';
import { Writable } from 'node:stream';
import tty from 'node:tty';
import { UserError } from '../../errors';
import { plainText } from '../../shared/plain-text';
import type { Prompter } from './prompter';

/** There is nobody to ask. */
export class NoTerminalError extends UserError {}

/** @returns null where the user gave up @throws NoTerminalError */
async function ask(question: string, echo: boolean): Promise<string | null> {
  let input: tty.ReadStream;
  if (process.stdin.isTTY) input = process.stdin;
  else {
    try {
      input = new tty.ReadStream(openSync('/dev/tty', 'r'));
    } catch {
      const what = question.trim().replace(/:$/, '');
      throw new NoTerminalError(
        `Cannot ask for "${what}" without a terminal: run this in a terminal, or log in with a key`,
        1,
      );
    }
  }
  const mute = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (echo) process.stderr.write(chunk);
      done();
    },
  });
  const lines = readline.createInterface({ input, output: mute, terminal: true });
  process.stderr.write(question); // only now: before, the terminal would show what is typed
  try {
    return await new Promise<string | null>((resolve) => {
      lines.once('SIGINT', () => resolve(null)).once('close', () => resolve(null));
      lines.once('line', resolve);
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
    if (input !== process.stdin) input.destroy();
    else input.unref();
  }
}

/** Asks on the terminal for a yes; everything else is a no. @throws NoTerminalError */
export async function agrees(question: string): Promise<boolean> {
  return /^(y|yes)$/i.test(await answer(question));
}

/** Asks on the terminal. @returns the answer without space around it; empty where the user gave up @throws NoTerminalError */
export async function answer(question: string): Promise<string> {
  return (await ask(question, true))?.trim() ?? '';
}

/** Asks on the terminal. Keeps no secrets. */
export const terminalPrompter: Prompter = {
  async prompt({ host, instruction, prompts, retry }) {
    const head = [retry, instruction.trim(), host && `(${host})`].filter(Boolean).join('\n');
    if (head) process.stderr.write(`${plainText(head)}\n`);
    const answers: string[] = [];
    for (const { text, echo } of prompts) {
      const answer = await ask(plainText(text), echo);
      if (answer === null) return null;
      answers.push(answer);
    }
    return answers;
  },
  async hostKey({ host, port, algorithm, fingerprint }) {
    const where = port === 22 ? host : `${host}, port ${port}`;
    const facts = `The host ${where} is not known yet. Its ${algorithm} key is ${fingerprint}.`;
    process.stderr.write(`${plainText(facts)}\n`);
    return agrees('Trust it permanently (yes/no)? ');
  },
  secret: () => Promise.resolve(null),
  notice: (line) => void process.stderr.write(`${plainText(line)}\n`),
};
