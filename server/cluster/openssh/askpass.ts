/**
 * The program that ssh starts to ask something (SSH_ASKPASS of ssh(1)): it passes the question on to the process that logs in,
 * and prints the answer. Its arguments are a socket of ours and the question.
 */
import net from 'node:net';
import type { AskpassAnswer, AskpassQuestion } from './askpass-server';

const [, , socket = '', text = ''] = process.argv;
const question: AskpassQuestion = { text, hint: process.env.SSH_ASKPASS_PROMPT ?? '' };
const line = net.connect(socket, () => line.write(`${JSON.stringify(question)}\n`));
let said = '';
line.setEncoding('utf8');
line.on('data', (chunk: string) => (said += chunk));
line.on('error', () => process.exit(1));
line.on('close', () => {
  const { answer } = JSON.parse(said || '{}') as AskpassAnswer;
  if (answer === undefined) process.exit(1);
  process.stdout.write(`${answer}\n`);
});
