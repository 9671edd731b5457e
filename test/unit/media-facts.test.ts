import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cautionText,
  classText,
  dateText,
  generateCommand,
  optionsText,
  recordFacts,
  runFacts,
  unfinishedText,
  valueText,
} from '../../media/facts';
import { countOf, resultText } from '../../server/shared/number-text';
import { durationText } from '../../server/shared/progress';
import type { RunManifest } from '../../server/shared/protocol';
import { makeRecord } from './history-records';

function makeManifest(change: Partial<RunManifest> = {}): RunManifest {
  const { code, network } = makeRecord();
  return {
    version: 1,
    name: 'baseline',
    status: 'complete',
    started: '2026-11-20T14:00:00Z',
    config_file: 'experiments/baseline.edm.yaml',
    config: { network: 'nets/fmnist.onnx', steps: 24, S_churn: 40 },
    code,
    network: network!,
    seeds: '0-999',
    fingerprint: 'f',
    ...change,
  };
}

test('numbers: six significant digits, grouped counts, singular', () => {
  assert.equal(valueText(2.9103412345), '2.91034');
  assert.equal(valueText(2), '2.00000');
  assert.equal(valueText(123456.7), '123457');
  assert.equal(countOf(1, 'image'), '1 image');
  assert.equal(countOf(50000, 'image'), '50,000 images');
  assert.equal(resultText(makeRecord({ value: 2.91, num: 1000 })), 'FD (fashion-mnist), N = 1000: 2.91');
});

test('only FID over fewer than 50,000 images is cautioned', () => {
  assert.equal(
    cautionText({ metric: 'FID', num: 2000 }),
    'FID over 2,000 images: not comparable with published values over 50,000',
  );
  assert.equal(cautionText({ metric: 'FID', num: 50000 }), undefined);
  assert.equal(cautionText({ metric: 'FD (fashion-mnist)', num: 2000 }), undefined);
});

test('dates keep their own offset; durations round without ever showing 60 seconds', () => {
  assert.equal(dateText('2026-11-20T14:03:59Z'), '2026-11-20 14:03 UTC');
  assert.equal(dateText('2026-11-20T14:03:59.123+00:00'), '2026-11-20 14:03 UTC');
  assert.equal(dateText('2026-11-20T14:03:59-08:00'), '2026-11-20 14:03 -08:00');
  assert.equal(dateText('yesterday'), 'yesterday');
  assert.deepEqual([4, 4.21].map(durationText), ['4 s', '4.2 s']);
  assert.equal(durationText(59.96), '1 min 0 s');
  assert.equal(durationText(119.7), '2 min 0 s');
  assert.equal(durationText(3600 * 2 + 299), '2 h 5 min');
});

test('classes by number and name; options in the order of generate.py', () => {
  assert.equal(classText(3, ['a', 'b', 'c', 'Dress']), '3 (Dress)');
  assert.equal(classText(12, ['a']), '12');
  assert.equal(optionsText({ solver: 'euler', rho: 5, steps: 9 }), 'rho 5, solver euler');
  assert.equal(optionsText({ steps: 9 }), 'defaults of generate.py');
  assert.equal(optionsText({ S_churn: 0 }), 'S_churn 0');
});

test('the facts of a record name everything that the number depends on', () => {
  const facts = new Map(recordFacts(makeRecord({ class: 0 })));
  assert.equal(facts.get('Steps'), '18 (NFE 35)');
  assert.equal(facts.get('Class'), '0');
  assert.equal(facts.get('Work tree'), 'clean');
  assert.equal(facts.get('Network'), 'fashion-mnist, trained at 0123456');
  assert.equal(facts.get('Detector'), 'fashion-mnist (dddddddd)');
  assert.equal(facts.get('Reference'), 'fashion-mnist (rrrrrrrr, 60,000 images)');
  const dirty = makeRecord();
  dirty.code.dirty = true;
  assert.equal(new Map(recordFacts(dirty)).get('Work tree'), 'uncommitted changes');
});

test('a run without results counts its NFE by the solver', () => {
  assert.equal(new Map(runFacts(makeManifest())).get('Steps'), '24 (NFE 47)');
  assert.equal(new Map(runFacts(makeManifest({ config: { steps: 24, solver: 'euler' } }))).get('Steps'), '24 (NFE 24)');
  assert.equal(new Map(runFacts(makeManifest({ config: {} }))).get('Steps'), '18 (NFE 35)');
  const measured = makeManifest({
    config: {},
    results: [makeRecord({ sampler: { steps: 7, nfe: 13, rng: 'cpu', rho: 3 } })],
  });
  assert.equal(new Map(runFacts(measured)).get('Steps'), '7 (NFE 13)');
  assert.equal(new Map(runFacts(measured)).get('Sampler'), 'rho 3');
});

test('unfinished runs say how far they came', () => {
  const now = Date.parse('2026-11-20T14:03:00Z');
  const said = (change: Partial<RunManifest>, present: number, age = 0): string | undefined =>
    unfinishedText(makeManifest(change), { present, changed: new Date(now - age).toISOString(), now });
  assert.equal(said({}, 5), undefined);
  assert.equal(said({ images: 5 }, 5), undefined);
  assert.equal(said({ status: 'cancelled', images: 1000 }, 512), 'Cancelled: 512 of 1,000 images');
  assert.equal(said({ status: 'failed', error: 'out of memory' }, 1), 'Failed: 1 image. out of memory');
  assert.equal(said({ status: 'running', images: 2000 }, 64), 'Still running: 64 of 2,000 images');
  // Whoever ran it may have been killed: its manifest says "running" for ever.
  assert.match(
    said({ status: 'running', images: 2000 }, 64, 3600_000) ?? '',
    /^Not finished: 64 of 2,000 images, and nothing new since 2026-11-20 \d\d:\d\d\./,
  );
  assert.equal(said({ images: 8 }, 7), 'Complete, but only 7 of 8 images are here');
  assert.match(said({ images: 50_000, dispatch: 'x' }, 64) ?? '', /^Complete; 64 of 50,000 images are here\. /);
});

test('the generate command finds the network from the top of the repository and quotes what a shell would split', () => {
  assert.equal(
    generateCommand(makeManifest(), 12),
    'edm-workbench generate --network experiments/nets/fmnist.onnx --outdir out --seeds 12 --steps 24 --S_churn 40',
  );
  const embedded = makeManifest({ config: { network: 'embedded:fashion-mnist', class: 0, S_max: null } });
  assert.equal(
    generateCommand(embedded, 0),
    'edm-workbench generate --network embedded:fashion-mnist --outdir out --seeds 0 --class 0',
  );
  const spaced = makeManifest({ config: { network: "/data/Ann's nets/a.onnx" }, results: [makeRecord()] });
  assert.equal(
    generateCommand(spaced, 1),
    `edm-workbench generate --network '/data/Ann'\\''s nets/a.onnx' --outdir out --seeds 1 --rng cpu`,
  );
});
