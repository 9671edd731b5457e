import { writeAtomically } from '../atomic-file';
import { UserError } from '../errors';
import { IMPORTING, type Limits } from '../weights/budget';
import { SourceFile } from '../weights/source-file';
import { refuseExternalData } from './external-data';
import { FIELD } from './onnx-graph';
import { decodeMetadata } from './model-metadata';
import type { ModelInfo } from './model-info';
import { type Field, fieldsOf, fieldText, type Message, WIRE } from './protobuf';

/** Protocol buffers are limited to 2 GiB, and so is a model in one file. */
const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** Far more than any metadata needs; a file that claims more is damaged. */
const MAX_METADATA_BYTES = 16 * 2 ** 20;
/** Memory that a byte of metadata can take, which holds JSON. */
const JSON_GROWTH = 20;

/**
 * Writes a model, loading one tensor at a time. Atomic.
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
      `Cannot import the model to ${path}: it takes ${model.byteLength} bytes, and an ONNX file holds at most 2 GiB`,
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

/**
 * The metadata of a model. No tensor is read, so that memory stays bounded whatever the file holds.
 * @param limits what reading it may cost
 * @throws UserError for a file that cannot be read, is not an ONNX model, is cut off, keeps weights in other files, or was
 *   not made by `import`
 */
export function readModelInfo(path: string, limits: Limits = IMPORTING): Promise<ModelInfo> {
  return new Promise((resolve) => resolve(decodeMetadata(readProperties(path, limits), path)));
}

/** `metadata_props`; of several entries with one key the last counts, as protocol buffers define it. */
function readProperties(path: string, limits: Limits): Map<string, string> {
  const file = new SourceFile(path, limits);
  try {
    const properties = new Map<string, string>();
    const seen = new Set<number>();
    let metadataBytes = 0;
    for (const field of fieldsOf(file)) {
      if (MODEL_FIELDS[field.number] !== field.wire) throw new UserError(`${path} is not an ONNX model`);
      seen.add(field.number);
      refuseExternalData(file, field);
      if (field.number !== FIELD.model.metadata_props) continue;
      metadataBytes += field.end - field.contentStart;
      file.budget.hold(JSON_GROWTH * (field.end - field.contentStart));
      if (metadataBytes > MAX_METADATA_BYTES) file.fail('it claims too much metadata');
      const [key, value] = readEntry(file, field);
      properties.set(key, value);
    }
    if (!seen.has(FIELD.model.ir_version) || !seen.has(FIELD.model.graph)) {
      throw new UserError(`${path} is not a complete ONNX model: it has no graph`);
    }
    return properties;
  } finally {
    file.close();
  }
}

/** StringStringEntryProto. */
function readEntry(file: SourceFile, entry: Field): [key: string, value: string] {
  let [key, value] = ['', ''];
  for (const field of fieldsOf(file, entry)) {
    if (field.wire !== WIRE.bytes) file.fail('its metadata cannot be read');
    if (field.number === FIELD.entry.key) key = fieldText(file, field);
    if (field.number === FIELD.entry.value) value = fieldText(file, field);
  }
  return [key, value];
}
