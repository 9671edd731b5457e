/**
 * Entry point of the reader process: reads networks that configs name, one at a time, for checks. Nobody has asked to use
 * these files, and they may be made to hurt: so they are read here, where no editor waits, and this process ends itself
 * when one takes too much.
 */
import { Worker } from 'node:worker_threads';
import { messageOf, UserError } from '../errors';
import { networkFacts } from '../models/network-facts';
import type { ReadReply, ReadRequest } from './reader-messages';

const [time, memory] = process.argv.slice(2).map(Number) as [number, number];
/**
 * Milliseconds after which this process ends although nobody has ended it: the one that started it may be gone, and a
 * process that reads does not hear of that.
 */
const LAST_RESORT = 3 * time;
/** Milliseconds between two looks at the memory. */
const WATCH = 20;

/**
 * Runs in a thread of its own, as this one is busy while it reads. Memory is watched and not limited by V8's option: that
 * does not count buffers.
 */
const WATCHER = `
const { workerData: { busy, memory, watch, lastResort } } = require('node:worker_threads');
const since = new BigInt64Array(busy);
setInterval(() => {
  const started = Number(Atomics.load(since, 0));
  if (started === 0) return;
  const isLarge = process.memoryUsage.rss() > memory;
  if (!isLarge && Date.now() - started < lastResort) return;
  if (isLarge) require('node:fs').writeSync(2, 'memory');
  process.kill(process.pid, 'SIGKILL');
}, watch);
`;

const busy = new SharedArrayBuffer(8);
const since = new BigInt64Array(busy);
new Worker(WATCHER, {
  eval: true,
  execArgv: [],
  workerData: { busy, memory, watch: WATCH, lastResort: LAST_RESORT },
}).unref();

function tell(reply: ReadReply): void {
  process.send?.(reply, () => undefined);
}

/** The file that is being read. */
let current = 0;

function answer(outcome: Omit<Extract<ReadReply, { type: 'read' }>, 'type' | 'id' | 'memory'>): void {
  Atomics.store(since, 0, 0n);
  tell({ type: 'read', id: current, ...outcome, memory: process.memoryUsage.rss() });
}

function answerError(error: unknown): void {
  if (error instanceof UserError) return answer({ refused: error.message });
  answer({ defect: { message: messageOf(error), stack: error instanceof Error ? (error.stack ?? '') : '' } });
}

process.on('message', ({ id, file }: ReadRequest) => {
  current = id;
  Atomics.store(since, 0, BigInt(Date.now()));
  networkFacts(file).then((facts) => answer({ facts }), answerError);
});
// Thrown where no promise leads back to the request, e.g. in a callback of a library.
process.on('uncaughtException', answerError);
// The one that started it ends it; an interrupt of the terminal is for that one.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit());
tell({ type: 'ready' });
