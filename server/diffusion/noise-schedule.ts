/**
 * The steps of a sampler as a table of numbers, computed before the first network evaluation: noise levels, time steps
 * (Karras et al. 2022, table 1) and the coefficients of the solver. One loop follows it, whatever the solver. Pure.
 */
import { UserError } from '../errors';
import type { SamplerSettings } from '../shared/sampler-options';
import { SOLVER_FACTS } from '../shared/solvers';
import type { Denoiser } from './denoiser';
import { type Multistep, MULTISTEPS, type MultistepPlace, ONTO_D, type Update } from './multistep';
import { noiseLevels } from './noise-levels';
import { makeProcess, type Process } from './noise-process';

/**
 * Where a network is evaluated, and what is remembered of it: m = xFactor * x - denoisedFactor * D(x / scale; sigma). For
 * Euler and Heun that is the ODE's right-hand side f(x, t) (equation 4), for others the slope d or D itself.
 */
export interface OdePoint {
  t: number;
  /** sigma(t). */
  sigma: number;
  /** s(t). */
  scale: number;
  /** sigma'/sigma + s'/s of f. */
  xFactor: number;
  /** sigma' s / sigma of f. */
  denoisedFactor: number;
}

/** One step of the sampler, from `t` via the temporarily increased noise level t_hat to t_next. */
export interface SamplerStep {
  /** x_hat = rescale * x + noise * epsilon, epsilon standard normal. */
  rescale: number;
  noise: number;
  /** First evaluation, at t_hat. */
  first: OdePoint;
  /** Corrects the state before this step with the first evaluation, starting from the state before the last step. */
  correct?: Update;
  /** The state after the first evaluation. */
  update: Update;
  /** A second evaluation at that state, and what follows from both; in place of `update`. */
  second?: { point: OdePoint; update: Update };
  /** Standard deviation of the noise that is added after the step. */
  noiseAfter: number;
  /** Noise level after the step; 0 after the last. */
  sigmaNext: number;
  /** Evaluations that the step combines. */
  order: number;
  /** Fresh noise of the step, where the solver has it. */
  eta?: number;
}

/** All that a sampler needs to know about its steps. */
export interface StepTable {
  /** x_0 = initial * latents. */
  initial: number;
  steps: SamplerStep[];
  /** Evaluations to remember. */
  memory: number;
  /** Number of function (network) evaluations. */
  nfe: number;
  /** Number of first steps that draw random numbers; 0 for a deterministic sampler. */
  noisySteps: number;
}

/** What a step is made from. */
interface Place {
  settings: SamplerSettings;
  process: Process;
  /** Index of the step. */
  i: number;
  /** t of all levels, and 0. */
  times: readonly number[];
  /** t of the first evaluation. */
  tHat: number;
}

/** What depends on the solver. */
type SolverPart = Pick<SamplerStep, 'first' | 'update' | 'correct' | 'second' | 'order' | 'eta'> & {
  noiseAfter?: number;
};

/**
 * The step table of a sampler.
 * @param roundSigma the network's rounding of noise levels
 * @throws UserError if the iDDPM discretization has no noise level in [sigma_min, sigma_max], or two levels of a multistep
 *   solver are the same to the network
 */
export function stepTable(settings: SamplerSettings, roundSigma: Denoiser['roundSigma']): StepTable {
  const { steps: count, S_churn, S_min, S_max, S_noise, churn } = settings;
  const process = makeProcess(settings);
  const { sigma, scale, sigmaInverse } = process;
  const times = noiseLevels(settings).map((level) => sigmaInverse(roundSigma(level)));
  times.push(0);
  const makePart = partOf(settings);

  const steps = times.slice(0, count).map((t, i): SamplerStep => {
    const level = sigma(t);
    const strength = churn?.[i] ?? S_churn;
    const gamma = S_min <= level && level <= S_max ? Math.min(strength / count, Math.SQRT2 - 1) : 0;
    const tHat = sigmaInverse(roundSigma(level + gamma * level));
    return {
      rescale: scale(tHat) / scale(t),
      noise: Math.sqrt(Math.max(sigma(tHat) ** 2 - level ** 2, 0)) * scale(tHat) * S_noise,
      noiseAfter: 0,
      sigmaNext: sigma(times[i + 1]!),
      ...makePart({ settings, process, i, times, tHat }),
    };
  });
  const combined = steps.flatMap(({ update, correct, second }) => [update, correct, second?.update]);
  return {
    initial: sigma(times[0]!) * scale(times[0]!),
    steps,
    memory: Math.max(...combined.map((update) => update?.weights.length ?? 0)),
    nfe: steps.reduce((total, step) => total + (step.second ? 2 : 1), 0),
    noisySteps: steps.findLastIndex((step) => step.noise !== 0 || step.noiseAfter !== 0) + 1,
  };
}

function partOf({ solver, heun_on }: SamplerSettings): (place: Place) => SolverPart {
  const multistep = MULTISTEPS[solver];
  if (multistep) return (place) => multistepPart(multistep, place);
  if (solver === 'euler-ancestral') return ancestralPart;
  return heun_on === 'D' ? heunOnD : rungeKuttaPart;
}

function odePoint(process: Process, t: number): OdePoint {
  const sigma = process.sigma(t);
  const scale = process.scale(t);
  const growth = process.sigmaDerivative(t) / sigma;
  return { t, sigma, scale, xFactor: growth + process.scaleLogDerivative(t), denoisedFactor: growth * scale };
}

/** A point of which D itself is remembered. */
function denoisedPoint(sigma: number): OdePoint {
  return { t: sigma, sigma, scale: 1, xFactor: 0, denoisedFactor: -1 };
}

/** Euler and Heun (Karras et al. 2022, algorithm 2; with alpha, section C.2). The last step is Euler's. */
function rungeKuttaPart({ settings: { solver, steps, alpha }, process, i, times, tHat }: Place): SolverPart {
  const h = times[i + 1]! - tHat;
  const first = odePoint(process, tHat);
  if (solver === 'euler' || i === steps - 1) return { first, update: { keep: 1, gain: h, weights: [1] }, order: 1 };
  const weight = 1 / (2 * alpha);
  return {
    first,
    update: { keep: 1, gain: alpha * h, weights: [1] },
    second: { point: odePoint(process, tHat + alpha * h), update: { keep: 1, gain: h, weights: [weight, 1 - weight] } },
    order: 2,
  };
}

/** Heun's method on D: x_next = r x + (1 - r) (D + D') / 2, with D' at Euler's point r x + (1 - r) D; sigma itself is the time. */
function heunOnD({ settings: { steps }, i, times, tHat: sigma }: Place): SolverPart {
  const next = times[i + 1]!;
  const first = denoisedPoint(sigma);
  if (i === steps - 1) return { first, update: ONTO_D, order: 1 };
  const r = next / sigma;
  return {
    first,
    update: { keep: r, gain: 1 - r, weights: [1] },
    second: { point: denoisedPoint(next), update: { keep: r, gain: 1 - r, weights: [0.5, 0.5] } },
    order: 2,
  };
}

/**
 * Ancestral Euler in the general form of the discrete process, with signal alpha, noise level S = alpha sigma, rho = (alpha / S)^2
 * and fresh noise eta:
 *
 *     x_next = S_next (sqrt(rho_next) - sqrt(rho) c) D + (S_next / S) c x + S_next eta epsilon,  c = sqrt(1 - eta^2)
 *
 * in the arithmetic of an Euler step to S_next c, so that eta 0 and alpha 1 are the Euler step bit for bit:
 * x_next = x + (S_next c - S) (x / S - (alpha / S) D) + (alpha_next - alpha) D + S_next eta epsilon. Without eta each step has
 * eta^2 = 1 - r^2, the posterior of DDPM (Ho et al. 2020, equation 7; eta 1 of k-diffusion's sample_euler_ancestral).
 */
function ancestralPart({ settings, process, i, times, tHat }: Place): SolverPart {
  const next = times[i + 1]!;
  const sigma = process.sigma(tHat);
  const sigmaNext = process.sigma(next);
  const alpha = process.scale(tHat);
  const alphaNext = process.scale(next);
  const eta = etaAt(settings, i) ?? Math.sqrt(1 - (sigmaNext / sigma) ** 2);
  const noiseNext = sigmaNext * alphaNext;
  const noise = sigma * alpha;
  return {
    first: { t: tHat, sigma, scale: alpha, xFactor: 1 / noise, denoisedFactor: (1 / noise) * alpha },
    update: {
      keep: 1,
      gain: noiseNext * Math.sqrt(1 - eta ** 2) - noise,
      weights: [1],
      ...(alphaNext !== alpha && { denoised: alphaNext - alpha }),
    },
    noiseAfter: noiseNext * eta * settings.S_noise,
    order: 1,
    eta,
  };
}

function etaAt({ eta }: SamplerSettings, i: number): number | undefined {
  return typeof eta === 'number' ? eta : eta?.[i];
}

/** One step of a multistep solver; the time is sigma itself. */
function multistepPart(multistep: Multistep, { settings, i, times, tHat: sigma }: Place): SolverPart {
  if (i > 0 && sigma >= times[i - 1]!) {
    throw new UserError(
      `--solver ${settings.solver}: noise levels ${i} and ${i + 1} are both ${sigma} to the network, and a multistep solver needs different ones; take fewer steps`,
    );
  }
  const { usualEta } = SOLVER_FACTS[settings.solver];
  const eta = usualEta === undefined ? undefined : (etaAt(settings, i) ?? usualEta);
  const place = placeAt(settings, times, i, eta ?? 0);
  const first = multistep.remembers === 'D' ? denoisedPoint(sigma) : odePointOfSlope(sigma);
  const correct = i > 0 ? multistep.correct?.(placeAt(settings, times, i - 1, 0)) : undefined;
  const shared = { first, ...(correct && { correct }), order: place.order, ...(eta !== undefined && { eta }) };
  if (place.next === 0) return { ...shared, update: ONTO_D };
  return {
    ...shared,
    update: multistep.predict(place),
    noiseAfter: (multistep.noise?.(place) ?? 0) * settings.S_noise,
  };
}

function odePointOfSlope(sigma: number): OdePoint {
  return { t: sigma, sigma, scale: 1, xFactor: 1 / sigma, denoisedFactor: 1 / sigma };
}

function placeAt(settings: SamplerSettings, sigmas: readonly number[], i: number, eta: number): MultistepPlace {
  const order = orderAt(settings, i);
  return {
    sigma: sigmas[i]!,
    next: sigmas[i + 1]!,
    earlier: sigmas.slice(i - order + 1, i).reverse(),
    order,
    variant: settings.variant,
    eta,
  };
}

/**
 * The order of step i: it rises while there are too few evaluations, and where the solver does so falls before the last step,
 * which has order 1 in any case (diffusers' `lower_order_final`).
 */
export function orderAt({ solver, order, steps }: Pick<SamplerSettings, 'solver' | 'order' | 'steps'>, i: number): number {
  const { fixedOrder = 1, lowersAtEnd } = SOLVER_FACTS[solver];
  const left = steps - i;
  return Math.min(order ?? fixedOrder, i + 1, lowersAtEnd || left === 1 ? left : Infinity);
} // prettier-ignore
