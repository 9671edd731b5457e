/** What a detector's ONNX file computes, whoever has wrapped it: the digest of its weights, and how it prepares images. */
import { createHash, type Hash } from 'node:crypto';
import { type DetectorContent, INCEPTION_PREPARATION, knownDetector } from '../detector-identity';
import { SourceFile } from '../weights/source-file';
import type { DetectorInfo } from './model-info';
import { FIELD } from './onnx-graph';
import { type Field, fieldsOf, fieldText } from './protobuf';

/** Name of the graphs that `inceptionGraph` makes. */
const INCEPTION_GRAPH = 'inception';
/** A node that only INCEPTION_PREPARATION has; the first version resized in another way. */
const PREPARATION_NODE = 'rows.rise';
/** Weights of a graph of Inception, normalisation folded in; its other constants belong to the preparation. */
const INCEPTION_WEIGHT = /\.(?:conv\.weight|bn\.bias)$/;

/** Bytes that are read at a time. */
const CHUNK = 2 ** 22;

/** Fields of ModelProto that say what is computed: operators, graph and functions. The others are about the file. */
const COMPUTES: readonly number[] = [FIELD.model.opset_import, FIELD.model.graph, 25];

/**
 * The content of a detector. For Inception-v3 it is that of the convolutions by their names, so that it stays the same when
 * a later version writes another graph of them; for every other detector it is that of the whole graph.
 * @throws UserError for a file that is cut off
 */
export function detectorContent(path: string, { source_sha256 }: Pick<DetectorInfo, 'source_sha256'>): DetectorContent {
  const file = new SourceFile(path);
  try {
    const [whole, weights] = [createHash('sha256'), new Map<string, string>()];
    let [name, isPrepared] = ['', false];
    for (const field of fieldsOf(file)) {
      if (!COMPUTES.includes(field.number)) continue;
      add(whole, file, field.start, field.end);
      if (field.number !== FIELD.model.graph) continue;
      for (const part of fieldsOf(file, field)) {
        if (part.number === FIELD.graph.name) name = fieldText(file, part);
        if (part.number === FIELD.graph.node) isPrepared ||= textIn(file, part, FIELD.node.name) === PREPARATION_NODE;
        if (part.number === FIELD.graph.initializer)
          weights.set(textIn(file, part, FIELD.tensor.name), valuesOf(file, part));
      }
    }
    const digest = whole.digest('hex');
    if (name !== INCEPTION_GRAPH || !isPrepared) return { weights: digest, preparation: 'in the graph' };
    return knownDetector(source_sha256)?.content ?? { weights: digestOf(weights), preparation: INCEPTION_PREPARATION };
  } finally {
    file.close();
  }
}

function digestOf(weights: ReadonlyMap<string, string>): string {
  const lines = [...weights]
    .filter(([name]) => INCEPTION_WEIGHT.test(name))
    .map(([name, values]) => `${name} ${values}\n`);
  return createHash('sha256').update(lines.sort().join('')).digest('hex');
}

/** Digest of a tensor's shape, type and values. */
function valuesOf(file: SourceFile, tensor: Field): string {
  const hash = createHash('sha256');
  for (const part of fieldsOf(file, tensor)) {
    if (part.number !== FIELD.tensor.name) add(hash, file, part.start, part.end);
  }
  return hash.digest('hex');
}

function textIn(file: SourceFile, message: Field, number: number): string {
  for (const field of fieldsOf(file, message)) if (field.number === number) return fieldText(file, field);
  return '';
}

function add(hash: Hash, file: SourceFile, start: number, end: number): void {
  for (let at = start; at < end; at += CHUNK) hash.update(file.read(at, Math.min(CHUNK, end - at)));
}
