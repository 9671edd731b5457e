/** Where ssh's questions arrive: a socket in a folder that only this user can enter, and the program that ssh is to start. */
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { ownProgram } from '../own-program';
import { quoteArgument, quoteCommand } from '../quote';

/** One question. */
export interface AskpassQuestion {
  text: string;
  /** SSH_ASKPASS_PROMPT: `confirm` where yes or no is enough, `none` where nothing is to be answered, else empty. */
  hint: string;
}

/** Without an answer where the user gave up. */
export interface AskpassAnswer {
  answer?: string;
}

/** Answers a question; undefined is a no. `gone` fires when ssh does not wait any more. */
export type AnswerQuestion = (question: AskpassQuestion, gone: AbortSignal) => Promise<string | undefined>;

/** The longest question that is read, in characters. */
const LONGEST = 64 << 10;

export class AskpassServer {
  private constructor(
    private readonly server: net.Server,
    /** Path of the program that SSH_ASKPASS names. */
    readonly program: string,
  ) {}

  /** @param folder one that only this user can enter; socket and program are made there */
  static async listen(folder: string, answer: AnswerQuestion): Promise<AskpassServer> {
    const socket = path.join(folder, 'ask');
    const program = path.join(folder, 'askpass');
    const { args, cwd } = ownProgram(__filename, 'askpass');
    const lines = [
      '#!/bin/sh',
      `cd ${quoteArgument(cwd)} || exit 1`,
      ...(process.versions.electron ? ['ELECTRON_RUN_AS_NODE=1; export ELECTRON_RUN_AS_NODE'] : []),
      `exec ${quoteCommand([process.execPath, ...args, socket])} "$@"`,
    ];
    await writeFile(program, `${lines.join('\n')}\n`, { mode: 0o700, flag: 'wx' });
    const server = net.createServer((one) => void attend(one, answer));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
    return new AskpassServer(server, program);
  }

  close(): void {
    this.server.close();
  }
}

async function attend(one: net.Socket, answer: AnswerQuestion): Promise<void> {
  const gone = new AbortController();
  one.on('error', () => undefined);
  one.on('close', () => gone.abort());
  const line = await new Promise<string>((resolve) => {
    let text = '';
    one.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > LONGEST) one.destroy();
      else if (text.endsWith('\n')) resolve(text);
    });
  });
  const reply: AskpassAnswer = {};
  try {
    const said = await answer(JSON.parse(line) as AskpassQuestion, gone.signal);
    // More than one line would be taken for the answers to further questions.
    if (said !== undefined) reply.answer = said.split(/[\r\n]/, 1)[0] ?? '';
  } catch {
    // Whoever answers tells why not; ssh is told that there is no answer.
  }
  one.end(JSON.stringify(reply));
}
