import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PNG } from 'pngjs';
import { sampleBatch } from '../../server/diffusion/batch-sampling';
import { quantize } from '../../server/images/image';
import { torchGenerator } from '../../server/diffusion/torch-random';
import { sample, type SamplerProgress } from '../../server/diffusion/sampler';
import { resolveSampler } from '../../server/diffusion/sampler-settings';
import type { SamplerOptions } from '../../server/shared/sampler-options';
import { stepTable } from '../../server/diffusion/noise-schedule';
import { trajectory } from '../../server/diffusion/sampler-trajectory';
import { CancelledError } from '../../server/errors';
import type { TrajectoryStep } from '../../server/shared/protocol';
import { analyticDenoiser } from './diffusion-analytic';

const SIZE = 3 * 8 * 8;

/** A denoiser that no linear function imitates, in double precision. */
const denoise = (x: Float64Array, sigma: number): Promise<Float64Array> =>
  Promise.resolve(x.map((value) => (value * 0.25) / (0.25 + sigma ** 2) + 0.1 * Math.sin(value)));

/** Largest relative difference of a step's outcome from r x + (1 - r) D, over the steps of a sampler. */
async function deviation(options: SamplerOptions): Promise<{ worst: number; steps: number }> {
  const table = stepTable(resolveSampler(options, { sigmaMin: 0, sigmaMax: Infinity }), (sigma) => sigma);
  const latents = torchGenerator('cpu', 7).randnFloat32(SIZE);
  let x = Float64Array.from(latents, (value) => table.initial * value);
  let worst = 0;
  let steps = 0;
  const check = ({ sigma, sigmaNext, denoised, x: next }: SamplerProgress): void => {
    const r = sigmaNext / sigma;
    const largest = Math.max(...Array.from(next, Math.abs));
    next.forEach((value, k) => {
      worst = Math.max(worst, Math.abs(value - (r * x[k] + (1 - r) * denoised[k])) / largest);
    });
    x = Float64Array.from(next);
    steps++;
  };
  await sample({
    table,
    latents,
    denoise,
    noise: () => assert.fail('a deterministic sampler draws nothing'),
    onStep: check,
  });
  return { worst, steps };
}

test('a deterministic Euler step is x_next = r x + (1 - r) D with r = sigma_next / sigma', async () => {
  for (const options of [{ steps: 18 }, { steps: 40, rho: 3 }, { steps: 10, disc: 've' }] satisfies SamplerOptions[]) {
    const { worst, steps } = await deviation({ ...options, solver: 'euler' });
    assert.equal(steps, options.steps);
    assert.ok(worst <= 1e-12, `${JSON.stringify(options)}: ${worst}`);
  }
  const heun = await deviation({ steps: 18, solver: 'heun' });
  assert.ok(heun.worst > 1e-6, `Heun's step is another one: ${heun.worst}`);
});

test('sigma_next is the next noise level, 0 at the end, with added noise and in every schedule', () => {
  const network = { sigmaMin: 0, sigmaMax: Infinity };
  for (const schedule of ['linear', 've', 'vp'] as const) {
    const { steps } = stepTable(resolveSampler({ steps: 6, schedule, S_churn: 3 }, network), (sigma) => sigma);
    const calm = stepTable(resolveSampler({ steps: 6, schedule }, network), (sigma) => sigma).steps;
    steps.forEach(({ sigmaNext, first }, i) => {
      const expected = calm[i + 1]?.first.sigma ?? 0;
      assert.ok(Math.abs(sigmaNext - expected) <= 1e-9 * expected, `${schedule} ${i}: ${sigmaNext} ${expected}`);
      assert.ok(first.sigma > calm[i].first.sigma, 'noise was added first');
    });
  }
});

const pixelsOf = (base64: string, channels: number): number[] =>
  [...PNG.sync.read(Buffer.from(base64, 'base64')).data].filter((_, k) => k % 4 < channels);

test('a trajectory has D at every noise level, and last the images that are generated', async () => {
  const denoiser = analyticDenoiser({ labelDim: 10 });
  const options = { seeds: [5, 2, 5, 9], sampler: { steps: 5, S_churn: 2 }, rng: 'cpu' } as const;
  const progress: number[] = [];
  const found = await trajectory(denoiser, options, { onProgress: ({ done }) => progress.push(done) });
  assert.deepEqual(found.seeds, [5, 2, 9], 'a seed that occurs twice is shown once');
  assert.equal(found.steps.length, 6);
  assert.deepEqual(
    found.steps.map(({ nfe }) => nfe),
    [2, 4, 6, 8, 9, 9],
  );
  assert.equal(progress.at(-1), 5);

  const table = stepTable(resolveSampler(options.sampler, denoiser), (sigma) => sigma);
  const compare = (step: TrajectoryStep, x: ArrayLike<number>): void => {
    assert.equal(step.images.length, 3);
    step.images.forEach((image, i) => assert.deepEqual(pixelsOf(image, 3), [...quantize(x, i, 3, 8).pixels]));
  };
  const { images, classes } = await sampleBatch(denoiser, table, found.seeds, {
    rng: 'cpu',
    onStep: ({ step, denoised }) => compare(found.steps[step - 1], denoised),
  });
  compare(found.steps[5], images);
  assert.deepEqual(found.classes, classes);
  for (const { sigma, sigmaNext, r } of found.steps.slice(0, -1)) assert.equal(r, sigmaNext! / sigma);
  assert.equal(found.steps[4].r, 0);
  const { sigma, sigmaNext, r } = found.steps[5];
  assert.deepEqual([sigma, sigmaNext, r], [0, undefined, undefined]);
});

test('what a trajectory refuses, and cancelling it', async () => {
  const denoiser = analyticDenoiser();
  const follow = (count: number, steps: number, chosen?: number, signal?: AbortSignal): Promise<unknown> => {
    const seeds = Array.from({ length: count }, (_, seed) => seed);
    return trajectory(denoiser, { seeds, sampler: { steps }, class: chosen, rng: 'cpu' }, { signal });
  };
  await assert.rejects(follow(17, 2), /17 seeds: .* at most 16/);
  await assert.rejects(follow(16, 300), /4816 images; at most 4096/);
  await assert.rejects(follow(1, 1), /--steps 1/);
  await assert.rejects(follow(1, 2, 3), /--class 3: the network is unconditional/);
  await assert.rejects(follow(1, 2, undefined, AbortSignal.abort()), CancelledError);
});
