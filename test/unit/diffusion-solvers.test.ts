import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sampleBatch } from '../../server/diffusion/batch-sampling';
import { MULTISTEPS } from '../../server/diffusion/multistep';
import { noiseLevels } from '../../server/diffusion/noise-levels';
import { orderAt, stepTable } from '../../server/diffusion/noise-schedule';
import { sample } from '../../server/diffusion/sampler';
import { resolveSampler, samplerNotes } from '../../server/diffusion/sampler-settings';
import { nfe, stepsOf } from '../../server/shared/defaults';
import { type SamplerOptions, type Solver, SOLVERS, type Variant } from '../../server/shared/sampler-options';
import { analyticDenoiser } from './diffusion-analytic';
import { fixture, maxDifference } from './npy-fixtures';

const UNLIMITED = { sigmaMin: 0, sigmaMax: Infinity };

/** Written by tools/solver-reference.py with numpy. */
const { latents, noise, cases } = JSON.parse(readFileSync(fixture('samplers', 'solvers.json'), 'utf8')) as {
  latents: number[];
  noise: number[][];
  cases: { options: SamplerOptions; x: number[] }[];
};

type Denoise = (x: Float64Array, sigma: number) => Promise<Float64Array>;

/** The denoiser of the fixture, in closed form. */
const analytic: Denoise = (x, sigma) =>
  Promise.resolve(x.map((value) => (value * 0.25) / (0.25 + sigma ** 2) + 0.1 * Math.sin(value)));

async function run(options: SamplerOptions, denoise = analytic, from: readonly number[] = latents) {
  const table = stepTable(resolveSampler(options, UNLIMITED), (sigma) => sigma);
  let evaluations = 0;
  let draws = 0;
  const x = await sample({
    table,
    latents: from,
    denoise: (state, sigma) => {
      evaluations++;
      return denoise(state, sigma);
    },
    noise: () => Float64Array.from(noise[draws++] ?? assert.fail('too many draws')),
  });
  return { x, evaluations, table };
}

test('every solver agrees with an independent one in numpy to 1e-12', async () => {
  const seen = new Set<string>();
  let worst = 0;
  for (const { options, x: expected } of cases) {
    const { x, evaluations, table } = await run(options);
    const difference = maxDifference(x, expected) / Math.max(...expected.map(Math.abs));
    assert.ok(difference <= 1e-12, `${JSON.stringify(options)}: ${difference}`);
    assert.equal(table.nfe, evaluations);
    assert.equal(nfe(stepsOf(options), options.solver), evaluations, JSON.stringify(options));
    seen.add(options.solver ?? 'heun');
    worst = Math.max(worst, difference);
  }
  assert.deepEqual([...seen].sort(), [...SOLVERS].sort());
  console.log(`${cases.length} cases, largest relative difference ${worst}`);
});

/** Slope of the error over the step size on data ~ N(0, 1/4), where D is linear in x and the ODE has a closed solution. */
async function orderOf(options: SamplerOptions, levels: (steps: number) => number[]): Promise<number> {
  const gaussian: Denoise = (x, sigma) => Promise.resolve(x.map((value) => (value * 0.25) / (0.25 + sigma ** 2)));
  const errors = await Promise.all(
    [80, 160].map(async (steps) => {
      const sigmas = levels(steps);
      // The last step goes onto D: the state before it is compared.
      let before = NaN;
      const table = stepTable(resolveSampler({ ...options, sigmas }, UNLIMITED), (sigma) => sigma);
      const last = sigmas.at(-1)!;
      const denoise: Denoise = (x, sigma) => {
        if (sigma === last) before = x[0]!;
        return gaussian(x, sigma);
      };
      const zero = () => new Float64Array(1);
      await sample({ table, latents: [1], denoise, noise: zero });
      return Math.abs(before - sigmas[0] * Math.sqrt((0.25 + last ** 2) / (0.25 + sigmas[0] ** 2)));
    }),
  );
  return Math.log2(errors[0] / errors[1]);
}

test('orders of convergence on a linear ODE', async () => {
  const even = (steps: number): number[] => Array.from({ length: steps + 1 }, (_, i) => 1.5 - (1.2 * i) / steps);
  const logarithmic = (steps: number): number[] => even(steps).map((_, i) => 2 * (0.1 / 2) ** (i / steps));
  const expected: [SamplerOptions, (steps: number) => number[], number][] = [
    [{ solver: 'euler' }, logarithmic, 1],
    [{ solver: 'heun' }, logarithmic, 2],
    [{ solver: 'heun', heun_on: 'D' }, logarithmic, 2],
    [{ solver: 'dpmpp-2m' }, logarithmic, 2],
    [{ solver: 'dpmpp-3m' }, logarithmic, 2],
    [{ solver: 'sde-dpmpp-2m', eta: 0 }, logarithmic, 2],
    [{ solver: 'deis', order: 2 }, logarithmic, 2],
    [{ solver: 'ab', order: 2 }, logarithmic, 2],
    // Equal coefficients have their order for equal steps.
    [{ solver: 'ipndm', order: 2 }, even, 2],
  ];
  for (const [options, levels, order] of expected) {
    const found = await orderOf(options, levels);
    console.log(`${JSON.stringify(options)}: ${found.toFixed(2)}`);
    assert.ok(Math.abs(found - order) < 0.35, `${JSON.stringify(options)}: ${found}`);
  }
});

/** Slope of one step's error over the step size, from exact values; a solver of order p has p + 1. */
function localOrder(solver: Solver, order: number, variant?: Variant, part: 'predict' | 'correct' = 'predict'): number {
  const solution = (sigma: number): number => Math.sqrt(0.25 + sigma ** 2);
  const row = MULTISTEPS[solver]!;
  const remembered = (sigma: number): number => {
    const denoised = (solution(sigma) * 0.25) / (0.25 + sigma ** 2);
    return row.remembers === 'D' ? denoised : (solution(sigma) - denoised) / sigma;
  };
  const errors = [0.05, 0.025].map((h) => {
    // Steps of different sizes, but for the solver that takes them for equal.
    const level = (k: number): number =>
      solver === 'ipndm' ? 0.3 - (h * k) / 2 : 0.3 * Math.exp(-h * (k + 0.1 * k ** 2));
    const earlier = Array.from({ length: order - 1 }, (_, j) => level(-1 - j));
    const place = { sigma: level(0), next: level(1), earlier, order, variant, eta: 0 };
    const { keep, gain, weights } = row[part]!(place);
    const levels = [...(part === 'correct' ? [level(1)] : []), level(0), ...earlier];
    const sum = weights.reduce((total, weight, j) => total + weight * remembered(levels[j]), 0);
    return Math.abs(keep * solution(level(0)) + gain * sum - solution(level(1)));
  });
  return Math.log2(errors[0] / errors[1]);
}

test('orders of single steps from exact values', () => {
  const expected: [Solver, number, number, Variant?, ('predict' | 'correct')?][] = [
    ['dpmpp-2m', 2, 2],
    // The published weight of the second derivative is half of the one that order 3 needs.
    ['dpmpp-3m', 3, 2, 'published'],
    ['dpmpp-3m', 3, 3, 'exact'],
    ['deis', 1, 1],
    ['deis', 2, 2],
    ['deis', 3, 3],
    ['ab', 3, 3],
    ['ab', 4, 4],
    ['ipndm', 3, 3],
    ['ipndm', 4, 4],
    ['unipc', 2, 2, 'bh2'],
    ['unipc', 3, 3, 'bh2'],
    ['unipc', 3, 3, 'bh1'],
    ['unipc', 2, 3, 'bh2', 'correct'],
    ['unipc', 3, 4, 'bh2', 'correct'],
  ];
  for (const [solver, evaluations, order, variant, part] of expected) {
    const found = localOrder(solver, evaluations, variant, part) - 1;
    console.log(`${solver} ${evaluations} ${variant ?? ''} ${part ?? ''}: ${found.toFixed(2)}`);
    assert.ok(Math.abs(found - order) < 0.4, `${solver} ${evaluations} ${variant ?? ''}: ${found}`);
  }
});

test('ancestral Euler with eta 0 and alpha 1 is the Euler step bit for bit, and alpha changes nothing but rounding', async () => {
  const euler = await run({ solver: 'euler', steps: 9 });
  const still = await run({ solver: 'euler-ancestral', steps: 9, eta: 0 });
  assert.deepEqual(still.x, euler.x);
  assert.equal(still.table.noisySteps, 0);
  const plain = await run({ solver: 'euler-ancestral', steps: 9, eta: 0.5 });
  const scaled = await run({ solver: 'euler-ancestral', steps: 9, eta: 0.5, scaling: 'vp' });
  assert.ok(maxDifference(plain.x, scaled.x) < 1e-12);
  assert.notDeepEqual(plain.x, euler.x);
});

test('a table of equal churns is S_churn bit for bit, and of different ones another sampler', async () => {
  const one = await run({ steps: 6, S_churn: 2 });
  assert.deepEqual((await run({ steps: 6, churn: [2, 2, 2, 2, 2, 2] })).x, one.x);
  assert.notDeepEqual((await run({ steps: 6, churn: [0, 2, 2, 2, 2, 2] })).x, one.x);
});

test('levels given one by one are those of the named schedule bit for bit', async () => {
  for (const solver of ['heun', 'dpmpp-2m', 'unipc'] as const) {
    const sigmas = noiseLevels(resolveSampler({ steps: 6 }, UNLIMITED));
    assert.deepEqual((await run({ solver, sigmas })).x, (await run({ solver, steps: 6 })).x, solver);
    assert.deepEqual((await run({ solver, sigmas: [...sigmas, 0] })).x, (await run({ solver, steps: 6 })).x, solver);
  }
  const cosine = noiseLevels(resolveSampler({ steps: 5, disc: 'cosine' }, UNLIMITED));
  const angles = cosine.map((sigma) => Math.atan(sigma));
  assert.deepEqual([cosine[0], cosine[4]], [80, 0.002]);
  angles.slice(2).forEach((angle, i) => assert.ok(Math.abs(angle + angles[i] - 2 * angles[i + 1]) < 1e-9));
  const even = noiseLevels(
    resolveSampler({ steps: 5, disc: 'log-uniform', sigma_min: 0.01, sigma_max: 100 }, UNLIMITED),
  );
  even.forEach((sigma, i) => assert.ok(Math.abs(sigma / 10 ** (2 - i) - 1) < 1e-12));
});

test('the order rises, and falls before the end where the solver does so', () => {
  const orders = (options: { solver: 'dpmpp-3m' | 'ipndm'; steps: number; order?: number }): number[] =>
    Array.from({ length: options.steps }, (_, i) => orderAt(options, i));
  assert.deepEqual(orders({ solver: 'dpmpp-3m', steps: 6 }), [1, 2, 3, 3, 2, 1]);
  assert.deepEqual(orders({ solver: 'ipndm', steps: 6, order: 4 }), [1, 2, 3, 4, 4, 1]);
});

test('an image depends on its seed alone, with every solver', async () => {
  const denoiser = analyticDenoiser();
  const size = 3 * 8 * 8;
  for (const solver of SOLVERS) {
    const table = stepTable(resolveSampler({ solver, steps: 5 }, denoiser), (sigma) => sigma);
    const [all, again, alone] = [
      await sampleBatch(denoiser, table, [4, 9, 2], { rng: 'cpu' }),
      await sampleBatch(denoiser, table, [4, 9, 2], { rng: 'cpu' }),
      await sampleBatch(denoiser, table, [9], { rng: 'cpu' }),
    ];
    assert.deepEqual(all.images, again.images, solver);
    assert.deepEqual(all.images.slice(size, 2 * size), alone.images, solver);
  }
});

test('what options must not say together, in words', () => {
  const wrong: [SamplerOptions, RegExp][] = [
    [{ solver: 'dpmpp-2m', order: 3 }, /--order 3: dpmpp-2m does not take it: its order is 2; it is for unipc, deis, ipndm, ab/],
    [{ solver: 'dpmpp-2m', S_churn: 5 }, /--S_churn 5: dpmpp-2m does not take it: it is deterministic; it is for heun, euler$/],
    [{ solver: 'unipc', churn: [1, 2] }, /--churn 1,2: unipc does not take it: it is deterministic/],
    [{ solver: 'heun', eta: 1 }, /--eta 1: heun does not take it: its noise is S_churn; it is for euler-ancestral, sde-dpmpp-2m/],
    [{ solver: 'ab', schedule: 'vp' }, /--schedule vp: ab does not take it: its time is sigma itself/],
    [{ solver: 'unipc', order: 4 }, /--order 4: unipc has the orders 2 to 3/],
    [{ solver: 'unipc', variant: 'exact' }, /--variant exact: the variants of unipc are bh2, bh1/],
    [{ sigmas: [80, 90, 1] }, /noise level 2 \(90\) is not below the one before \(80\): they must fall/],
    [{ sigmas: [80, 1, 1] }, /noise level 3 \(1\) is not below/],
    [{ sigmas: [80, NaN, 1] }, /noise level 2 is NaN: every one must be a number above 0/],
    [{ sigmas: [Infinity, 1] }, /noise level 1 is Infinity/],
    [{ sigmas: [80, 0, 1] }, /noise level 2 is 0: .*only a last one may be 0/],
    [{ sigmas: [80] }, /give 2 to 10000 noise levels above 0; these are 1/],
    [{ sigmas: [80, 1], rho: 5 }, /--rho 5: sigmas gives the noise levels itself/],
    [{ sigmas: [80, 1], steps: 3 }, /--steps 3: sigmas has 2 noise levels/],
    [{ steps: 4, churn: [1, 2] }, /--churn 1,2: it has 2 numbers, and there are 4 steps/],
    [{ steps: 2, churn: [1, -2] }, /number 2 is -2: each must be at least 0/],
    [{ steps: 2, churn: [1, 2], S_churn: 1 }, /not both/],
    [{ solver: 'euler-ancestral', eta: 1.2 }, /--eta 1.2: it must be from 0 to 1/],
    [{ heun_on: 'D', scaling: 'vp' }, /--scaling vp: Heun on D has sigma itself as its time/],
    [{ sigmas: [80, 50, 0.001, 0.0005], churn: [0, 0, 0, 0] }, /--churn: some of the noise levels are outside/],
  ]; // prettier-ignore
  for (const [options, message] of wrong)
    assert.throws(() => resolveSampler(options, { sigmaMin: 0.002, sigmaMax: 100 }), message, JSON.stringify(options));
});

test('clamped levels and an order that is not reached are said', () => {
  const network = { sigmaMin: 0.02, sigmaMax: 50 };
  const options: SamplerOptions = { solver: 'ipndm', sigmas: [80, 10, 0.01, 0.001] };
  const { steps, sigmas } = resolveSampler(options, network);
  assert.deepEqual([steps, sigmas], [3, [50, 10, 0.02]]);
  const [clamped, ramp, ...others] = samplerNotes(options, network);
  assert.match(clamped, /^3 of 4 noise levels were outside the network's range, 0.02 to 50, and clamped to it; equal ones are one step, so there are 3 steps$/);
  assert.match(ramp, /^sigmas .*order 4 of ipndm is not reached in 4 steps: .* 3 at most$/);
  assert.equal(others.length, 0);
  assert.deepEqual(samplerNotes({ solver: 'dpmpp-2m', steps: 8 }, network), []);
}); // prettier-ignore

test('levels that are one to the network are refused for multistep solvers', () => {
  const table = (solver: 'heun' | 'ab') => stepTable(resolveSampler({ solver, steps: 40 }, UNLIMITED), Math.ceil);
  assert.throws(() => table('ab'), /--solver ab: noise levels \d+ and \d+ are both \d+ to the network/);
  assert.doesNotThrow(() => table('heun'));
});
