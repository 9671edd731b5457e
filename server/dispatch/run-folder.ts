/** A run folder on the cluster before its jobs: whatever they read lies there or is named there. */
import path from 'node:path';
import type { TaskControl } from '../shared/progress';
import { isEmbedded } from '../runs/embedded';
import type { RunPlan } from '../runs/plan';
import { PLAN_FILE, planText } from '../runs/plan-file';
import type { Dispatch } from '../shared/schema-types.gen';
import type { Draft, Input } from './draft';
import { FACTS_FILE, factsText } from './edm-result';
import type { Remote } from './remote';
import { stageFile, stageProgram } from './stage';

/** The plan with the paths it has there; everything it names is sent. */
export async function stagePlan(
  remote: Remote,
  plan: RunPlan,
  folder: string,
  run: string,
  control: TaskControl,
): Promise<RunPlan> {
  const program = await stageProgram(remote, control);
  const stage = async (file: string, name: string): Promise<string> =>
    // What comes with the workbench came with it.
    isEmbedded(name)
      ? `${program}/server/model/${path.basename(file)}`
      : stageFile(remote, file, path.basename(file), control);
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
  remote: Remote,
  draft: Draft,
  { folder, run, cluster, token }: Pick<Dispatch, 'folder' | 'run' | 'cluster' | 'token'>,
  plan: RunPlan | undefined,
  scripts: readonly { role: string; text: string }[],
  control: TaskControl,
): Promise<void> {
  const place = (name: string): string => `${folder}/${run}/${name}`;
  await remote.files.makeFolder(place('images'));
  // Results show in no git status, here or there.
  const ignore = `${folder}/${path.posix.dirname(run)}/.gitignore`;
  if (!(await remote.files.stat(ignore))) await remote.files.write(ignore, '*\n');
  if (draft.commit.diff) await remote.files.write(place('changes.diff'), draft.commit.diff);
  for (const { role, text } of scripts) await remote.files.write(place(`${role}.sh`), text, 0o755);
  if (plan) {
    const tasks = draft.config.tasks ?? 1;
    await remote.files.write(place(PLAN_FILE), planText({ version: 1, tasks, cluster, dispatch: token, plan }));
  }
  if (draft.engine === 'edm') await remote.files.write(place(FACTS_FILE), await factsText(draft));
  for (const input of Object.values(draft.inputs) as (Input | undefined)[]) {
    if (!input?.file) continue;
    const staged = await stageFile(remote, input.file, path.posix.basename(input.name), control);
    const target = place(`inputs/${input.name}`);
    await remote.files.makeFolder(path.posix.dirname(target));
    // A link costs no room; where the file system has none, a copy does.
    await remote.do('Providing inputs', [
      'sh',
      '-c',
      'ln -f "$1" "$2" 2>/dev/null || cp "$1" "$2"',
      'sh',
      staged,
      target,
    ]);
  }
}
