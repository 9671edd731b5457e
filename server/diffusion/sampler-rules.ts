/** What sampler options must not say together: one rule each, for the command line and for run configs. Pure. */
import { nfe, stepsOf } from '../shared/defaults';
import {
  optionText,
  ORIGINAL_DISCRETIZATIONS,
  OWN_OPTIONS,
  type SamplerOptions,
  type SamplerSettings,
  type Solver,
  SOLVERS,
} from '../shared/sampler-options';
import { DEFAULT_SOLVER, isOriginal, SOLVER_FACTS } from '../shared/solvers';

/** One thing wrong with sampler options. */
export interface SamplerProblem {
  /** Stable name of the rule. */
  id: string;
  severity: 'error' | 'warning';
  /** The option it is about. */
  option: keyof SamplerOptions;
  /** Index in the option's list, where it is about one entry. */
  index?: number;
  /** What is wrong and what to do, without the option's name and value. */
  message: string;
  /** Whether the option itself must go, not its value. */
  whole?: boolean;
}

/** More noise levels than this are taken for a mistake. */
export const MAX_LEVELS = 10_000;

type Rule = (options: SamplerOptions, solver: Solver) => SamplerProblem | undefined;

const error = (id: string, option: keyof SamplerOptions, message: string, more: Partial<SamplerProblem> = {}) => ({
  id,
  severity: 'error' as const,
  option,
  message,
  ...more,
});

/** Options that `sigmas` takes the place of. */
const REPLACED = ['sigma_min', 'sigma_max', 'rho', 'disc'] as const satisfies readonly (keyof SamplerOptions)[];

/** Solvers that take an option, in words. */
function takersOf(option: keyof SamplerSettings): string {
  return SOLVERS.filter((solver) => SOLVER_FACTS[solver].takes.includes(option)).join(', ');
}

/** Why a solver does not take an option, beyond that others do. */
function reasonOf(option: keyof SamplerSettings, solver: Solver): string {
  const { fixedOrder, takes } = SOLVER_FACTS[solver];
  if (option === 'order') return `: its order is ${fixedOrder}`;
  if (option === 'S_churn' || option === 'churn')
    return takes.includes('eta') ? ': its noise is eta' : ': it is deterministic';
  if (option === 'eta') return takes.includes('S_churn') ? ': its noise is S_churn' : ': it is deterministic';
  if (option === 'schedule' || option === 'scaling') return ': its time is sigma itself';
  return '';
}

/** An option of other solvers. */
const foreign: Rule = (options, solver) => {
  const takes = new Set<keyof SamplerOptions>(SOLVER_FACTS[solver].takes);
  const all = new Set(SOLVERS.flatMap((other) => SOLVER_FACTS[other].takes));
  const option = [...all].find((name) => options[name] !== undefined && !takes.has(name));
  if (option === undefined) return undefined;
  const message = `${solver} does not take it${reasonOf(option, solver)}; it is for ${takersOf(option)}`;
  return error('foreign-option', option, message, { whole: true });
};

const order: Rule = ({ order: given }, solver) => {
  const range = SOLVER_FACTS[solver].order;
  if (given === undefined || !range) return undefined;
  if (Number.isInteger(given) && given >= range.least && given <= range.most) return undefined;
  return error('order-range', 'order', `${solver} has the orders ${range.least} to ${range.most}`);
};

const variant: Rule = ({ variant: given }, solver) => {
  const { variants } = SOLVER_FACTS[solver];
  if (given === undefined || !variants || variants.includes(given)) return undefined;
  return error('unknown-variant', 'variant', `the variants of ${solver} are ${variants.join(', ')}`);
};

/** Levels that fall from the first to the last, or to a 0 at the end. */
const falling: Rule = ({ sigmas }) => {
  if (!sigmas) return undefined;
  const levels = sigmas.at(-1) === 0 ? sigmas.slice(0, -1) : sigmas;
  if (levels.length < 2 || levels.length > MAX_LEVELS)
    return error('sigma-count', 'sigmas', `give 2 to ${MAX_LEVELS} noise levels above 0; these are ${levels.length}`);
  const bad = levels.findIndex((level) => !Number.isFinite(level) || level <= 0);
  if (bad >= 0) {
    const message = `noise level ${bad + 1} is ${levels[bad]}: every one must be a number above 0; only a last one may be 0`;
    return error('bad-sigma', 'sigmas', message, { index: bad });
  }
  const rising = levels.findIndex((level, i) => i > 0 && level >= levels[i - 1]!);
  if (rising < 0) return undefined;
  const message = `noise level ${rising + 1} (${levels[rising]}) is not below the one before (${levels[rising - 1]}): they must fall`;
  return error('sigmas-rise', 'sigmas', message, { index: rising });
};

const replaced: Rule = (options) => {
  const option = options.sigmas && REPLACED.find((name) => options[name] !== undefined);
  return option && error('sigmas-and', option, 'sigmas gives the noise levels itself; leave one of the two out', { whole: true }); // prettier-ignore
};

const steps: Rule = ({ sigmas, steps: given }) => {
  if (!sigmas || given === undefined || given === stepsOf({ sigmas })) return undefined;
  return error('steps-and-sigmas', 'steps', `sigmas has ${stepsOf({ sigmas })} noise levels, one for each step; leave steps out`); // prettier-ignore
};

/** A table with one entry for each step. */
function perStep(option: 'churn' | 'eta', list: readonly number[], options: SamplerOptions): SamplerProblem | undefined {
  const count = stepsOf(options);
  if (list.length !== count)
    return error('step-count', option, `it has ${list.length} numbers, and there are ${count} steps: give one for each`);
  return undefined;
} // prettier-ignore

const churn: Rule = (options) => {
  const { churn: list, S_churn } = options;
  if (!list) return undefined;
  if (S_churn !== undefined)
    return error('two-churns', 'churn', 'give churn (one number for each step) or S_churn (one for all), not both', { whole: true }); // prettier-ignore
  const bad = list.findIndex((value) => !Number.isFinite(value) || value < 0);
  if (bad >= 0) return error('bad-churn', 'churn', `number ${bad + 1} is ${list[bad]}: each must be at least 0`, { index: bad }); // prettier-ignore
  return perStep('churn', list, options);
};

/** eta is a standard deviation relative to sigma_next in the ancestral process, and a rate elsewhere. */
const eta: Rule = (options, solver) => {
  const { eta: given } = options;
  if (given === undefined) return undefined;
  const list = typeof given === 'number' ? [given] : given;
  const most = solver === 'euler-ancestral' ? 1 : Infinity;
  const bad = list.findIndex((value) => !Number.isFinite(value) || value < 0 || value > most);
  if (bad >= 0) {
    const range = most === 1 ? 'from 0 to 1, as sqrt(1 - eta^2) is taken' : 'at least 0';
    const which = typeof given === 'number' ? 'it' : `number ${bad + 1} is ${list[bad]}: each`;
    return error('bad-eta', 'eta', `${which} must be ${range}`, typeof given === 'number' ? {} : { index: bad });
  }
  return typeof given === 'number' ? undefined : perStep('eta', given, options);
};

const heunOn: Rule = ({ heun_on, schedule, scaling, alpha }) => {
  if (heun_on !== 'D') return undefined;
  const option =
    schedule !== undefined && schedule !== 'linear' ? 'schedule' : scaling === 'vp' ? 'scaling' : undefined;
  if (option) return error('heun-on-d', option, 'Heun on D has sigma itself as its time; leave it out, or heun_on');
  return alpha !== undefined && alpha !== 1 ? error('heun-on-d', 'alpha', 'Heun on D has alpha 1 only') : undefined;
};

/** A ramp that never reaches the order is said, not refused. */
const ramp: Rule = (options, solver) => {
  const { order: range, fixedOrder = 1, lowersAtEnd } = SOLVER_FACTS[solver];
  const wanted = options.order ?? range?.usual ?? fixedOrder;
  const count = stepsOf(options);
  // The last step, onto D, has order 1.
  const reached = lowersAtEnd ? Math.ceil(count / 2) : Math.max(count - 1, 1);
  if (SOLVER_FACTS[solver].evaluations > 1 || !Number.isInteger(wanted) || reached >= wanted) return undefined;
  return {
    id: 'order-ramp',
    severity: 'warning',
    option: options.order !== undefined ? 'order' : options.sigmas ? 'sigmas' : 'steps',
    message: `order ${wanted} of ${solver} is not reached in ${count} steps: the order rises by one with each evaluation and is 1 at the end, so it is ${reached} at most`,
  };
};

const RULES: readonly Rule[] = [foreign, order, variant, falling, replaced, steps, churn, eta, heunOn, ramp];

/**
 * What is wrong between sampler options. Each option's own range is for the schema, or `resolveSampler`.
 * @param options a solver that is unknown has no problem here
 */
export function samplerProblems(options: SamplerOptions): SamplerProblem[] {
  const solver = options.solver ?? DEFAULT_SOLVER;
  if (!SOLVERS.includes(solver)) return [];
  return RULES.map((rule) => rule(options, solver)).filter((problem) => problem !== undefined);
}

/** The first option with a value that generate.py does not have. */
export function beyondOriginal(options: SamplerOptions): keyof SamplerOptions | undefined {
  if (options.solver !== undefined && !isOriginal(options.solver)) return 'solver';
  if (options.disc !== undefined && !ORIGINAL_DISCRETIZATIONS.some((disc) => disc === options.disc)) return 'disc';
  return OWN_OPTIONS.find((name) => options[name] !== undefined);
}

/** `--order 5: unipc has the orders 2 to 3`, with the option as a command line or a config has it. */
export function problemText({ option, message }: SamplerProblem, options: SamplerOptions, dashes: '--' | ''): string {
  const value = optionText(options[option]);
  const shown = value.length > 40 ? `${value.slice(0, 40)}...` : value;
  return `${dashes}${option}${options[option] === undefined ? '' : ` ${shown}`}: ${message}`;
}

/** `NFE 8 with dpmpp-2m`. */
export function evaluationsText(options: SamplerOptions): string {
  const { solver = DEFAULT_SOLVER } = options;
  return `NFE ${nfe(stepsOf(options), solver)} with ${solver}`;
}
