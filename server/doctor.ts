import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from './package-root';
import { messageOf } from './errors';
import { repositoryRoot } from './git';
import { readModelInfo } from './models/model-file';
import type { SetupFinding } from './shared/protocol';
import { EMBEDDED_NAMES, resolveFile } from './runs/embedded';

const run = promisify(execFile);

/** First line that a program prints, or undefined where it cannot be started. */
async function firstLine(program: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, args, { timeout: 10_000 });
    return stdout.trim().split('\n')[0];
  } catch {
    return undefined;
  }
}

type Check = (folder: string) => Promise<SetupFinding>;

/** Every check on its own; the order is the order shown. */
const CHECKS: Check[] = [
  () => {
    const version = process.versions.node;
    const [major, minor] = version.split('.').map(Number);
    const enough = major > 20 || (major === 20 && minor >= 15);
    return Promise.resolve(
      enough
        ? { topic: 'Node.js', state: 'ok', found: `version ${version}` }
        : {
            topic: 'Node.js',
            state: 'missing',
            found: `version ${version}`,
            remedy: 'Install Node.js 20.15 or newer.',
          },
    );
  },
  async () => {
    const version = await firstLine('git', '--version');
    return version
      ? { topic: 'git', state: 'ok', found: version }
      : { topic: 'git', state: 'missing', found: 'not on PATH', remedy: 'Install git: results are tied to commits.' };
  },
  async (folder) => {
    try {
      const root = await repositoryRoot(folder);
      const commit = await firstLine('git', '-C', root, 'log', '-1', '--format=%h %s');
      if (commit) return { topic: 'Repository', state: 'ok', found: `${root} at ${commit}` };
      return {
        topic: 'Repository',
        state: 'missing',
        found: `${root} has no commit`,
        remedy: 'Commit your config: git add -A && git commit.',
      };
    } catch {
      return {
        topic: 'Repository',
        state: 'missing',
        found: `${folder} is not in a git repository`,
        remedy: 'Run git init there and commit your config; generating and measuring without a config work without.',
      };
    }
  },
  async () => {
    try {
      const file = require.resolve('onnxruntime-node/package.json', { paths: [packageRoot()] });
      const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
      const binaries = path.join(path.dirname(file), 'bin', 'napi-v6', process.platform, process.arch);
      if (!existsSync(binaries)) {
        return {
          topic: 'ONNX Runtime',
          state: 'missing',
          found: `version ${version} has no binary for ${process.platform}-${process.arch}`,
          remedy: 'Use Linux, Windows or an Apple silicon Mac, or run on a cluster.',
        };
      }
      return {
        topic: 'ONNX Runtime',
        state: 'ok',
        found: `version ${version}, CPU with ${os.availableParallelism()} threads`,
      };
    } catch (error) {
      return {
        topic: 'ONNX Runtime',
        state: 'missing',
        found: messageOf(error).split('\n')[0],
        remedy: 'Run npm ci in the installation folder.',
      };
    }
  },
  async () => {
    const gpu = await firstLine('nvidia-smi', '--query-gpu=name,driver_version,memory.total', '--format=csv,noheader');
    return gpu
      ? { topic: 'NVIDIA driver', state: 'ok', found: gpu }
      : {
          topic: 'NVIDIA driver',
          state: 'optional',
          found: 'nvidia-smi finds no GPU',
          remedy: 'Without a GPU everything runs on the CPU, or on a cluster.',
        };
  },
  () => {
    let found: string | undefined;
    try {
      const file = require.resolve('onnxruntime-node/package.json', { paths: [packageRoot()] });
      const library = path.join(
        path.dirname(file),
        'bin',
        'napi-v6',
        process.platform,
        process.arch,
        process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so',
      );
      if (existsSync(library)) found = library;
    } catch {
      // Reported by the check of ONNX Runtime itself.
    }
    return Promise.resolve<SetupFinding>(
      found
        ? { topic: 'CUDA libraries', state: 'ok', found }
        : {
            topic: 'CUDA libraries',
            state: 'optional',
            found: 'not installed',
            remedy:
              'On Linux x64 with a GPU: ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js (see the README).',
          },
    );
  },
  ...(['network', 'detector'] as const).map((role): Check => async () => {
    const topic = role === 'network' ? 'Embedded model' : 'Embedded detector';
    try {
      const info = await readModelInfo(resolveFile(EMBEDDED_NAMES[0], role, packageRoot()));
      const facts =
        info.kind === 'denoiser'
          ? `${info.img_resolution}x${info.img_resolution}, ${info.parameters.toLocaleString('en')} parameters`
          : `${info.dimension} features`;
      return { topic, state: 'ok', found: `${EMBEDDED_NAMES[0]}, ${facts}` };
    } catch (error) {
      return { topic, state: 'missing', found: messageOf(error), remedy: 'Install EDM Workbench again.' };
    }
  }),
  async () => {
    const file = path.join(os.homedir(), '.ssh', 'config');
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined)
      return {
        topic: 'ssh config',
        state: 'optional',
        found: `${file} does not exist`,
        remedy: 'Needed for a cluster: give it a Host entry with HostName and User.',
      };
    const hosts = [...text.matchAll(/^\s*Host\s+(.+)$/gim)]
      .flatMap((match) => match[1].trim().split(/\s+/))
      .filter((host) => !/[*?!]/.test(host));
    return {
      topic: 'ssh config',
      state: 'ok',
      found: hosts.length > 0 ? `hosts ${hosts.join(', ')}` : 'no named host',
    };
  },
  async () => {
    const [slurm, lsf] = await Promise.all([firstLine('sbatch', '--version'), firstLine('bsub', '-V')]);
    const found = slurm ?? (lsf === undefined ? undefined : `LSF ${lsf}`);
    return found
      ? { topic: 'Scheduler on this machine', state: 'ok', found }
      : {
          topic: 'Scheduler on this machine',
          state: 'optional',
          found: 'neither sbatch nor bsub on PATH',
          remedy: 'Only login nodes have one; batch scripts are checked without it.',
        };
  },
  async (folder) => {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const found = `${(free / 2 ** 30).toFixed(1)} GiB free`;
    return free > 2 ** 30
      ? { topic: 'Disk', state: 'ok', found }
      : {
          topic: 'Disk',
          state: 'missing',
          found,
          remedy: '50,000 images need about 0.5 GiB at 32x32 and 2 GiB at 64x64: free some space.',
        };
  },
];

/** Looks at this machine and at `folder`: what is here, what is missing and what to do, in plain words. */
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
