/** Which container a run ran in: digests as they can be known, what an image was built from, and an image that is gone. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { identify, type Cluster } from '../../server/cluster/cluster';
import { LocalHost } from '../../server/cluster/local-host';
import type { Scheduler } from '../../server/cluster/scheduler';
import { containerIn, containerOn, sourceFile } from '../../server/dispatch/container/identity';
import { EDM_DOCKERFILE, readRecipe } from '../../server/dispatch/container/recipe';
import type { ClusterProfile } from '../../server/shared/schema-types.gen';
import { temporaryFolder } from '../server/workspace';

const work = temporaryFolder();

async function clusterWith(profile: Partial<ClusterProfile>): Promise<Cluster> {
  const host = new LocalHost();
  const scheduler = {} as Scheduler; // nothing is submitted here
  return { profile: { name: 'here', local: true, work_folder: work, ...profile }, host, files: host.files, scheduler, ...(await identify(host)) }; // prettier-ignore
}

test('the digest of an image file, read once, and again when the file changes', async () => {
  const image = path.join(work, 'edm.sif');
  writeFileSync(image, 'image');
  writeFileSync(sourceFile(image), JSON.stringify({ dockerfile_commit: 'a'.repeat(40), base: 'pytorch/pytorch:1.13.1', base_digest: `sha256:${'b'.repeat(64)}`, other: 1 })); // prettier-ignore
  const cluster = await clusterWith({ container: image });
  const record = await containerOn(cluster, work);
  assert.deepEqual(record, {
    engine: 'apptainer',
    image,
    sha256: createHash('sha256').update('image').digest('hex'),
    dockerfile_commit: 'a'.repeat(40),
    base: 'pytorch/pytorch:1.13.1',
    base_digest: `sha256:${'b'.repeat(64)}`,
  });
  assert.deepEqual(containerIn(record), record);
  const [kept = ''] = readdirSync(path.join(work, 'digests'));
  const known = 'c'.repeat(64);
  const { size, modified } = (await cluster.files.stat(image)) ?? {};
  writeFileSync(path.join(work, 'digests', kept), `${size} ${modified}\n${known}\n`);
  assert.equal((await containerOn(cluster, work))?.sha256, known, 'what is written down is used');
  utimesSync(image, 1, 1);
  assert.equal((await containerOn(cluster, work))?.sha256, record?.sha256);

  rmSync(image);
  await assert.rejects(containerOn(cluster, work), /edm\.sif is not there on here: it was moved, or purged/);
});

test('names, sandboxes and no container: what is not known is left out', async () => {
  mkdirSync(path.join(work, 'sandbox'));
  const found = async (profile: Partial<ClusterProfile>) => containerOn(await clusterWith(profile), work);
  assert.deepEqual(await found({ container: './sandbox' }), { engine: 'apptainer', image: './sandbox' });
  assert.deepEqual(await found({ container: 'docker://python:3' }), {
    engine: 'apptainer',
    image: 'docker://python:3',
  });
  const pinned = `nvcr.io#nvidia/pytorch@sha256:${'d'.repeat(64)}`;
  assert.deepEqual(await found({ container_engine: 'pyxis', container: pinned }), { engine: 'pyxis', image: pinned, sha256: 'd'.repeat(64) }); // prettier-ignore
  assert.deepEqual(await found({ container_engine: 'cscs', container: 'edm' }), { engine: 'cscs', image: 'edm' });
  assert.equal(await found({ container_engine: 'none' }), undefined);
  // A file from a cluster is data: what cannot be a record is none.
  assert.equal(containerIn({ engine: 'magic', image: 'x' }), undefined);
  assert.equal(containerIn(null), undefined);
  assert.deepEqual(containerIn({ engine: 'pyxis', image: 'x', sha256: 'no', base: 'a b' }), { engine: 'pyxis', image: 'x' }); // prettier-ignore
});

test('the base image of a Dockerfile, through arguments and stages', async () => {
  const folder = temporaryFolder();
  const baseOf = async (text: string): Promise<string | undefined> => {
    writeFileSync(path.join(folder, 'Dockerfile'), text);
    return (await readRecipe(path.join(folder, 'Dockerfile'))).base;
  };
  assert.equal(await baseOf(EDM_DOCKERFILE), 'pytorch/pytorch:1.13.1-cuda11.6-cudnn8-runtime');
  assert.equal(await baseOf('FROM --platform=linux/amd64 a:1 AS first\nFROM b:2\nFROM first\n'), 'a:1');
  assert.equal(await baseOf('ARG TAG\nFROM a:$TAG\n'), undefined);
  assert.equal(await baseOf('FROM scratch\n'), undefined);
});
