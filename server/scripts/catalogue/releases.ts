/** Releases of Slurm, and the differences that are known between them. */

/** Whether a version (`22.05.8`) came before a release (`24.11`). */
export function older(version: string, release: string): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  const [c = 0, d = 0] = release.split('.').map(Number);
  return a < c || (a === c && b < d);
}

/** The releases whose sbatch was tested (test/fixtures/scripts/verdicts*.json), oldest first. */
const TESTED = ['20.11', '22.05', '24.11', '26.05'] as const;
const [OLDEST, , , NEWEST] = TESTED;
type Release = (typeof TESTED)[number];

/** A form of the value of --gres that releases judge differently. */
interface GresForm {
  form: RegExp;
  /** The tested releases that refuse it. */
  refusedBy: readonly Release[];
  /** The same in a form that all of them accept. */
  portable: (value: string) => string;
}

/** The forms that only some of the tested releases accept. */
export const gresForms: readonly GresForm[] = [
  { form: /=\d+[kmgtp]?(?:,|$)/i, refusedBy: ['20.11', '22.05'], portable: (value) => value.replaceAll('=', ':') },
  { form: /(?:^|,)gres\//, refusedBy: ['20.11', '22.05'], portable: (value) => value.replace(/(^|,)gres\//g, '$1') },
  { form: /,$/, refusedBy: ['22.05'], portable: (value) => value.replace(/(?<!,),+$/, '') },
  { form: /(?:^|,)gres:/, refusedBy: ['20.11', '24.11', '26.05'], portable: (value) => value.replace(/(^|,)gres:/g, '$1') }, // prettier-ignore
];

/**
 * Whether a release refuses something, by the verdicts of the tested releases just before and just after it.
 * @returns undefined where those two differ, or the version is not known
 */
export function refuses(refusedBy: readonly Release[], version: string | undefined): boolean | undefined {
  if (version === undefined) return undefined;
  const before = TESTED.findLast((release) => !older(version, release)) ?? OLDEST;
  const after = TESTED.find((release) => !older(release, version)) ?? NEWEST;
  const [one, other] = [refusedBy.includes(before), refusedBy.includes(after)];
  return one === other ? one : undefined;
}
