/**
 * Images made by several processes at once. ONNX Runtime's `run` blocks the thread that calls it, and on a CPU two
 * processes of one thread make more images than one of two, whose threads wait for each other in every operator. Seeds are
 * shared by claims in the folder, as among processes that were started by hand; what this adds is one start, one progress
 * and one end. This process itself computes nothing.
 */
import { CancelledError, messageOf } from '../errors';
import { ProgressMeter, type Progress, type TaskControl } from '../shared/progress';
import { ComputeChild, ProcessDeath } from './compute-process';
import { choosePool, waitsForDevice } from './pool-shape';
import type { GenerateSummary, GenerateTask, PoolShape, PoolSummary, WorkerReport } from './tasks';

/** Milliseconds that a cancelled process has to end by itself. An evaluation cannot be interrupted, and may take longer. */
const CANCEL_GRACE = 500;

/** How a generation is cancelled and watched. */
export interface PoolControl extends TaskControl {
  /** As `choosePool` said it, where that was asked before; then its notes have been told as well. */
  shape?: PoolShape;
}

/**
 * Makes the images of a task, on the CPU in several processes. An image's bytes do not depend on how many.
 * If a process dies, the others make its images, and a note says so.
 * @throws UserError as the task does, or if the last process died; CancelledError within a second of `signal`. Finished
 *   images stay
 */
export async function generateImages(task: GenerateTask, control: PoolControl = {}): Promise<PoolSummary> {
  if (control.signal?.aborted) throw new CancelledError();
  const shape = control.shape ?? (await choosePool(task));
  return new Pool(task, shape, control).run();
}

/** One process of a pool. */
interface Worker {
  /** The first, 0, says why it computes on the CPU, and makes the grid. */
  index: number;
  child: ComputeChild<GenerateTask>;
  /** Whether it has opened the network. */
  opened: boolean;
  /** Whether it is ended because there is nothing left to do. */
  dismissed: boolean;
}

class Pool {
  /** Those at work, the first started first. */
  private readonly workers = new Set<Worker>();
  private readonly summaries: GenerateSummary[] = [];
  /** What became of the processes that did not end well. */
  private readonly lost: string[] = [];
  private readonly images = { written: 0, notFinite: 0 };
  /** When the first network was open and when the last block was made, as `performance.now()`. */
  private readonly times = { opened: 0, made: 0 };
  private meter?: ProgressMeter;
  private done = 0;
  private note?: string;
  private gridLost = false;
  /** Why all processes are stopped. */
  private failure?: { error: unknown };
  private ended: () => void = () => undefined;

  constructor(
    private readonly task: GenerateTask,
    private shape: PoolShape,
    private readonly control: PoolControl,
  ) {}

  async run(): Promise<PoolSummary> {
    const { signal } = this.control;
    const cancel = (): void => this.stop(new CancelledError());
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      await new Promise<void>((resolve) => {
        this.ended = resolve;
        this.start(0);
        // The others load while the first works; on a GPU there are none.
        if (!waitsForDevice(this.task)) this.startOthers();
      });
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
    if (this.failure) throw this.failure.error;
    return this.result();
  }

  private startOthers(): void {
    for (let index = 1; index < this.shape.workers; index++) this.start(index);
  }

  private start(index: number): void {
    const { task, shape } = this;
    const first = index === 0;
    const own: GenerateTask = {
      ...task,
      device: first ? task.device : 'cpu',
      options: first ? task.options : { ...task.options, grid: undefined },
      threads: shape.threads[index],
    };
    const child = new ComputeChild(own, (report) => this.hear(worker, report));
    const worker: Worker = { index, child, opened: false, dismissed: false };
    this.workers.add(worker);
    child.result.then(
      (summary) => this.finish(worker, summary),
      (error: unknown) => this.lose(worker, error),
    );
  }

  private hear(worker: Worker, report: WorkerReport): void {
    if (report.type === 'progress') return this.show(worker, report.progress);
    if (report.type === 'opened') return this.open(worker, report.device);
    const { blocks, written, notFinite } = report.images;
    this.images.written += written;
    this.images.notFinite += notFinite;
    this.times.made = performance.now();
    for (const other of this.workers) if (other !== worker) other.child.send({ type: 'made', blocks });
  }

  private open(worker: Worker, device: 'cpu' | 'cuda'): void {
    worker.opened = true;
    this.times.opened ||= performance.now();
    if (worker.index > 0 || !waitsForDevice(this.task)) return;
    if (device === 'cpu') return this.startOthers();
    this.shape = { ...this.shape, workers: 1, threads: this.shape.threads.slice(0, 1), reason: 'one for all GPUs' };
  }

  /** One progress of all: what is done is what the best informed of them knows of. */
  private show(worker: Worker, { phase, done, total, note }: Progress): void {
    this.meter ??= new ProgressMeter(phase, total, this.control.onProgress, done);
    if (done >= total && this.done >= total) return;
    this.done = Math.max(this.done, done);
    const [lead] = this.workers;
    const { size } = this.workers;
    if (worker === lead) this.note = note && size > 1 ? `${note}, ${size} processes` : note;
    this.meter.update(this.done, this.note);
  }

  /** A process ends well when all images are there: those that still load have nothing to do. */
  private finish(worker: Worker, summary: GenerateSummary): void {
    this.workers.delete(worker);
    this.summaries.push(summary);
    for (const other of this.workers) {
      if (other.opened || other.index === 0) continue;
      other.dismissed = true;
      other.child.cancel(0);
    }
    this.endIfAlone();
  }

  private lose(worker: Worker, error: unknown): void {
    this.workers.delete(worker);
    const others = this.workers.size > 0 || this.summaries.length > 0;
    if (worker.dismissed || this.failure) return this.endIfAlone();
    if (!others || !isLoss(worker, error)) {
      this.stop(error);
      return this.endIfAlone();
    }
    const { workers } = this.shape;
    const how = error instanceof ProcessDeath ? error.how : `failed (${messageOf(error).replace(/\s+/g, ' ')})`;
    this.lost.push(
      `One of ${workers} compute processes ${how}: the others made its images; if memory ran out, run with fewer workers`,
    );
    this.gridLost ||= worker.index === 0 && this.task.options.grid !== undefined;
    this.endIfAlone();
  }

  private endIfAlone(): void {
    if (this.workers.size > 0) return;
    if (this.gridLost && !this.failure) {
      // All images are there: this one makes the grid alone.
      this.gridLost = false;
      return this.start(0);
    }
    this.ended();
  }

  private stop(error: unknown): void {
    this.failure ??= { error };
    for (const { child } of this.workers) child.cancel(CANCEL_GRACE);
  }

  private result(): PoolSummary {
    const { summaries, images, times, lost } = this;
    const { workers, threads, reason, notes: shapeNotes } = this.shape;
    const [first] = summaries;
    if (!first) throw new Error('A pool ended without a result');
    const black =
      images.notFinite > 0
        ? `${images.notFinite} images have black pixels because samples were not finite: the network or the sampler diverged`
        : [];
    const notes = [...shapeNotes, ...summaries.flatMap(({ notes: own }) => own), ...lost].concat(black);
    return {
      ...first,
      ...images,
      skipped: first.written + first.skipped - images.written,
      seconds: Math.max((times.made - times.opened) / 1000, ...summaries.map(({ seconds }) => seconds)),
      notes: [...new Set(notes)],
      pool: { workers, threads, reason },
    };
  }
}

/** Whether the images of a process that failed can be made by others: it died, never got to work, or had no memory. */
function isLoss({ opened }: Worker, error: unknown): boolean {
  if (error instanceof ProcessDeath) return true;
  return !opened || /bad_alloc|out of memory|failed to allocate/i.test(messageOf(error));
}
