/** Runs on clusters: what compute nodes are told, and later what users type. */
import path from 'node:path';
import { UserError } from '../errors';
import { formatG } from '../fid/format-g';
import { finishRun, runShard } from '../runs/array-run';
import { none, only, print, flag, type Command } from './command';

export const dispatchCommands: Record<string, Command> = {
  shard: {
    usage: 'shard RUN_FOLDER K/N',
    summary: 'One task of a submitted run, as the batch script calls it: its images and their statistics',
    options: {},
    async run(_values, [folder, share, ...rest], { report, signal }) {
      none(rest);
      const [, task, tasks] = /^(\d+)\/(\d+)$/.exec(share ?? '') ?? [];
      if (!folder || !tasks) throw new UserError('shard: give a run folder and a share such as 2/4');
      const result = await runShard(path.resolve(folder), Number(task), Number(tasks), {
        onProgress: report.report,
        signal,
      });
      report.end();
      for (const note of result.notes) console.error(note);
      console.log(`Task ${share}: ${result.images} images, ${result.written} of them made now`);
      return 0;
    },
  },
  finish: {
    usage: 'finish RUN_FOLDER [--json]',
    summary: 'The end of a submitted run: statistics of all tasks, the distance, the grid and the manifest',
    options: { json: flag },
    async run(values, positionals, { report, signal }) {
      const folder = path.resolve(only(positionals, 'a run folder'));
      const manifest = await finishRun(folder, { onProgress: report.report, signal });
      report.end();
      if (values.json) return (print(manifest), 0);
      for (const { metric, value, num } of manifest.results ?? [])
        console.log(`${metric}, N = ${num}: ${formatG(value)}`);
      return 0;
    },
  },
};
