/** A denoiser's file as the CPU computes it best: the same graph, its large convolutions in Winograd's form. */
import { FIELD, Graph } from './onnx-graph';
import type { Convolution } from './network-layout';
import { fieldsOf, fieldText, Message, type Field, type LazyBytes } from './protobuf';
import { SourceFile } from '../weights/source-file';
import { winograd, winogradConvolutions } from './winograd';

/**
 * The ONNX model of `file` with those convolutions replaced that gain by it. Weights pass from the file into the model
 * one at a time; the model is in memory once.
 * @param convolutions as the file's metadata lists them; those that it does not hold are passed over
 * @returns the model's bytes; undefined where nothing gains
 * @throws UserError for a file that is cut off
 */
export function cpuModel(file: string, convolutions: readonly Convolution[]): Uint8Array | undefined {
  const replaced = new Map(winogradConvolutions(convolutions).map((convolution) => [convolution.name, convolution]));
  if (replaced.size === 0) return undefined;
  const source = new SourceFile(file);
  try {
    const model = new Message();
    for (const field of fieldsOf(source)) {
      if (field.number === FIELD.model.graph) {
        model.message(FIELD.model.graph, replaceConvolutions(source, field, replaced));
      } else model.push(range(source, field.start, field.end));
    }
    return model.toBytes();
  } finally {
    source.close();
  }
}

/** The graph with other nodes in the places of some. Whatever is not a node stays as the bytes that it is. */
function replaceConvolutions(source: SourceFile, graph: Field, replaced: ReadonlyMap<string, Convolution>): Message {
  const changed = new Message();
  const patch = new Graph('winograd');
  for (const field of fieldsOf(source, graph)) {
    const node = field.number === FIELD.graph.node ? readNode(source, field) : undefined;
    const convolution = node && node.op === 'Conv' ? replaced.get(node.name) : undefined;
    if (!node || !convolution) {
      changed.push(range(source, field.start, field.end));
      continue;
    }
    const from = patch.nodes.length;
    winograd(
      patch,
      convolution,
      node.inputs.map((name) => patch.foreign(name)),
    );
    for (const added of patch.nodes.slice(from)) changed.message(FIELD.graph.node, added);
  }
  for (const constant of patch.initialisers) changed.message(FIELD.graph.initializer, constant);
  return changed;
}

function readNode(source: SourceFile, message: Field): { name: string; op: string; inputs: string[] } {
  const node = { name: '', op: '', inputs: [] as string[] };
  for (const field of fieldsOf(source, message)) {
    if (field.number === FIELD.node.name) node.name = fieldText(source, field);
    else if (field.number === FIELD.node.op_type) node.op = fieldText(source, field);
    else if (field.number === FIELD.node.input) node.inputs.push(fieldText(source, field));
  }
  return node;
}

function range(source: SourceFile, start: number, end: number): LazyBytes {
  return { byteLength: end - start, load: () => source.read(start, end - start) };
}
