/** The run folder on the cluster, made before the jobs: everything that they read is in it or named in it. */
import path from 'node:path';
import { runOn, type Cluster } from '../cluster/cluster';
import type { TaskControl } from '../shared/progress';
import { IGNORE_ALL } from '../ignored-folder';
import { isEmbedded } from '../runs/input';
import type { RunPlan } from '../runs/plan';
import { PLAN_FILE, planText } from '../runs/plan-file';
import type { ContainerRecord, Dispatch } from '../shared/schema-types.gen';
import type { Draft, JobInput } from './draft';
import { FACTS_FILE, factsText } from './edm-result';
import { stageFile, stageProgram } from './stage';

/** The plan with the paths of the cluster; every file it names is sent. */
export async function stagePlan(
  cluster: Cluster,
  plan: RunPlan,
  folder: string,
  run: string,
  control: TaskControl,
): Promise<RunPlan> {
  const program = await stageProgram(cluster, control);
  const stage = async (file: string, name: string): Promise<string> =>
    // Embedded files were sent with the program.
    isEmbedded(name)
      ? `${program}/server/model/${path.basename(file)}`
      : stageFile(cluster, file, path.basename(file), control);
  const { config, network, metric } = plan;
  const given = config.fd ?? config.fid;
  return {
    ...plan,
    root: folder,
    outdir: path.posix.join(folder, path.posix.dirname(run)),
    network: { ...network, file: await stage(network.file, config.network) },
    ...(metric && {
      metric: {
        ...metric,
        reference: await stage(metric.reference, given?.reference ?? ''),
        detector: await stage(metric.detector, given?.detector ?? given?.reference ?? ''),
      },
    }),
  };
}

/** Makes the run folder on the cluster: inputs, plan, scripts, and the difference to the commit. */
export async function fillRunFolder(
  cluster: Cluster,
  draft: Draft,
  { folder, run, token }: Pick<Dispatch, 'folder' | 'run' | 'token'>,
  plan: RunPlan | undefined,
  scripts: readonly { role: string; text: string }[],
  control: TaskControl,
  container?: ContainerRecord,
): Promise<void> {
  const place = (name: string): string => `${folder}/${run}/${name}`;
  // As here: results must not appear in git status, and a folder of the commit is not ignored.
  const outdir = `${folder}/${path.posix.dirname(run)}`;
  const isThere = await cluster.files.stat(outdir);
  await cluster.files.makeFolder(place('images'));
  if (!isThere) await cluster.files.write(`${outdir}/.gitignore`, IGNORE_ALL);
  if (draft.commit.diff) await cluster.files.write(place('changes.diff'), draft.commit.diff);
  for (const { role, text } of scripts) await cluster.files.write(place(`${role}.sh`), text, 0o755);
  if (plan) {
    const tasks = draft.config.tasks ?? 1;
    await cluster.files.write(
      place(PLAN_FILE),
      planText({ version: 1, tasks, cluster: cluster.profile.name, dispatch: token, plan }),
    );
  }
  if (draft.engine === 'edm') await cluster.files.write(place(FACTS_FILE), await factsText(draft, container));
  for (const input of Object.values(draft.inputs) as (JobInput | undefined)[]) {
    if (!input?.file) continue;
    const staged = await stageFile(cluster, input.file, path.posix.basename(input.name), control);
    const target = place(`inputs/${input.name}`);
    await cluster.files.makeFolder(path.posix.dirname(target));
    // A link takes no space; where the file system has no links, the file is copied.
    await runOn(cluster, 'Providing inputs', [
      'sh',
      '-c',
      'ln -f "$1" "$2" 2>/dev/null || cp "$1" "$2"',
      'sh',
      staged,
      target,
    ]);
  }
}
