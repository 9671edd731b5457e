/**
 * Files that are named like images of a set and are none: what file managers and notebooks leave, and what a run keeps beside
 * its images. They are told by content or by names that only those programs use.
 */

/** Names of folders and files that other programs leave, and whose they are. */
const JUNK: readonly { is: (part: string) => boolean; whose: string }[] = [
  { is: (part) => part === '__MACOSX' || part.startsWith('._') || part === '.DS_Store', whose: 'macOS' },
  { is: (part) => part === '.ipynb_checkpoints', whose: 'Jupyter' },
  { is: (part) => part === '@eaDir', whose: 'a NAS' },
  { is: (part) => part === '.thumbnails' || part === 'Thumbs.db', whose: 'a file manager' },
];

/** Files that tell a run or a folder of generated images, by their content. */
export const MARKERS: readonly string[] = ['run.json', 'generation.json'];

/** Folder of a run that has its images. */
const IMAGES = 'images/';
/** Most bytes of a marker. */
const MAX_MARKER = 2 ** 26;
/** Keys that every run's manifest has. */
const MANIFEST_KEYS = ['version', 'started', 'config', 'code', 'seeds'];

/** A file of a set. */
interface File {
  name: string;
  size: number;
  read(): Promise<Buffer>;
}

/** Whose file it is, if it is another program's; undefined for all others. @param name path separated by `/` */
export function junkIn(name: string): string | undefined {
  const parts = name.split('/');
  return JUNK.find(({ is }) => parts.some(is))?.whose;
}

/**
 * The files without those that a run keeps beside its `images/`, e.g. its grid. A run is told by its manifest or by the
 * settings that generation left in `images/`, wherever in the set it lies.
 * @param junk paths that were left out already
 * @param set how notes name the set
 * @returns what is left, and what was left out in sentences
 */
export async function withoutRest<T extends File>(
  files: readonly T[],
  junk: readonly string[],
  set: string,
): Promise<{ kept: T[]; notes: string[] }> {
  const runs = await runsIn(files);
  const beside = files.filter(
    ({ name }) => !isMarkerOf(name) && runs.some((run) => name.startsWith(run) && !name.startsWith(run + IMAGES)),
  );
  const kept = beside.length === 0 ? [...files] : files.filter((file) => !beside.includes(file));
  const notes: string[] = [];
  for (const { whose } of JUNK) {
    const names = junk.filter((name) => junkIn(name) === whose);
    if (names.length > 0) notes.push(`Left out of ${set}, as they are ${whose}'s and no images: ${listed(names)}`);
  }
  if (beside.length > 0) {
    const names = listed(beside.map(({ name }) => name));
    notes.push(`${set} is a run or has some: its images were taken, and not what lies beside them (${names})`);
  }
  return { kept, notes };
}

/** Folders of runs that hold images, each empty or with a `/` at its end. */
async function runsIn<T extends File>(files: readonly T[]): Promise<string[]> {
  const runs: string[] = [];
  for (const file of files) {
    if (!isMarkerOf(file.name)) continue;
    const folder = file.name.slice(0, file.name.lastIndexOf('/') + 1);
    const isSettings = file.name.endsWith('generation.json');
    if (isSettings && !`/${folder}`.endsWith(`/${IMAGES}`)) continue;
    const run = isSettings ? folder.slice(0, -IMAGES.length) : folder;
    if (runs.includes(run) || !files.some(({ name }) => name.startsWith(run + IMAGES))) continue;
    const value = await jsonOf(file);
    if (value && (isSettings ? 'steps' in value : MANIFEST_KEYS.every((key) => key in value))) runs.push(run);
  }
  return runs;
}

function isMarkerOf(name: string): boolean {
  return MARKERS.includes(name.slice(name.lastIndexOf('/') + 1));
}

/** What a marker holds; undefined if that is no object. */
async function jsonOf(file: File): Promise<object | undefined> {
  if (file.size > MAX_MARKER) return undefined;
  try {
    const value: unknown = JSON.parse((await file.read()).toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined; // Somebody else's file of that name tells nothing.
  }
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
