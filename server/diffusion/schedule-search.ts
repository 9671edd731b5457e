/**
 * Noise levels for a network and a solver with few evaluations: the cheapest ways through a fine teacher's levels, and then
 * small moves of single levels under the solver itself. Pure.
 */
import { CancelledError, UserError } from '../errors';
import { ProgressMeter, type TaskControl } from '../shared/progress';
import { nfe as evaluationsOf } from '../shared/defaults';
import type { RngDevice, SamplerOptions, Solver } from '../shared/sampler-options';
import { DEFAULT_SOLVER, SOLVER_FACTS } from '../shared/solvers';
import { sampleBatch } from './batch-sampling';
import type { Denoiser } from './denoiser';
import { checkNetwork, CPU_BATCH } from './generation';
import { noiseLevels } from './noise-levels';
import { stepTable } from './noise-schedule';
import { resolveSampler } from './sampler-settings';
import { splitSeeds } from './seeds';
import { cheapestPath, eulerErrors, teach, type TeacherInputs } from './teacher-path';

/** What is searched. */
export interface ScheduleSearch {
  /** The sampler: its solver is kept, its noise levels are searched anew between their ends. */
  sampler: SamplerOptions;
  /** Network evaluations per image; of a solver with two a step an odd number >= 3, otherwise >= 2. */
  nfe: number;
  /** Seeds whose trajectories are learned from. */
  seeds: readonly number[];
  /** Other seeds that the result is tried on. */
  trialSeeds: readonly number[];
  /** The class of all images; drawn for each seed if undefined. */
  class?: number;
  rng: RngDevice;
  /** Rounds of moves of single levels >= 0. */
  rounds: number;
}

/** A mean over images with its standard error, sd / sqrt(images). */
export interface MeanOverImages {
  value: number;
  standard_error: number;
}

/**
 * What was found. Distances are to the teacher's image of the same seed: the root of the mean square over its values of
 * -1..1, on the trial seeds.
 */
export interface FoundSchedule {
  solver: Solver;
  nfe: number;
  steps: number;
  /** The falling noise levels, one for each step; the step to 0 follows. */
  sigmas: number[];
  /** The levels that the sampler as given has with these evaluations. */
  given: number[];
  /** Distance with the given levels, with those found, and found - given in pairs. */
  before: MeanOverImages;
  after: MeanOverImages;
  difference: MeanOverImages;
  /** Images learned from, images tried on, and the teacher's evaluations of each. */
  images: number;
  trials: number;
  teacher_nfe: number;
  seconds: number;
}

/** Noise levels of the teacher, out of which the first schedules are chosen. */
const TEACHER_LEVELS = 40;
/** What is left of a step's error after the next. Several are tried, as it depends on network and solver. */
const CARRIED = [0.85, 1, 1.15];
/** Powers of a step's Euler error. */
const POWERS = [1, 1.5, 2];
/** Exponents of EDM's levels that are tried besides. */
const RHOS = [3, 5, 7, 9];
/** First move of a level, as a part of the way to its neighbour in ln sigma; each round makes half of it. */
const FIRST_MOVE = 0.4;
/** Options that the levels under search take the place of. */
const NO_LEVELS = { steps: undefined, sigma_min: undefined, sigma_max: undefined, rho: undefined, disc: undefined };
/** Most bytes of trajectories. */
const MOST_BYTES = 512 * 2 ** 20;

/**
 * Searches noise levels.
 * @throws UserError for a stochastic sampler, evaluations that the solver cannot take, seeds both learned from and tried on, more
 *   trajectories than memory, and as `resolveSampler`
 * @throws CancelledError
 */
export async function searchSchedule(
  denoiser: Denoiser,
  search: ScheduleSearch,
  { onProgress, signal }: TaskControl = {},
): Promise<FoundSchedule> {
  const started = performance.now();
  checkNetwork(denoiser, search.class);
  checkDeterministic(denoiser, search.sampler);
  const steps = stepsFor(search);
  const given = givenLevels(denoiser, search.sampler, steps);
  const ends = { sigma_max: given[0]!, sigma_min: given.at(-1)! };
  const grid = [...new Set(levelsOf(denoiser, { ...ends, steps: TEACHER_LEVELS }))];
  checkSeeds(search, denoiser, grid.length);

  const teacher_nfe = evaluationsOf(grid.length);
  const { length: images } = search.seeds;
  const { length: trials } = search.trialSeeds;
  const schedules = 1 + RHOS.length + CARRIED.length * POWERS.length + search.rounds * 2 * (steps - 1);
  const total = (images + trials) * teacher_nfe + (images * schedules + trials * 2) * search.nfe;
  const solverRuns = new SolverRuns(denoiser, search, new ProgressMeter('Evaluations', total, onProgress), signal);

  const teacher = await teach(denoiser, search.seeds, grid, { ...solverRuns.inputs(), keep: true });
  const errors = eulerErrors(teacher, grid);
  const starts = [
    given,
    ...RHOS.map((rho) => levelsOf(denoiser, { ...ends, rho, steps })),
    ...CARRIED.flatMap((carried) => POWERS.map((power) => cheapestPath(errors, { steps, carried, power }))).map(
      (path) => path.map((i) => grid[i]!),
    ),
  ];
  const found = new Best(async (levels) => mean(await solverRuns.distances(levels, search.seeds, teacher.images)));
  for (const levels of starts) await found.consider(levels);
  for (let round = 0; round < search.rounds; round++) await found.moveEach(FIRST_MOVE / 2 ** round, ends.sigma_min);

  // As a config states them, so that what is tried is what is used.
  const sigmas = found.levels.map((level, i) => (level === given[i] ? level : Number(level.toPrecision(6))));
  const { images: targets } = await teach(denoiser, search.trialSeeds, grid, { ...solverRuns.inputs(), keep: false });
  const before = await solverRuns.distances(given, search.trialSeeds, targets);
  const after = await solverRuns.distances(sigmas, search.trialSeeds, targets);
  return {
    solver: solverRuns.solver,
    nfe: search.nfe,
    steps,
    sigmas,
    given,
    before: overImages(before),
    after: overImages(after),
    difference: overImages(after.map((value, i) => value - before[i]!)),
    images,
    trials,
    teacher_nfe,
    seconds: (performance.now() - started) / 1000,
  };
}

/** @throws UserError for noise that is added on the way */
function checkDeterministic(denoiser: Denoiser, sampler: SamplerOptions): void {
  const { solver = DEFAULT_SOLVER, S_churn = 0, churn = [] } = sampler;
  const table = stepTable(resolveSampler(sampler, denoiser), (sigma) => denoiser.roundSigma(sigma));
  if (table.noisySteps === 0 && S_churn === 0 && churn.every((strength) => strength === 0)) return;
  throw new UserError(
    `solver ${solver} adds noise with the options of this config; noise levels are searched for deterministic samplers`,
  );
}

/** Steps with that many evaluations. @throws UserError */
function stepsFor({ sampler, nfe }: ScheduleSearch): number {
  const { solver = DEFAULT_SOLVER } = sampler;
  const { evaluations } = SOLVER_FACTS[solver];
  const steps = (nfe - 1) / evaluations + 1;
  if (Number.isInteger(steps) && steps >= 2) return steps;
  const rule = evaluations === 2 ? 'an odd number of at least 3, as each step but the last takes two' : 'at least 2';
  throw new UserError(`--nfe ${nfe}: ${solver} takes ${rule}`);
}

/** The noise levels of a sampler, as the network rounds them. @throws UserError */
function levelsOf(denoiser: Denoiser, options: SamplerOptions): number[] {
  return noiseLevels(resolveSampler({ ...options, sigmas: undefined }, denoiser)).map((sigma) =>
    denoiser.roundSigma(sigma),
  );
}

/** Those of the sampler at that number of steps; its own list where it has as many. */
function givenLevels(denoiser: Denoiser, sampler: SamplerOptions, steps: number): number[] {
  const { sigmas = [] } = sampler.sigmas ? resolveSampler(sampler, denoiser) : {};
  return sigmas.length === steps ? [...sigmas] : levelsOf(denoiser, { ...sampler, steps });
}

function checkSeeds({ seeds, trialSeeds }: ScheduleSearch, { channels, resolution }: Denoiser, levels: number): void {
  const learned = new Set(seeds);
  const twice = trialSeeds.find((seed) => learned.has(seed));
  if (twice !== undefined) {
    throw new UserError(`Seed ${twice} is learned from and tried on: take other --trial_seeds, or the result looks better than it is`);
  }
  if (seeds.length < 2 || trialSeeds.length < 2) throw new UserError('Give at least 2 seeds to learn from and 2 to try on');
  const most = Math.floor(MOST_BYTES / (8 * levels * channels * resolution ** 2));
  if (seeds.length > most) {
    throw new UserError(`--seeds: trajectories of ${seeds.length} images do not fit into memory; give at most ${most} seeds`);
  }
} // prettier-ignore

/** Runs of the solver itself, counted. */
class SolverRuns {
  readonly solver: Solver;
  private done = 0;
  private readonly options: SamplerOptions;

  constructor(
    private readonly denoiser: Denoiser,
    private readonly search: ScheduleSearch,
    private readonly meter: ProgressMeter,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.options = { ...search.sampler, ...NO_LEVELS };
    this.solver = search.sampler.solver ?? DEFAULT_SOLVER;
  }

  inputs(): TeacherInputs {
    const { rng, class: chosen } = this.search;
    return { rng, class: chosen, signal: this.signal, onEvaluations: (count) => this.count(count) };
  }

  /** Distance of each seed's image to its target. */
  async distances(levels: readonly number[], seeds: readonly number[], targets: Float32Array): Promise<number[]> {
    const table = this.tableOf(levels);
    const size = targets.length / seeds.length;
    const distances: number[] = [];
    for (const part of splitSeeds(seeds, CPU_BATCH)) {
      if (this.signal?.aborted) throw new CancelledError();
      const { rng, class: chosen } = this.search;
      const rows = this.denoiser.batchDependent ? CPU_BATCH : undefined;
      const { images } = await sampleBatch(this.denoiser, table, part, { rng, class: chosen, rows, signal: this.signal });
      for (let n = 0; n < part.length; n++) {
        const offset = distances.length * size;
        let squares = 0;
        for (let k = 0; k < size; k++) squares += (images[n * size + k]! - targets[offset + k]!) ** 2;
        distances.push(Math.sqrt(squares / size));
      }
      this.count(part.length * table.nfe);
    }
    return distances;
  } // prettier-ignore

  private tableOf(levels: readonly number[]): ReturnType<typeof stepTable> {
    const { denoiser } = this;
    return stepTable(resolveSampler({ ...this.options, sigmas: levels }, denoiser), (sigma) => denoiser.roundSigma(sigma));
  } // prettier-ignore

  private count(evaluations: number): void {
    this.done += evaluations;
    this.meter.update(this.done);
  }
}

/** The best schedule so far. */
class Best {
  levels: readonly number[] = [];
  private value = Infinity;

  constructor(private readonly valueOf: (levels: readonly number[]) => Promise<number>) {}

  /** Takes a schedule if it is better. */
  async consider(levels: readonly number[]): Promise<boolean> {
    if (levels.some((level, i) => i > 0 && !(level < levels[i - 1]!))) return false;
    const value = await this.valueOf(levels);
    if (!(value < this.value)) return false;
    [this.levels, this.value] = [levels, value];
    return true;
  }

  /** Moves every level but the first by a part of the way to its neighbour above, or else below. @param lowest of the last */
  async moveEach(part: number, lowest: number): Promise<void> {
    for (let i = 1; i < this.levels.length; i++) {
      const at = (neighbour: number): readonly number[] =>
        this.levels.map((level, j) => (j === i ? level * (neighbour / level) ** part : level));
      if (await this.consider(at(this.levels[i - 1]!))) continue;
      await this.consider(at(this.levels[i + 1] ?? lowest));
    }
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function overImages(values: readonly number[]): MeanOverImages {
  const value = mean(values);
  const variance = values.reduce((sum, one) => sum + (one - value) ** 2, 0) / (values.length - 1);
  return { value, standard_error: Math.sqrt(variance / values.length) };
}
