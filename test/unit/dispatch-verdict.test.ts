/** How a run ended: from exit codes, accounting and results, and from nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printedDistance, verdictOf, type Evidence, type Witness } from '../../server/dispatch/verdict';
import type { Job, JobState } from '../../server/shared/protocol';
import type { RunManifest } from '../../server/shared/schema-types.gen';

const job = (role: Witness['role'], id: string, state?: JobState): Witness => ({
  role,
  id,
  job: state && ({ id, state, stateName: state.toUpperCase() } as Job),
});
const images = (there: number): Evidence['images'] => ({ there, wanted: 100 });
const manifest = (status: RunManifest['status']): RunManifest => ({ status }) as RunManifest;

/** Evidence, the end it means, and whether that may still change. */
const CASES: readonly [string, Evidence, string, boolean][] = [
  ['edm: exit codes 0, images and number', { engine: 'edm', jobs: [job('generate', '1', 'done'), job('fid', '2', 'done')], images: images(100), distance: 2.5 }, 'complete', true],
  ['edm: forgotten, images and number are there', { engine: 'edm', jobs: [job('generate', '1'), job('fid', '2')], images: images(100), distance: 2.5 }, 'complete', true],
  ['edm: an exit code other than 0, whatever is there', { engine: 'edm', jobs: [job('generate', '1', 'done'), job('fid', '2', 'failed')], images: images(100), distance: 2.5 }, 'failed', true],
  ['edm: cancelled', { engine: 'edm', jobs: [job('generate', '1', 'cancelled'), job('fid', '2', 'cancelled')], images: images(3) }, 'cancelled', true],
  ['edm: the number is not visible yet', { engine: 'edm', jobs: [job('generate', '1', 'done'), job('fid', '2', 'done')], images: images(100) }, 'unknown', false],
  ['edm: images are not visible yet', { engine: 'edm', jobs: [job('generate', '1', 'done'), job('fid', '2', 'done')], images: images(99), distance: 2.5 }, 'unknown', false],
  ['edm without fid: exit code 0, all images', { engine: 'edm', jobs: [job('generate', '1', 'done')], images: images(100) }, 'complete', true],
  ['edm without fid: exit code 0, 70 of 100', { engine: 'edm', jobs: [job('generate', '1', 'done')], images: images(70) }, 'unknown', false],
  ['edm without fid: forgotten with 70 of 100', { engine: 'edm', jobs: [job('generate', '1')], images: images(70) }, 'unknown', false],
  ['edm without fid: forgotten with all of them', { engine: 'edm', jobs: [job('generate', '1')], images: images(100) }, 'complete', true],
  ['edm without fid: forgotten before the first', { engine: 'edm', jobs: [job('generate', '1')], images: images(0) }, 'unknown', false],
  ['workbench: its manifest', { engine: 'workbench', jobs: [job('generate', '1'), job('finish', '2')], manifest: manifest('complete') }, 'complete', true],
  ['workbench: its manifest, though a job failed after it was written', { engine: 'workbench', jobs: [job('generate', '1', 'done'), job('finish', '2', 'failed')], manifest: manifest('complete') }, 'complete', true],
  ['workbench: exit codes 0, no manifest yet', { engine: 'workbench', jobs: [job('generate', '1', 'done'), job('finish', '2', 'done')] }, 'unknown', false],
  ['workbench: a manifest that was only begun', { engine: 'workbench', jobs: [job('generate', '1', 'done'), job('finish', '2', 'done')], manifest: manifest('running') }, 'unknown', false],
  ['workbench: forgotten, no manifest', { engine: 'workbench', jobs: [job('generate', '1'), job('finish', '2')] }, 'unknown', false],
  ['workbench: the last job failed', { engine: 'workbench', jobs: [job('generate', '1', 'done'), job('finish', '2', 'failed')] }, 'failed', true],
  ['workbench: a task failed, the last job succeeded, no manifest yet', { engine: 'workbench', jobs: [job('generate', '1', 'failed'), job('finish', '2', 'done')] }, 'failed', false],
  ['workbench: the manifest says that it failed', { engine: 'workbench', jobs: [job('generate', '1'), job('finish', '2')], manifest: manifest('failed') }, 'failed', true],
]; // prettier-ignore

for (const [name, evidence, state, isFinal] of CASES)
  test(name, () => {
    const verdict = verdictOf(evidence);
    assert.deepEqual([verdict.state, verdict.isFinal], [state, isFinal]);
    assert.equal(verdict.why === undefined, state === 'complete' || evidence.manifest?.status === 'failed');
  });

test('what is missing is said with its numbers', () => {
  const jobs = [job('generate', '1'), job('fid', '2')];
  assert.equal(
    verdictOf({ engine: 'edm', jobs, images: images(70) }).why,
    "The scheduler no longer knows jobs 1 and 2, but 70 of 100 images are there, and the log of fid.py has no number that is certainly the run's",
  );
});

test('the number of fid.py, whatever else is in its log', () => {
  const logs: readonly [string, number | undefined][] = [
    ['Calculating FID...\n2.5\n', 2.5],
    ['x: line 13: module: command not found\nCalculating FID...\n1.96999\n', 1.96999],
    // Warnings at the end of the process, after the number.
    [
      'Calculating FID...\n2.5\nnode:12:34 [0] NCCL WARN Cuda failure\nslurmstepd: error: Detected 1 oom-kill event\n',
      2.5,
    ],
    [' 10%|█| 1/10 [00:01<00:09]\r100%|█| 10/10 [00:10<00:00]\nCalculating FID...\n1.2e-05\n\n', 1.2e-5],
    // Measured again by a job that was requeued.
    ['Calculating FID...\n9\nCalculating FID...\n2.5\n', 2.5],
    ['Calculating FID...\n', undefined],
    ['7\nCalculating FID...\n', undefined],
    ['Calculating FID...\nnan\n', undefined],
    ['', undefined],
    // A changed fid.py: one number is the number, of two neither is certain.
    ['3.25\n', 3.25],
    ['Calculating FID...\n2.5\n41\n', undefined],
  ];
  for (const [log, distance] of logs) assert.equal(printedDistance(log), distance, JSON.stringify(log));
});
