import { Message, type LazyBytes } from './protobuf';

/** The name of a tensor between nodes. Only a {@link Graph} makes one, so that a mistyped name does not compile. */
export type Value = string & { readonly brand: 'onnx value' };

/** A node attribute: a number is an int64, `{ float }` a float32. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

/** Element types used here (TensorProto.DataType). */
export const DATA_TYPE = { float32: 1, uint8: 2, int64: 7, float64: 11 } as const;
export type DataType = keyof typeof DATA_TYPE;

/** Symbolic (`N`) or fixed sizes. */
export type Dims = readonly (number | string)[];

/** Field numbers in onnx.proto3 of the messages that are written. */
export const FIELD = {
  model: { ir_version: 1, producer_name: 2, graph: 7, opset_import: 8, metadata_props: 14 },
  opset: { domain: 1, version: 2 },
  entry: { key: 1, value: 2 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, op_type: 4, attribute: 5, domain: 7 },
  attribute: { name: 1, f: 2, i: 3, s: 4, ints: 8, type: 20 },
  tensor: { dims: 1, data_type: 2, name: 8, raw_data: 9 },
  value: { name: 1, type: 2 },
} as const;

const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;
const IR_VERSION = 8;
const OPSET = 17;

/**
 * An ONNX graph under construction. Weights stay in their file until the model is written: an initialiser is a shape and
 * a function that loads the values.
 */
export class Graph {
  /** NodeProto and TensorProto messages so far, in order. */
  readonly nodes: Message[] = [];
  readonly initialisers: Message[] = [];
  private readonly inputs: Message[] = [];
  private readonly outputs: Message[] = [];
  private readonly names = new Set<string>();
  private readonly constants = new Map<string, Value>();

  constructor(private readonly name: string) {}

  input(name: string, type: DataType, dims: Dims): Value {
    this.inputs.push(valueInfo(name, type, dims));
    return this.define(name);
  }

  /** A value of another graph, into which these nodes will be put. */
  foreign(name: string): Value {
    return name as Value;
  }

  /** Marks a value as an output of the graph. */
  output(value: Value, type: DataType, dims: Dims): void {
    this.outputs.push(valueInfo(value, type, dims));
  }

  /**
   * Adds a node and returns its output, which has the node's name.
   * @param inputs undefined leaves out an optional input
   */
  node(
    op: string,
    name: string,
    inputs: readonly (Value | undefined)[],
    attributes: Record<string, Attribute> = {},
  ): Value {
    this.addNode(op, name, inputs, attributes, [name]);
    return name as Value;
  }

  /** Cuts `input` along `axis` into pieces of the given sizes. */
  split(name: string, input: Value, axis: number, sizes: readonly number[]): Value[] {
    const outputs = sizes.map((_, i) => `${name}.${i}`);
    return this.addNode('Split', name, [input, this.int64(sizes)], { axis }, outputs);
  }

  /** A float32 tensor that is loaded when the model is written. @param load returns prod(dims) numbers */
  initialiser(name: string, dims: readonly number[], load: () => Float32Array): Value {
    const count = dims.reduce((a, b) => a * b, 1);
    return this.tensor(name, 'float32', dims, {
      byteLength: count * 4,
      load: () => {
        const data = load();
        if (data.length !== count) throw new Error(`Tensor ${name}: ${data.length} numbers for shape [${dims.join()}]`);
        return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      },
    });
  }

  /** A small float32 constant, shared between equal uses. @param dims default: a vector */
  float32(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    return this.constant('float32', values, dims, () => Float32Array.from(values));
  }

  /** An int64 vector (a shape, sizes, axes), shared between equal uses. */
  int64(values: readonly number[]): Value {
    return this.constant('int64', values, [values.length], () => BigInt64Array.from(values.map(BigInt)));
  }

  /**
   * The whole model, ready to be written.
   * @param metadata becomes `metadata_props`, before the graph, so that reading it back touches the first page only
   */
  toModel(metadata: Readonly<Record<string, string>>): Message {
    const graph = new Message();
    for (const node of this.nodes) graph.message(FIELD.graph.node, node);
    graph.string(FIELD.graph.name, this.name);
    for (const tensor of this.initialisers) graph.message(FIELD.graph.initializer, tensor);
    for (const value of this.inputs) graph.message(FIELD.graph.input, value);
    for (const value of this.outputs) graph.message(FIELD.graph.output, value);

    const model = new Message()
      .int(FIELD.model.ir_version, IR_VERSION)
      .string(FIELD.model.producer_name, 'edm-workbench');
    model.message(
      FIELD.model.opset_import,
      new Message().string(FIELD.opset.domain, '').int(FIELD.opset.version, OPSET),
    );
    for (const [key, value] of Object.entries(metadata)) {
      model.message(
        FIELD.model.metadata_props,
        new Message().string(FIELD.entry.key, key).string(FIELD.entry.value, value),
      );
    }
    return model.message(FIELD.model.graph, graph);
  }

  private addNode(
    op: string,
    name: string,
    inputs: readonly (Value | undefined)[],
    attributes: Record<string, Attribute>,
    outputs: readonly string[],
  ): Value[] {
    const node = new Message();
    for (const input of inputs) node.string(FIELD.node.input, input ?? '');
    for (const output of outputs) node.string(FIELD.node.output, output);
    node.string(FIELD.node.name, name).string(FIELD.node.op_type, op);
    for (const [key, value] of Object.entries(attributes)) node.message(FIELD.node.attribute, attribute(key, value));
    this.nodes.push(node);
    return outputs.map((output) => this.define(output));
  }

  private constant(
    type: DataType,
    values: readonly number[],
    dims: readonly number[],
    load: () => ArrayBufferView,
  ): Value {
    const key = `${type}[${dims.join()}](${values.join()})`;
    let value = this.constants.get(key);
    if (!value) {
      const data = load();
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      value = this.tensor(`${this.name}.constant.${this.constants.size}`, type, dims, bytes);
      this.constants.set(key, value);
    }
    return value;
  }

  private tensor(name: string, type: DataType, dims: readonly number[], data: Uint8Array | LazyBytes): Value {
    const tensor = new Message().ints(FIELD.tensor.dims, dims).int(FIELD.tensor.data_type, DATA_TYPE[type]);
    this.initialisers.push(tensor.string(FIELD.tensor.name, name).bytes(FIELD.tensor.raw_data, data));
    return this.define(name);
  }

  private define(name: string): Value {
    if (this.names.has(name)) throw new Error(`Two values of one graph have the name ${name}`);
    this.names.add(name);
    return name as Value;
  }
}

function attribute(name: string, value: Attribute): Message {
  const { i, ints, s, f, type } = FIELD.attribute;
  const message = new Message().string(FIELD.attribute.name, name);
  if (typeof value === 'number') return message.int(i, value).int(type, ATTRIBUTE_TYPE.int);
  if (typeof value === 'string') return message.string(s, value).int(type, ATTRIBUTE_TYPE.string);
  if ('float' in value) return message.float(f, value.float).int(type, ATTRIBUTE_TYPE.float);
  return message.ints(ints, value).int(type, ATTRIBUTE_TYPE.ints);
}

/** ValueInfoProto: name and TypeProto.Tensor {elem_type, shape {dim {dim_value | dim_param}}}. */
function valueInfo(name: string, type: DataType, dims: Dims): Message {
  const shape = new Message();
  for (const dim of dims) {
    shape.message(1, typeof dim === 'number' ? new Message().int(1, dim) : new Message().string(2, dim));
  }
  const tensor = new Message().int(1, DATA_TYPE[type]).message(2, shape);
  return new Message().string(FIELD.value.name, name).message(FIELD.value.type, new Message().message(1, tensor));
}
