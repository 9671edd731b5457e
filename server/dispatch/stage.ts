/** What a job needs besides the code: networks and references, this program, and a node to run it. Each is sent once. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../assets';
import { moveIntoPlace } from '../atomic-file';
import { cachePath } from '../cache';
import type { TransferControl } from '../cluster/host';
import { UserError } from '../errors';
import { fileDigest } from '../onnx/file-digest';
import type { Remote } from './remote';

const run = promisify(execFile);

/** Sends a file, unless one with its content is there. @returns its absolute path on the cluster */
export async function stageFile(remote: Remote, file: string, name: string, control: TransferControl): Promise<string> {
  const digest = await fileDigest(file);
  const target = remote.place('files', digest.slice(0, 16), safeName(name));
  if (!(await remote.files.stat(target))) await remote.files.upload(file, target, control);
  return target;
}

/** A name that is one word of every shell. */
export function safeName(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '_');
}

/* ---- This program ---- */

/** What runs without an editor; everything is bundled but ONNX Runtime, which loads its library from its own folder. */
const PROGRAM = [
  'package.json',
  'schemas',
  'server/model',
  'dist/cli.js',
  'dist/worker.js',
  'node_modules/onnxruntime-node/package.json',
  'node_modules/onnxruntime-node/dist',
  'node_modules/onnxruntime-common/package.json',
  'node_modules/onnxruntime-common/dist/cjs',
];
/** ONNX Runtime's names of what `uname -m` says. */
const ARCHITECTURES: Readonly<Record<string, string | undefined>> = { x86_64: 'x64', aarch64: 'arm64' };

/** Name of this program's folder on a cluster: its version and a digest of what runs. */
export async function programName(): Promise<string> {
  const root = packageRoot();
  const hash = createHash('sha256');
  for (const name of ['dist/cli.js', 'dist/worker.js', 'node_modules/onnxruntime-node/package.json']) {
    const file = path.join(root, name);
    if (!existsSync(file)) throw new UserError(`${file} is missing: run "npm run build" first`);
    hash.update(await readFile(file));
  }
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string };
  return `${version}-${hash.digest('hex').slice(0, 12)}`;
}

/**
 * Brings this program to the cluster, with ONNX Runtime for its machine and a node to run it, unless it is there.
 * @throws UserError where there is no ONNX Runtime for that machine, or no node
 */
export async function stageProgram(remote: Remote, control: TransferControl): Promise<string> {
  const name = await programName();
  const folder = remote.place('workbench', name);
  const ready = `${folder}/ready`;
  if (await remote.files.stat(ready)) return folder;
  const archive = await packProgram(name, remote);
  const incoming = `${folder}.tar.gz`;
  await remote.files.upload(archive, incoming, control);
  // Unpacked beside it and renamed: a job never sees half of it.
  const part = `${folder}.part`;
  await remote.files.remove(part);
  await remote.files.makeFolder(part);
  await remote.do('Unpacking the workbench', ['tar', '-xzf', incoming, '-C', part]);
  await provideNode(remote, `${part}/bin/node`, control);
  await remote.files.remove(folder);
  await remote.files.rename(part, folder);
  await remote.files.write(ready, '');
  await remote.files.remove(incoming);
  return folder;
}

async function packProgram(name: string, remote: Remote): Promise<string> {
  const architecture = ARCHITECTURES[remote.machine];
  const binaries = `node_modules/onnxruntime-node/bin/napi-v6/linux/${architecture}`;
  if (!architecture || !existsSync(path.join(packageRoot(), binaries))) {
    throw new UserError(
      `The workbench here has no ONNX Runtime for ${remote.machine} Linux, which ${remote.profile.name} is: install its build for linux-${architecture ?? remote.machine}, or choose engine edm`,
    );
  }
  const archive = cachePath('program', `${name}-${architecture}.tar.gz`);
  if (existsSync(archive)) return archive;
  await mkdir(path.dirname(archive), { recursive: true });
  const part = `${archive}.${process.pid}`;
  await run('tar', ['-czf', part, '-C', packageRoot(), ...PROGRAM, binaries]).catch((error: unknown) => {
    const { stderr } = error as { stderr?: string };
    throw new UserError(`Packing the workbench with tar failed: ${stderr?.trim().split('\n').pop() ?? String(error)}`);
  });
  await moveIntoPlace(part, archive);
  return archive;
}

/** The cluster's own node where it is new enough; otherwise this machine's where it would run there. */
async function provideNode(remote: Remote, target: string, control: TransferControl): Promise<void> {
  await remote.files.makeFolder(path.posix.dirname(target));
  const there = await remote.ask(['sh', '-c', 'command -v node && node --version']);
  const [file, version] = there?.split('\n') ?? [];
  if (file?.startsWith('/') && version && isNewEnough(version)) {
    await remote.do('Providing node', ['ln', '-sf', file, target]);
    return;
  }
  const sameMachine = process.platform === 'linux' && process.arch === ARCHITECTURES[remote.machine];
  if (sameMachine && !process.versions.electron) {
    const staged = await stageFile(remote, process.execPath, 'node', control);
    await remote.do('Providing node', ['sh', '-c', 'cp "$1" "$2" && chmod 755 "$2"', 'sh', staged, target]);
    const answer = await remote.ask([target, '--version']);
    if (answer !== undefined) return;
  }
  const found = version ? `has node ${version}` : 'has no node';
  throw new UserError(
    `${remote.profile.name} ${found}, and this machine's does not run there: add a line that provides node 20.15 or newer to setup in its profile (e.g. "module load nodejs"), or choose engine edm`,
  );
}

function isNewEnough(version: string): boolean {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 15);
}
