import { open, type FileHandle } from 'node:fs/promises';
import { writeAtomically } from '../atomic-file';
import { UserError, messageOf } from '../errors';
import { FIELD } from './onnx-graph';
import { decodeMetadata } from './model-metadata';
import type { ModelInfo } from './model-info';
import { Message, WIRE } from './protobuf';

/** Protocol buffers end at 2 GiB, and so does a model in one file. */
const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** No honest metadata comes near this; a file that claims more is corrupt. */
const MAX_METADATA_BYTES = 16 * 2 ** 20;

/**
 * Writes a model, loading one tensor at a time. Atomic: a temporary file beside `path`, renamed when complete.
 * @param onWritten called with bytes written and total
 * @throws UserError when the model cannot be written there or is too large for one file
 */
export async function writeModel(
  path: string,
  model: Message,
  onWritten?: (done: number, total: number) => void,
): Promise<void> {
  if (model.byteLength > MAX_MODEL_BYTES) {
    throw new UserError(
      `${path}: the model takes ${model.byteLength} bytes, ONNX ends at 2 GiB: it cannot be imported`,
    );
  }
  await writeAtomically(path, partsOf(model, onWritten));
}

/** The bytes of a model, small parts joined. */
function* partsOf(model: Message, onWritten?: (done: number, total: number) => void): Generator<Uint8Array> {
  const buffer = new Uint8Array(2 ** 16);
  let buffered = 0;
  let done = 0;
  const written = (bytes: Uint8Array): void => onWritten?.((done += bytes.length), model.byteLength);
  for (const chunk of model.chunks) {
    const bytes = chunk instanceof Uint8Array ? chunk : chunk.load();
    if (bytes.length !== chunk.byteLength) throw new Error('A tensor changed its size while the model was written');
    if (buffered + bytes.length > buffer.length) {
      const full = buffer.subarray(0, buffered);
      yield full;
      written(full);
      buffered = 0;
    }
    if (bytes.length > buffer.length) {
      yield bytes;
      written(bytes);
    } else {
      buffer.set(bytes, buffered);
      buffered += bytes.length;
    }
  }
  const last = buffer.subarray(0, buffered);
  yield last;
  written(last);
}

/**
 * What a model says of itself, read without its graph: memory stays bounded whatever the file holds.
 * @throws UserError for a file that cannot be read, is no ONNX model, is cut off, or was not made by `import`
 */
export async function readModelInfo(path: string): Promise<ModelInfo> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw new UserError(`Cannot open the model ${path}: ${messageOf(error)}`);
  }
  try {
    return decodeMetadata(await new ModelReader(file, path, (await file.stat()).size).metadata(), path);
  } catch (error) {
    if (isSystemError(error)) throw new UserError(`Cannot read the model ${path}: ${error.message}`);
    throw error;
  } finally {
    await file.close();
  }
}

/** Wire type of every top-level field of ModelProto (onnx.proto3); anything else is not an ONNX model. */
const MODEL_FIELDS: Readonly<Record<number, number>> = {
  1: WIRE.varint, // ir_version
  2: WIRE.bytes, // producer_name
  3: WIRE.bytes, // producer_version
  4: WIRE.bytes, // domain
  5: WIRE.varint, // model_version
  6: WIRE.bytes, // doc_string
  7: WIRE.bytes, // graph
  8: WIRE.bytes, // opset_import
  14: WIRE.bytes, // metadata_props
  20: WIRE.bytes, // training_info
  25: WIRE.bytes, // functions
  26: WIRE.bytes, // configuration
};

/** Walks the top level of a ModelProto, seeking over everything but the metadata. */
class ModelReader {
  private window: Uint8Array = new Uint8Array(0);
  private windowStart = 0;
  private at = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly path: string,
    private readonly size: number,
  ) {}

  async metadata(): Promise<Map<string, string>> {
    const properties = new Map<string, string>();
    const seen = new Set<number>();
    let metadataBytes = 0;
    while (this.at < this.size) {
      const tag = await this.varint();
      const field = Math.floor(tag / 8);
      if (MODEL_FIELDS[field] !== tag % 8) throw new UserError(`${this.path} is not an ONNX model`);
      seen.add(field);
      const value = await this.varint();
      if (tag % 8 === WIRE.varint) continue;
      if (this.at + value > this.size) {
        throw new UserError(
          `${this.path} is cut off or corrupt: it has ${this.size} bytes and needs ${this.at + value}: copy or import it again`,
        );
      }
      if (field === FIELD.model.metadata_props) {
        metadataBytes += value;
        if (metadataBytes > MAX_METADATA_BYTES) throw new UserError(`${this.path} is corrupt: oversized metadata`);
        const [key, text] = this.entry(await this.bytes(value));
        properties.set(key, text);
      } else {
        this.at += value;
      }
    }
    if (!seen.has(FIELD.model.ir_version) || !seen.has(FIELD.model.graph)) {
      throw new UserError(`${this.path} is not a complete ONNX model: it has no graph`);
    }
    return properties;
  }

  /** StringStringEntryProto. */
  private entry(bytes: Uint8Array): [key: string, value: string] {
    const parts: Record<number, string> = { [FIELD.entry.key]: '', [FIELD.entry.value]: '' };
    const decoder = new TextDecoder();
    for (let at = 0; at < bytes.length;) {
      const tag = bytes[at++];
      let length = 0;
      for (let shift = 1; ; shift *= 128) {
        const byte = bytes[at++] ?? 0;
        length += (byte & 0x7f) * shift;
        if (byte < 0x80) break;
      }
      if ((tag & 7) !== WIRE.bytes || at + length > bytes.length) {
        throw new UserError(`${this.path} is corrupt: unreadable metadata`);
      }
      parts[tag >> 3] = decoder.decode(bytes.subarray(at, at + length));
      at += length;
    }
    return [parts[FIELD.entry.key], parts[FIELD.entry.value]];
  }

  private async varint(): Promise<number> {
    let value = 0;
    for (let shift = 1; shift <= 2 ** 63; shift *= 128) {
      const [byte] = await this.bytes(1);
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
    throw new UserError(`${this.path} is not an ONNX model`);
  }

  /** The next `length` bytes, from a window of the file that follows along. */
  private async bytes(length: number): Promise<Uint8Array> {
    if (this.at + length > this.size)
      throw new UserError(`${this.path} is cut off or corrupt: copy or import it again`);
    if (this.at < this.windowStart || this.at + length > this.windowStart + this.window.length) {
      const window = new Uint8Array(Math.max(length, 4096));
      const { bytesRead } = await this.file.read(window, 0, window.length, this.at);
      if (bytesRead < length) throw new UserError(`${this.path} changed while it was read`);
      this.window = window.subarray(0, bytesRead);
      this.windowStart = this.at;
    }
    const start = this.at - this.windowStart;
    this.at += length;
    return this.window.subarray(start, start + length);
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
