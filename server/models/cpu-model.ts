/** The form of a denoiser that is fastest on a CPU: the same graph, with large convolutions in Winograd's form. */
import { FIELD, Graph, type Value } from './onnx-graph';
import type { Convolution } from './network-layout';
import { fieldsOf, fieldText, Message, type Field, type LazyBytes } from './protobuf';
import { SourceFile } from '../weights/source-file';
import { winograd, winogradConvolutions } from './winograd';

/**
 * The ONNX model of `file` in which those convolutions are replaced that become faster. Weights are copied from the file
 * one at a time; the model is in memory once.
 * @param convolutions as the file's metadata lists them; those that the graph does not have are ignored
 * @returns the model's bytes; undefined if no convolution becomes faster
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

/** What is read of a NodeProto. */
interface GraphNode {
  name: string;
  op: string;
  inputs: string[];
}

/** The graph with other nodes for the convolutions `replaced`. All other fields are copied byte for byte. */
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
    winograd(patch, convolution, inputsOf(source, node, patch));
    for (const added of patch.nodes.slice(from)) changed.message(FIELD.graph.node, added);
  }
  for (const constant of patch.initialisers) changed.message(FIELD.graph.initializer, constant);
  return changed;
}

/** The three inputs of a convolution. @throws UserError if there are others */
function inputsOf(source: SourceFile, node: GraphNode, graph: Graph): [x: Value, weight: Value, bias: Value] {
  const [x, weight, bias, ...more] = node.inputs.map((name) => graph.foreign(name));
  if (!x || !weight || !bias || more.length > 0) return source.fail(`node ${node.name} does not have three inputs`);
  return [x, weight, bias];
}

function readNode(source: SourceFile, message: Field): GraphNode {
  const node: GraphNode = { name: '', op: '', inputs: [] };
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
