/** Runs on clusters: what compute nodes are told, and later what users type. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeAtomically } from '../atomic-file';
import { batchLines } from '../diffusion/batch-size';
import { calibrate } from '../dispatch/calibration';
import { withBatch } from '../dispatch/calibrations';
import { DIRTY_CHOICES } from '../dispatch/commit';
import { BUILDERS, provideContainer } from '../dispatch/container/pipeline';
import { EDM_DOCKERFILE } from '../dispatch/container/recipe';
import { awaitRun, endText } from '../dispatch/follow';
import { Ledger } from '../dispatch/ledger';
import { accessOf, Dispatches } from '../dispatch/session';
import { jobsText } from '../dispatch/submit';
import { UserError } from '../errors';
import { resultText } from '../shared/number-text';
import { readManifest } from '../runs/manifest';
import { repositoryRoot } from '../git';
import type { Dispatch } from '../shared/schema-types.gen';
import { finishRun, runShard } from '../runs/array-run';
import { readConfigFile } from '../runs/source';
import { session } from './cluster';
import { choice, flag, none, only, print, string, text, type Command, type Control, type Values } from './command';

/** Seconds between two looks at a run that is waited for. */
const LOOK_EVERY = 15;

/** `submit CONFIG.edm.yaml`: the run of a config, to the cluster that is given or that it names. */
export async function submitConfig(config: string, values: Values, { report, signal }: Control): Promise<number> {
  const dirty = choice(values, 'dirty', DIRTY_CHOICES) ?? 'refuse';
  const named = string(values, 'cluster') ?? (await readConfigFile(config)).config.cluster;
  const { clusters, name } = await session({ ...values, cluster: named });
  const dispatches = new Dispatches((cluster, mayPrompt) => clusters.open(cluster, mayPrompt));
  if (values['dry-run']) {
    for (const { role, text: script } of await dispatches.preview(config, name)) console.log(`# ${role}\n${script}`);
    return 0;
  }
  const control = { onProgress: report.report, signal };
  let dispatch = await dispatches.submit({ config, cluster: name, dirty }, control);
  report.end();
  for (const note of dispatch.notes) console.error(note);
  console.error(
    `${dispatch.name} at ${dispatch.code.short} is on ${name}: ${jobsText(dispatch)}, ${dispatch.folder}/${dispatch.run}`,
  );
  const root = await repositoryRoot(path.dirname(config));
  if (values.wait) {
    const access = accessOf(await clusters.open(name));
    dispatch = await awaitRun(
      new Ledger(root),
      dispatch.token,
      access,
      Math.max(LOOK_EVERY, access.profile.poll_seconds ?? 0),
      control,
    );
    report.end();
  }
  if (values.json) print(dispatch);
  else console.log(dispatch.jobs.flatMap(({ id }) => id ?? []).join(' '));
  if (values.wait) for (const line of await resultLines(root, dispatch)) console.log(line);
  return 0;
}

/** The numbers of a run, and where its results lie. */
async function resultLines(root: string, { local }: Dispatch): Promise<string[]> {
  if (!local) return [];
  const manifest = await readManifest(path.join(root, local));
  const numbers = manifest?.results?.map(resultText) ?? [];
  return [...numbers, local];
}

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
      for (const result of manifest.results ?? []) console.log(resultText(result));
      return 0;
    },
  },
  pull: {
    usage: 'pull [RUN] [--cluster NAME] [--images | --seeds 0-999] [--json]',
    summary:
      'Results of submitted runs that are over: statistics, grid, manifest and logs; --images fetches those of RUN too, --seeds some of them',
    options: { cluster: text, images: flag, seeds: text, json: flag },
    async run(values, [token, ...rest], { report, signal }) {
      none(rest);
      const root = await repositoryRoot(process.cwd());
      const ledger = new Ledger(root);
      const { dispatches, problems } = await ledger.all();
      for (const problem of problems) console.error(problem);
      if (dispatches.length === 0)
        throw new UserError(
          'No run of this repository was submitted: "submit CONFIG.edm.yaml --cluster NAME" does so',
          1,
        );
      const seeds = string(values, 'seeds');
      const images = seeds !== undefined ? { seeds } : values.images ? ('all' as const) : undefined;
      if (images && !token)
        throw new UserError(
          `pull --images: say of which run, e.g. ${dispatches[dispatches.length - 1].token.slice(0, 6)}`,
        );
      const latest = token ? await ledger.named(token) : dispatches[dispatches.length - 1];
      const { clusters } = await session({ ...values, cluster: string(values, 'cluster') ?? latest.cluster });
      const own = new Dispatches((cluster, mayPrompt) => clusters.open(cluster, mayPrompt));
      const control = { onProgress: report.report, signal };
      if (token) await own.pull(root, token, { images, control });
      else await own.catchUp(root, { cluster: string(values, 'cluster'), mayPrompt: true });
      report.end();
      const now = (await ledger.all()).dispatches.filter((one) => !token || one.token === latest.token);
      if (values.json) return (print(now), 0);
      for (const one of now) {
        const [line] =
          one.state === 'failed' || one.state === 'cancelled' ? [endText(one)] : await resultLines(root, one);
        console.log(
          `${one.token.slice(0, 6)}  ${one.state.padEnd(9)}  ${one.code.short}  ${one.cluster}  ${one.name}  ${line ?? jobsText(one)}`,
        );
      }
      return 0;
    },
  },
  'container build': {
    usage: 'container build --cluster NAME [--file Dockerfile] [--name edm] [--with docker|podman] [--json]',
    summary: 'An image from a Dockerfile here to Apptainer on a cluster; what was interrupted goes on',
    options: { cluster: text, file: text, name: text, with: text, json: flag },
    async run(values, positionals, { report, signal }) {
      none(positionals);
      const name = string(values, 'name') ?? 'edm';
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
        throw new UserError(`--name ${name}: letters, digits, ".", "_" and "-"`);
      const builder = choice(values, 'with', BUILDERS);
      const dockerfile = path.resolve(string(values, 'file') ?? 'Dockerfile');
      const { clusters, name: cluster } = await session(values);
      const access = accessOf(await clusters.open(cluster));
      const control = { onProgress: report.report, signal };
      const image = await provideContainer({ dockerfile, name, builder, access, control, pollSeconds: LOOK_EVERY });
      report.end();
      if (values.json) print({ cluster, container: image });
      else console.log(`${image}\nWrite it into the profile of ${cluster}: container: ${image}`);
      return 0;
    },
  },
  'container template': {
    usage: 'container template > Dockerfile',
    summary: 'A Dockerfile for EDM to start from',
    options: {},
    run(_values, positionals) {
      none(positionals);
      process.stdout.write(EDM_DOCKERFILE);
      return Promise.resolve(0);
    },
  },
  'cluster calibrate': {
    usage: 'cluster calibrate CONFIG.edm.yaml --cluster NAME [--sizes 8,16,32] [--write] [--json]',
    summary:
      "The batch size for a config, measured by a short job on the cluster's node; --write puts it into the config",
    options: { cluster: text, sizes: text, write: flag, json: flag },
    async run(values, positionals, { report, signal }) {
      const config = path.resolve(only(positionals, 'a run config'));
      const sizes = string(values, 'sizes')?.split(',').map(Number);
      if (sizes?.some((size) => !Number.isInteger(size) || size < 1))
        throw new UserError('--sizes: integers such as 8,16,32');
      const { clusters, name } = await session(values);
      const access = accessOf(await clusters.open(name));
      const control = { onProgress: report.report, signal };
      const found = await calibrate({ config, access, control, pollSeconds: LOOK_EVERY, sizes });
      report.end();
      if (values.write)
        await writeAtomically(config, Buffer.from(withBatch(await readFile(config, 'utf8'), found.batch)));
      if (values.json) return (print(found), 0);
      for (const line of batchLines(found.points, found)) console.log(line);
      return 0;
    },
  },
};
