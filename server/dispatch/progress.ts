/** How far unfinished runs are: one command for all runs of a cluster, without asking the scheduler. */
import { askOn, type Cluster } from '../cluster/cluster';
import { progressOf as barOf } from '../cluster/log-findings';
import type { DispatchProgress, JobProgress } from '../shared/protocol';
import type { Dispatch } from '../shared/schema-types.gen';

/**
 * For each run folder: the number of images, the progress of each task, and the last line of fid.py's log. Each line of
 * the output begins with its kind, whatever is in the files.
 */
const LOOK = `for run; do
  echo run
  cd "$run" 2>/dev/null || continue
  echo "images $(find images -name '*.png' | wc -l)"
  for f in shards/*.progress.json; do [ -e "$f" ] && printf 'task %s %s\\n' "$f" "$(tr '\\n' ' ' <"$f")"; done
  for f in fid-*.out; do [ -e "$f" ] && printf 'fid %s %s\\n' "$f" "$(tail -c 400 "$f" | tr '\\r' '\\n' | tail -n 1)"; done
done
exit 0`;

/** The progress of these runs, in their order. */
export async function progressOf(cluster: Cluster, dispatches: readonly Dispatch[]): Promise<DispatchProgress[]> {
  const folders = dispatches.map(({ folder, run }) => `${folder}/${run}`);
  const answer = (await askOn(cluster, ['sh', '-c', LOOK, 'sh', ...folders])) ?? '';
  const parts = answer.split(/^run$/m).slice(1);
  return dispatches.map((dispatch, i) => progressIn(dispatch, parts[i]?.trim().split('\n') ?? []));
}

/** The progress in the lines of one run. */
function progressIn(dispatch: Dispatch, lines: readonly string[]): DispatchProgress {
  const { token, cluster, name, images: total } = dispatch;
  let done = 0;
  let measured: JobProgress | undefined;
  const tasks = new Map<string, JobProgress>();
  const idOf = (role: string): string | undefined => dispatch.jobs.find((job) => job.role === role)?.id;
  for (const line of lines) {
    const [, kind, rest = ''] = /^(images|task|fid) (.*)$/.exec(line) ?? [];
    if (kind === 'images') done = Number(rest);
    const [, task = '', said] = (kind === 'task' && /^shards\/(\d+)\.progress\.json (.*)$/.exec(rest)) || [];
    const word = said === undefined ? undefined : taskProgress(said);
    if (word) tasks.set(task, word);
    const [, job, last] = (kind === 'fid' && /^fid-(\S+)\.out (.*)$/.exec(rest)) || [];
    const bar = job === idOf('fid') ? barOf(last ?? '') : undefined;
    if (bar) measured = { phase: 'Measuring', done: bar.done, total: bar.total };
  }
  const note = [...tasks.values()].map((one) => one.note).find((text) => text?.includes('so far'));
  const whole: JobProgress = { phase: 'Images', done, total, ...(note && { note }) };
  const generate = dispatch.jobs.find(({ role }) => role === 'generate');
  const fid = idOf('fid');
  return {
    ...{ token, cluster, name, done, total },
    ...(note && { note }),
    jobs: [
      ...(generate?.id === undefined ? [] : [{ id: generate.id, progress: whole }]),
      ...(generate?.id === undefined || !generate.tasks
        ? []
        : [...tasks].map(([task, progress]) => ({ id: generate.id ?? '', task, progress }))),
      ...(fid !== undefined && measured ? [{ id: fid, progress: measured }] : []),
    ],
  };
}

/** A task's progress; undefined for a file that is only half written. */
function taskProgress(text: string): JobProgress | undefined {
  try {
    const { phase, done, total, note } = JSON.parse(text) as JobProgress;
    return { phase, done, total, ...(note && { note }) };
  } catch {
    return undefined;
  }
}
