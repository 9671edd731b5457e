import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../server/claim';
import { generateImages, type PoolControl } from '../../server/compute/pool';
import type { GenerateTask, PoolShape } from '../../server/compute/tasks';
import { CancelledError, UserError } from '../../server/errors';
import type { Progress } from '../../server/shared/progress';
import { temporaryFolder } from '../server/workspace';

const NETWORK = resolve('server/model/denoiser.onnx');

function task(outdir: string, seeds: string, more: Partial<GenerateTask['options']> = {}): GenerateTask {
  return { kind: 'generate', network: NETWORK, device: 'cpu', options: { outdir, seeds, steps: 2, ...more } };
}

/** A shape of our own, whatever this machine has. */
function shape(...threads: number[]): PoolShape {
  return { workers: threads.length, threads, reason: 'test', notes: [] };
}

/** All files below a folder that are not hidden, with their bytes. */
function filesIn(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name)).toString('base64')]));
}

/** Process ids that hold claims in a folder. */
function owners(folder: string): number[] {
  try {
    const claims = readdirSync(join(folder, '.claims')).filter((name) => name.endsWith('.claim'));
    return [
      ...new Set(claims.map((name) => Number(readFileSync(join(folder, '.claims', name), 'utf8').split(' ')[1]))),
    ];
  } catch {
    return []; // not there yet, or a claim that was released in between
  }
}

/** Starts a generation and waits until that many of its processes make images. */
async function started(job: GenerateTask, control: PoolControl, count: number) {
  const run = generateImages(job, control);
  const failed = run.then(
    () => assert.fail('it ended before all of its processes worked'),
    (error: unknown) => assert.fail(String(error)),
  );
  for (;;) {
    const pids = owners(job.options.outdir);
    if (pids.length === count) return { run, pids };
    await Promise.race([sleep(5), failed]);
  }
}

test('images and grid are the same to the byte however many processes make them', async () => {
  const folder = temporaryFolder();
  const made = async (name: string, ...threads: number[]) => {
    const job = task(join(folder, name), '0-79,5,1001', { S_churn: 10, grid: join(folder, `${name}.png`) });
    const result = await generateImages(job, { shape: shape(...threads) });
    assert.deepEqual([result.written, result.skipped, result.notes], [81, 0, []]);
    assert.deepEqual(result.pool, { workers: threads.length, threads, reason: 'test' });
    assert.deepEqual(readdirSync(join(folder, name)).filter((file) => file.startsWith('.')), []); // prettier-ignore
    return { ...filesIn(join(folder, name)), grid: readFileSync(join(folder, `${name}.png`)).toString('base64') };
  };
  const one = await made('one', 2);
  assert.equal(Object.keys(one).length, 81 + 2);
  assert.deepEqual(await made('two', 1, 1), one);
  assert.deepEqual(await made('three', 2, 1, 1), one);
});

test('one progress: from what was there to the end, never back', async () => {
  const folder = temporaryFolder();
  await generateImages(task(folder, '0-19'), { shape: shape(1) });
  const reports: Progress[] = [];
  const control = { shape: shape(1, 1), onProgress: (report: Progress) => reports.push(report) };
  const result = await generateImages(task(folder, '0-99'), control);
  assert.deepEqual([result.written, result.skipped], [80, 20]);
  assert.deepEqual([reports[0]?.done, reports.at(-1)?.done, reports.at(-1)?.total], [20, 100, 100]);
  assert.ok(reports.every(({ done }, i) => i === 0 || done >= (reports[i - 1]?.done ?? 0)));
  assert.equal(reports.filter(({ done }) => done === 100).length, 1);
  const again = await generateImages(task(folder, '0-99'), { shape: shape(1, 1) });
  assert.deepEqual([again.written, again.skipped], [0, 100]);
});

for (const which of ['the first', 'the last'] as const)
  test(`where ${which} of several processes dies, the others make its images, and one line says so`, async () => {
    const folder = temporaryFolder();
    const job = (name: string) => task(join(folder, name), '0-95', { steps: 5, grid: join(folder, `${name}.png`) });
    await generateImages(job('whole'), { shape: shape(1) });
    const { run, pids } = await started(job('killed'), { shape: shape(1, 1) }, 2);
    // Process ids rise: the first was started first.
    const sorted = pids.sort((a, b) => a - b);
    process.kill(which === 'the first' ? (sorted[0] ?? 0) : (sorted[1] ?? 0), 'SIGKILL');
    const result = await run;
    assert.deepEqual(result.notes, [
      `One of 2 compute processes was killed by SIGKILL while generating with ${NETWORK}: ` +
        'the others made its images; if memory ran out, run with fewer workers',
    ]);
    assert.deepEqual(filesIn(join(folder, 'killed')), filesIn(join(folder, 'whole')));
    assert.deepEqual(readFileSync(join(folder, 'killed.png')), readFileSync(join(folder, 'whole.png')));
    assert.ok(result.written + result.skipped === 96 && result.written > 48, JSON.stringify(result));
  });

test('where all processes die, one error says so; finished images stay', async () => {
  const outdir = temporaryFolder();
  const { run, pids } = await started(task(outdir, '0-255', { steps: 18 }), { shape: shape(1, 1) }, 2);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await assert.rejects(run, (error) => error instanceof UserError && /^The compute process was killed by SIGKILL .*finished work is kept/.test(error.message)); // prettier-ignore
});

test('cancelling ends every process at once, also one that does not answer', async () => {
  for (const stopped of [false, true]) {
    const outdir = temporaryFolder();
    const controller = new AbortController();
    const control = { shape: shape(1, 1), signal: controller.signal };
    const { run, pids } = await started(task(outdir, '0-255', { steps: 18 }), control, 2);
    // As in an evaluation that takes long: it cannot be interrupted.
    if (stopped) for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const before = performance.now();
    controller.abort();
    await assert.rejects(run, CancelledError);
    const seconds = (performance.now() - before) / 1000;
    // Half a second, and what a busy machine adds; the process alone would take ever.
    assert.ok(seconds < 3, `${seconds} s`);
    for (let left = 40; pids.some(isAlive) && left > 0; left--) await sleep(5);
    assert.ok(!pids.some(isAlive), 'a process is still there');
    // What they held is free.
    const rest = await generateImages(task(outdir, '0-15', { steps: 18 }), { shape: shape(1) });
    assert.equal(rest.written + rest.skipped, 16);
  }
});

test('an error that every process has is told once, and nothing is made', async () => {
  const outdir = temporaryFolder();
  await generateImages(task(outdir, '0-3'), { shape: shape(1) });
  const other = generateImages(task(outdir, '0-63', { steps: 3 }), { shape: shape(1, 1) });
  await assert.rejects(other, (error) => error instanceof UserError && /images made with steps 2, not 3/.test(error.message)); // prettier-ignore
  const detector = { ...task(outdir, '0-63'), network: resolve('server/model/detector.onnx') };
  await assert.rejects(generateImages(detector, { shape: shape(1, 1) }), /is a detector, not a denoiser/);
  assert.equal(Object.keys(filesIn(outdir)).length, 4 + 1);
});
