/** File name patterns of `--output` and `--error`. */

/** What a pattern's letters stand for. */
export interface LogPathValues {
  /** Raw number of the job (`%j`), number of its array (`%A`) and of its task (`%a`). */
  job: string;
  array?: string;
  task?: string;
  name: string;
  user: string;
  /** Short name of the first node (`%N`). */
  node?: string;
}

/** What a letter stands for; undefined where that is unknown (yet). */
const LETTERS: Readonly<Record<string, ((values: LogPathValues) => string | undefined) | undefined>> = {
  A: ({ array, job }) => array ?? job,
  // Without an array, sbatch writes this number: NO_VAL.
  a: ({ array, task }) => task ?? (array === undefined ? '4294967294' : undefined),
  J: ({ job }) => job,
  j: ({ job }) => job,
  N: ({ node }) => node,
  n: () => '0',
  s: () => 'batch',
  t: () => '0',
  u: ({ user }) => user,
  x: ({ name }) => name,
};

const PATTERN = /%%|%(\d*)([AaJjNnstux])|%\d+/g;

/** Whether Slurm would write the logs of a folder elsewhere: it expands patterns and backslashes in the whole path. */
export function misleadsLogs(folder: string): boolean {
  return expandLogPath(folder, undefined, { job: '0', name: '', user: '' }) !== folder;
}

/**
 * The file that a job writes to, as sbatch(1) describes it under "filename pattern".
 * @returns undefined where the pattern names something that is unknown (yet)
 */
export function expandLogPath(pattern: string, folder: string | undefined, values: LogPathValues): string | undefined {
  const absolute = pattern.startsWith('/') ? pattern : folder === undefined ? undefined : `${folder}/${pattern}`;
  if (absolute === undefined) return undefined;
  // A backslash anywhere disables all replacement; it stands for the character after it.
  if (absolute.includes('\\')) return absolute.replace(/\\(.?)/gs, '$1');
  if (!absolute.includes('%')) return absolute;
  let known = true;
  const expanded = absolute.replace(PATTERN, (whole, width: string | undefined, letter: string | undefined) => {
    if (whole === '%%') return '%';
    // slurmstepd keeps the last digit of a width without a letter.
    if (letter === undefined) return whole.slice(-1);
    const value = LETTERS[letter]?.(values);
    if (value === undefined) known = false;
    if (value === undefined || !/^\d+$/.test(value)) return value ?? whole;
    return value.padStart(Math.min(Number(width), 10), '0');
  });
  return known ? expanded : undefined;
}
