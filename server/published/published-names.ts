/** From what a command line or a config says to a published network or reference, and from a misspelt name to the right one. */
import { didYouMean, editDistance } from '../suggest';
import { edm2Network } from './edm2-presets';
import { DATASETS, HOST, type PublishedNetwork, type PublishedReference } from './published-facts';
import { NETWORKS, REFERENCES } from './published-networks';

const EXTENSION = /\.(?:pkl|onnx|safetensors|pt|npz)$/i;
const networks = new Map(NETWORKS.map((network) => [network.name, network]));
const references = new Map(REFERENCES.map((reference) => [reference.name, reference]));

/** A file's name as figures are listed by: without folders, the query of an address, and the extension. */
function stemOf(given: string): string {
  const path = withoutQuery(given);
  return path.slice(path.lastIndexOf('/') + 1).replace(EXTENSION, '');
}

const withoutQuery = (given: string): string => (isAddress(given) ? (given.split(/[?#]/, 1)[0] ?? given) : given);

/** Whether something is given by its address. */
export function isAddress(given: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(given);
}

/** The published network of that file name; a network under another name is not known. */
export function networkNamed(given: string): PublishedNetwork | undefined {
  const stem = stemOf(given);
  return networks.get(stem) ?? edm2Network(stem);
}

/** The published reference of that file name. EDM2's are called so shortly that only a file of statistics counts. */
export function referenceNamed(given: string): PublishedReference | undefined {
  return EXTENSION.test(withoutQuery(given)) ? references.get(stemOf(given)) : undefined;
}

/** The reference that a network's figures are measured against. */
export function referenceOf({ reference }: PublishedNetwork): PublishedReference | undefined {
  return references.get(reference);
}

/** The addresses of everything that is offered, for completion. */
export function addressesOf(kind: 'network' | 'reference'): { address: string; detail: string }[] {
  const all = kind === 'network' ? NETWORKS : REFERENCES;
  return all.flatMap((one) => {
    if (one.address === undefined) return [];
    const [figure] = 'figures' in one ? one.figures : [];
    const says = figure ? `${figure.metric} ${figure.value}` : '';
    return [{ address: one.address, detail: [DATASETS[one.dataset].title, says].filter(Boolean).join(', ') }];
  });
}

/** A name or address that nothing is published under. */
export interface Misnamed {
  /** The name of the file, as written. */
  name: string;
  /** One sentence, no full stop. */
  message: string;
  /** The address, or the path, that was probably meant. */
  meant?: string;
  /** Whether nothing can be there; else it only looks so. */
  isCertain: boolean;
}

/** Where an address leads: `https://HOST/FOLDER/NAME`. */
const ADDRESS = /^https?:\/\/([^/\s]+)\/([^?#\s]*)(?:[?#].*)?$/i;

/** The folders whose every file is in the tables, with what they hold. */
const LISTED = new Map<string, 'network' | 'reference'>([
  ['edm/pretrained/', 'network'],
  ['edm/pretrained/baseline/', 'network'],
  ['edm/fid-refs/', 'reference'],
]);
/** Folders of EDM2, of whose files the tables know some. */
const PARTLY_LISTED = new Map<string, 'network' | 'reference'>([
  ['edm2/posthoc-reconstructions/', 'network'],
  ['edm2/dataset-refs/', 'reference'],
]);

const offered = new Map(
  (['network', 'reference'] as const).map((kind) => [
    kind,
    new Map(addressesOf(kind).map(({ address }) => [address.slice(address.lastIndexOf('/') + 1), address])),
  ]),
);
const allOffered = new Map([...offered.values()].flatMap((files) => [...files]));

/** What is wrong with an address that is meant as one of the authors'; undefined for any other address. */
export function misnamedAddress(address: string): Misnamed | undefined {
  const [, host = '', path = ''] = ADDRESS.exec(address) ?? [];
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!name) return undefined;
  const found = (message: string, meant: string | undefined, isCertain = true): Misnamed => ({
    name,
    message: `${message}${meant === undefined ? '' : `; did you mean ${meantName(meant, name)}?`}`,
    isCertain,
    ...(meant !== undefined && { meant }),
  });
  if (host.toLowerCase() !== HOST) {
    // Mirrors have names of their own: only a slip of the fingers counts.
    const meant = allOffered.get(name);
    const isSlip = editDistance(host.toLowerCase(), HOST, 4) < 4;
    return meant !== undefined && isSlip ? found(`${host} is not the server of ${name}`, meant) : undefined;
  }
  const folder = path.slice(0, path.length - name.length);
  const kind = LISTED.get(folder);
  const files = offered.get(kind ?? PARTLY_LISTED.get(folder) ?? 'network') ?? new Map<string, string>();
  const there = allOffered.get(name);
  if (there !== undefined) return there.endsWith(`/${path}`) ? undefined : found(`${name} is not in ${folder}`, there);
  if (kind) {
    const near = didYouMean(name, [...files.keys()]);
    return found(`No ${kind} is published as ${name}`, near && files.get(near));
  }
  // Of the other folders only a part is known, and many other files are on that server.
  if (!PARTLY_LISTED.has(folder) || edm2Network(stemOf(name))) return undefined;
  const near = [...files.keys()].find((known) => editDistance(known, name, 3) < 3);
  return near === undefined ? undefined : found(`No file is known as ${name} there`, files.get(near), false);
}

/** How a message says what was meant: a name alone where only the name differs. */
function meantName(meant: string, name: string): string {
  const file = meant.slice(meant.lastIndexOf('/') + 1);
  return file === name ? meant : file;
}

/**
 * A network's file whose name is one slip away from a published one. Names of one's own that only add to a published name do
 * not count, nor do references, which everyone makes.
 */
export function misnamedNetworkFile(path: string): Misnamed | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!/^\w+-.*\.pkl$/.test(name) || networkNamed(name)) return undefined;
  const near = NETWORKS.find(
    (known) => editDistance(`${known.name}.pkl`, name, 2) < 2 && !name.includes(known.name.replace(/^[^-]+-/, '')),
  );
  if (!near) return undefined;
  const meant = `${path.slice(0, path.length - name.length)}${near.name}.pkl`;
  return {
    name,
    message: `No network is published as ${name}; did you mean ${near.name}.pkl?`,
    meant,
    isCertain: false,
  };
}
