/** What a job needs besides the code: networks, references, this program, and a node to run it. Each is sent once. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { askOn, placeOn, runOn, type Cluster } from '../cluster/cluster';
import { packageRoot } from '../package-root';
import { writeAtomically } from '../atomic-file';
import { cachePath } from '../cache-folder';
import { ConnectionLostError, type TransferControl } from '../cluster/host';
import { UserError } from '../errors';
import { fileDigest } from '../file-digest';
import { programNamed } from '../programs';
import { JPEG_LIBRARY } from '../images/jpeg';
import { WEBP_LIBRARY } from '../images/webp';
import { reasonOf } from '../system-error';
import { packedFiles } from './program-archive';

const run = promisify(execFile);

/** Sends a file, unless one with the same content is there. @returns its absolute path on the cluster */
export async function stageFile(
  cluster: Cluster,
  file: string,
  name: string,
  control: TransferControl,
): Promise<string> {
  const digest = await fileDigest(file);
  const target = placeOn(cluster, 'files', digest.slice(0, 16), safeName(name));
  if (!(await cluster.files.stat(target))) await cluster.files.upload(file, target, control);
  return target;
}

/** A name that is a single word in every shell. */
export function safeName(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '_');
}

/* ---- This program ---- */

const RUNTIME = 'node_modules/onnxruntime-node';
/** The bundles of the command line and of the processes that it starts. */
export const BUNDLES = ['cli', 'all-commands', 'lint-alone', 'lint-schemas', 'worker', 'reader'].map(
  (name) => `dist/${name}.js`,
);
/**
 * The files that run without an editor. Everything is bundled but ONNX Runtime, which loads its library from its own folder,
 * and the WebAssembly that decodes images.
 */
export const PROGRAM = [
  'package.json',
  'schemas',
  'server/model',
  ...BUNDLES,
  JPEG_LIBRARY,
  WEBP_LIBRARY,
  `${RUNTIME}/package.json`,
  `${RUNTIME}/dist`,
  'node_modules/onnxruntime-common/package.json',
  'node_modules/onnxruntime-common/dist/cjs',
];
/** ONNX Runtime's names of machines, by `uname -m`. */
const ARCHITECTURES: Readonly<Record<string, string | undefined>> = { x86_64: 'x64', aarch64: 'arm64' };

/** Name of this program's folder on a cluster: its version and a digest of what runs. */
export async function programName(): Promise<string> {
  const root = packageRoot();
  const hash = createHash('sha256');
  for (const name of [...BUNDLES, JPEG_LIBRARY, WEBP_LIBRARY, `${RUNTIME}/package.json`]) {
    const file = path.join(root, name);
    if (!existsSync(file)) throw new UserError(`${file} is missing: run "npm run build" first`);
    hash.update(await readFile(file));
  }
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string };
  return `${version}-${hash.digest('hex').slice(0, 12)}`;
}

/**
 * Sends this program to the cluster, with ONNX Runtime for its machine and a node to run it, unless it is there.
 * @param root folder of the program here
 * @throws UserError where there is no ONNX Runtime for that machine, or no node
 */
export async function stageProgram(
  cluster: Cluster,
  control: TransferControl,
  root: string = packageRoot(),
): Promise<string> {
  const name = await programName();
  const folder = placeOn(cluster, 'workbench', name);
  const ready = `${folder}/ready`;
  if (await isWhole(cluster, folder, ready)) return folder;
  const architecture = ARCHITECTURES[cluster.machine];
  if (!architecture)
    throw new UserError(
      `There is no ONNX Runtime for ${cluster.machine}, the machine type of ${cluster.profile.name}: choose engine edm`,
    );
  const binaries = `${RUNTIME}/bin/napi-v6/linux/${architecture}`;
  const isHere = existsSync(path.join(root, binaries));
  const archive = await packProgram(root, `${name}-${isHere ? architecture : 'bare'}`, isHere ? [binaries] : []);
  const incoming = `${folder}.tar.gz`;
  await cluster.files.upload(archive, incoming, control);
  // Unpacked beside it and renamed, so that a job never sees a part of it.
  const part = `${folder}.part`;
  await cluster.files.remove(part);
  await cluster.files.makeFolder(part);
  await runOn(cluster, 'Unpacking the workbench', ['tar', '-xzf', incoming, '-C', part]);
  if (!isHere) await fetchRuntime(cluster, root, part, architecture);
  await provideNode(cluster, `${part}/bin/node`, control);
  await cluster.files.remove(folder);
  await cluster.files.rename(part, folder);
  await cluster.files.write(ready, `${(await contentOf(cluster, folder)) ?? ''}\n`);
  await cluster.files.remove(incoming);
  return folder;
}

/** Checksums and sizes of all files of a program, digested; the node may be a link to one of the site's. */
const CONTENT = `cd "$1" && [ -x bin/node ] && find . -type f ! -path ./ready -exec cksum {} + | LC_ALL=C sort | cksum`;

/** What is in a program's folder; undefined where it has no node. */
function contentOf(cluster: Cluster, folder: string): Promise<string | undefined> {
  return askOn(cluster, ['sh', '-c', CONTENT, 'sh', folder]);
}

/** Whether a program has all its files as they were sent: a purge takes them one by one. */
async function isWhole(cluster: Cluster, folder: string, ready: string): Promise<boolean> {
  if (!(await cluster.files.stat(ready))) return false;
  const wanted = (await cluster.files.read(ready)).toString().trim();
  return wanted !== '' && wanted === (await contentOf(cluster, folder));
}

async function packProgram(root: string, name: string, binaries: readonly string[]): Promise<string> {
  const archive = cachePath('program', `${name}.tar.gz`);
  if (existsSync(archive)) return archive;
  const packed = createGzip();
  // An error while packing reaches whoever reads what is packed.
  pipeline(packedFiles(root, [...PROGRAM, ...binaries]), packed).catch(() => undefined);
  await writeAtomically(archive, packed).catch((error: unknown) => {
    throw error instanceof UserError ? error : new UserError(`Cannot pack the workbench: ${reasonOf(error, 'read')}`);
  });
  return archive;
}

/** The published package has the libraries of all machines; nothing in it is run. */
const FETCH =
  'cd "$1" && npm pack --silent "onnxruntime-node@$2" && tar -xzf onnxruntime-node-*.tgz --strip-components=1 -C "$3" "package/bin/napi-v6/linux/$4" && rm onnxruntime-node-*.tgz';

/** Fetches ONNX Runtime with the cluster's own npm, where the installation here has only the libraries of other machines. */
async function fetchRuntime(cluster: Cluster, root: string, folder: string, architecture: string): Promise<void> {
  const text = await readFile(path.join(root, RUNTIME, 'package.json'), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  const target = `${folder}/${RUNTIME}`;
  const attempt = `The workbench here has no ONNX Runtime for linux-${architecture}; fetching it`;
  await runOn(cluster, attempt, ['sh', '-c', FETCH, 'sh', folder, version, target, architecture]).catch(
    (error: unknown) => {
      if (!(error instanceof UserError) || error instanceof ConnectionLostError) throw error;
      throw new UserError(
        `${error.message}. Either give ${cluster.profile.name} npm (a line such as "module load nodejs" under setup) and a way to the registry, ` +
          `or install the workbench's package for linux-${architecture} here, or choose engine edm`,
      );
    },
  );
}

/** Provides the cluster's own node where it is new enough, otherwise the one of this machine where it runs there. */
async function provideNode(cluster: Cluster, target: string, control: TransferControl): Promise<void> {
  await cluster.files.makeFolder(path.posix.dirname(target));
  const there = await askOn(cluster, ['sh', '-c', 'command -v node && node --version']);
  const [file, version] = there?.split('\n') ?? [];
  if (file?.startsWith('/') && version && isNewEnough(version)) {
    await runOn(cluster, 'Providing node', ['ln', '-sf', file, target]);
    return;
  }
  const isSameMachine = process.platform === 'linux' && process.arch === ARCHITECTURES[cluster.machine];
  const own = isSameMachine ? await nodeHere() : undefined;
  if (own !== undefined) {
    const staged = await stageFile(cluster, own, 'node', control);
    await runOn(cluster, 'Providing node', ['sh', '-c', 'cp "$1" "$2" && chmod 755 "$2"', 'sh', staged, target]);
    const answer = await askOn(cluster, [target, '--version']);
    if (answer !== undefined) return;
  }
  const found = version ? `has node ${version}` : 'has no node';
  throw new UserError(
    `${cluster.profile.name} ${found}, and the node of this machine does not run there: add a line that provides node 20.15 or newer to setup in its profile (e.g. "module load nodejs"), or choose engine edm`,
  );
}

/** A node of this machine; the program of a desktop editor does not count. */
async function nodeHere(): Promise<string | undefined> {
  if (!process.versions.electron) return process.execPath;
  const program = programNamed('node', process.cwd());
  if (program === undefined) return undefined;
  const asked = await run(program, ['-p', 'process.execPath + "\\n" + process.version']).catch(() => undefined);
  const [file, version] = asked?.stdout.trim().split('\n') ?? [];
  return file && version && isNewEnough(version) ? file : undefined;
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 15);
}
