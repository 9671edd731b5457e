import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { homeFolder } from '../account';
import { packageRoot } from '../package-root';
import { programNamed } from '../programs';
import { schedulerHere } from '../scheduler-here';
import { compute } from '../compute/compute-process';
import { messageOf } from '../errors';
import { headOf, repositoryRoot } from '../git';
import { GitError, gitVersion } from '../git-process';
import { refusalOf } from '../git-refusals';
import { readModelInfo } from '../models/model-file';
import type { SetupFinding } from '../shared/protocol';
import { EMBEDDED_NAMES } from '../shared/embedded';
import { fetchFile, resolveInput } from './input';

const run = promisify(execFile);

/** First line that a program prints, or undefined where it cannot be started. @param program absolute path, if there is one */
async function firstLine(program: string | undefined, ...args: string[]): Promise<string | undefined> {
  if (program === undefined) return undefined;
  try {
    const { stdout } = await run(program, args, { timeout: 10_000 });
    return stdout.trim().split(/\r?\n/)[0];
  } catch {
    return undefined;
  }
}

/** One check; `folder` is the one that is worked in. */
type Check = (folder: string) => Promise<SetupFinding>;

/** Oldest Node.js that everything here runs on, as in package.json. */
const OLDEST_NODE = [20, 15] as const;

function checkNode(): Promise<SetupFinding> {
  const topic = 'Node.js';
  const found = `version ${process.versions.node}`;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  const remedy = `Install Node.js ${OLDEST_NODE.join('.')} or newer.`;
  return Promise.resolve(enough ? { topic, state: 'ok', found } : { topic, state: 'missing', found, remedy });
}

async function checkGit(folder: string): Promise<SetupFinding> {
  const topic = 'git';
  try {
    return { topic, state: 'ok', found: await gitVersion(folder) };
  } catch (error) {
    if (error instanceof GitError && error.code !== 'ENOENT')
      return { topic, state: 'missing', found: 'does not run', remedy: refusalOf(folder, error).message };
    return { topic, state: 'missing', found: 'not on PATH', remedy: 'Install git: results are tied to commits.' };
  }
}

async function checkRepository(folder: string): Promise<SetupFinding> {
  const topic = 'Repository';
  const root = await repositoryRoot(folder).catch((error: unknown) => messageOf(error));
  if (!existsSync(root)) {
    const isNone = root.includes('is not in a git repository');
    const remedy =
      'Run git init there and commit your config. Generating and measuring without a config work without it.';
    return isNone
      ? { topic, state: 'missing', found: `${folder} is not in a git repository`, remedy }
      : { topic, state: 'missing', found: `the repository of ${folder} cannot be read`, remedy: root };
  }
  const head = await headOf(root).catch(() => undefined);
  if (head) return { topic, state: 'ok', found: `${root} at ${head.short} ${head.subject}` };
  const remedy = 'Commit your config: git add -A && git commit.';
  return { topic, state: 'missing', found: `${root} has no commit`, remedy };
}

/** Where ONNX Runtime's package and its binaries for this machine are. @throws Error where the package is missing */
function onnxRuntime(): { manifest: string; binaries: string } {
  const manifest = require.resolve('onnxruntime-node/package.json', { paths: [packageRoot()] });
  return {
    manifest,
    binaries: path.join(path.dirname(manifest), 'bin', 'napi-v6', process.platform, process.arch),
  };
}

async function checkOnnxRuntime(): Promise<SetupFinding> {
  const topic = 'ONNX Runtime';
  try {
    // As everything that computes loads it: in a process of its own, which may crash.
    await compute({ kind: 'load' });
    const { version } = JSON.parse(await readFile(onnxRuntime().manifest, 'utf8')) as { version: string };
    return { topic, state: 'ok', found: `version ${version}, CPU with ${os.availableParallelism()} threads` };
  } catch (error) {
    return { topic, state: 'missing', found: 'does not load', remedy: messageOf(error) };
  }
}

async function checkDriver(folder: string): Promise<SetupFinding> {
  const topic = 'NVIDIA driver';
  const program = programNamed('nvidia-smi', folder);
  const gpu = await firstLine(program, '--query-gpu=name,driver_version,memory.total', '--format=csv,noheader');
  if (gpu) return { topic, state: 'ok', found: gpu };
  const remedy = 'Without a GPU everything runs on the CPU, or on a cluster.';
  return { topic, state: 'optional', found: 'No NVIDIA GPU found (nvidia-smi)', remedy };
}

function checkCuda(): Promise<SetupFinding> {
  const topic = 'CUDA libraries';
  const name = process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so';
  try {
    const library = path.join(onnxRuntime().binaries, name);
    if (existsSync(library)) return Promise.resolve({ topic, state: 'ok', found: library });
  } catch {
    // Reported by the check of ONNX Runtime itself.
  }
  return Promise.resolve({
    topic,
    state: 'optional',
    found: 'not installed',
    remedy:
      'On Linux x64 with a GPU: ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js (see the README).',
  });
}

async function checkEmbedded(topic: string, role: 'network' | 'detector'): Promise<SetupFinding> {
  const [name] = EMBEDDED_NAMES;
  try {
    const info = await readModelInfo(await fetchFile(resolveInput(name, role, packageRoot())));
    const facts =
      info.kind === 'denoiser'
        ? `${info.img_resolution}x${info.img_resolution}, ${info.parameters.toLocaleString('en')} parameters`
        : `${info.dimension} features`;
    return { topic, state: 'ok', found: `${name}, ${facts}` };
  } catch (error) {
    return { topic, state: 'missing', found: messageOf(error), remedy: 'Install EDM Workbench again.' };
  }
}

async function checkSshConfig(): Promise<SetupFinding> {
  const topic = 'ssh config';
  const file = path.join(homeFolder(), '.ssh', 'config');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    const remedy = 'To reach a cluster, add a Host entry with HostName and User.';
    return { topic, state: 'optional', found: `${file} does not exist`, remedy };
  }
  const hosts = [...text.matchAll(/^[ \t]*Host[ \t]+(\S.*)$/gim)]
    .flatMap(([, names = '']) => names.trim().split(/\s+/))
    .filter((host) => !/[*?!]/.test(host));
  return { topic, state: 'ok', found: hosts.length > 0 ? `hosts ${hosts.join(', ')}` : 'no named host' };
}

async function checkScheduler(folder: string): Promise<SetupFinding> {
  const topic = 'Scheduler on this machine';
  const here = schedulerHere(process.env, folder);
  if (!here) {
    const remedy = 'Only login nodes have one; batch scripts are checked without it.';
    return { topic, state: 'optional', found: 'neither sbatch nor bsub on PATH', remedy };
  }
  const { name, program } = here;
  const version = await firstLine(program, name === 'slurm' ? '--version' : '-V');
  if (version) return { topic, state: 'ok', found: name === 'slurm' ? version : `LSF ${version}` };
  const remedy = `${path.basename(program)} does not tell its version here: where this is no login node, the cluster this-machine cannot be used.`;
  return { topic, state: 'optional', found: `${program}, which does not answer`, remedy };
}

/** Bytes that should be free. */
const ENOUGH_SPACE = 2 ** 30;

async function checkDisk(folder: string): Promise<SetupFinding> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const found = `${(free / 2 ** 30).toFixed(1)} GiB free`;
  if (free > ENOUGH_SPACE) return { topic: 'Disk', state: 'ok', found };
  const remedy = '50,000 images need about 0.5 GiB at 32x32 and 2 GiB at 64x64: free some space.';
  return { topic: 'Disk', state: 'missing', found, remedy };
}

/** Every check on its own, in the order shown. */
const CHECKS: readonly Check[] = [
  checkNode,
  checkGit,
  checkRepository,
  checkOnnxRuntime,
  checkDriver,
  checkCuda,
  () => checkEmbedded('Embedded model', 'network'),
  () => checkEmbedded('Embedded detector', 'detector'),
  checkSshConfig,
  checkScheduler,
  checkDisk,
];

/**
 * Looks at this machine: what is here, what is missing and what to do about it.
 * @param folder the one that is worked in
 */
export function examine(folder: string): Promise<SetupFinding[]> {
  return Promise.all(
    CHECKS.map((check) =>
      check(folder).catch((error: unknown): SetupFinding => ({
        topic: 'Check',
        state: 'missing',
        found: messageOf(error),
      })),
    ),
  );
}
