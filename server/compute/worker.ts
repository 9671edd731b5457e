/**
 * Entry point of the compute process: runs one task, then exits. Native code runs only here, so that a crash in a library
 * ends neither the language server nor the editor.
 */
import { CancelledError, messageOf, UserError } from '../errors';
import { asUserError } from '../system-error';
import type { TaskLink } from './run-task';
import { runtimeProblem } from './runtime-problem';
import type { FromWorker, Task, TaskResult, ToWorker, WorkerEnd } from './tasks';

const controller = new AbortController();

/** Who is told what other processes of the run have made. */
let onMade: ((blocks: readonly string[]) => void) | undefined;
/** What they had made before anyone listened. */
const early: string[] = [];

const link: TaskLink = {
  onProgress: (progress) => void tell({ type: 'progress', progress }),
  opened: (device) => void tell({ type: 'opened', device }),
  siblings: {
    made: (images) => void tell({ type: 'made', images }),
    onMade: (listener) => {
      onMade = listener;
      listener(early);
    },
  },
};

function tell(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (!process.send) return resolve();
    process.send(message, () => resolve());
  });
}

/** Runs a task. @throws UserError where ONNX Runtime cannot be loaded, which is found out here and not when the process begins */
async function run(task: Task): Promise<TaskResult> {
  const tasks = await import('./run-task').catch((error: unknown) => {
    throw new UserError(runtimeProblem(error), 1);
  });
  return tasks.runTask(task, link, controller.signal);
}

process.on('message', (message: ToWorker) => {
  if (message.type === 'cancel') return controller.abort();
  if (message.type === 'made') return onMade ? onMade(message.blocks) : void early.push(...message.blocks);
  void run(message.task)
    .then((result): WorkerEnd => ({ type: 'done', result }))
    .catch((thrown: unknown): WorkerEnd => {
      const error = asUserError(thrown);
      if (error instanceof CancelledError) return { type: 'cancelled', message: error.message };
      if (error instanceof UserError) return { type: 'userError', message: error.message, exitCode: error.exitCode };
      return { type: 'defect', message: messageOf(error), stack: error instanceof Error ? (error.stack ?? '') : '' };
    })
    .then(tell)
    .finally(() => process.disconnect?.());
});

// The parent is gone, and nobody waits for the result: stop between two evaluations.
process.on('disconnect', () => {
  controller.abort();
  setTimeout(() => process.exit(), 15_000).unref();
});
