/** The samples panel: the images of a run as a grid, with what made them. */
import type { SamplesResult } from '../../server/shared/protocol';
import { button, element, factList, showText } from '../element';
import { countOf, countText, resultText } from '../../server/shared/number-text';
import { cautionText, classText, generateCommand, runFacts, unfinishedText, type Fact } from '../facts';
import { connect } from '../host';
import { keepScroll } from '../kept-scroll';
import type { FromSamples, ToSamples } from '../../server/shared/panel-protocol';
import { DetailsCache } from './details';
import { Enlargement, type Enlarged } from './enlargement';
import { SampleGrid, type Sample } from './grid';
import { nearestSize, tileSizes } from './layout';

/** What the panel remembers while it is hidden. */
interface PanelState {
  folder: string;
  /** Side of a tile in CSS pixels. */
  size: number;
  /** Longer side of the images, 0 until known. */
  native: number;
  /** Class label, or empty for all. */
  classFilter: string;
  /** File of the active tile. */
  active: string;
  /** How far the grid is scrolled. */
  scrollTop: number;
  scrollLeft: number;
}

const EMPTY: SamplesResult = { folder: '', title: 'Samples', images: [], changed: '', follow: [] };
/** How often the head is looked at again: what it says of a run depends on how long nothing came. */
const DESCRIBE_MS = 30_000;
const ALL_CLASSES = '';

const host = connect<ToSamples, FromSamples, PanelState>({
  folder: '',
  size: 84,
  native: 0,
  classFilter: ALL_CLASSES,
  active: '',
  scrollTop: 0,
  scrollLeft: 0,
});
const details = new DetailsCache((files) => host.post({ type: 'details', files }));
let samples = EMPTY;
let shown: readonly Sample[] = [];
let baseUri = '';
/** Position of the sample in the dialog. */
let enlargedAt = 0;

const title = element('h1', {}, 'Samples');
const facts = element('div', { class: 'fact-box' });
const values = element('p', { class: 'values' });
const notes = element('ul', { class: 'notes' });
const problem = element('p', { class: 'banner', role: 'alert', hidden: true });
const empty = element('p', { class: 'empty' }, 'Loading the samples…');
const classSelect = element('select', { id: 'class' });
const classField = element('div', { class: 'field' }, element('label', { for: 'class' }, 'Class'), classSelect);
const seedInput = element('input', { id: 'seed', type: 'text', inputmode: 'numeric', size: 8, autocomplete: 'off' });
const seedField = element(
  'div',
  { class: 'field' },
  element('label', { for: 'seed' }, 'Go to seed'),
  seedInput,
  button({ class: 'secondary' }, 'Go', goToSeed),
);
const zoom = element('input', { id: 'zoom', type: 'range', min: 0, step: 1 });
const zoomField = element(
  'div',
  { class: 'field zoom' },
  element('label', { for: 'zoom' }, 'Size'),
  button({ class: 'icon', 'aria-label': 'Smaller', title: 'Smaller (-)' }, '−', () => zoomBy(-1)),
  zoom,
  button({ class: 'icon', 'aria-label': 'Larger', title: 'Larger (+)' }, '+', () => zoomBy(1)),
);
const total = element('span', { class: 'total' });
const toolbar = element(
  'div',
  { class: 'toolbar', role: 'group', 'aria-label': 'View' },
  classField,
  seedField,
  zoomField,
  total,
);
const status = element('div', { class: 'status', role: 'status', 'aria-live': 'polite' });

const grid = new SampleGrid({
  urlOf,
  textOf,
  detailsOf: ({ file }) => details.get(file),
  seen: (files) => details.want(files),
  pointedAt: (sample) =>
    say(
      sample
        ? sampleFacts(sample)
            .map(([label, value]) => `${label} ${value}`)
            .join('  ·  ')
        : '',
    ),
  open: (position) => enlarge(position),
  activeChanged: (position) => {
    host.remember({ active: shown[position]?.file ?? '' });
    if (enlargement.isOpen) enlarge(position);
  },
});
const restoreScroll = keepScroll(grid.element, host);
const enlargement = new Enlargement({
  step(by) {
    const at = grid.active ? shown.indexOf(grid.active) : 0;
    grid.reveal(Math.min(Math.max(at + by, 0), shown.length - 1));
  },
  copy: (text) => host.post({ type: 'copy', text }),
  openFile: () => grid.active && host.post({ type: 'open', file: grid.active.file }),
  // The browser returns the focus to the tile that opened the dialog, but another one may be shown by now.
  closed: () => grid.focus(enlargedAt),
});

document.body.append(
  element('header', { class: 'head' }, title, values, facts, notes, toolbar),
  problem,
  empty,
  grid.element,
  status,
  enlargement.element,
);

function urlOf({ file }: Sample): string {
  return `${baseUri}/${file.split('/').map(encodeURIComponent).join('/')}`;
}

function textOf(sample: Sample): string {
  const seed = sample.seed ?? details.get(sample.file)?.seed;
  const label = details.get(sample.file)?.class;
  const parts = [seed === undefined ? sample.file : `Seed ${seed}`];
  if (label !== undefined) parts.push(`class ${classText(label, classNames())}`);
  return parts.join(', ');
}

function sampleFacts(sample: Sample): Fact[] {
  const known = details.get(sample.file);
  const seed = sample.seed ?? known?.seed;
  const list: Fact[] = [];
  if (seed !== undefined) list.push(['Seed', String(seed)]);
  if (known?.class !== undefined) list.push(['Class', classText(known.class, classNames())]);
  list.push(['File', sample.file]);
  if (known?.problem) list.push(['Problem', known.problem]);
  else if (known) list.push(['Size', `${known.width} × ${known.height}`]);
  return list;
}

function classNames(): readonly string[] | undefined {
  return samples.classNames ?? samples.manifest?.class_names;
}

function say(text: string): void {
  showText(status, text);
}

function enlarge(position: number): void {
  const sample = shown[position];
  if (!sample) return;
  enlargedAt = position;
  grid.reveal(position);
  details.want([sample.file]);
  const seed = sample.seed ?? details.get(sample.file)?.seed;
  const view: Enlarged = {
    url: urlOf(sample),
    text: textOf(sample),
    facts: [...sampleFacts(sample), ['Position', `${countText(position + 1)} of ${countText(shown.length)}`]],
    problem: details.get(sample.file)?.problem,
    seed,
    command: samples.manifest && seed !== undefined ? generateCommand(samples.manifest, seed) : undefined,
  };
  enlargement.show(view);
}

/** Fills the head: what the run was, what it measured and what is wrong with it. */
function describe(): void {
  const { manifest, images } = samples;
  showText(title, samples.title);
  const results = manifest?.results ?? [];
  showText(values, results.map(resultText).join('  ·  '));
  values.hidden = values.textContent === '';
  facts.replaceChildren(...(manifest ? [factList(runFacts(manifest))] : []));
  tellNotes();
  seedField.hidden = !images.some(({ seed }) => seed !== undefined);
}

/** How far the run got, and what its numbers cannot be compared with. */
function tellNotes(): void {
  const { manifest, images, changed } = samples;
  const extent = manifest && unfinishedText(manifest, { present: images.length, changed, now: Date.now() });
  const said = [extent, ...(manifest?.results ?? []).map(cautionText)].filter((text) => text !== undefined);
  const shownNow = [...notes.children].map(({ textContent }) => textContent);
  if (said.join('\n') !== shownNow.join('\n')) notes.replaceChildren(...said.map((text) => element('li', {}, text)));
  notes.hidden = said.length === 0;
}

function offerClasses(): void {
  const names = classNames();
  const labels = names ? names.map((_, label) => label) : details.classes();
  const wanted = host.state.classFilter;
  if (!names && wanted !== ALL_CLASSES && !labels.includes(Number(wanted))) labels.push(Number(wanted));
  classField.hidden = labels.length === 0;
  if (classSelect.options.length === labels.length + 1) return;
  const options = labels.map((label) => element('option', { value: label }, classText(label, names)));
  classSelect.replaceChildren(element('option', { value: ALL_CLASSES }, 'All'), ...options);
  classSelect.value = wanted;
}

/** Samples of the class that is chosen, as far as classes are known. */
function passing(): readonly Sample[] {
  const wanted = host.state.classFilter;
  if (wanted === ALL_CLASSES) return samples.images;
  return samples.images.filter(({ file }) => details.get(file)?.class === Number(wanted));
}

/** Shows the samples that pass the filter, with the one that was active last in sight. */
function applyFilter(): void {
  shown = passing();
  countShown();
  grid.show(shown, activePosition());
}

/** More classes have been read, or a run has made more images: the list grows, and the scroll position stays. */
function growShown(): void {
  const now = passing();
  if (now.length === shown.length) return countShown();
  const replaced = shown.length === 0 || now.length < shown.length;
  shown = now;
  countShown();
  if (replaced) grid.show(shown, activePosition());
  else grid.extend(shown, activePosition());
}

function activePosition(): number {
  return Math.max(
    0,
    shown.findIndex(({ file }) => file === host.state.active),
  );
}

/** Reads the classes of all images where a class is chosen, and stops where none is. */
function readClasses(): void {
  if (host.state.classFilter === ALL_CLASSES) details.stopScan();
  else details.scan(samples.images.map(({ file }) => file));
}

function countShown(): void {
  const all = samples.images.length;
  const files = samples.images.map(({ file }) => file);
  const read = host.state.classFilter === ALL_CLASSES ? all : details.knownOf(files);
  const extent =
    shown.length === all ? countOf(all, 'image') : `${countText(shown.length)} of ${countOf(all, 'image')}`;
  showText(total, read < all ? `${extent}, classes read of ${countText(read)}` : extent);
  grid.element.hidden = shown.length === 0;
  empty.hidden = shown.length > 0;
  if (all === 0) showText(empty, 'There is no image in this folder yet.');
  else if (read < all) showText(empty, 'Reading the classes of the images…');
  else showText(empty, 'No image of this class. Choose another class.');
}

function goToSeed(): void {
  const text = seedInput.value.trim();
  const at = shown.findIndex(({ seed }) => String(seed) === text);
  if (at >= 0) grid.focus(at);
  else if (!/^\d+$/.test(text)) say('Type a seed, such as 12');
  else if (samples.images.some(({ seed }) => String(seed) === text))
    say(`Seed ${text} has another class: choose All to see it`);
  else say(`No image with seed ${text} here${samples.manifest ? `: the seeds are ${samples.manifest.seeds}` : ''}`);
}

/** Offers the sizes that suit the images and takes the one nearest to the size chosen last. */
function applyZoom(): void {
  const sizes = tileSizes(host.state.native || undefined);
  const at = nearestSize(sizes, host.state.size);
  const size = sizes[at] ?? host.state.size;
  zoom.max = String(sizes.length - 1);
  zoom.value = String(at);
  zoom.setAttribute('aria-valuetext', `${size} pixels`);
  grid.resize(size);
}

function zoomBy(steps: number): void {
  const sizes = tileSizes(host.state.native || undefined);
  chooseZoom(nearestSize(sizes, host.state.size) + steps);
}

/** @param at position in the list of sizes; beyond its ends the first or the last size is meant */
function chooseZoom(at: number): void {
  const sizes = tileSizes(host.state.native || undefined);
  const size = sizes[Math.min(Math.max(at, 0), sizes.length - 1)];
  if (size !== undefined) host.remember({ size });
  applyZoom();
}

zoom.addEventListener('input', () => {
  chooseZoom(Number(zoom.value));
});

classSelect.addEventListener('change', () => {
  host.remember({ classFilter: classSelect.value });
  applyFilter();
  readClasses();
});

seedInput.addEventListener('keydown', (event) => {
  if (event.key === 'Enter') goToSeed();
});

document.addEventListener('keydown', (event) => {
  const typing = event.target instanceof HTMLInputElement && event.target.type === 'text';
  if (typing || enlargement.isOpen || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === '+' || event.key === '=') zoomBy(1);
  else if (event.key === '-') zoomBy(-1);
});

/** Without an answer, the problem is all that there is to show. */
function showProblem(text: string | undefined): void {
  showText(problem, text ?? '');
  problem.hidden = text === undefined;
  toolbar.hidden = samples === EMPTY;
  if (samples === EMPTY) empty.hidden = text !== undefined;
}

setInterval(tellNotes, DESCRIBE_MS);
host.listen({
  samples(message) {
    const again = message.samples.folder === host.state.folder;
    samples = message.samples;
    baseUri = message.baseUri.replace(/\/$/, '');
    if (!again) {
      // Nothing of another folder is looked for in this one.
      if (shown.length > 0) grid.show((shown = []));
      host.remember({ folder: samples.folder, native: 0, classFilter: ALL_CLASSES, active: '' });
    }
    showProblem(undefined);
    describe();
    offerClasses();
    applyZoom();
    if (again && shown.length > 0) growShown();
    else applyFilter();
    restoreScroll();
    readClasses();
  },
  details(message) {
    details.receive(message.details);
    const first = message.details.find(({ width }) => width > 0);
    if (first && host.state.native === 0) {
      host.remember({ native: Math.max(first.width, first.height) });
      applyZoom();
    }
    offerClasses();
    if (host.state.classFilter !== ALL_CLASSES) growShown();
    grid.refresh();
    if (enlargement.isOpen && grid.active) enlarge(shown.indexOf(grid.active));
  },
  gone(message) {
    details.fail();
    samples = EMPTY;
    enlargement.close();
    describe();
    applyFilter();
    showProblem(message.message);
  },
  problem(message) {
    details.fail();
    showProblem(message.message);
  },
});
