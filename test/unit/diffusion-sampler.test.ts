import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CancelledError, UserError } from '../../server/errors';
import { iddpmLevels } from '../../server/diffusion/iddpm-levels';
import { resolveSampler } from '../../server/diffusion/sampler-settings';
import type { SamplerOptions } from '../../server/shared/sampler-options';
import { sample, type SamplerProgress } from '../../server/diffusion/sampler';
import { stepTable } from '../../server/diffusion/noise-schedule';
import { readNpy } from '../../server/numpy/npz';
import { fixture, maxDifference, readNumbers } from './npy-fixtures';

interface Case {
  id: string;
  net: { smin?: number; smax?: number; grid?: number[] };
  kwargs: Record<string, number | string>;
  sigma_calls: number[];
}
const { cases } = JSON.parse(readFileSync(fixture('samplers', 'analytic.json'), 'utf8')) as { cases: Case[] };
const arrays = readNumbers(fixture('samplers', 'analytic.npz'));

/** The denoiser of the fixtures, in closed form. */
function analytic(x: Float64Array, sigma: number): Promise<Float64Array> {
  return Promise.resolve(x.map((value) => (value * 0.25) / (0.25 + sigma ** 2) + 0.1 * Math.sin(value)));
}

function network({ smin = 0, smax = Infinity, grid }: Case['net']) {
  const nearest = (sigma: number) =>
    grid ? grid.reduce((best, level) => (Math.abs(level - sigma) < Math.abs(best - sigma) ? level : best)) : sigma;
  return { sigmaMin: smin, sigmaMax: smax, roundSigma: nearest };
}

function optionsOf(kwargs: Case['kwargs']): SamplerOptions {
  const { num_steps, discretization, ...rest } = kwargs;
  return { steps: num_steps, disc: discretization, ...rest } as SamplerOptions;
}

test('72 samplers agree with generate.py on an analytic denoiser', async () => {
  const { latents = [], noise = [], ...expected } = await arrays;
  assert.equal(cases.length, 72);
  let worst = 0;
  for (const { id, net, kwargs, sigma_calls } of cases) {
    const net_ = network(net);
    const table = stepTable(resolveSampler(optionsOf(kwargs), net_), net_.roundSigma);
    const sigmas: number[] = [];
    let draw = 0;
    const x = await sample({
      table,
      latents,
      denoise: (state, sigma) => {
        sigmas.push(sigma);
        return analytic(state, sigma);
      },
      noise: () => Float64Array.from(latents, (_, k) => noise[draw * latents.length + k]),
      onStep: () => draw++,
    });
    const largest = Math.max(...Array.from(expected[id], Math.abs));
    const difference = maxDifference(x, expected[id]) / largest;
    assert.ok(difference <= 1e-7, `${id} ${JSON.stringify(kwargs)}: ${difference}`);
    worst = Math.max(worst, difference);
    assert.equal(table.nfe, sigma_calls.length, id);
    assert.equal(sigmas.length, sigma_calls.length, id);
    sigmas.forEach((sigma, i) => assert.ok(Math.abs(sigma / sigma_calls[i] - 1) < 1e-9, `${id} sigma ${i}`));
  }
  console.log(`72 samplers, largest difference relative to max |x|: ${worst}`);
});

test("the iDDPM noise levels are torch's", async () => {
  const { data } = await readNpy(fixture('samplers', 'iddpm_u_f64.npy'));
  const expected = data as Float64Array;
  const levels = iddpmLevels();
  assert.equal(levels.length, 1001);
  levels.forEach((u, j) => assert.ok(Math.abs(u - expected[j]) <= 1e-9 * expected[j], `u[${j}] ${u} ${expected[j]}`));
});

test('every step reports sigma, D(x; sigma) and the evaluations so far', async () => {
  const net = network({});
  const table = stepTable(resolveSampler({ steps: 4 }, net), net.roundSigma);
  const steps: Omit<SamplerProgress, 'x' | 'denoised'>[] = [];
  let last: Float64Array | undefined;
  const x = await sample({
    table,
    latents: [1, -0.5],
    denoise: (state) => Promise.resolve(state.map(() => 0.25)),
    noise: () => assert.fail('a deterministic sampler draws no noise'),
    onStep: ({ x: state, denoised, ...step }) => {
      steps.push(step);
      assert.deepEqual([...denoised], [0.25, 0.25]);
      last = state;
    },
  });
  assert.deepEqual(
    steps.map(({ step, nfe, totalNfe }) => [step, nfe, totalNfe]),
    [
      [1, 2, 7],
      [2, 4, 7],
      [3, 6, 7],
      [4, 7, 7],
    ],
  );
  assert.ok(Math.abs(steps[0].sigma - 80) < 1e-9 && Math.abs(steps[3].sigma - 0.002) < 1e-9);
  assert.equal(x, last);
  // A denoiser that always answers the same image is reached exactly.
  assert.ok(maxDifference(x, [0.25, 0.25]) < 1e-12);
});

test('an aborted signal stops before the next evaluation', async () => {
  const net = network({});
  const controller = new AbortController();
  let evaluations = 0;
  const run = sample({
    table: stepTable(resolveSampler({}, net), net.roundSigma),
    latents: [1],
    denoise: (x) => {
      if (++evaluations === 5) controller.abort();
      return Promise.resolve(x);
    },
    noise: () => new Float64Array(1),
    signal: controller.signal,
  });
  await assert.rejects(run, CancelledError);
  assert.equal(evaluations, 5);
});

test("defaults and clamping are generate.py's", () => {
  const unlimited = { sigmaMin: 0, sigmaMax: Infinity };
  assert.deepEqual(resolveSampler({}, unlimited), {
    steps: 18, sigma_min: 0.002, sigma_max: 80, rho: 7, S_churn: 0, S_min: 0, S_max: Infinity, S_noise: 1,
    solver: 'heun', disc: 'edm', schedule: 'linear', scaling: 'none', alpha: 1,
  }); // prettier-ignore
  const ve = resolveSampler({ disc: 've', sigma_min: undefined }, { sigmaMin: 0.03, sigmaMax: 60 });
  assert.deepEqual([ve.sigma_min, ve.sigma_max], [0.03, 60]);
});

test('options out of range are refused in one line', () => {
  const unlimited = { sigmaMin: 0, sigmaMax: Infinity };
  const wrong: [SamplerOptions, RegExp][] = [
    [{ steps: 1 }, /--steps 1: .*use 2 steps or more/],
    [{ steps: 0 }, /--steps 0: must be an integer of at least 2/],
    [{ steps: 2.5 }, /--steps 2.5: must be an integer/],
    [{ sigma_min: 0 }, /--sigma_min 0: must be a number above 0/],
    [{ rho: NaN }, /--rho NaN/],
    [{ S_churn: -1 }, /--S_churn -1: must be a number of at least 0/],
    [{ solver: 'rk4' as 'heun' }, /--solver rk4: choose one of heun, euler/],
    [{ sigma_min: 90 }, /--sigma_min 90 exceeds --sigma_max 80/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => resolveSampler(options, unlimited),
      (error) => error instanceof UserError && message.test(error.message),
      JSON.stringify(options),
    );
  }
  const settings = resolveSampler({ disc: 'iddpm', sigma_min: 0.003, sigma_max: 0.004 }, unlimited);
  assert.throws(() => stepTable(settings, (sigma) => sigma), UserError);
});
