import { UserError } from '../errors';
import { readFloats, SourceFile } from './source-file';
import { elementCount, type Tensor, type WeightSource } from './weight-source';

/** The format's own limit on its JSON header. */
const MAX_HEADER_BYTES = 100 * 2 ** 20;

/**
 * Opens a `.safetensors` file: uint64 header length, JSON header, raw little-endian data (huggingface/safetensors,
 * format description). `__metadata__.config` must hold the network's constructor arguments as JSON.
 * @throws UserError when the file is damaged, has tensors that are not F32, or lacks the configuration
 */
export function openSafetensors(path: string): WeightSource {
  const file = new SourceFile(path);
  try {
    return readHeader(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

function readHeader(file: SourceFile): WeightSource {
  const { path } = file;
  const length = Number(new DataView(file.read(0, 8).buffer).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || length > file.size - 8) file.fail(`its header claims ${length} bytes`);
  const header = parseObject(new TextDecoder().decode(file.read(8, length)));
  if (!header) file.fail('its header is not JSON');

  const dataStart = 8 + length;
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const { dtype, shape, data_offsets: range } = (entry ?? {}) as Record<string, unknown>;
    if (dtype !== 'F32')
      throw new UserError(`${path}: tensor ${name} is ${String(dtype)}: save the weights as float32 (F32)`);
    const [start, end] = isCounts(range) && range.length === 2 ? range : [];
    if (!isCounts(shape) || start === undefined || end === undefined || end - start !== 4 * elementCount(shape)) {
      return file.fail(`the header entry of tensor ${name} is inconsistent`);
    }
    if (dataStart + end > file.size) file.fail(`it has ${file.size} bytes, tensor ${name} ends at ${dataStart + end}`);
    tensors.set(name, { name, shape, load: () => readFloats(file, dataStart + start, (end - start) / 4) });
  }

  const metadata = (header.__metadata__ ?? {}) as Record<string, unknown>;
  const config = typeof metadata.config === 'string' ? parseObject(metadata.config) : undefined;
  if (!config) {
    throw new UserError(
      `${path}: __metadata__.config is missing: it must hold class_name and the constructor arguments as JSON`,
    );
  }
  return {
    config,
    tensors,
    training: typeof metadata.training === 'string' ? parseObject(metadata.training) : undefined,
    trainingCommit: typeof metadata.training_commit === 'string' ? unquoted(metadata.training_commit) : undefined,
    close: () => file.close(),
  };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Metadata values are strings; some programs write them as JSON strings within the string. */
function unquoted(text: string): string {
  return /^".*"$/.test(text) ? (JSON.parse(text) as string) : text;
}
