import { UserError } from '../errors';
import { parseJson } from '../weights/json-object';
import type { DenoiserInfo, DetectorInfo, ModelInfo } from './model-info';
import type { Convolution } from './network-layout';

type Kind = 'string' | 'number' | 'count' | 'boolean' | 'numbers' | 'strings' | 'object' | 'convolutions';
interface Field {
  readonly is: Kind;
  readonly optional?: true;
}

/** Metadata of each kind of model. */
const FIELDS: { denoiser: Record<keyof DenoiserInfo, Field>; detector: Record<keyof DetectorInfo, Field> } = {
  denoiser: {
    kind: { is: 'string' },
    precond: { is: 'string' },
    architecture: { is: 'string' },
    sigma_min: { is: 'number' },
    sigma_max: { is: 'number' },
    sigma_data: { is: 'number' },
    label_dim: { is: 'count' },
    img_resolution: { is: 'count' },
    img_channels: { is: 'count' },
    parameters: { is: 'number' },
    u: { is: 'numbers', optional: true },
    class_names: { is: 'strings', optional: true },
    convolutions: { is: 'convolutions', optional: true },
    source_name: { is: 'string' },
    source_sha256: { is: 'string' },
    code: { is: 'string', optional: true },
    code_differs: { is: 'strings', optional: true },
    training: { is: 'object', optional: true },
    training_commit: { is: 'string', optional: true },
  },
  detector: {
    kind: { is: 'string' },
    name: { is: 'string' },
    dimension: { is: 'count' },
    published: { is: 'boolean' },
    channels: { is: 'count' },
    resolution: { is: 'count', optional: true },
    source_name: { is: 'string' },
    source_sha256: { is: 'string' },
  },
};

/** Largest number of classes, pixels of a side, channels or features. */
const MAX_COUNT = 2 ** 20;

const CHECK: Record<Kind, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  // Sizes that memory is taken by.
  count: (value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MAX_COUNT,
  boolean: (value) => typeof value === 'boolean',
  numbers: (value) => Array.isArray(value) && value.every(CHECK.number),
  strings: (value) => Array.isArray(value) && value.every(CHECK.string),
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  convolutions: (value) => Array.isArray(value) && value.every(isConvolution),
};

function isConvolution(value: unknown): value is Convolution {
  if (!CHECK.object(value)) return false;
  const { name, in: from, out, resolution } = value as Record<keyof Convolution, unknown>;
  return typeof name === 'string' && [from, out, resolution].every(Number.isSafeInteger);
}

/** `metadata_props` of a model: strings unchanged, everything else as JSON, Infinity as `inf`; undefined is left out. */
export function encodeMetadata(info: ModelInfo): Record<string, string> {
  const entries: [string, string][] = [];
  for (const [key, value] of Object.entries(info) as [string, unknown][]) {
    if (value === undefined) continue;
    entries.push([key, typeof value === 'string' ? value : value === Infinity ? 'inf' : JSON.stringify(value)]);
  }
  return Object.fromEntries(entries);
}

/**
 * The inverse of {@link encodeMetadata}. Unknown keys are ignored.
 * @param where the file, for messages
 * @throws UserError if they are not the properties of an imported network or detector
 */
export function decodeMetadata(properties: ReadonlyMap<string, string>, where: string): ModelInfo {
  const kind = properties.get('kind');
  if (kind !== 'denoiser' && kind !== 'detector') {
    throw new UserError(
      `${where} is an ONNX model without EDM Workbench metadata: make it with \`edm-workbench import\` from the original weights`,
    );
  }
  const info: Record<string, unknown> = {};
  const fields: Record<string, Field> = FIELDS[kind];
  for (const [key, field] of Object.entries(fields)) {
    const stored = properties.get(key);
    if (stored === undefined && field.optional) continue;
    const value = stored === undefined ? undefined : decodeValue(stored, field.is);
    if (!CHECK[field.is](value)) {
      const problem = stored === undefined ? 'is missing' : `is not of type ${field.is}`;
      throw new UserError(`${where}: metadata entry ${key} ${problem}: import the network again`);
    }
    info[key] = value;
  }
  return info as unknown as ModelInfo;
}

function decodeValue(stored: string, is: Kind): unknown {
  if (is === 'string') return stored;
  return stored === 'inf' ? Infinity : parseJson(stored);
}
