import type { Graph, Value } from './onnx-graph';
import type { NetworkConfig } from '../weights/network-config';
import { groupCount, skipKind, type BlockModule } from './network-layout';
import { elementCount, mapTensor, type Tensor } from '../weights/weight-source';

/** SongUNet divides every sum of two paths by sqrt(2); ADM does not. */
export const SKIP_SCALE = { SongUNet: Math.SQRT1_2, DhariwalUNet: 1 } as const;

/** Epsilon of the group normalisations (edm.md section 1.3). */
export const EPSILON = { SongUNet: 1e-6, DhariwalUNet: 1e-5 } as const;

interface ConvOptions {
  /** Factor folded into weight and bias. */
  readonly scale?: number;
  /** Stands in for the tensor `NAME.weight`. */
  readonly weight?: Tensor;
  readonly stride?: number;
  readonly pad?: number;
}

/**
 * The layers of EDM's networks as ONNX nodes (edm.md section 1). Node names are state-dict prefixes, so that every
 * intermediate value can be found under its name in the original code.
 */
export class Layers {
  readonly skipScale: number;
  private readonly epsilon: number;
  private readonly isBox: boolean;

  constructor(
    readonly graph: Graph,
    private readonly tensors: ReadonlyMap<string, Tensor>,
    private readonly config: NetworkConfig,
  ) {
    this.skipScale = SKIP_SCALE[config.model_type];
    this.epsilon = EPSILON[config.model_type];
    const [first, ...rest] = config.resample_filter;
    this.isBox = rest.length === 1 && rest[0] === first;
  }

  /** The tensor `name` of the inner model. */
  tensor(name: string): Tensor {
    const tensor = this.tensors.get(`model.${name}`);
    if (!tensor) throw new Error(`No tensor model.${name}`); // checkTensors has been called before
    return tensor;
  }

  put(tensor: Tensor, name = tensor.name): Value {
    return this.graph.initialiser(name, tensor.shape, () => tensor.load());
  }

  /** y = x W^T + b. @param x [n, in] */
  linear(name: string, x: Value, options: { bias?: boolean; scale?: number } = {}): Value {
    const weight = scaled(this.tensor(`${name}.weight`), options.scale ?? 1);
    const inputs = [x, this.put(weight)];
    if (options.bias !== false) inputs.push(this.put(this.tensor(`${name}.bias`)));
    return this.graph.node('Gemm', name, inputs, { transB: 1 });
  }

  /** Convolution; by default with zero padding that keeps the size. */
  conv(name: string, x: Value, options: ConvOptions = {}): Value {
    const { scale = 1, weight = this.tensor(`${name}.weight`), stride = 1 } = options;
    const bias = scaled(this.tensor(`${name}.bias`), scale);
    const kernel = weight.shape.slice(2);
    const { pad = (kernel[0] ?? 1) >> 1 } = options;
    return this.graph.node('Conv', name, [x, this.put(scaled(weight, scale)), this.put(bias)], {
      kernel_shape: kernel,
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  }

  /** x * sigmoid(x) */
  silu(x: Value): Value {
    return this.graph.node('Mul', `${x}.silu`, [x, this.graph.node('Sigmoid', `${x}.sigmoid`, [x])]);
  }

  /** (x - mean) / sqrt(variance + epsilon) over groups of channels, without scale and shift. @param x [n, channels, res, res] */
  normalise(name: string, x: Value, channels: number, res: number): Value {
    const { graph } = this;
    const groups = groupCount(channels);
    const grouped = graph.node('Reshape', `${name}.groups`, [x, graph.int64([0, groups, -1])]);
    const ones = graph.float32(Array<number>(groups).fill(1));
    const zeros = graph.float32(Array<number>(groups).fill(0));
    const epsilon = { float: this.epsilon };
    const normal = graph.node('InstanceNormalization', `${name}.normal`, [grouped, ones, zeros], { epsilon });
    return graph.node('Reshape', `${name}.ungrouped`, [normal, graph.int64([0, channels, res, res])]);
  }

  /**
   * Group normalisation with its trained scale and shift. These are applied by a BatchNormalization with mean 0 and
   * variance 1: one pass over memory instead of the two of Mul and Add (0.22 against 0.33 ms for [16,64,32,32], measured).
   */
  groupNorm(name: string, x: Value, channels: number, res: number): Value {
    const { graph } = this;
    const constant = (value: number): Value => graph.float32(Array<number>(channels).fill(value));
    const scale = this.put(this.tensor(`${name}.weight`));
    const shift = this.put(this.tensor(`${name}.bias`));
    const normal = this.normalise(name, x, channels, res);
    return graph.node('BatchNormalization', name, [normal, scale, shift, constant(0), constant(1)], {
      epsilon: { float: 0 },
    });
  }

  /** Doubles or halves the resolution with the network's filter (section 1.2). @param x [n, channels, h, w] */
  resample(name: string, x: Value, direction: 'up' | 'down', channels: number): Value {
    const { graph } = this;
    if (this.isBox && direction === 'up') {
      return graph.node('Resize', name, [x, undefined, graph.float32([1, 1, 2, 2])], {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      });
    }
    if (this.isBox) return graph.node('AveragePool', name, [x], { kernel_shape: [2, 2], strides: [2, 2] });
    const filter = this.filter(direction === 'up' ? 4 : 1);
    const taps = this.config.resample_filter.length;
    const pad = (taps - 1) >> 1;
    const weight = this.graph.initialiser(`${name}.filter`, [channels, 1, taps, taps], () => repeat(filter, channels));
    return graph.node(direction === 'up' ? 'ConvTranspose' : 'Conv', name, [x, weight], {
      group: channels,
      kernel_shape: [taps, taps],
      strides: [2, 2],
      pads: [pad, pad, pad, pad],
    });
  }

  /**
   * NCSN++'s fused down-sampling: a 3x3 convolution, padded for the filter too, then the filter with stride 2. Both are
   * linear, so one strided convolution with the composed kernel replaces the two.
   */
  fusedDown(name: string, x: Value, scale: number): Value {
    const weight = this.tensor(`${name}.weight`);
    const [out = 0, from = 0, kernel = 0] = weight.shape;
    const taps = this.config.resample_filter.length;
    const side = kernel + taps - 1;
    const filter = this.filter(1);
    const composed = mapTensor(weight, (values) => compose(values, kernel, filter, taps), [out, from, side, side]);
    return this.conv(name, x, { weight: composed, scale, stride: 2, pad: (kernel >> 1) + ((taps - 1) >> 1) });
  }

  /** A residual block. @param x [n, in, r, r] @param emb [n or 1, embChannels], already activated */
  block(block: BlockModule, x: Value, emb: Value): Value {
    const { graph, skipScale } = this;
    const { name, in: from, res, resample } = block;
    const inputRes = resample === 'up' ? res / 2 : resample === 'down' ? res * 2 : res;
    let h = this.silu(this.groupNorm(`${name}.norm0`, x, from, inputRes));
    if (resample) h = this.resample(`${name}.conv0.resample`, h, resample, from);
    h = this.conv(`${name}.conv0`, h);
    h = this.silu(
      this.config.model_type === 'SongUNet' ? this.addEmbedding(block, h, emb) : this.scaleByEmbedding(block, h, emb),
    );
    h = this.conv(`${name}.conv1`, h, { scale: skipScale });
    h = graph.node('Add', `${name}.sum`, [h, this.skip(block, x)]);
    return block.heads ? this.attention(block, h) : h;
  }

  /** DDPM++: the embedding shifts the activations before the second normalisation. */
  private addEmbedding({ name, out, res }: BlockModule, h: Value, emb: Value): Value {
    const affine = this.linear(`${name}.affine`, emb);
    const shift = this.graph.node('Reshape', `${name}.shift`, [affine, this.graph.int64([-1, out, 1, 1])]);
    return this.groupNorm(`${name}.norm1`, this.graph.node('Add', `${name}.shifted`, [h, shift]), out, res);
  }

  /**
   * ADM: the embedding scales and shifts the normalised activations, (w n + b)(s + 1) + t. Computed as n W + T with
   * W = w (s + 1) and T = b (s + 1) + t, small tensors both.
   */
  private scaleByEmbedding({ name, out, res }: BlockModule, h: Value, emb: Value): Value {
    const { graph } = this;
    const affine = this.linear(`${name}.affine`, emb);
    const [s, t] = graph.split(`${name}.affine.parts`, affine, 1, [out, out]) as [Value, Value];
    const gain = graph.node('Add', `${name}.gain`, [s, graph.float32([1])]);
    const weight = graph.node('Mul', `${name}.norm1.scale`, [gain, this.put(this.tensor(`${name}.norm1.weight`))]);
    const bias = graph.node('Mul', `${name}.norm1.offset`, [gain, this.put(this.tensor(`${name}.norm1.bias`))]);
    const shift = graph.node('Add', `${name}.norm1.shift`, [bias, t]);
    const perChannel = graph.int64([-1, out, 1, 1]);
    const weight4 = graph.node('Reshape', `${name}.norm1.scale4`, [weight, perChannel]);
    const shift4 = graph.node('Reshape', `${name}.norm1.shift4`, [shift, perChannel]);
    const gained = graph.node('Mul', `${name}.norm1.scaled`, [this.normalise(`${name}.norm1`, h, out, res), weight4]);
    return graph.node('Add', `${name}.norm1`, [gained, shift4]);
  }

  /** The path around a block, multiplied by skip_scale. */
  private skip(block: BlockModule, x: Value): Value {
    const { name, in: from, out, resample } = block;
    const kind = skipKind(this.config, block);
    if (kind === 'identity') return this.scale(`${name}.skip`, x, this.skipScale);
    if (kind === 'resample') return this.resample(`${name}.skip`, x, resample ?? 'down', from);
    const options = { scale: this.skipScale };
    if (!resample) return this.conv(`${name}.skip`, x, options);
    // A 1x1 convolution commutes with copying pixels, and costs a quarter before it.
    if (resample === 'up' && this.isBox) {
      return this.resample(`${name}.skip.resample`, this.conv(`${name}.skip`, x, options), 'up', out);
    }
    return this.conv(`${name}.skip`, this.resample(`${name}.skip.resample`, x, resample, from), options);
  }

  /** x * factor; no node where the factor is 1. */
  scale(name: string, x: Value, factor: number): Value {
    return factor === 1 ? x : this.graph.node('Mul', `${name}.scaled`, [x, this.graph.float32([factor], [])]);
  }

  /**
   * Self-attention over pixels. In the original, q, k and v are interleaved in the innermost dimension of a head. Here the
   * rows of the qkv weight are reordered, and norm2's scale and shift and 1/sqrt(channels per head) are folded in.
   */
  private attention({ name, out, res, heads }: BlockModule, x: Value): Value {
    const { graph } = this;
    const perHead = out / heads;
    const keyScale = 1 / Math.sqrt(perHead);
    const weight = this.tensor(`${name}.qkv.weight`);
    const bias = this.tensor(`${name}.qkv.bias`);
    const norm = { weight: this.tensor(`${name}.norm2.weight`), bias: this.tensor(`${name}.norm2.bias`) };
    /** Row of the original tensor that becomes row `row`, and its factor. */
    const origin = (row: number): { row: number; factor: number } => {
      const part = Math.floor(row / out);
      return { row: (row % out) * 3 + part, factor: part === 1 ? keyScale : 1 };
    };
    const foldedWeight = mapTensor(weight, (values) => {
      const gain = norm.weight.load();
      return Float32Array.from(values, (_, i) => {
        const { row, factor } = origin(Math.floor(i / out));
        return values[row * out + (i % out)]! * gain[i % out]! * factor;
      });
    });
    const foldedBias = mapTensor(bias, (values) => {
      const offset = norm.bias.load();
      const rows = weight.load();
      return Float32Array.from(values, (_, i) => {
        const { row, factor } = origin(i);
        let sum = values[row]!;
        for (let c = 0; c < out; c++) sum += rows[row * out + c]! * offset[c]!;
        return sum * factor;
      });
    });

    const normal = this.normalise(`${name}.norm2`, x, out, res);
    const qkv = graph.node('Conv', `${name}.qkv`, [normal, this.put(foldedWeight), this.put(foldedBias)], {
      kernel_shape: [1, 1],
    });
    const byHead = graph.node('Reshape', `${name}.qkv.heads`, [qkv, graph.int64([0, 3 * heads, perHead, res * res])]);
    const parts = graph.split(`${name}.qkv.parts`, byHead, 1, [heads, heads, heads]);
    const [q, k, v] = parts as [Value, Value, Value];
    const transposed = { perm: [0, 1, 3, 2] };
    const scores = graph.node('MatMul', `${name}.scores`, [graph.node('Transpose', `${name}.q`, [q], transposed), k]);
    const attention = graph.node('Softmax', `${name}.attention`, [scores], { axis: -1 });
    const mixed = graph.node('MatMul', `${name}.mixed`, [
      v,
      graph.node('Transpose', `${name}.attention.t`, [attention], transposed),
    ]);
    const image = graph.node('Reshape', `${name}.mixed.image`, [mixed, graph.int64([0, out, res, res])]);
    const projected = this.conv(`${name}.proj`, image, { scale: this.skipScale });
    return graph.node('Add', `${name}.attended`, [projected, this.scale(`${name}.attended`, x, this.skipScale)]);
  }

  /** The two-dimensional filter, outer(f, f) / sum(f)^2 times `gain`, row-major. */
  private filter(gain: number): Float32Array {
    const f = this.config.resample_filter;
    const sum = f.reduce((a, b) => a + b, 0);
    return Float32Array.from(f.flatMap((a) => f.map((b) => (gain * a * b) / (sum * sum))));
  }
}

/** The tensor with every value multiplied; the tensor itself if the factor is 1. */
function scaled(tensor: Tensor, factor: number): Tensor {
  return factor === 1 ? tensor : mapTensor(tensor, (values) => values.map((value) => value * factor));
}

function repeat(values: Float32Array, times: number): Float32Array {
  const all = new Float32Array(values.length * times);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}

/** Kernels [..., kernel, kernel] followed by one filter [taps, taps] as kernels [..., kernel+taps-1, kernel+taps-1]. */
function compose(kernels: Float32Array, kernel: number, filter: Float32Array, taps: number): Float32Array {
  const side = kernel + taps - 1;
  const count = kernels.length / elementCount([kernel, kernel]);
  const composed = new Float32Array(count * side * side);
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        let sum = 0;
        for (let ky = Math.max(0, y - taps + 1); ky < Math.min(kernel, y + 1); ky++) {
          for (let kx = Math.max(0, x - taps + 1); kx < Math.min(kernel, x + 1); kx++) {
            sum += kernels[(n * kernel + ky) * kernel + kx]! * filter[(y - ky) * taps + (x - kx)]!;
          }
        }
        composed[(n * side + y) * side + x] = sum;
      }
    }
  }
  return composed;
}
