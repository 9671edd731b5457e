/** This program on a "cluster" that is another folder of this machine: what is sent, and what is fetched there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { identify, type Cluster } from '../../server/cluster/cluster';
import { LocalHost } from '../../server/cluster/local-host';
import type { Scheduler } from '../../server/cluster/scheduler';
import { PROGRAM, stageProgram } from '../../server/dispatch/stage';
import { ROOT, temporaryFolder } from '../server/workspace';

process.env.XDG_CACHE_HOME = temporaryFolder();

async function remoteIn(work: string, setup: string[]): Promise<Cluster> {
  const host = new LocalHost();
  const profile = { name: 'icm', local: true, work_folder: work, setup };
  return { profile, host, files: host.files, scheduler: {} as Scheduler, ...(await identify(host)) };
}

/** The program as a package for another machine has it: with no ONNX Runtime for Linux. */
function foreignPackage(): string {
  const root = temporaryFolder();
  for (const name of PROGRAM) cpSync(path.join(ROOT, name), path.join(root, name), { recursive: true });
  return root;
}

test(
  'a package without the libraries of the cluster: its npm fetches them, and the program runs; without npm it is said what to do',
  { skip: process.platform === 'linux' ? false : 'the machine of a cluster is Linux' },
  async () => {
    const root = foreignPackage();
    const offline = temporaryFolder();
    writeFileSync(path.join(offline, 'npm'), '#!/bin/sh\necho "npm error network" >&2\nexit 1\n', { mode: 0o755 });
    const none = await remoteIn(temporaryFolder(), [`export PATH=${offline}:$PATH`]);
    await assert.rejects(
      stageProgram(none, {}, root),
      /has no ONNX Runtime for linux-(x64|arm64); fetching it on icm failed: npm error network\. .*module load nodejs.*or choose engine edm/,
    );

    // npm's part alone stands in: the package from where it is installed, as the registry would send it.
    const bin = temporaryFolder();
    const packed = path.join(temporaryFolder(), 'package');
    mkdirSync(packed);
    cpSync(path.join(ROOT, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6', 'linux', process.arch), path.join(packed, 'bin', 'napi-v6', 'linux', process.arch), { recursive: true }); // prettier-ignore
    writeFileSync(
      path.join(bin, 'npm'),
      `#!/bin/sh\n[ "$1 $2" = "pack --silent" ] || exit 2\ncase $3 in onnxruntime-node@1.*) ;; *) exit 3 ;; esac\ntar -czf onnxruntime-node-1.0.0.tgz -C ${path.dirname(packed)} package\n`,
      { mode: 0o755 },
    );
    const work = temporaryFolder();
    const folder = await stageProgram(await remoteIn(work, [`export PATH=${bin}:$PATH`]), {}, root);
    const images = path.join(work, 'images');
    const { status, stderr } = spawnSync(
      path.join(folder, 'bin', 'node'),
      [path.join(folder, 'dist', 'cli.js'), 'generate', '--network', 'embedded:fashion-mnist', '--outdir', images, '--seeds', '0', '--steps', '2', '--device', 'cpu'], // prettier-ignore
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    assert.ok(existsSync(path.join(images, '000000.png')));

    // A purge takes single files: a program that lacks one is sent again, one that is whole is not.
    const again = await remoteIn(work, [`export PATH=${bin}:$PATH`]);
    const sent: string[] = [];
    const control = { onProgress: ({ phase }: { phase: string }) => void sent.push(phase) };
    await stageProgram(again, control, root);
    assert.deepEqual(sent, []);
    rmSync(path.join(folder, 'server'), { recursive: true });
    await stageProgram(again, {}, root);
    assert.ok(existsSync(path.join(folder, 'server', 'model')));
    writeFileSync(path.join(folder, 'dist', 'cli.js'), '');
    await stageProgram(again, {}, root);
    assert.ok(statSync(path.join(folder, 'dist', 'cli.js')).size > 0);
  },
);
