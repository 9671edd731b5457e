/** A run or a result in words: the one place where commits, settings and counts become text. No DOM. */
import { nfe, PUBLISHED_NUM, stepsOf } from '../server/shared/defaults';
import { durationText } from '../server/shared/progress';
import { optionText, SAMPLER_OPTIONS as ALL_OPTIONS, SOLVERS } from '../server/shared/sampler-options';
import { countOf, countText, withError } from '../server/shared/number-text';
import type { HistoryRecord, RunManifest } from '../server/shared/protocol';

/** A label and what it says, for a description list. */
export type Fact = readonly [label: string, value: string];
type Code = HistoryRecord['code'];
type Network = NonNullable<HistoryRecord['network']>;
type Sampler = NonNullable<HistoryRecord['sampler']>;

/** The sampler options besides `steps`, generate.py's first. */
const SAMPLER_OPTIONS = ALL_OPTIONS.filter((name) => name !== 'steps');

/** A metric's value with its standard error, or with six significant digits where that is not known. */
export function valueText(value: number, error?: number): string {
  return error === undefined ? value.toPrecision(6) : withError(value, error);
}

/** Why a number must not be compared with published ones, or undefined where it may. */
export function cautionText(record: Pick<HistoryRecord, 'metric' | 'num'>): string | undefined {
  if (record.metric !== 'FID' || record.num >= PUBLISHED_NUM) return undefined;
  return `FID over ${countText(record.num)} images: not comparable with published values over ${countText(PUBLISHED_NUM)}`;
}

/** Whether the code was the commit's, in words. */
export function workTreeText(code: Pick<Code, 'dirty'>): string {
  return code.dirty ? 'uncommitted changes' : 'clean';
}

/** ISO 8601 -> `2026-11-20 14:03 UTC` or, with another offset, `2026-11-20 14:03 +01:00`; anything else as it is. */
export function dateText(iso: string): string {
  const parts = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.exec(iso);
  if (!parts) return iso;
  const utc = parts[3] === 'Z' || parts[3] === '+00:00';
  return `${parts[1]} ${parts[2]} ${utc ? 'UTC' : parts[3]}`;
}

/** `3 (Dress)`, or the number alone where the class has no name. */
export function classText(label: number, names: readonly string[] | undefined): string {
  const name = names?.[label];
  return name ? `${label} (${name})` : String(label);
}

/** The options that were given; what is absent had generate.py's default. */
export function optionsText(options: Readonly<Record<string, unknown>>): string {
  const given = SAMPLER_OPTIONS.filter((name) => isOption(options[name])).map(
    (name) => `${name} ${optionText(options[name])}`,
  );
  return given.length ? given.join(', ') : 'defaults of generate.py';
}

/** `18 (NFE 35)`. */
function stepsText(sampler: Pick<Sampler, 'steps' | 'nfe'>): string {
  return `${sampler.steps} (NFE ${sampler.nfe})`;
}

/** Name, the commit that trained the network where it is known, and code that somebody accepted. */
export function networkText(network: Network): string {
  const { name, training_commit: trained, accepted_code: accepted } = network;
  const other = accepted ? `, its own source accepted (${accepted.slice(0, 3).join(', ')})` : '';
  return `${name}${trained ? `, trained at ${trained.slice(0, 7)}` : ''}${other}`;
}

/** First eight digits of a digest: enough to tell two files apart by eye. */
export function digestText(sha256: string): string {
  return sha256.slice(0, 8);
}

/** Everything that one number depends on, the most important first. */
export function recordFacts(record: HistoryRecord): Fact[] {
  const { code, sampler, detector, reference, seconds } = record;
  const facts: Fact[] = [
    ['Commit', `${code.short} ${code.subject}`],
    ['Author', code.author],
    ['Date', dateText(code.date)],
    ['Work tree', workTreeText(code)],
    ['Config', record.name],
  ];
  if (record.network) facts.push(['Network', networkText(record.network)]);
  if (sampler) {
    facts.push(
      ['Steps', stepsText(sampler)],
      ['Sampler', optionsText({ ...sampler })],
      ['Random numbers', sampler.rng],
    );
  }
  if (record.seeds !== undefined) facts.push(['Seeds', record.seeds]);
  if (record.class !== undefined) facts.push(['Class', String(record.class)]);
  facts.push(
    ['Detector', `${detector.name} (${digestText(detector.sha256)})`],
    [
      'Reference',
      `${reference.name} (${digestText(reference.sha256)}${reference.num ? `, ${countOf(reference.num, 'image')}` : ''})`,
    ],
    ['N', countText(record.num)],
    ...(record.repeats ? [['Least of', record.repeats.map((value) => valueText(value)).join(', ')] as const] : []),
    ['Measured', dateText(record.time)],
    ['Device', record.device],
    [
      'Duration',
      `${seconds.generate === undefined ? '' : `${durationText(seconds.generate)} generating, `}${durationText(seconds.measure)} measuring`,
    ],
  );
  return facts;
}

/** What the images of a run were made with, for the head of the samples panel. */
export function runFacts(manifest: RunManifest): Fact[] {
  const { code, config } = manifest;
  const measured = manifest.results?.[0]?.sampler;
  const sampler: Readonly<Record<string, unknown>> = measured ? { ...measured } : config;
  const steps = stepsOf(sampler);
  const solver = SOLVERS.find((name) => name === sampler.solver);
  const evaluations = measured?.nfe ?? nfe(steps, solver);
  const facts: Fact[] = [
    ['Commit', `${code.short} ${code.subject}`],
    ['Work tree', workTreeText(code)],
    ['Network', networkText(manifest.network)],
    ['Steps', stepsText({ steps, nfe: evaluations })],
    ['Seeds', manifest.seeds],
    ['Sampler', optionsText(sampler)],
  ];
  if (typeof config.class === 'number') facts.push(['Class', classText(config.class, manifest.class_names)]);
  return facts;
}

/** A run that wrote nothing for so long is not called running any more: whoever made it may be gone. */
const SILENT_MS = 5 * 60_000;

/** What is known of the folder of a run besides its manifest. */
interface FolderFacts {
  /** Images in it. */
  present: number;
  /** When anything in it changed last, ISO 8601. */
  changed: string;
  /** Milliseconds since 1970. */
  now: number;
}

/** How far a run got whose images are not all there, in words; undefined where nothing is missing. */
export function unfinishedText(manifest: RunManifest, { present, changed, now }: FolderFacts): string | undefined {
  const { status, images, error, dispatch } = manifest;
  const extent =
    images === undefined ? countOf(present, 'image') : `${countText(present)} of ${countOf(images, 'image')}`;
  switch (status) {
    case 'complete':
      if (images === undefined || present >= images) return undefined;
      return dispatch === undefined
        ? `Complete, but only ${extent} are here`
        : `Complete; ${extent} are here. "Results" above the config fetches the others`;
    case 'running':
      return now - Date.parse(changed) < SILENT_MS
        ? `Still running: ${extent}`
        : `Not finished: ${extent}, and nothing new since ${minuteText(changed)}. If it is not running any more, run the config again to continue`;
    case 'cancelled':
      return `Cancelled: ${extent}`;
    case 'failed':
      return `Failed: ${extent}${error ? `. ${error}` : ''}`;
    case 'unknown':
      return `Not known how it ended: ${extent}${error ? `. ${error}` : ''}. "Results" above the config looks again`;
  }
}

/** A moment in this machine's time: `2026-11-20 14:03`. */
function minuteText(iso: string): string {
  const local = new Date(Date.parse(iso));
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = [local.getFullYear(), two(local.getMonth() + 1), two(local.getDate())].join('-');
  return `${date} ${two(local.getHours())}:${two(local.getMinutes())}`;
}

/**
 * The command that makes the image of one seed again, for a POSIX shell at the repository's top.
 * A network path is relative to the run config, so the config's folder is put before it.
 */
export function generateCommand(manifest: RunManifest, seed: number): string {
  const { config } = manifest;
  const named = typeof config.network === 'string' ? config.network : manifest.network.name;
  const inPlace = /^(embedded:|~\/|\/|\\|[A-Za-z]:[\\/])/.test(named);
  const folder = manifest.config_file?.replace(/(?<![^/])[^/]*$/, '') ?? '';
  const rng = config.rng ?? manifest.results?.[0]?.sampler?.rng;
  const options: [name: string, value: unknown][] = [
    ['network', inPlace ? named : folder + named],
    ['outdir', 'out'],
    ['seeds', seed],
    ['steps', config.steps],
    ['class', config.class],
    ...SAMPLER_OPTIONS.map((name): [string, unknown] => [name, config[name]]),
    ['rng', rng],
  ];
  const given = options.filter(([, value]) => isOption(value));
  return ['edm-workbench generate', ...given.map(([name, value]) => `--${name} ${quoted(optionText(value))}`)].join(
    ' ',
  );
}

function isOption(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || Array.isArray(value);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
