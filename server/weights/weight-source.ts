import type { CodeFinding } from './network-code';

/** A named float32 tensor that stays in its file until it is loaded. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Reads the values, row-major. Every call reads again, and the caller may change what it gets. */
  readonly load: () => Float32Array;
}

/** A trained network in a file of any format. */
export interface WeightSource {
  /** `class_name` of the preconditioner and its constructor arguments. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Parameters and buffers under their state-dict names, e.g. `model.enc.32x32_conv.weight`. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Whether its own code is what was published; undefined for formats that carry none. */
  readonly code?: () => CodeFinding;
  /** Its own code, one text a module. */
  readonly sources?: readonly string[];
  /** Numbers and truth values that its modules keep, by the module's name, e.g. `model.enc.8x8_block0`: num_heads, eps. */
  readonly attributes?: ReadonlyMap<string, ReadonlyMap<string, number | boolean>>;
  /** Bounds of the noise level, if the file states them. */
  readonly sigmaMin?: number;
  readonly sigmaMax?: number;
  /** What the file says about the training. */
  readonly training?: Record<string, unknown>;
  /** Commit of the code that trained the network. */
  readonly trainingCommit?: string;
  /** Releases the file; tensors cannot be loaded after. */
  close(): void;
}

/** Product of the sizes: the number of elements. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** The same tensor with its values changed when they are loaded. */
export function mapTensor(
  tensor: Tensor,
  change: (values: Float32Array) => Float32Array,
  shape: readonly number[] = tensor.shape,
): Tensor {
  return { name: tensor.name, shape, load: () => change(tensor.load()) };
}
