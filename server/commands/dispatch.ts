/** Runs on clusters: sent, brought back, and what their jobs call on a node. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeAtomically } from '../atomic-file';
import { batchLines } from '../diffusion/batch-size';
import { calibrate, prepareCalibration } from '../dispatch/calibration';
import { withBatch } from '../dispatch/calibrations';
import { provideContainer } from '../dispatch/container/pipeline';
import { EDM_DOCKERFILE, readRecipe } from '../dispatch/container/recipe';
import type { Draft } from '../dispatch/draft';
import { Dispatches } from '../dispatch/dispatches';
import { awaitRun } from '../dispatch/await-run';
import { endText, waitingText, type SyncResult } from '../dispatch/follow';
import { continuedText, jobsText } from '../dispatch/job-text';
import { Ledger } from '../dispatch/ledger';
import { checkPreview, prepareRun } from '../dispatch/submit';
import type { Cluster } from '../cluster/cluster';
import type { BeforeLogin } from '../cluster/clusters';
import { messageOf, UserError } from '../errors';
import { repositoryRoot } from '../git';
import { readManifest } from '../runs/manifest';
import { finishRun, runShard } from '../runs/array-run';
import { readSource } from '../runs/source';
import { resultText } from '../shared/number-text';
import type { Dispatch } from '../shared/schema-types.gen';
import { print, printNotes, say, tell, type Call, type Run } from './command';
import { openSession } from './session';

/** Seconds between two looks at a run that is waited for. */
const LOOK_EVERY = 15;

/** `submit CONFIG.edm.yaml`: the run of a config, to the cluster that is given or that it names. */
export async function submitConfig(config: string, call: Call<'submit'>): Promise<number> {
  const { values, withProgress } = call;
  const source = await readSource(config);
  let draft: Draft | undefined;
  const before: BeforeLogin = async (profile) => {
    if (values['dry-run']) await checkPreview(source, profile);
    else draft = await withProgress((control) => prepareRun(source, profile, values.dirty, control));
  };
  const { clusters, name, cluster } = await openSession(call, values.cluster ?? source.config.cluster, { before });
  const dispatches = new Dispatches((...wanted) => clusters.open(...wanted));
  if (values['dry-run']) {
    for (const { role, text } of await dispatches.preview(source, name)) say(`# ${role}\n${text}`);
    return 0;
  }
  let dispatch = await withProgress((control) =>
    dispatches.submit({ source, cluster: name, dirty: values.dirty, draft }, control),
  );
  printNotes(dispatch.notes);
  tell(
    `${dispatch.name} at ${dispatch.code.short} is on ${name}: ${jobsText(dispatch)}, ${dispatch.folder}/${dispatch.run}`,
  );
  const { root } = source;
  for (const line of await continuedLines(dispatches, root, dispatch)) tell(line);
  if (values.wait) {
    const pollSeconds = Math.max(LOOK_EVERY, cluster.profile.poll_seconds ?? 0);
    const reopen = (): Promise<Cluster> => clusters.open(name, true);
    dispatch = await withProgress((control) =>
      awaitRun(new Ledger(root), dispatch.token, cluster, { pollSeconds, control, reopen, onTrouble: tell }),
    );
  }
  if (values.json) print(dispatch);
  else say(dispatch.jobs.flatMap(({ id }) => id ?? []).join(' '));
  if (values.wait) for (const line of await resultLines(root, dispatch)) say(line);
  return 0;
}

/** What became of other runs whose submission had been interrupted. The one that was submitted now does not depend on it. */
async function continuedLines(dispatches: Dispatches, root: string, dispatch: Dispatch): Promise<string[]> {
  const others = await dispatches.continueOthers(root, dispatch).catch((error: unknown) => messageOf(error));
  return typeof others === 'string' ? [others] : others.map(continuedText);
}

/** The numbers of a run, and where its results lie. */
async function resultLines(root: string, { local }: Dispatch): Promise<string[]> {
  if (!local) return [];
  const manifest = await readManifest(path.join(root, local));
  const numbers = manifest?.results?.map(resultText) ?? [];
  return [...numbers, local];
}

export const pull: Run<'pull'> = async (call) => {
  const {
    values,
    positionals: [named],
    withProgress,
  } = call;
  const root = await repositoryRoot(process.cwd());
  const ledger = new Ledger(root);
  const { dispatches, problems } = await ledger.all();
  printNotes(problems);
  const last = dispatches.at(-1);
  if (!last)
    throw new UserError(
      'No run of this repository has been submitted: "submit CONFIG.edm.yaml --cluster NAME" does that',
      1,
    );
  const images = values.seeds !== undefined ? { seeds: values.seeds } : values.images ? ('all' as const) : undefined;
  if (images && !named)
    throw new UserError(`pull --images: name the run whose images are wanted, e.g. ${last.token.slice(0, 6)}`);
  const latest = named ? await ledger.meant(named, process.cwd()) : last;
  const token = named && latest.token;
  const { clusters } = await openSession(call, values.cluster ?? latest.cluster);
  const own = new Dispatches((...wanted) => clusters.open(...wanted));
  const results = await withProgress<SyncResult[]>(async (control) =>
    token
      ? [await own.pull(root, token, { images, control })]
      : own.syncRuns(root, { cluster: values.cluster, mayPrompt: true, again: true }),
  );
  const now = (await ledger.all()).dispatches.filter((one) => !token || one.token === latest.token);
  if (token) printNotes(now.flatMap(({ notes }) => notes.filter((note) => !latest.notes.includes(note))));
  if (values.json) print(now);
  else
    for (const one of now)
      say(
        await dispatchLine(
          root,
          one,
          results.find(({ dispatch }) => dispatch.token === one.token),
        ),
      );
  return 0;
};

/** One dispatch in one line: what it is, and its number or why it ended. */
async function dispatchLine(root: string, dispatch: Dispatch, result?: SyncResult): Promise<string> {
  const { token, state, code, cluster, name } = dispatch;
  const failed = state === 'failed' || state === 'cancelled' || state === 'unknown' || state === 'preparing';
  const waiting = result?.waiting && waitingText(dispatch, result.waiting);
  const [line] = failed ? [endText(dispatch)] : waiting ? [waiting] : await resultLines(root, dispatch);
  return [token.slice(0, 6), state.padEnd(9), code.short, cluster, name, line ?? jobsText(dispatch)].join('  ');
}

export const calibrateOnCluster: Run<'cluster calibrate'> = async (call) => {
  const { values, withProgress } = call;
  const config = path.resolve(call.positionals[0]);
  const sizes = values.sizes?.split(',').map(Number);
  if (sizes?.some((size) => !Number.isInteger(size) || size < 1))
    throw new UserError(`--sizes ${values.sizes}: write whole numbers such as 8,16,32`);
  const source = await readSource(config);
  const before: BeforeLogin = async (profile) =>
    void (await withProgress((control) => prepareCalibration(source, profile, control)));
  const { cluster } = await openSession(call, values.cluster, { before });
  const found = await withProgress((control) =>
    calibrate({ source, cluster, control, pollSeconds: LOOK_EVERY, sizes }),
  );
  if (values.write) await writeAtomically(config, Buffer.from(withBatch(await readFile(config, 'utf8'), found.batch)));
  if (values.json) print(found);
  else for (const line of batchLines(found.points, found)) say(line);
  return 0;
};

export const buildContainer: Run<'container build'> = async (call) => {
  const { values, withProgress } = call;
  const { name, with: builder } = values;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw new UserError(
      `--name ${name}: use letters, digits, ".", "_" and "-" only, and begin with a letter or a digit`,
    );
  const dockerfile = path.resolve(values.file);
  const before: BeforeLogin = async () => void (await readRecipe(dockerfile));
  const { cluster } = await openSession(call, values.cluster, { before });
  const container = await withProgress((control) =>
    provideContainer({ dockerfile, name, builder, cluster, control, pollSeconds: LOOK_EVERY }),
  );
  if (values.json) print({ cluster: cluster.profile.name, container });
  else say(`${container}\nWrite it into the profile of ${cluster.profile.name}: container: ${container}`);
  return 0;
};

export const printTemplate: Run<'container template'> = () => {
  process.stdout.write(EDM_DOCKERFILE);
  return Promise.resolve(0);
};

export const shard: Run<'shard'> = async ({ positionals: [folder, share], withProgress }) => {
  const [, task, tasks] = /^(\d+)\/(\d+)$/.exec(share) ?? [];
  if (!folder || !tasks) throw new UserError('shard: give a run folder and a share such as 2/4');
  const result = await withProgress((control) => runShard(path.resolve(folder), Number(task), Number(tasks), control));
  printNotes(result.notes);
  say(`Task ${share}: ${result.images} images, ${result.written} of them made now`);
  return 0;
};

export const finish: Run<'finish'> = async ({ values, positionals: [folder], withProgress }) => {
  const manifest = await withProgress((control) => finishRun(path.resolve(folder), control));
  if (values.json) print(manifest);
  else for (const result of manifest.results ?? []) say(resultText(result));
  return 0;
};
