/** What a run needs, wherever it is: embedded, a file, or an address. A name is resolved once, into an `Input`. */
import path from 'node:path';
import { packageRoot } from '../package-root';
import { importedModel } from '../compute/imported-model';
import { cachedDownload } from '../download/download-cache';
import { download } from '../download/download';
import { isUrl, parseUrl, urlFileName } from '../download/url';
import { UserError } from '../errors';
import { EMBEDDED_NAMES, type EmbeddedName } from '../shared/embedded';
import type { TaskControl } from '../shared/progress';
import type { MetricConfig } from '../shared/schema-types.gen';
import { didYouMean } from '../suggest';

/** What an input is for. */
export type Role = 'network' | 'detector' | 'reference';

/** A network, a detector or reference statistics: where it is, and what it is called. */
export type Input = {
  role: Role;
  /** As the user wrote it. */
  given: string;
  /** What records and messages call it: its embedded name, or the name of its file. */
  name: string;
} & (
  | { kind: 'embedded' | 'file'; /** Absolute path. */ file: string }
  | { kind: 'url'; /** Normalised https address. */ url: string }
);

const PREFIX = 'embedded:';
/** Files in server/model, by embedded name and role. */
const MODELS: Readonly<Record<EmbeddedName, Record<Role, string>>> = {
  'embedded:fashion-mnist': { network: 'denoiser.onnx', detector: 'detector.onnx', reference: 'reference.npz' },
};

/** True for the name of something that comes with the workbench; an embedded reference knows its own detector. */
export function isEmbedded(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * Resolves a name, without looking whether anything is there.
 * @param given an embedded name, a path (relative to `base`, `~/` allowed) or an https address
 * @throws UserError for an unknown embedded name, or an address that must not be fetched
 */
export function resolveInput(given: string, role: Role, base: string): Input {
  const common = { role, given };
  if (isUrl(given)) return { ...common, kind: 'url', url: parseUrl(given).href, name: urlFileName(given) };
  if (isEmbedded(given)) return { ...common, kind: 'embedded', name: given, file: embeddedFile(given, role) };
  const home = process.env.HOME ?? process.env.USERPROFILE ?? '';
  const file = path.resolve(base, given.startsWith('~/') ? path.join(home, given.slice(2)) : given);
  return { ...common, kind: 'file', name: path.basename(given), file };
}

function embeddedFile(name: string, role: Role): string {
  const known = EMBEDDED_NAMES.find((one) => one === name);
  if (known) return path.join(packageRoot(), 'server', 'model', MODELS[known][role]);
  const hint = didYouMean(name, EMBEDDED_NAMES) ?? EMBEDDED_NAMES.join(', ');
  throw new UserError(`There is no embedded ${role} "${name}": did you mean ${hint}?`);
}

/**
 * The detector of a measurement: the one given, or the one that an embedded reference was made with.
 * @throws UserError where neither is known
 */
export function resolveDetector(
  { detector, reference }: Pick<MetricConfig, 'detector' | 'reference'>,
  base: string,
): Input {
  const name = detector ?? (isEmbedded(reference) ? reference : undefined);
  if (name !== undefined) return resolveInput(name, 'detector', base);
  throw new UserError(
    `${reference} does not say which detector it was made with: name the detector, the Inception-v3 weights or an .onnx file made by "edm-workbench import"`,
  );
}

/** Where an input is now, for checks that neither download nor import; undefined for an address that is in no cache. */
export function presentFile(input: Input): string | undefined {
  return input.kind === 'url' ? cachedDownload(input.given) : input.file;
}

/**
 * Absolute path of an input as its authors wrote it; an address is downloaded once.
 * @throws UserError for what cannot be fetched; CancelledError
 */
export async function fetchFile(input: Input, control: TaskControl = {}): Promise<string> {
  return input.kind === 'url' ? download(input.given, input.role, control) : input.file;
}

/**
 * Absolute path of an input ready to be computed with: a network or detector as an ONNX file, imported once, or
 * reference statistics.
 * @param accept sha256 of the network's file whose code somebody has read and takes for EDM's
 * @throws UserError for what cannot be found, fetched or imported; CancelledError
 */
export async function fetchInput(input: Input, control: TaskControl = {}, accept?: string): Promise<string> {
  const file = await fetchFile(input, control);
  return input.role === 'reference' ? file : importedModel(file, input.name, control, accept);
}
