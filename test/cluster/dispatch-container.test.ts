/** From a Dockerfile to an image on the real Slurm: podman for real, the program apptainer by the stub in stubs/. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { analyse } from '../../server/scripts/analyse';
import type { HostFiles, TransferControl } from '../../server/cluster/host';
import { provideContainer, rebuildScript } from '../../server/dispatch/container/pipeline';
import { EDM_DOCKERFILE, readRecipe } from '../../server/dispatch/container/recipe';
import { openCluster, type Cluster } from '../../server/cluster/cluster';
import { temporaryFolder } from '../server/workspace';
import { bedHost, TestBed } from './bed';

const HOME = '/home/alice';
const podman = spawnSync('podman', ['info'], { stdio: 'ignore' }).status === 0 ? false : 'podman does not answer here';

let bed: TestBed;
let cluster: Cluster;
before(async () => {
  process.env.XDG_CACHE_HOME = temporaryFolder();
  bed = await TestBed.start();
  const host = bedHost(bed, 'alice');
  const stub = readFileSync(path.join(__dirname, 'stubs', 'apptainer'));
  await host.files.makeFolder(`${HOME}/stubs`);
  await host.files.write(`${HOME}/stubs/apptainer`, stub, 0o755);
  const profile = { name: 'bed', account: 'proja', setup: [`export PATH=${HOME}/stubs:$PATH`] };
  cluster = await openCluster(profile, host);
});
after(() => bed.stop());

test(
  'build, save, upload interrupted twice, rebuild job: the image is there; again costs nothing',
  { skip: podman, timeout: 600_000 },
  async () => {
    const folder = temporaryFolder();
    const dockerfile = path.join(folder, 'Dockerfile');
    writeFileSync(dockerfile, 'FROM scratch\nCOPY . /\n');
    writeFileSync(path.join(folder, 'answer'), '#!/bin/sh\necho 42\n', { mode: 0o755 });
    // What does not compress, over several pieces of an upload.
    writeFileSync(path.join(folder, 'weights.bin'), randomBytes(40 << 20));
    const steps: string[] = [];
    const uploads: number[] = [];
    const provide = (stopAt?: number, files: HostFiles = cluster.files): Promise<string> => {
      const controller = new AbortController();
      const upload = (local: string, remote: string, control: TransferControl = {}): Promise<void> =>
        cluster.files.upload(local, remote, {
          ...control,
          onProgress: (progress) => {
            uploads.push(progress.done);
            if (stopAt !== undefined && progress.done >= stopAt) controller.abort();
          },
        });
      const wrapped = Object.assign(Object.create(files) as HostFiles, { upload });
      const onProgress = ({ phase }: { phase: string }): void => {
        if (phase !== steps[steps.length - 1]) steps.push(phase);
      };
      const control = { signal: controller.signal, onProgress };
      return provideContainer({
        dockerfile,
        name: 'edm',
        builder: 'podman',
        cluster: { ...cluster, files: wrapped },
        control,
        pollSeconds: 0.5,
      });
    };
    await assert.rejects(provide(8 << 20), { name: 'CancelledError' });
    await assert.rejects(provide(24 << 20), { name: 'CancelledError' });
    const resumedAt = uploads.length;
    const image = await provide();
    assert.ok(uploads[resumedAt] >= 16 << 20, `the third try went on at ${uploads[resumedAt]} bytes`);
    assert.match(image, /^\/home\/alice\/edm-workbench\/containers\/edm-[0-9a-f]{12}\.sif$/);
    const built = steps.filter((phase) => phase.startsWith('podman build'));
    assert.equal(built.length, 1, 'built once');
    const answer = await cluster.host.run([`${HOME}/stubs/apptainer`, 'exec', '--nv', image, 'sh', `${image}/answer`]);
    assert.equal(answer.stdout, '42\n');
    assert.match(
      (await cluster.files.read(`${HOME}/apptainer-calls.log`)).toString(),
      /^build --force .*\.sif\.part docker-archive:\/\/\/home\/alice\/.*\.tar$/m,
    );
    steps.length = 0;
    assert.equal(await provide(), image);
    assert.deepEqual(steps, [], 'the image of this Dockerfile and context is there');
  },
);

test(
  'a rebuild that fails says why, and where; the next call submits another',
  { skip: podman, timeout: 600_000 },
  async () => {
    const folder = temporaryFolder();
    const dockerfile = path.join(folder, 'Dockerfile');
    writeFileSync(dockerfile, 'FROM scratch\nCOPY Dockerfile /\n');
    const broken: Cluster = {
      ...cluster,
      profile: {
        ...cluster.profile,
        setup: ['apptainer() { echo "FATAL: could not open image: no such file" >&2; return 255; }'],
      },
    };
    const provide = (at: Cluster) =>
      provideContainer({ dockerfile, name: 'broken', builder: 'podman', cluster: at, pollSeconds: 0.5 });
    await assert.rejects(
      provide(broken),
      /failed \(job \d+\): The container image could not be opened or built.*broken-[0-9a-f]{12}-\d+\.out/,
    );
    assert.match(await provide(cluster), /broken-/);
  },
);

test('the rebuild script has no finding, nor has the template a surprise', async () => {
  for (const work_folder of ['~/edm-workbench', '/scratch/some one/work'])
    for (const name of ['slurm', 'lsf'] as const) {
      const text = rebuildScript(
        {
          profile: { name: 'a', work_folder, account: 'proja' },
          scheduler: { ...cluster.scheduler, name },
          home: HOME,
        },
        { archive: 'containers/a.tar', image: 'containers/a.sif', log: 'containers/a' },
      );
      assert.deepEqual(
        analyse(text).findings.map(({ id, message }) => `${id}: ${message}`),
        [],
        text,
      );
    }
  const dockerfile = path.join(temporaryFolder(), 'Dockerfile');
  writeFileSync(dockerfile, EDM_DOCKERFILE);
  assert.equal((await readRecipe(dockerfile)).context, undefined, 'the template copies nothing');
});
