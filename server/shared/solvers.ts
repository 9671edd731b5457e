/** The solvers as data: what each is, which options it takes, and what a step of it costs. The numbers of a step are made in diffusion. */
import type { SamplerSettings, Solver, Variant } from './sampler-options';

/** One solver. */
export interface SolverFacts {
  /** Its name in the literature. */
  title: string;
  /** One step in the words of the lecture: r = sigma_next / sigma, D = D(x; sigma), d = (x - D) / sigma, h = ln(sigma / sigma_next). */
  formula: string;
  /** Where the formula is from. */
  source: string;
  /** Network evaluations of a step that does not end at 0. The step to 0 takes one with every solver. */
  evaluations: 1 | 2;
  /** Sampler options that not every solver takes. */
  takes: readonly (keyof SamplerSettings)[];
  /** Least, greatest and usual order, where `order` is an option; a fixed order otherwise. */
  order?: { least: number; most: number; usual: number };
  /** Evaluations that a step combines, where `order` is no option. */
  fixedOrder?: number;
  /** Whether the order falls towards the last step. */
  lowersAtEnd?: boolean;
  /** Forms of it, the usual one first. */
  variants?: readonly [Variant, ...Variant[]];
  /** What `eta` is where none is given; undefined: each step's own (`formula`). */
  usualEta?: number;
}

/** Options of the stochastic sampler of Karras et al. 2022, algorithm 2. */
const CHURN = ['S_churn', 'S_min', 'S_max', 'S_noise', 'churn'] as const;
/** Options of sigma(t) and s(t), which a solver that works on sigma itself does not have. */
const PROCESS = ['schedule', 'scaling', 'alpha'] as const;

/** All solvers. Each step to noise level 0 goes onto D, as in k-diffusion and diffusers. */
export const SOLVER_FACTS: Readonly<Record<Solver, SolverFacts>> = {
  heun: {
    title: 'Heun (EDM)',
    formula: "x' = x + (sigma_next - sigma) d;  x_next = x + (sigma_next - sigma) (d + d') / 2",
    source: 'Karras et al. 2022, algorithms 1 and 2',
    evaluations: 2,
    takes: [...CHURN, ...PROCESS, 'heun_on'],
    fixedOrder: 2,
  },
  euler: {
    title: 'Euler (DDIM)',
    formula: 'x_next = x + (sigma_next - sigma) d = r x + (1 - r) D',
    source: 'Karras et al. 2022, algorithm 1 without its second half; Song et al. 2021 (DDIM), equation 13',
    evaluations: 1,
    takes: [...CHURN, ...PROCESS],
    fixedOrder: 1,
  },
  'euler-ancestral': {
    title: 'Ancestral Euler',
    formula:
      'x_next = sigma_next (sqrt(rho_next) - sqrt(rho) sqrt(1 - eta^2)) D + r sqrt(1 - eta^2) x + sigma_next eta noise;  rho = alpha^2 / sigma^2',
    source: 'the discrete ancestral process in its general form; eta = sqrt(1 - r^2) is Ho et al. 2020 (DDPM), equation 7',
    evaluations: 1,
    takes: ['eta', 'S_noise', 'scaling'],
    fixedOrder: 1,
  },
  'dpmpp-2m': {
    title: 'DPM-Solver++(2M)',
    formula: 'x_next = r x + (1 - r) (D + (h / (2 h_before)) (D - D_before))',
    source: 'Lu et al. 2022 (arXiv 2211.01095), algorithm 2',
    evaluations: 1,
    takes: [],
    fixedOrder: 2,
    lowersAtEnd: true,
  },
  'dpmpp-3m': {
    title: 'DPM-Solver++(3M)',
    formula: 'x_next = r x - phi_1 D + phi_2 D1 - phi_3 D2;  phi_1 = r - 1, phi_2 = phi_1 / h + 1, phi_3 = phi_2 / h - 1/2',
    source: "Lu et al. 2022 (arXiv 2211.01095), the authors' multistep_dpm_solver_third_update",
    evaluations: 1,
    takes: ['variant'],
    fixedOrder: 3,
    lowersAtEnd: true,
    variants: ['published', 'exact'],
  },
  'sde-dpmpp-2m': {
    title: 'SDE-DPM-Solver++(2M)',
    formula:
      'x_next = r exp(-eta h) x + (1 - exp(-(1 + eta) h)) (D + (h / (2 h_before)) (D - D_before)) + sigma_next sqrt(1 - exp(-2 eta h)) noise',
    source: 'Lu et al. 2022 (arXiv 2211.01095), equation 18 at eta 1; k-diffusion, sample_dpmpp_2m_sde',
    evaluations: 1,
    takes: ['eta', 'S_noise', 'variant'],
    fixedOrder: 2,
    lowersAtEnd: true,
    variants: ['midpoint', 'heun'],
    usualEta: 1,
  },
  unipc: {
    title: 'UniPC',
    formula: 'UniC: x = r_before x_before - phi_1 D_before - B(h) sum(c_k D1_k), with the new D;  UniP: x_next = r x - phi_1 D - B(h) sum(p_k D1_k)',
    source: 'Zhao et al. 2023 (arXiv 2302.04867), equations 3 and 9, data prediction of appendix A',
    evaluations: 1,
    takes: ['order', 'variant'],
    order: { least: 2, most: 3, usual: 3 },
    lowersAtEnd: true,
    variants: ['bh2', 'bh1'],
  },
  deis: {
    title: 'DEIS (log-rho)',
    formula: 'x_next = x + sum(c_j d_j);  c_j = integral of the Lagrange polynomial in ln sigma over the step',
    source: 'Zhang and Chen 2023 (arXiv 2204.13902), equation 15; ln sigma as in diffusers',
    evaluations: 1,
    takes: ['order'],
    order: { least: 1, most: 3, usual: 3 },
    lowersAtEnd: true,
  },
  ipndm: {
    title: 'iPNDM',
    formula: 'x_next = x + (sigma_next - sigma) (55 d - 59 d_1 + 37 d_2 - 9 d_3) / 24 (order 4)',
    source: 'Zhang and Chen 2023 (arXiv 2204.13902), appendix on iPNDM; Liu et al. 2022 (arXiv 2202.09778), equation 12',
    evaluations: 1,
    takes: ['order'],
    order: { least: 1, most: 4, usual: 4 },
  },
  ab: {
    title: 'Adams-Bashforth',
    formula: 'x_next = x + sum(c_j d_j);  c_j = integral of the Lagrange polynomial in sigma over the step',
    source: 'Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, III.5; rho-AB-DEIS of arXiv 2204.13902',
    evaluations: 1,
    takes: ['order'],
    order: { least: 1, most: 4, usual: 4 },
  },
}; // prettier-ignore

/** The solver of generate.py where none is named. */
export const DEFAULT_SOLVER: Solver = 'heun';

/** Whether generate.py has the solver. */
export function isOriginal(solver: Solver): boolean {
  return solver === 'heun' || solver === 'euler';
}
