import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sampleBatch } from '../../server/diffusion/batch-sampling';
import { generate } from '../../server/diffusion/generation';
import { quantize } from '../../server/images/image';
import { decodePng } from '../../server/images/png';
import { resolveSampler } from '../../server/diffusion/sampler-settings';
import type { SamplerOptions } from '../../server/shared/sampler-options';
import { stepTable } from '../../server/diffusion/noise-schedule';
import { imagePath, parseSeeds } from '../../server/diffusion/seeds';
import { openDenoiser } from '../../server/compute/onnx-denoiser';
import { importNetwork } from '../../server/models/network-import';
import { temporaryFolder } from '../server/workspace';
import { fixture, maxDifference, readNumbers } from './npy-fixtures';

/** One run of NVlabs/edm's generate.py, with all it wrote: seeds 0-3. */
interface Run {
  net: string;
  tag: string;
  args: string;
  seeds: number[];
  shape: [number, number, number, number];
  labels: number[] | null;
}
const runs = (JSON.parse(readFileSync(fixture('generate', 'runs.json'), 'utf8')) as Run[]).filter((run) =>
  existsSync(fixture('generate', run.net, run.tag)),
);

function optionsOf(args: string): SamplerOptions & { class?: number } {
  return Object.fromEntries(
    [...args.matchAll(/--(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [
      name,
      Number.isNaN(Number(value)) ? value : Number(value),
    ]),
  );
}

test('pixels of generate.py: the same samples give the same PNG files', async () => {
  for (const { net, tag, seeds, shape } of runs) {
    const [, channels, resolution] = shape;
    const { images = [] } = await readNumbers(fixture('generate', net, tag, 'raw.npz'));
    for (const [i, seed] of seeds.entries()) {
      const file = fixture('generate', net, tag, imagePath(seed, false));
      const expected = decodePng(readFileSync(file), file);
      assert.deepEqual(quantize(images, i, channels, resolution), expected, file);
    }
  }
});

/** The networks' files, here and among those of the importer's tests. */
function weightsOf(net: string): string {
  const files = [
    fixture('generate', net, 'net.safetensors'),
    fixture('nets', `${net}.pkl`),
    fixture('nets', `${net}.snapshot.pkl`),
  ];
  return files.find((file) => existsSync(file)) ?? assert.fail(`no fixture has the weights of ${net}`);
}

for (const net of new Set(runs.map((run) => run.net))) {
  test(`generate.py on ${net}`, async (t) => {
    const folder = temporaryFolder();
    const file = join(folder, 'net.onnx');
    await importNetwork(weightsOf(net), file);
    const opened = await openDenoiser(file, 'cpu');
    t.after(() => opened.release());
    const { denoiser } = opened;
    for (const { tag, args, seeds, labels } of runs.filter((run) => run.net === net)) {
      const options = optionsOf(args);
      const table = stepTable(resolveSampler(options, denoiser), (sigma) => denoiser.roundSigma(sigma));
      const batch = await sampleBatch(denoiser, table, seeds, { rng: 'cpu', class: options.class });
      const { images = [] } = await readNumbers(fixture('generate', net, tag, 'raw.npz'));
      const error = maxDifference(batch.images, images) / Math.max(...Array.from(images, Math.abs));
      assert.ok(error <= 1e-4, `${tag}: ${error}`);
      assert.deepEqual(batch.classes ?? null, labels, tag);

      let pixels = 0;
      let off = 0;
      for (const [i, seed] of seeds.entries()) {
        const png = fixture('generate', net, tag, imagePath(seed, false));
        const expected = decodePng(readFileSync(png), png).pixels;
        const actual = quantize(batch.images, i, denoiser.channels, denoiser.resolution).pixels;
        const wrong = actual.filter((value, k) => value !== expected[k]).length;
        assert.ok(maxDifference(actual, expected) <= 1, `${tag}, seed ${seed}: more than one grey level off`);
        pixels += actual.length;
        off += wrong;
      }
      assert.ok(off <= Math.max(2, pixels / 1000), `${tag}: ${off} of ${pixels} pixels off`);
      t.diagnostic(`${tag}: relative error ${error.toExponential(1)}, ${off} of ${pixels} pixels off by one`);
    }
  });
}

test('an image of a real network does not depend on the images made with it, to the last bit', async (t) => {
  const folder = temporaryFolder();
  const file = join(folder, 'net.onnx');
  await importNetwork(weightsOf('ddpmpp-c10-r16'), file);
  const opened = await openDenoiser(file, 'cpu');
  t.after(() => opened.release());
  const { denoiser } = opened;
  const make = async (name: string, seeds: string, batch: number) => {
    const outdir = join(folder, name);
    await generate([denoiser], { outdir, seeds: parseSeeds(seeds), steps: 3, batch, network: { sha256: '' } });
    return new Map(parseSeeds(seeds).map((seed) => [seed, readFileSync(join(outdir, imagePath(seed, false)))]));
  };
  const all = await make('all', '0-20', 64);
  for (const [seeds, batch] of [
    ['10-19', 64],
    ['7', 64],
    ['0-20', 5],
    ['3-4', 1],
  ] as const) {
    for (const [seed, bytes] of await make(`${seeds} by ${batch}`, seeds, batch)) {
      assert.deepEqual(bytes, all.get(seed), `seed ${seed} of ${seeds} at a batch of ${batch}`);
    }
  }
});

test('all runs of the fixture folder were compared', () => {
  const folders = readdirSync(fixture('generate'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.equal(new Set(runs.map((run) => run.net)).size, folders.length);
  assert.ok(runs.length >= 4 * folders.length);
});
