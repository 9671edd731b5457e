/** Commands that write: where they are disturbed, and what must be true of their folder then and at the end. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { decodePng } from '../../server/images/png';
import { readHistory } from '../../server/history/history-store';
import { readNpz } from '../../server/numpy/npz';

const ROOT = path.join(__dirname, '..', '..');
const CLI = path.join(ROOT, 'dist', 'cli.js');
const run = promisify(execFile);

/** A command of the campaign; each works in a copy of the same repository. */
export interface Command {
  name: string;
  args: readonly string[];
}

const CONFIG =
  'network: embedded:fashion-mnist\nseeds: 0-23\nsteps: 3\nbatch: 4\nfd:\n  reference: embedded:fashion-mnist\n';
const SCRIPT =
  '#!/bin/bash\n#SBATCH --nodes 1\n#SBATCH --time = 10:00\n#SBATCH --gres=gpu:4\nsrun x\n#SBATCH --account=a\n';

/** What is disturbed. */
export const COMMANDS: readonly Command[] = [
  { name: 'run', args: ['run', 'a.edm.yaml'] },
  {
    name: 'generate',
    args: [
      'generate',
      '--network',
      'embedded:fashion-mnist',
      '--seeds',
      '0-31',
      '--steps',
      '2',
      '--batch',
      '4',
      '--outdir',
      'out',
    ],
  },
  {
    name: 'fid-ref',
    args: [
      'fid',
      'ref',
      '--data',
      'images',
      '--dest',
      'ref.npz',
      '--detector',
      'embedded:fashion-mnist',
      '--keep-features',
    ],
  },
  {
    name: 'fid-calc',
    args: [
      'fid',
      'calc',
      '--images',
      'images',
      '--ref',
      'embedded:fashion-mnist',
      '--num',
      '48',
      '--stats',
      'stats.npz',
      '--batch',
      '4',
    ],
  },
  { name: 'import', args: ['import', 'net.pkl', '-o', 'net.onnx'] },
  { name: 'lint-fix', args: ['lint', '--fix', 'job.slurm'] },
];

/** The copies' model, and a home of their own. Removed when the process ends. */
export class Workshop {
  readonly #folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'edm-campaign-')));
  readonly #template = path.join(this.#folder, 'template');
  readonly environment = {
    ...process.env,
    HOME: path.join(this.#folder, 'home'),
    XDG_CACHE_HOME: path.join(this.#folder, 'home', '.cache'),
    XDG_STATE_HOME: path.join(this.#folder, 'home', '.state'),
  };
  #count = 0;

  /** Makes the repository: a config, a script, a network of EDM and some images. */
  async open(): Promise<void> {
    process.on('exit', () => rmSync(this.#folder, { recursive: true, force: true }));
    mkdirSync(this.#template, { recursive: true });
    mkdirSync(this.environment.HOME);
    const file = (name: string): string => path.join(this.#template, name);
    writeFileSync(file('a.edm.yaml'), CONFIG);
    writeFileSync(file('job.slurm'), SCRIPT);
    cpSync(path.join(ROOT, 'test', 'fixtures', 'nets', 'vp-ddpmpp-u-r8.pkl'), file('net.pkl'));
    const images = [
      'generate',
      '--network',
      'embedded:fashion-mnist',
      '--seeds',
      '0-47',
      '--steps',
      '2',
      '--outdir',
      'images',
    ];
    await this.finish({ name: 'images', args: images }, this.#template);
    const git = (...args: string[]): Promise<unknown> =>
      run('git', ['-c', 'user.name=Author', '-c', 'user.email=author@example.org', ...args], { cwd: this.#template });
    await git('init', '-q', '-b', 'main');
    await git('add', '-A', '-f');
    await git('commit', '-qm', 'Start');
  }

  /** A fresh copy of the repository. */
  copy(): string {
    const folder = path.join(this.#folder, `copy-${this.#count++}`);
    cpSync(this.#template, folder, { recursive: true });
    return folder;
  }

  /** Starts a command as the leader of a process group. */
  start({ args }: Command, cwd: string): ReturnType<typeof spawn> {
    return spawn(process.execPath, [CLI, ...args], {
      cwd,
      env: this.environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Runs a command to its end. @throws Error with all it said, unless it succeeds */
  async finish(command: Command, cwd: string): Promise<void> {
    const { code, said } = await ended(this.start(command, cwd));
    // lint says by 1 that errors are left.
    if (code !== 0 && !(command.name === 'lint-fix' && code === 1))
      throw new Error(`${command.name} ended with ${code}: ${said}`);
  }
}

/** Waits for a process. */
export function ended(child: ReturnType<typeof spawn>): Promise<{ code: number | null; said: string }> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => (said += text.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, said })));
}

/** Files below a folder, without git's. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter((name) => !/^\.git[/\\]/.test(name))
    .sort();
}

/** How a file is known to be whole, by the end of its name. @throws if it is not */
const WHOLE: Readonly<Record<string, (file: string) => unknown>> = {
  '.png': (file) => decodePng(readFileSync(file), file),
  '.json': (file) => JSON.parse(readFileSync(file, 'utf8')) as unknown,
  '.npz': (file) => readNpz(file),
};

/** Files that are torn: under their final name, but not whole. Files being written have names of their own. */
export async function torn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of filesOf(folder)) {
    if (name.endsWith('.part')) continue;
    try {
      await WHOLE[path.extname(name)]?.(path.join(folder, name));
    } catch (error) {
      found.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return found;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What is the same in two files made by the same command; undefined if all of it may differ, as times do. */
async function content(file: string): Promise<string | undefined> {
  if (file.endsWith('.npz')) {
    // Other arrays say which files were measured, with their dates.
    const arrays = [...(await readNpz(file))].filter(([, { dtype }]) => dtype.startsWith('float'));
    return arrays
      .map(([name, { data }]) => `${name} ${sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`)
      .join(' ');
  }
  return /\.(png|onnx|slurm|yaml)$/.test(file) ? sha256(readFileSync(file)) : undefined;
}

/** What a finished command left: names, contents but for what depends on time, and the numbers. */
export async function outcome(folder: string): Promise<string> {
  const files: string[] = [];
  for (const name of filesOf(folder)) files.push(`${name} ${(await content(path.join(folder, name))) ?? ''}`);
  const { records, problems } = await readHistory(folder);
  const numbers = records.map(({ metric, value, num, code }) => `${metric} ${value} ${num} ${code.commit}`);
  return [...files, ...numbers, ...problems].join('\n');
}

/** Processes that still work in a folder; Linux only. */
export function strays(folder: string): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && realpathSync(`/proc/${pid}/cwd`).startsWith(folder);
    } catch {
      return false; // ended meanwhile, or of another user
    }
  });
}
