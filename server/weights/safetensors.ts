import { UserError } from '../errors';
import { IMPORTING, type Limits } from './budget';
import { exact } from './byte-cursor';
import { parseJson, parseJsonObject } from './json-object';
import { floatSize, type FloatType, readFloats, SourceFile } from './source-file';
import { otherFileText } from './other-files';
import { shortName, valueText } from './value-text';
import { elementCount, type Tensor, type WeightSource } from './weight-source';

/** The format's own limit on its JSON header. */
const MAX_HEADER_BYTES = 100 * 2 ** 20;

/** Memory that a byte of JSON can take: `[[],[],` gives a list for every three. */
const JSON_GROWTH = 20;

/** torch's tensors have at most 8 dimensions in all that is read here. */
const MAX_DIMENSIONS = 8;

/**
 * Opens a `.safetensors` file: uint64 header length, JSON header, raw little-endian data (huggingface/safetensors,
 * format description). `__metadata__.config` must hold the network's constructor arguments as JSON.
 * @param limits what reading it may cost
 * @throws UserError when the file is damaged, costs too much, has tensors that are not floats, or lacks the configuration
 */
export function openSafetensors(path: string, limits: Limits = IMPORTING): WeightSource {
  const file = new SourceFile(path, limits);
  try {
    return readHeader(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

function readHeader(file: SourceFile): WeightSource {
  const length = exact(new DataView(file.read(0, 8).buffer).getBigUint64(0, true), file);
  if (length > MAX_HEADER_BYTES || length > file.size - 8) file.fail(`its header claims ${length} bytes`);
  file.budget.hold(JSON_GROWTH * length);
  const header = parseJsonObject(new TextDecoder().decode(file.read(8, length)));
  if (!header) return file.fail('its header is not JSON');
  const tensors = tensorsOf(file, header, 8 + length);
  const metadata = (header.__metadata__ ?? {}) as Record<string, unknown>;
  const config = objectIn(file, metadata, 'config');
  if (!config) {
    const other = otherFileText({ keys: new Set(), tensors: new Set(tensors.keys()) });
    if (other !== undefined) throw new UserError(`${file.path} ${other}`);
    throw new UserError(
      `${file.path}: __metadata__.config is missing: it must hold class_name and the constructor arguments as JSON`,
    );
  }
  return {
    config,
    tensors,
    training: objectIn(file, metadata, 'training'),
    trainingCommit: commitIn(file, metadata),
    close: () => file.close(),
  };
}

/** The format's types that weights can be in. */
const FLOAT_TYPES: ReadonlyMap<string, FloatType> = new Map([
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['F32', 'float32'],
  ['F64', 'float64'],
]);

/** The tensors that the header lists. No two share bytes, as the format demands: a small file cannot become a large network. */
function tensorsOf(
  file: SourceFile,
  header: Readonly<Record<string, unknown>>,
  dataStart: number,
): ReadonlyMap<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const ranges: { name: string; start: number; end: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    file.budget.spend(1);
    const { dtype, shape, data_offsets: range } = (entry ?? {}) as Record<string, unknown>;
    const type = typeof dtype === 'string' ? FLOAT_TYPES.get(dtype) : undefined;
    if (!type) {
      const found = typeof dtype === 'string' ? shortName(dtype) : valueText(dtype);
      throw new UserError(`${file.path}: tensor ${shortName(name)} is ${found}: save the weights as float32 (F32)`);
    }
    const size = floatSize(type);
    const [start, end] = isCounts(range) && range.length === 2 ? range : [];
    if (!isCounts(shape) || start === undefined || end === undefined || end - start !== size * elementCount(shape)) {
      return file.fail(`the header entry of tensor ${shortName(name)} is inconsistent`);
    }
    if (dataStart + end > file.size)
      file.fail(`it has ${file.size} bytes, tensor ${shortName(name)} ends at ${dataStart + end}`);
    if (end > start) ranges.push({ name, start, end });
    tensors.set(name, { name, shape, load: () => readFloats(file, dataStart + start, (end - start) / size, type) });
  }
  ranges.sort((a, b) => a.start - b.start);
  for (const [i, { name, start }] of ranges.entries()) {
    const before = ranges[i - 1];
    if (before && before.end > start) file.fail(`tensors ${shortName(before.name)} and ${shortName(name)} share bytes`);
  }
  return tensors;
}

function isCounts(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_DIMENSIONS &&
    value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0)
  );
}

/** A value of the metadata that is an object as JSON. @throws UserError for a value that is not */
function objectIn(
  file: SourceFile,
  metadata: Readonly<Record<string, unknown>>,
  key: string,
): Record<string, unknown> | undefined {
  const text = metadata[key];
  if (text === undefined) return undefined;
  const value = typeof text === 'string' ? parseJsonObject(text) : undefined;
  if (value) return value;
  throw new UserError(
    `${file.path}: __metadata__.${key} is not an object as JSON (${valueText(text)}): save the file again`,
  );
}

/** Metadata values are strings; some programs write them as JSON strings within the string. @throws UserError for broken JSON */
function commitIn(file: SourceFile, { training_commit: text }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof text !== 'string' || !/^".*"$/s.test(text)) return typeof text === 'string' ? text : undefined;
  const value = parseJson(text);
  if (typeof value === 'string') return value;
  throw new UserError(
    `${file.path}: __metadata__.training_commit begins like JSON and is not JSON (${valueText(text)}): save the file again`,
  );
}
