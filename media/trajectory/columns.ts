/** A trajectory in words: one column for each noise level, one row for each seed. No DOM. */
import type { TrajectoryResult } from '../../server/shared/protocol';
import { classText, type Fact, optionsText } from '../facts';

/** The numbers of one noise level; empty where there is none. */
export interface Column {
  /** `1`, `2`, …, at last `Image`. */
  title: string;
  sigma: string;
  nfe: string;
  r: string;
  /** Empty where the solver has none. */
  eta: string;
}

/** Four significant digits without trailing zeros. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** One column for each step, then the final images. */
export function columnsOf({ steps }: TrajectoryResult): Column[] {
  return steps.map(({ sigma, nfe, r, eta }, at) => ({
    title: at < steps.length - 1 ? String(at + 1) : 'Image',
    sigma: shortNumber(sigma),
    nfe: String(nfe),
    r: r === undefined ? '' : shortNumber(r),
    eta: eta === undefined ? '' : shortNumber(eta),
  }));
}

/** `Seed 3, class 2 (Pullover)`. */
export function seedText({ seeds, classes, classNames }: TrajectoryResult, row: number): string {
  const label = classes?.[row];
  return `Seed ${seeds[row]}${label === undefined ? '' : `, class ${classText(label, classNames)}`}`;
}

/** What a picture shows: its text alternative and tooltip. */
export function pictureText(trajectory: TrajectoryResult, row: number, at: number): string {
  const levels = trajectory.steps.slice(0, -1);
  const level = levels[at];
  const where = level
    ? `denoised at step ${at + 1} of ${levels.length}, sigma ${shortNumber(level.sigma)}`
    : 'final image';
  return `${seedText(trajectory, row)}: ${where}`;
}

/** What was sampled, for the head of the panel. */
export function trajectoryFacts({ seeds, steps, sampler, rng }: TrajectoryResult, network: string): Fact[] {
  return [
    ['Network', network],
    ['Seeds', seeds.join(', ')],
    ['Steps', String(steps.length - 1)],
    ['NFE', String(steps.at(-1)?.nfe ?? '')],
    ...(sampler ? [['Solver', sampler.title] as const, ['Options', optionsText({ ...sampler.options })] as const] : []),
    ['Random numbers', rng],
  ];
}

/** Side in CSS pixels at which a picture is shown: a whole multiple of its own, 48 or more where it is smaller. */
export function pictureSide(resolution: number): number {
  return resolution * Math.max(1, Math.ceil(48 / resolution));
}
