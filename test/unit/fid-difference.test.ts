import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { differenceOf, incomparable, type Distance } from '../../server/fid/difference';
import { saveInfluence } from '../../server/fid/kept-influence';
import { comparablePairs, measuredBy, pairedInfluences } from '../../server/runs/compared';
import { temporaryFolder } from '../server/workspace';

const DETECTOR = { name: 'd', sha256: 'a'.repeat(64), dimension: 4, published: false };
const REFERENCE = { name: 'r', sha256: 'b'.repeat(64) };
const distance = (value: number, more: Partial<Distance> = {}): Distance => ({
  ...{ metric: 'FD (d)', value, standard_error: 0.1, num: 104, detector: DETECTOR, reference: REFERENCE },
  ...more,
});

test('without pairs the errors add as squares; the verdict is at 95 %', () => {
  const near = differenceOf(distance(1), distance(1.2));
  assert.equal(near.verdict, 'inconclusive');
  assert.ok(Math.abs((near.standard_error ?? 0) - Math.SQRT2 / 10) < 1e-12);
  // 1.96 errors are to fit into 0.2: (1.96 * 0.1414 / 0.2)^2 times the 100 images beyond the dimension.
  assert.equal(near.needed, 4 + Math.ceil(100 * ((1.959964 * Math.SQRT2) / 2) ** 2));
  assert.equal(differenceOf(distance(1), distance(1.3)).verdict, 'worse');
  assert.equal(differenceOf(distance(1.3), distance(1)).verdict, 'better');
  const unknown = differenceOf(distance(1), distance(9, { standard_error: undefined }));
  assert.deepEqual(unknown, { value: 8, paired: false, verdict: 'inconclusive' });
});

test('in pairs what both have alike cancels', () => {
  const common = Float64Array.from({ length: 104 }, (_, i) => Math.sin(i) * 10);
  const other = common.map((value, i) => value + Math.cos(7 * i) / 10);
  const { paired, standard_error = NaN, verdict } = differenceOf(distance(1), distance(1.1), [common, other]);
  // The deviation of a cosine of height 0.1 is 0.0707; of 104 images 100 count.
  assert.ok(Math.abs(standard_error - 0.0707 / 10) < 2e-4, String(standard_error));
  assert.deepEqual([paired, verdict], [true, 'worse']);
});

test('values of other detectors, references and numbers of images are not compared', () => {
  const a = distance(1);
  assert.equal(incomparable(a, distance(2)), undefined);
  const detector = { ...DETECTOR, name: 'e', sha256: 'c'.repeat(64) };
  assert.match(incomparable(a, distance(1, { detector })) ?? '', /different detectors/);
  assert.match(
    incomparable(a, distance(1, { reference: { name: 'q', sha256: 'd'.repeat(64) } })) ?? '',
    /one reference/,
  );
  assert.match(incomparable(a, distance(1, { num: 105 })) ?? '', /104 images, B of 105/);
});

/** A run folder with one result and the influence of its images. */
async function runFolder(name: string, seeds: string, psi: Float64Array, stated: number): Promise<string> {
  const folder = path.join(temporaryFolder(), name);
  mkdirSync(folder);
  const code = { commit: '1'.repeat(40), short: '1111111', dirty: false, branch: 'm', subject: 's', author: 'a', date: '2026-11-01T00:00:00Z' }; // prettier-ignore
  const network = { name: 'n', sha256: 'e'.repeat(64) };
  const result = {
    ...{ version: 1, id: '0123456789abcdef', time: '2026-11-01T00:00:00Z', name, run: name, code, network, seeds },
    ...{
      metric: 'FD (d)',
      value: 1,
      standard_error: stated,
      num: psi.length,
      detector: DETECTOR,
      reference: REFERENCE,
    },
    ...{ device: 'cpu', seconds: { measure: 1 } },
  };
  const manifest = {
    ...{ version: 1, name, status: 'complete', started: '2026-11-01T00:00:00Z', config: {}, code, network, seeds },
    ...{ fingerprint: 'f', results: [result] },
  };
  writeFileSync(path.join(folder, 'run.json'), JSON.stringify(manifest));
  const statistics = { mu: new Float64Array(4), sigma: new Float64Array(16), num: psi.length, detector: DETECTOR };
  await saveInfluence(path.join(folder, 'stats.npz'), statistics, psi, REFERENCE.sha256);
  return folder;
}

/** Its standard error with 4 dimensions, by the formula. */
function errorOf(psi: Float64Array): number {
  const mean = psi.reduce((sum, value) => sum + value, 0) / psi.length;
  const squares = psi.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (psi.length - 1) / (psi.length - 4));
}

test('runs are paired where seeds, measurement and kept influence fit together', async () => {
  const psi = Float64Array.from({ length: 20 }, (_, i) => Math.sin(3 * i));
  const stated = errorOf(psi);
  const [a, b, c, d] = [
    await runFolder('a', '0-19', psi, stated),
    await runFolder('b', '0-9,10-19', psi, stated),
    await runFolder('c', '1-20', psi, stated),
    await runFolder('d', '0-19', psi, stated * 1.01),
  ];
  const side = async (folder: string) => (await measuredBy(folder, '/'))[0] ?? assert.fail(folder);
  const found = await pairedInfluences(await side(a), await side(b));
  assert.ok(!('why' in found));
  assert.deepEqual(found, [psi, psi]);
  assert.deepEqual(await pairedInfluences(await side(a), await side(c)), { why: 'A has the seeds 0-19, B 1-20' });
  // What is kept is of another measurement than the one that the run tells of.
  const other = await pairedInfluences(await side(a), await side(d));
  assert.match('why' in other ? other.why : '', /^of 1111111-d the influence of each image was not kept/);
  assert.equal(comparablePairs([await side(a)], [await side(b)]).length, 1);
});
