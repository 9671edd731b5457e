/** A run shared out over tasks: the seeds, the measured subset, and the same images and distance as in one piece. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parseSeeds } from '../../server/diffusion/seeds';
import { finishRun, runShard } from '../../server/runs/array-run';
import { executeRun } from '../../server/runs/execute';
import { planRun } from '../../server/runs/plan';
import { readSource } from '../../server/runs/source';
import { PLAN_FILE, planText } from '../../server/runs/plan-file';
import { shardsOf } from '../../server/runs/shards';
import { repository, temporaryFolder } from '../server/workspace';

test('every seed in one share, every chosen image measured once', () => {
  const metric = { key: 'fd', reference: 'r', detector: 'd', num: 60, seed: 7, batch: 64, repeats: 1 } as const;
  const plan = { seeds: '0-99,1000', config: { network: 'x' }, metric };
  for (const tasks of [1, 2, 3, 7]) {
    const shards = shardsOf(plan, tasks);
    assert.deepEqual(
      shards.flatMap(({ seeds }) => parseSeeds(seeds)),
      parseSeeds(plan.seeds),
    );
    const measured = shards.flatMap((shard) => shard.measured);
    assert.deepEqual([measured.length, new Set(measured).size], [60, 60]);
    const sizes = shards.map(({ images }) => images);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
  }
  assert.deepEqual(
    new Set(shardsOf(plan, 4).flatMap((shard) => shard.measured)),
    new Set(shardsOf(plan, 1)[0].measured),
    'the choice does not depend on the tasks',
  );
  assert.throws(() => shardsOf(plan, 50), /50 tasks are too many for 60 images/);
});

test('tasks and their end make what a run in one piece makes', { timeout: 120_000 }, async () => {
  const text =
    'network: embedded:fashion-mnist\nseeds: 0-39\nsteps: 2\nS_max: .inf\ndevice: cpu\nfd:\n  reference: embedded:fashion-mnist\n  num: 30\n';
  const root = repository({ 'garments.edm.yaml': text });
  const config = path.join(root, 'garments.edm.yaml');
  const whole = await executeRun(config);

  const plan = await planRun(await readSource(config));
  const folder = path.join(temporaryFolder(), 'runs', 'shared');
  mkdirSync(folder, { recursive: true });
  const stored = {
    version: 1,
    tasks: 3,
    cluster: 'rysy',
    dispatch: 'token',
    plan: { ...plan, root: path.dirname(path.dirname(folder)) },
  };
  writeFileSync(path.join(folder, PLAN_FILE), planText({ ...stored, version: 1 }));

  await assert.rejects(runShard(folder, 4, 3), /there is no task 4\/3/);
  await runShard(folder, 1, 3);
  await runShard(folder, 3, 3);
  await assert.rejects(finishRun(folder), /Task 2 of 3 did not finish/);
  assert.equal(
    (JSON.parse(readFileSync(path.join(folder, 'run.json'), 'utf8')) as { status: string }).status,
    'failed',
  );
  await runShard(folder, 2, 3);
  // A task that is run again (a node failed, the site requeued it) makes only what is missing.
  rmSync(path.join(folder, 'images', '000000.png'));
  assert.equal((await runShard(folder, 1, 3)).written, 1);

  const manifest = await finishRun(folder);
  const [here, there] = [whole.records[0], manifest.results?.[0]];
  assert.ok(
    there && Math.abs(there.value - here.value) <= 1e-9 * Math.max(1, here.value),
    `${there?.value} ${here.value}`,
  );
  assert.deepEqual([there.num, there.metric, there.cluster, manifest.dispatch], [30, here.metric, 'rysy', 'token']);
  assert.notEqual(there.id, here.id);
  assert.deepEqual(there.sampler, here.sampler);
  const names = readdirSync(path.join(whole.folder, 'images')).sort();
  assert.deepEqual(readdirSync(path.join(folder, 'images')).sort(), names);
  for (const name of [...names.map((name) => `images/${name}`), 'grid.png']) {
    const [a, b] = [whole.folder, folder].map((one) => readFileSync(path.join(one, name)));
    assert.ok(a.equals(b), name);
  }
});
