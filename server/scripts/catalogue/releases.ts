/** Releases of Slurm, and what is known to differ between them. Pure. */

/** Whether a version (`22.05.8`) came before a release (`24.11`). */
export function older(version: string, release: string): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  const [c = 0, d = 0] = release.split('.').map(Number);
  return a < c || (a === c && b < d);
}

/** The releases whose sbatch was asked (test/fixtures/scripts/verdicts*.json), oldest first. */
export const ASKED = ['20.11', '22.05', '24.11', '26.05'] as const;
type Release = (typeof ASKED)[number];

/** A form of the value of --gres that releases judge differently. */
export interface GresForm {
  form: RegExp;
  /** The releases of `ASKED` that refuse it. */
  refusedBy: readonly Release[];
  /** The same in a form that all of them take. */
  portable: (value: string) => string;
}

/** What remains is taken, or refused, by all of them. */
export const gresForms: readonly GresForm[] = [
  { form: /=\d+[kmgtp]?(?:,|$)/i, refusedBy: ['20.11', '22.05'], portable: (value) => value.replaceAll('=', ':') },
  { form: /(?:^|,)gres\//, refusedBy: ['20.11', '22.05'], portable: (value) => value.replace(/(^|,)gres\//g, '$1') },
  { form: /,$/, refusedBy: ['22.05'], portable: (value) => value.replace(/,+$/, '') },
  { form: /(?:^|,)gres:/, refusedBy: ['20.11', '24.11', '26.05'], portable: (value) => value.replace(/(^|,)gres:/g, '$1') }, // prettier-ignore
];

/**
 * What a release makes of something, by those on both sides of it that were asked.
 * @returns undefined where these differ, or the version is not known
 */
export function refuses(refusedBy: readonly Release[], version: string | undefined): boolean | undefined {
  if (version === undefined) return undefined;
  const before = ASKED.findLast((release) => !older(version, release)) ?? ASKED[0];
  const after = ASKED.find((release) => !older(release, version)) ?? ASKED[ASKED.length - 1];
  const [one, other] = [before, after].map((release) => refusedBy.includes(release));
  return one === other ? one : undefined;
}
