import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sampleBatch } from '../../server/diffusion/batch';
import { quantize } from '../../server/diffusion/image';
import { decodePng } from '../../server/diffusion/png';
import { resolveSampler, type SamplerOptions } from '../../server/diffusion/sampler-options';
import { stepTable } from '../../server/diffusion/schedule';
import { imagePath } from '../../server/diffusion/seeds';
import { openDenoiser } from '../../server/onnx/denoiser-session';
import { importNetwork } from '../../server/onnx/import';
import { fixture, maxDifference, readNumbers } from './diffusion-npy';

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
    [...args.matchAll(/--(\w+)=(\S+)/g)].map(([, name, value]) => [
      name,
      Number.isNaN(Number(value)) ? value : Number(value),
    ]),
  );
}

test('pixels of generate.py: the same samples give the same PNG files', async () => {
  for (const { net, tag, seeds, shape } of runs) {
    const [, channels, resolution] = shape;
    const { images } = await readNumbers(fixture('generate', net, tag, 'raw.npz'));
    for (const [i, seed] of seeds.entries()) {
      const file = fixture('generate', net, tag, imagePath(seed, false));
      const expected = decodePng(readFileSync(file), file);
      assert.deepEqual(quantize(images, i, channels, resolution), expected, file);
    }
  }
});

for (const net of new Set(runs.map((run) => run.net))) {
  const weights = fixture('nets', `${net}.safetensors`);
  test(
    `generate.py on ${net}`,
    { skip: existsSync(weights) ? false : `${net}.safetensors is no fixture` },
    async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'edm-reference-'));
      t.after(() => rmSync(folder, { recursive: true }));
      const file = join(folder, 'net.onnx');
      await importNetwork(weights, file);
      const opened = await openDenoiser(file, 'cpu');
      t.after(() => opened.release());
      const { denoiser } = opened;
      for (const { tag, args, seeds, labels } of runs.filter((run) => run.net === net)) {
        const options = optionsOf(args);
        const table = stepTable(resolveSampler(options, denoiser), (sigma) => denoiser.roundSigma(sigma));
        const batch = await sampleBatch(denoiser, table, seeds, { rng: 'cpu', class: options.class });
        const { images } = await readNumbers(fixture('generate', net, tag, 'raw.npz'));
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
    },
  );
}

test('all runs of the fixture folder were compared', () => {
  const folders = readdirSync(fixture('generate'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.equal(new Set(runs.map((run) => run.net)).size, folders.length);
  assert.ok(runs.length >= 5 * folders.length - 4);
});
