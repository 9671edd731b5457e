/** Rules about the networks and references that EDM's authors publish. The checks are shared with run configs. */
import { EDM2_PRESETS, EDM2_TRAINING_PRESETS } from '../../published/edm2-presets';
import { contradictionOf, PUBLISHED_CHECKS, type Contradiction, type Sampling } from '../../published/published-checks';
import { isAddress, misnamedAddress, misnamedNetworkFile, networkNamed, referenceNamed, type Misnamed } from '../../published/published-names'; // prettier-ignore
import { editDistance } from '../../suggest';
import { optionOf, optionSpan, spellingOf, valueSpan, writtenValue, type Invocation, type LaunchOption } from '../reading/invocations'; // prettier-ignore
import { knownProgram, localOptions, optionMeant, type KnownProgram } from '../reading/known-programs';
import { readScript } from '../reading/read-script';
import { measurements, samplingRuns, type Measurement, type SamplingRun } from '../reading/sampling-runs';
import { perScript, type Script } from '../reading/script';
import type { ShellCommand } from '../reading/shell-command';
import type { Span } from '../reading/text';
import { replace } from './fixes';
import { BOTH, hit, links, type Hit, type Rule } from './rule';
import { alsoIn, SharedChanges } from './shared-names';

/** Rules about published networks. */
export const publishedRules: readonly Rule[] = [
  {
    id: 'published-name',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A published network or reference under a name that does not exist',
    why: 'The job waits for its GPUs and ends with a failed download, or with a file that is not there.',
    remedy: 'Take the published name.',
    link: links.edm,
    fixable: true,
    check: function* (script) {
      const changes = new SharedChanges(script);
      yield* misnamedAddresses(script, changes);
      yield* misnamedValues(script, changes);
    },
  },
  ...PUBLISHED_CHECKS.map((one): Rule => ({
    id: one.id,
    severity: one.severity,
    schedulers: BOTH,
    effect: 'runs',
    title: one.title,
    why: one.why,
    remedy: one.remedy,
    link: links.edm,
    fixable: true,
    check: function* (script) {
      if (one.id === 'reference-mismatch') yield* mismatches(script, one);
      for (const run of publishedRuns(script)) {
        // Against the reference is judged where it stands; steps and classes once for each run.
        const { reference } = pairsOf(script).measurementOf(run)[0] ?? {};
        const found = contradictionOf(one, samplingOf(run, reference));
        if (found && found.at !== 'reference') yield toHit(run.known, found);
      }
    },
  })),
];

type Check = (typeof PUBLISHED_CHECKS)[number];

function samplingOf(run: SamplingRun, reference: string | undefined): Sampling {
  return { network: run.network, reference, class: run.class, steps: run.steps };
}

/** The runs of published networks. */
const publishedRuns = perScript((script): readonly SamplingRun[] => {
  // Every published network has such a name: most scripts need no further look.
  if (!script.inLines(namesNetwork).length) return [];
  return samplingRuns(script).filter(({ network }) => network !== undefined && networkNamed(network));
});

const named = /(?:edm2?|baseline)-/;
const namesNetwork = (text: string): true | undefined => (named.test(text) ? true : undefined);

/** Which measurements are of the images of which runs: those of the same command, or of the same folder. */
const pairsOf = perScript((script) => ({
  measurementOf: partners(measurements(script)),
  runsOf: partners(samplingRuns(script)),
}));

/** For a run its measurements, or the other way round, in the order of the list. */
function partners<T extends SamplingRun | Measurement>(
  list: readonly T[],
): (of: SamplingRun | Measurement) => readonly T[] {
  const byFolder = new Map<string, T[]>();
  const byInvocation = new Map<Invocation, T>();
  for (const one of list) {
    byInvocation.set(one.known.invocation, one);
    if (one.folder === undefined) continue;
    const same = byFolder.get(one.folder);
    if (same) same.push(one);
    else byFolder.set(one.folder, [one]);
  }
  return ({ known, folder }) => {
    const same = folder === undefined ? [] : (byFolder.get(folder) ?? []);
    const own = byInvocation.get(known.invocation);
    if (!own || own.folder === folder) return own && !same.length ? [own] : same;
    return list.filter((one) => one === own || (folder !== undefined && one.folder === folder));
  };
}

/** Measurements whose reference fits none of the networks that make their images, here or in another script of the folder. */
function* mismatches(script: Script, check: Check): Generator<Hit> {
  for (const measurement of measurements(script)) {
    const { known, reference } = measurement;
    if (reference === undefined || !referenceNamed(reference)) continue;
    let runs = pairsOf(script).runsOf(measurement);
    let where = '';
    if (!runs.length) {
      const elsewhere = runsElsewhere(script, measurement);
      runs = elsewhere?.runs ?? [];
      where = elsewhere ? ` (its images are made in ${elsewhere.name})` : '';
    }
    const found = common(runs, reference, check);
    if (found) yield toHit(known, { ...found, message: found.message + where });
  }
}

/** What contradicts a reference in every run that it may be for: the first of them. */
function common(runs: readonly SamplingRun[], reference: string, check: Check): Contradiction | undefined {
  const known = contradictions.get(runs) ?? new Map<string, Contradiction | undefined>();
  contradictions.set(runs, known);
  if (known.has(reference)) return known.get(reference);
  const contradicted = (run: SamplingRun): Contradiction | undefined =>
    contradictionOf(check, samplingOf(run, reference));
  // A run whose network is not known, or fits, may be the one that is measured.
  const found = runs[0] && runs.every(contradicted) ? contradicted(runs[0]) : undefined;
  known.set(reference, found);
  return found;
}

/** For the runs of a folder, which many measurements share, what contradicts each reference. */
const contradictions = new WeakMap<readonly SamplingRun[], Map<string, Contradiction | undefined>>();

/** The runs that make the measured images, in another script of the folder. */
function runsElsewhere(script: Script, measured: Measurement): { name: string; runs: SamplingRun[] } | undefined {
  const { folder } = measured;
  // A name with a variable means something else in each script.
  if (folder === undefined || folder.includes('$')) return undefined;
  const found = (script.context.siblings?.() ?? []).flatMap(({ name, text }) => {
    if (!text.includes(folder)) return [];
    const other = readScript(text, { scheduler: script.scheduler });
    const runs = other ? samplingRuns(other).filter((run) => run.folder === folder) : [];
    return runs.length ? [{ name, runs }] : [];
  });
  // Of two scripts that fill one folder, nobody knows which has run.
  return found.length === 1 ? found[0] : undefined;
}

const optionNames: Readonly<Record<Contradiction['at'], readonly string[]>> = {
  network: ['network', 'net'],
  reference: ['ref'],
  class: ['class'],
  steps: ['steps'],
};

function toHit({ invocation }: KnownProgram, { at, severity, message, replacement }: Contradiction): Hit {
  const option = optionOf(invocation, ...(optionNames[at] ?? []));
  const value = option && valueSpan(option);
  const place = option ? optionSpan(option) : invocation.name;
  return hit(place, message, {
    severity,
    // A value that a variable holds is not changed here: others may use it.
    fix: replacement !== undefined && value && option.word.uses.length === 0 ? replace(value, replacement) : undefined,
  });
}

/** Where an address ends in shell code. A dollar sign belongs to it, so that one with a variable is known and left out. */
const address = /https?:\/\/[^\s"'`;|&<>()]+/gi;

/** Addresses of the authors' server, wherever they stand. */
function* misnamedAddresses(script: Script, changes: SharedChanges): Generator<Hit> {
  if (!script.inLines(holdsMisnamed).length) return;
  const words = [
    ...script.inCommands(withMisnamed).flatMap((command) => command.words),
    ...script.shell.assignments.map(({ value }) => value),
  ];
  for (const { raw, start } of words)
    for (const { found, index, length } of misnamedIn(raw)) {
      const span = { start: start + index, end: start + index + length };
      const written = script.text.slice(span);
      if (!changes.isFirst(written)) continue;
      const change = found.meant === undefined ? undefined : changes.change(written, found.meant, titleOf(found), span.start); // prettier-ignore
      yield misnamed(found, span, change);
    }
}

function holdsMisnamed(text: string): true | undefined {
  if (!text.includes('://')) return undefined;
  return [...text.matchAll(address)].some(([one]) => misnamedAddress(one)) ? true : undefined;
}

const withMisnamed = (command: ShellCommand): ShellCommand | undefined =>
  command.words.some(({ raw }) => misnamedIn(raw).length > 0) ? command : undefined;

/** The misnamed addresses in a word. */
function misnamedIn(raw: string): { found: Misnamed; index: number; length: number }[] {
  // What goes over several lines is another script.
  if (!raw.includes('://') || raw.includes('\n')) return [];
  return [...raw.matchAll(address)].flatMap(({ 0: written, index }) => {
    const found = /[$*?{]/.test(written) ? undefined : misnamedAddress(written);
    return found ? [{ found, index, length: written.length }] : [];
  });
}

/** Values of options that name networks, references and presets, where they do not stand as a whole address. */
function* misnamedValues(script: Script, changes: SharedChanges): Generator<Hit> {
  for (const { known, presets, files } of script.inInvocations(valuesMisnamed)) {
    for (const option of presets) yield* misnamedPreset(script, known, option);
    for (const { option, found } of files) {
      const place = valueSpan(option);
      if (place && changes.isFirst(found.name)) yield misnamed(found, optionSpan(option), partChange(found, script, place, changes)); // prettier-ignore
    }
  }
}

/** The options of a program whose values are no published names, though they may be meant so. */
function valuesMisnamed(invocation: Invocation): MisnamedValues | undefined {
  const known = invocation.program.endsWith('.py') ? knownProgram(invocation) : undefined;
  if (!known?.program.of.startsWith('EDM')) return undefined;
  const presets: LaunchOption[] = [];
  const files: MisnamedValues['files'] = [];
  for (const option of known.given) {
    const { value } = option;
    const raw = writtenValue(invocation, option);
    const meaning = optionMeant(known, spellingOf(option))?.meaning;
    if (value === undefined || raw === undefined || meaning === undefined) continue;
    if (meaning === 'preset' || meaning === 'training-preset') presets.push(option);
    if (meaning !== 'network' && meaning !== 'reference') continue;
    if (raw.includes(value) && isAddress(value)) continue;
    const found = isAddress(value) ? misnamedAddress(value) : meaning === 'network' ? misnamedNetworkFile(value) : undefined; // prettier-ignore
    if (found) files.push({ option, found });
  }
  return presets.length || files.length ? { known, presets, files } : undefined;
}

interface MisnamedValues {
  known: KnownProgram;
  presets: LaunchOption[];
  files: { option: LaunchOption; found: Misnamed }[];
}

type Change = ReturnType<SharedChanges['change']>;

function misnamed({ message, isCertain }: Misnamed, place: Span, change: Change | undefined): Hit {
  return hit(place, message + alsoIn(change?.others ?? []), { severity: isCertain ? 'warning' : 'info', fix: change?.fix }); // prettier-ignore
}

const fileOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function titleOf({ name, meant = '' }: Misnamed): string {
  return `Change to ${fileOf(meant) === name ? meant : fileOf(meant)}`;
}

/** Changes the name alone, where it stands in the value: what is before it may come from a variable. */
function partChange(
  { name, meant }: Misnamed,
  { text }: Script,
  place: Span,
  changes: SharedChanges,
): Change | undefined {
  const at = text.slice(place).indexOf(name);
  if (meant === undefined || at < 0 || fileOf(meant) === name) return undefined;
  return changes.change(name, fileOf(meant), `Change to ${fileOf(meant)}`, place.start + at);
}

const presets: Readonly<Record<string, readonly string[]>> = {
  'generate_images.py': [...EDM2_PRESETS.keys()],
  'train_edm2.py': [...EDM2_TRAINING_PRESETS.keys()],
};

/** A preset that is nearly one of EDM2's. Forks add their own: where the code is here, its names count. */
function* misnamedPreset(script: Script, known: KnownProgram, option: LaunchOption): Generator<Hit> {
  const names = presets[known.program.program] ?? [];
  const { value = '' } = option;
  const place = valueSpan(option);
  if (!place || names.includes(value)) return;
  const near = names.map((name) => ({ name, distance: editDistance(name, value, 4) })).sort((a, b) => a.distance - b.distance)[0]; // prettier-ignore
  if (!near || near.distance >= 4 || localOptions(script, known)?.strings.has(value)) return;
  const written = script.text.slice(place);
  yield hit(optionSpan(option), `${known.program.program} has no preset ${value}; did you mean ${near.name}?`, {
    fix: written.includes(value) ? replace({ start: place.start + written.indexOf(value), end: place.start + written.indexOf(value) + value.length }, near.name) : undefined,
  }); // prettier-ignore
}
