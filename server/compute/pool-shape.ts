/** How many processes make the images of a run, and with how many threads each. */
import { stat } from 'node:fs/promises';
import { countBlocks } from '../diffusion/seed-blocks';
import { UserError } from '../errors';
import { countOf } from '../shared/number-text';
import { mayTakeGpu } from './devices';
import { type Allowed, machineFacts, usableCores, usableMemory } from './machine';
import type { GenerateTask, PoolShape } from './tasks';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** Share of the memory that the processes may take together: images, caches and other programs need some. */
const MEMORY_SHARE = 0.9;
/** Memory of a compute process without a network, in bytes. */
const PROCESS_MEMORY = 160 * MIB;
/**
 * Memory of an open network per byte of its file, in Winograd's form and while it is evaluated. Measured peaks with 16
 * images together (`npm run bench:generate`): 223 MB -> 2041 MiB, 7.1 MB -> 183 MiB, 3.3 MB -> 137 MiB.
 */
const MEMORY_PER_BYTE = 9;

/** Memory that one process needs for a network, in bytes: an estimate from above for the networks that were measured. */
export function workerMemory(fileBytes: number): number {
  return PROCESS_MEMORY + MEMORY_PER_BYTE * fileBytes;
}

/** What a shape follows from. */
export interface ShapeFacts {
  cores: Allowed;
  memory: Allowed;
  /** Bytes that one process needs. */
  each: number;
  /** Pieces of work that can be done at the same time: blocks of seeds. */
  pieces: number;
  /** Processes that the user asks for. */
  asked?: number;
}

/**
 * The shape of a pool on the CPU: as many processes as cores, as far as memory and blocks of seeds go; the cores are
 * divided among them. A process with one thread wastes nothing on waiting for others: see docs/performance.md for what
 * was measured. Pure.
 * @throws UserError for a number of processes that is not an integer of at least 1
 */
export function shapeOf({ cores, memory, each, pieces, asked }: ShapeFacts): PoolShape {
  if (asked !== undefined && (!Number.isInteger(asked) || asked < 1))
    throw new UserError(`workers ${asked}: at least one process must work; leave workers out for as many as pay`);
  const room = MEMORY_SHARE * memory.amount;
  const needs = `each needs about ${gibText(each)}, with ${gibText(memory.amount)} of ${memory.by}`;
  const limits = [
    { amount: asked ?? Infinity, reason: 'asked for' },
    { amount: cores.amount, reason: `${countOf(cores.amount, 'core')}: ${cores.by}` },
    { amount: Math.max(1, Math.floor(room / each)), reason: needs },
    { amount: Math.max(1, pieces), reason: 'there are not enough seeds for more' },
  ];
  const { amount: workers, reason } = limits.reduce((a, b) => (b.amount < a.amount ? b : a));
  const threads = Array.from({ length: workers }, (_, i) => Math.floor((cores.amount + workers - 1 - i) / workers));
  const notes: string[] = [];
  if (asked !== undefined && asked > workers)
    notes.push(`workers ${asked}: only ${countOf(workers, 'process', 'processes')} will work (${reason})`);
  if (each > room) notes.push(`The network may not fit into memory (${needs})`);
  return { workers, threads, reason, notes };
}

/**
 * Decides on the processes for a task, before anything is started.
 * @throws UserError for `workers` and seeds that cannot be used
 */
export async function choosePool(
  task: Pick<GenerateTask, 'network' | 'device' | 'options' | 'workers'>,
): Promise<PoolShape> {
  const facts = machineFacts();
  const cores = usableCores(facts);
  const bytes = await stat(task.network).then(({ size }) => size, () => 0); // prettier-ignore
  const pieces = countBlocks(task.options.seeds, cores.amount);
  return shapeOf({ cores, memory: usableMemory(facts), each: workerMemory(bytes), pieces, asked: task.workers });
}

/** The shape in one line, as `2 processes with 1 thread each (2 cores: this machine)`. */
export function shapeText({ workers, threads, reason }: Pick<PoolShape, 'workers' | 'threads' | 'reason'>): string {
  const [most = 1] = threads;
  const fewest = threads.at(-1) ?? most;
  const each = most === fewest ? countOf(most, 'thread') : `${fewest} or ${countOf(most, 'thread')}`;
  const shape = workers === 1 ? `1 process with ${each}` : `${workers} processes with ${each} each`;
  return `${shape} (${reason})`;
}

function gibText(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}

/** Whether a task's first process must say on what it computes before others start: a GPU is one process's. */
export function waitsForDevice({ device }: Pick<GenerateTask, 'device'>): boolean {
  return mayTakeGpu(device);
}
