/**
 * From a Dockerfile here to an Apptainer image on a cluster, in steps that are each done once: after an interruption the
 * same call continues, and nothing is built twice.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { placeOn, workFolderOf, type Cluster } from '../../cluster/cluster';
import { cachePath } from '../../cache-folder';
import { lastLine } from '../../cluster/host';
import { LOG_FINDINGS } from '../../cluster/log-findings';
import { newToken } from '../../cluster/token';
import { writeAtomically } from '../../atomic-file';
import { git } from '../../git-process';
import { CancelledError, UserError } from '../../errors';
import { environmentFor, programNamed } from '../../programs';
import { removeFile, removeTree, renameOver } from '../../held-file';
import type { TaskControl } from '../../shared/progress';
import { isOver } from '../../shared/protocol';
import { jobNote } from '../job-text';
import { askedFor, partitionText } from '../../jobs/job-options';
import { renderScript } from '../script';
import { shellPath } from './engines';
import { sourceFile, type ContainerSource } from './identity';
import { readRecipe, type Recipe } from './recipe';

const run = promisify(execFile);

/** What builds images here. */
const BUILDERS = ['docker', 'podman'] as const;
export type Builder = (typeof BUILDERS)[number];

export interface ContainerOptions {
  /** Absolute path of the Dockerfile. */
  dockerfile: string;
  /** First part of the names of archive and image. */
  name: string;
  builder?: Builder;
  cluster: Cluster;
  control?: TaskControl;
  /** Seconds between two looks at the rebuild job. */
  pollSeconds?: number;
}

/** What is remembered about one image on one cluster. */
interface Memory {
  /** Token and id of the rebuild job. */
  token?: string;
  job?: string;
  /** What the image was built from. */
  source?: ContainerSource;
}

interface Work extends Required<ContainerOptions> {
  recipe: Recipe;
  /** Absolute path of the builder. */
  program: string;
  /** Image name here. */
  tag: string;
  /** Archive here and there, and the image there, relative to the work folder. */
  archive: string;
  place: { archive: string; image: string; log: string };
  memory: Memory;
  remember: () => Promise<void>;
}

/** `uname -m` in Docker's words. */
const ARCHITECTURES: Readonly<Record<string, string | undefined>> = { x86_64: 'amd64', aarch64: 'arm64' };

/** The steps in their order; one whose result is there is skipped. */
const STEPS: readonly { title: string; isDone(work: Work): Promise<boolean>; run(work: Work): Promise<void> }[] = [
  { title: 'Build', isDone: archiveThere, run: build },
  { title: 'Check architecture', isDone: archiveThere, run: checkArchitecture },
  { title: 'Save', isDone: archiveThere, run: save },
  { title: 'Upload', isDone: uploaded, run: upload },
  { title: 'Rebuild job', isDone: ({ memory }) => Promise.resolve(memory.job !== undefined), run: submitRebuild },
  { title: 'Wait for the image', isDone: () => Promise.resolve(false), run: awaitRebuild },
];

/**
 * Builds an image and makes it ready on a cluster.
 * @returns its path there: what `container` in the profile wants
 * @throws UserError for the step that failed, with its last words; CancelledError
 */
export async function provideContainer(options: ContainerOptions): Promise<string> {
  const { dockerfile, name, cluster, control = {}, pollSeconds = 15 } = options;
  const recipe = await readRecipe(dockerfile);
  const key = `${name}-${recipe.digest.slice(0, 12)}`;
  const image = placeOn(cluster, 'containers', `${key}.sif`);
  if (await cluster.files.stat(image)) return image;
  const memoryFile = cachePath('containers', `${cluster.profile.name}-${key}.json`);
  const memory = JSON.parse(await readFile(memoryFile, 'utf8').catch(() => '{}')) as Memory;
  const work: Work = {
    ...{ dockerfile, name, cluster, control, pollSeconds, recipe, memory },
    ...(await builderHere(dockerfile, options.builder)),
    tag: `edm-workbench/${name.toLowerCase()}:${recipe.digest.slice(0, 12)}`,
    archive: cachePath('containers', `${key}.tar`),
    place: {
      archive: `containers/${key}.tar`,
      image: `containers/${key}.sif`,
      log: `containers/${key}`,
    },
    remember: () => writeAtomically(memoryFile, Buffer.from(JSON.stringify(memory))),
  };
  await mkdir(path.dirname(work.archive), { recursive: true });
  for (const [index, step] of STEPS.entries()) {
    if (control.signal?.aborted) throw new CancelledError();
    control.onProgress?.({ phase: `${step.title} (step ${index + 1} of ${STEPS.length})`, done: 0, total: 1 });
    if (!(await step.isDone(work))) await step.run(work);
  }
  if (memory.source) await cluster.files.write(sourceFile(image), `${JSON.stringify(memory.source)}\n`);
  await removeFile(memoryFile);
  return image;
}

/** What was asked for; else docker where its daemon answers, else podman. Never a program that lies beside the Dockerfile. */
async function builderHere(dockerfile: string, asked?: Builder): Promise<Pick<Work, 'builder' | 'program'>> {
  const folder = path.dirname(dockerfile);
  for (const builder of asked ? [asked] : BUILDERS) {
    const program = programNamed(builder, folder);
    if (program === undefined) continue;
    const answers = (): Promise<boolean> =>
      run(program, ['info'], { env: environmentFor(folder) }).then(
        () => true,
        () => false,
      );
    if (asked || (await answers())) return { builder, program };
  }
  if (asked) throw new UserError(`${asked} is not on PATH of this machine: install it, or leave out --builder`);
  throw new UserError('Neither docker nor podman answers on this machine: install one of them, or start its service');
}

function archiveThere({ archive, ...work }: Work): Promise<boolean> {
  return existsSync(archive) ? Promise.resolve(true) : uploaded({ archive, ...work });
}

async function uploaded({ cluster, place, memory }: Work): Promise<boolean> {
  return memory.job !== undefined || (await cluster.files.stat(placeOn(cluster, place.archive))) !== undefined;
}

async function build({ builder, program, recipe, tag, cluster, control, memory, remember }: Work): Promise<void> {
  const platform = `linux/${ARCHITECTURES[cluster.machine] ?? cluster.machine}`;
  // Without COPY the builder needs no files, so it gets an empty folder.
  const scratch = recipe.context ? undefined : await mkdtemp(path.join(os.tmpdir(), 'edm-workbench-context-'));
  try {
    const words = [
      'build',
      '--platform',
      platform,
      '--tag',
      tag,
      '--file',
      recipe.dockerfile,
      recipe.context ?? scratch ?? '.',
    ];
    await builderRuns({ builder, program }, words, control);
    memory.source = await sourceOfBuild(program, recipe);
    await remember();
  } finally {
    if (scratch) await removeTree(scratch);
  }
}

/** The commit of the Dockerfile, where nothing of what was built is uncommitted, and the base image with its digest. */
async function sourceOfBuild(program: string, { dockerfile, context, base }: Recipe): Promise<ContainerSource> {
  const folder = path.dirname(dockerfile);
  const changed = await git(folder, 'status', '--porcelain', '--ignored', '--', context ?? dockerfile).catch(() => 'no repository'); // prettier-ignore
  const commit = changed === '' ? await git(folder, 'rev-parse', 'HEAD').catch(() => undefined) : undefined;
  const asked = ['image', 'inspect', '--format', '{{join .RepoDigests " "}}', base ?? ''];
  const said = base === undefined ? undefined : await run(program, asked).catch(() => undefined);
  const digest = /@(sha256:[0-9a-f]{64})/.exec(base?.includes('@') ? base : (said?.stdout ?? ''))?.[1];
  return {
    ...(commit !== undefined && { dockerfile_commit: commit }),
    ...(base !== undefined && { base }),
    ...(digest !== undefined && { base_digest: digest }),
  };
}

async function checkArchitecture({ program, tag, cluster }: Work): Promise<void> {
  const { stdout } = await run(program, ['image', 'inspect', '--format', '{{.Os}} {{.Architecture}}', tag]);
  const wanted = `linux ${ARCHITECTURES[cluster.machine] ?? cluster.machine}`;
  if (stdout.trim() === wanted) return;
  throw new UserError(
    `The image is for ${stdout.trim()}, and ${cluster.profile.name} is ${wanted}: use a base image that exists for ${wanted}, or build on such a machine`,
  );
}

async function save({ builder, program, tag, archive, control }: Work): Promise<void> {
  const part = `${archive}.${process.pid}`;
  await removeFile(part);
  const format = builder === 'podman' ? ['--format', 'docker-archive'] : [];
  await builderRuns({ builder, program }, ['save', ...format, '--output', part, tag], control);
  await renameOver(part, archive);
}

async function upload({ archive, cluster, place, control }: Work): Promise<void> {
  await cluster.files.upload(archive, placeOn(cluster, place.archive), control);
  await removeFile(archive);
}

/** The script of the rebuild job, as in the lecture; without a GPU, which would be idle. */
export function rebuildScript(
  cluster: Pick<Cluster, 'profile' | 'scheduler' | 'home'>,
  { archive, image, log }: Work['place'],
): string {
  const { profile, scheduler } = cluster;
  const work = workFolderOf(profile);
  const folder = placeOn(cluster);
  const at = (name: string): string => shellPath(`${work}/${name}`);
  return renderScript(
    scheduler.name,
    { name: 'docker2apptainer', asked: askedFor(profile), time: '08:00:00', cpus: 4, gpus: 0, folder, log },
    profile,
    [
      `export APPTAINER_TMPDIR=${at('containers/tmp')}`,
      'mkdir -p "$APPTAINER_TMPDIR"',
      '',
      // Built under another name and renamed, so that no job ever sees a part of an image.
      `apptainer build --force ${at(`${image}.part`)} docker-archive://${at(archive)} && mv ${at(`${image}.part`)} ${at(image)}`,
    ],
  );
}

async function submitRebuild({ cluster, place, memory, remember }: Work): Promise<void> {
  const { scheduler, profile } = cluster;
  const found = memory.token === undefined ? undefined : await scheduler.find(memory.token);
  if (!found) {
    memory.token = newToken();
    await remember();
  }
  const { account } = profile;
  const partition = partitionText(profile);
  const script = rebuildScript(cluster, place);
  const submission = { script, folder: placeOn(cluster), token: memory.token ?? '', defaults: { account, partition } };
  memory.job = (found ?? (await scheduler.submit(submission))).id;
  await remember();
}

async function awaitRebuild({ cluster, place, memory, remember, control, pollSeconds }: Work): Promise<void> {
  for (;;) {
    const job = await cluster.scheduler.job(memory.job ?? '');
    if (await cluster.files.stat(placeOn(cluster, place.image))) break;
    if (!job || isOver(job)) {
      const id = memory.job;
      // The next call submits another job.
      delete memory.job;
      delete memory.token;
      await remember();
      throw new UserError(
        `Rebuilding the image on ${cluster.profile.name} failed (job ${id}): ${await reasonIn(cluster, `${place.log}-${id}.out`)}; the archive is kept, so run the same command again`,
        1,
      );
    }
    control.onProgress?.({ phase: 'Wait for the image', done: 0, total: 1, note: jobNote(job) });
    await sleep(pollSeconds * 1000, undefined, { signal: control.signal }).catch(() => undefined);
    if (control.signal?.aborted) throw new CancelledError();
  }
  await cluster.files.remove(placeOn(cluster, place.archive));
}

async function reasonIn(cluster: Cluster, log: string): Promise<string> {
  const file = placeOn(cluster, log);
  if (!(await cluster.files.stat(file))) return `there is no log ${file}`;
  const text = (await cluster.files.read(file)).toString();
  const finding = LOG_FINDINGS.find(({ pattern, remedy }) => remedy && pattern.test(text));
  return `${finding ? `${finding.text}. ${finding.remedy}` : (lastLine(text) ?? 'its log is empty')} (${file})`;
}

/** Runs the builder; its output lines are shown as progress. */
async function builderRuns(
  { builder, program }: Pick<Work, 'builder' | 'program'>,
  words: readonly string[],
  { onProgress, signal }: TaskControl,
): Promise<void> {
  let last = '';
  const child = spawn(program, words, {
    env: environmentFor(process.cwd()),
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      last = lastLine(chunk.toString()) ?? last;
      onProgress?.({ phase: `${builder} ${words[0]}`, done: 0, total: 1, note: last });
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) => reject(signal?.aborted ? new CancelledError() : error)).on('close', resolve);
  });
  if (code !== 0) throw new UserError(`${builder} ${words[0]} failed: ${last || `exit code ${code}`}`, 1);
}
