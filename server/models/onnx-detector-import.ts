import { createReadStream } from 'node:fs';
import { basename, parse } from 'node:path';
import { writeAtomically } from '../atomic-file';
import { UserError } from '../errors';
import { fileDigest } from '../file-digest';
import { refuseExternalData } from './external-data';
import { DATA_TYPE, FIELD } from './onnx-graph';
import { encodeMetadata } from './model-metadata';
import type { DetectorInfo } from './model-info';
import { fieldsOf, fieldText, Message, type Field } from './protobuf';
import { SourceFile } from '../weights/source-file';
import { shortName } from '../weights/value-text';

/**
 * Imports a feature extractor that is already an ONNX file: one input `images` uint8 [N,3,H,W] (or 1 channel, or a fixed
 * square size), one output `features` float32 [N,dimension]. The graph is copied, a detector's metadata are appended;
 * protocol buffers allow that, and later entries win.
 * @throws UserError for another signature, weights outside the file, or a damaged file
 */
export async function importOnnxDetector(source: string, dest: string): Promise<DetectorInfo> {
  const signature = readSignature(source);
  const source_sha256 = await fileDigest(source);
  const info: DetectorInfo = {
    kind: 'detector',
    name: `${parse(source).name}-${source_sha256.slice(0, 8)}`,
    published: false,
    ...signature,
    source_name: basename(source),
    source_sha256,
  };
  const metadata = new Message();
  for (const [key, value] of Object.entries(encodeMetadata(info))) {
    const entry = new Message().string(FIELD.entry.key, key).string(FIELD.entry.value, value);
    metadata.message(FIELD.model.metadata_props, entry);
  }
  await writeAtomically(dest, followedBy(source, metadata.toBytes()));
  return info;
}

async function* followedBy(source: string, appended: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* createReadStream(source) as AsyncIterable<Buffer>;
  yield appended;
}

/** Inputs, outputs and dimensions that a message lists. */
const MAX_SHOWN = 8;

interface ValueInfo {
  name: string;
  type: number;
  /** undefined for a symbolic size. */
  dims: (number | undefined)[];
}

function readSignature(source: string): Pick<DetectorInfo, 'dimension' | 'channels' | 'resolution'> {
  const file = new SourceFile(source);
  try {
    for (const field of fieldsOf(file)) refuseExternalData(file, field);
    const graph = only(file, undefined, FIELD.model.graph);
    if (!graph) throw new UserError(`${source} is not an ONNX model: it has no graph`);
    const inputs: ValueInfo[] = [];
    const outputs: ValueInfo[] = [];
    const weights = new Set<string>();
    for (const field of fieldsOf(file, graph)) {
      if (field.number === FIELD.graph.input) inputs.push(valueInfo(file, field));
      if (field.number === FIELD.graph.output) outputs.push(valueInfo(file, field));
      if (field.number !== FIELD.graph.initializer) continue;
      for (const part of fieldsOf(file, field)) {
        if (part.number === FIELD.tensor.name) weights.add(fieldText(file, part));
      }
    }
    // Before IR version 4, weights were listed as inputs.
    const fed = inputs.filter(({ name }) => !weights.has(name));
    const [images, features] = [fed[0], outputs[0]];
    const [, channels, height, width] = images?.dims ?? [];
    const dimension = features?.dims[1];
    if (
      images &&
      features &&
      fed.length === 1 &&
      outputs.length === 1 &&
      images.name === 'images' &&
      images.type === DATA_TYPE.uint8 &&
      images.dims.length === 4 &&
      (channels === 1 || channels === 3) &&
      height === width &&
      features.name === 'features' &&
      features.type === DATA_TYPE.float32 &&
      features.dims.length === 2 &&
      isSize(dimension) &&
      (height === undefined || isSize(height))
    ) {
      return { channels, dimension, ...(height !== undefined && { resolution: height }) };
    }
    throw new UserError(
      `${source} is not a detector: it maps ${listed(fed)} to ${listed(outputs)}; ` +
        'expected one input images uint8 [N,3,H,W] and one output features float32 [N,dimension]',
    );
  } finally {
    file.close();
  }
}

function described({ name, type, dims }: ValueInfo): string {
  const known = Object.entries(DATA_TYPE).find(([, number]) => number === type);
  const sizes = dims.slice(0, MAX_SHOWN).map((dim) => dim ?? '?');
  return `${shortName(name)} ${known?.[0] ?? `type ${type}`} [${sizes.join()}]`;
}

/** The first few of several inputs or outputs. */
function listed(values: readonly ValueInfo[]): string {
  const more = values.length > MAX_SHOWN ? ` and ${values.length - MAX_SHOWN} more` : '';
  return (values.slice(0, MAX_SHOWN).map(described).join(', ') || 'nothing') + more;
}

/** ValueInfoProto: name and TypeProto.Tensor {elem_type, shape {dim {dim_value | dim_param}}}. */
function valueInfo(file: SourceFile, message: Field): ValueInfo {
  const info: ValueInfo = { name: '', type: 0, dims: [] };
  for (const part of fieldsOf(file, message)) {
    if (part.number === FIELD.value.name) info.name = fieldText(file, part);
    if (part.number !== FIELD.value.type) continue;
    const tensor = only(file, part, 1);
    if (!tensor) continue;
    info.type = only(file, tensor, 1)?.value ?? 0;
    const shape = only(file, tensor, 2);
    if (!shape) continue;
    for (const dim of fieldsOf(file, shape)) {
      info.dims.push(only(file, dim, 1)?.value);
    }
  }
  return info;
}

/** The last field with that number, the one that counts in protocol buffers. */
function only(file: SourceFile, message: Field | undefined, number: number): Field | undefined {
  let last: Field | undefined;
  for (const field of fieldsOf(file, message)) if (field.number === number) last = field;
  return last;
}

function isSize(size: number | undefined): size is number {
  return size !== undefined && Number.isSafeInteger(size) && size > 0;
}
