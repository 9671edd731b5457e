import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import { searchSchedule, type ScheduleSearch } from '../../server/diffusion/schedule-search';
import { cheapestPath, eulerErrors, teach } from '../../server/diffusion/teacher-path';
import { analyticDenoiser } from './diffusion-analytic';

/** The optimal denoiser of values around -0.7 and 0.7, each with variance 0.1: an ODE that bends where sigma is about 1. */
const best = (x: number, sigma: number): number => {
  const spread = 0.1 + sigma ** 2;
  return (0.1 * x + sigma ** 2 * 0.7 * Math.tanh((0.7 * x) / spread)) / spread;
};
const peaks = {
  ...analyticDenoiser({ resolution: 2, channels: 1, sigmaMin: 0.002, sigmaMax: 80 }),
  denoise: (x: Float32Array, sigma: number) => Promise.resolve(x.map((value) => best(value, sigma))),
};

const search = (more: Partial<ScheduleSearch> = {}): ScheduleSearch => ({
  sampler: { solver: 'dpmpp-2m' },
  nfe: 5,
  seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  trialSeeds: [100, 101, 102, 103, 104, 105, 106, 107],
  rng: 'cpu',
  rounds: 2,
  ...more,
});

test('the cheapest path is that of all', () => {
  // Any numbers will do.
  const size = 8;
  const errors = Array.from({ length: size }, (_, i) =>
    Float64Array.from({ length: size + 1 }, (_unused, j) => (j > i ? Math.abs(Math.sin(7 * i + 3 * j * j)) : NaN)),
  );
  for (const steps of [1, 2, 3, 5, 8]) {
    for (const [carried, power] of [[1, 1], [0.8, 2], [1.2, 1.5]] as const) {
      let least: { cost: number; path: number[] } = { cost: Infinity, path: [] };
      const visit = (path: number[]): void => {
        if (path.length < steps) {
          for (let j = path.at(-1)! + 1; j < size; j++) visit([...path, j]);
          return;
        }
        const cost = path.reduce((sum, from, i) => sum + errors[from][path[i + 1] ?? size] ** power * carried ** (steps - 1 - i), 0);
        if (cost < least.cost) least = { cost, path };
      };
      visit([0]);
      assert.deepEqual(cheapestPath(errors, { steps, carried, power }), least.path, `${steps} ${carried} ${power}`);
    }
  }
}); // prettier-ignore

test('the errors of Euler steps are those of the formula', async () => {
  const grid = [80, 5, 0.5, 0.01];
  const taught = await teach(peaks, [3, 4], grid, { rng: 'cpu', keep: true });
  const errors = eulerErrors(taught, grid);
  const { states, images, size } = taught;
  const expected = (i: number, j: number): number => {
    const distance = (n: number): number => {
      const squares = Array.from({ length: size }, (_, k) => {
        const x = states[i][n * size + k];
        const d = (x - best(x, grid[i])) / grid[i];
        return (x + ((grid[j] ?? 0) - grid[i]) * d - (states[j] ?? images)[n * size + k]) ** 2;
      });
      return Math.sqrt(squares.reduce((sum, value) => sum + value) / size);
    };
    return (distance(0) + distance(1)) / 2;
  };
  for (const [i, j] of [[0, 1], [0, 3], [1, 4], [2, 3]] as const)
    assert.ok(Math.abs(errors[i][j] - expected(i, j)) < 1e-5 * Math.max(1, expected(i, j)), `${i} ${j}`);
  assert.ok(Number.isNaN(errors[1][1]));
}); // prettier-ignore

test('levels found bring images nearer to the teacher, on seeds that nothing was learned from', async () => {
  for (const solver of ['dpmpp-2m', 'ipndm', 'euler'] as const) {
    const found = await searchSchedule(peaks, search({ sampler: { solver } }));
    const { sigmas, given, before, after, difference } = found;
    assert.equal(sigmas.length, 5);
    assert.deepEqual([sigmas[0], found.nfe, found.teacher_nfe, found.trials], [given[0], 5, 79, 8]);
    assert.ok(sigmas.every((sigma, i) => i === 0 || sigma < sigmas[i - 1]) && sigmas.at(-1)! >= 0.002, solver);
    assert.ok(after.value < 0.7 * before.value, `${solver}: ${before.value} to ${after.value}`);
    assert.ok(Math.abs(after.value - before.value - difference.value) < 1e-12 && difference.standard_error > 0);
    assert.deepEqual((await searchSchedule(peaks, search({ sampler: { solver } }))).sigmas, sigmas, 'again the same');
  }
  const heun = await searchSchedule(peaks, search({ sampler: { solver: 'heun' }, nfe: 7, rounds: 0 }));
  assert.deepEqual([heun.steps, heun.sigmas.length], [4, 4]);
});

test('a list of as many levels is what is compared with', async () => {
  const sigmas = [80, 40, 10, 2, 0.1];
  const { given } = await searchSchedule(peaks, search({ sampler: { solver: 'dpmpp-2m', sigmas }, rounds: 0 }));
  assert.deepEqual(given, sigmas);
});

test('what cannot be searched is refused in words, and a search is cancelled', async () => {
  const wrong: [Partial<ScheduleSearch>, RegExp][] = [
    [{ sampler: { solver: 'heun' }, nfe: 8 }, /--nfe 8: heun takes an odd number of at least 3/],
    [{ nfe: 1 }, /--nfe 1: dpmpp-2m takes at least 2/],
    [{ sampler: { solver: 'euler', S_churn: 5, S_min: 60, S_max: 61 } }, /euler adds noise with the options of this config/],
    [{ sampler: { solver: 'sde-dpmpp-2m' } }, /sde-dpmpp-2m adds noise/],
    [{ trialSeeds: [1, 200] }, /Seed 1 is learned from and tried on/],
    [{ seeds: [1] }, /at least 2 seeds/],
    [{ seeds: Array.from({ length: 500_000 }, (_, i) => 1000 + i) }, /do not fit into memory; give at most 419430 seeds/],
    [{ class: 3 }, /--class 3: the network is unconditional/],
  ]; // prettier-ignore
  for (const [more, message] of wrong)
    await assert.rejects(
      searchSchedule(peaks, search(more)),
      (error: Error) => error instanceof UserError && message.test(error.message),
    );
  await assert.rejects(searchSchedule(peaks, search(), { signal: AbortSignal.abort() }), /cancelled/i);
});
