import { UserError } from '../errors';
import { Graph, type Value } from './onnx-graph';
import { inceptionPictures } from './inception-resize';
import { INCEPTION_UNITS } from './inception-units';
import { mapTensor, type Tensor } from '../weights/weight-source';

/** Batch normalisation's epsilon in the TensorFlow graph of 2015-12-05. */
const EPSILON = 0.001;

/** Features of the last layer, whose Frechet distance is the FID. */
export const INCEPTION_FEATURES = 2048;

/** Name of the output of an earlier layer with that many features. */
export function tapName(dimension: number): string {
  return `features${dimension}`;
}

/**
 * A branch: units (convolution, normalisation, ReLU) and 3x3 pools one after the other; a list is a fork whose outputs
 * are joined. `/2` is stride 2 without padding, `!` is no padding; otherwise the size is kept.
 */
type Branch = readonly (string | readonly string[])[];

const BLOCK_A: readonly Branch[] = [
  ['branch1x1'],
  ['branch5x5_1', 'branch5x5_2'],
  ['branch3x3dbl_1', 'branch3x3dbl_2', 'branch3x3dbl_3'],
  ['average', 'branch_pool'],
];
const BLOCK_B: readonly Branch[] = [
  ['branch3x3/2'],
  ['branch3x3dbl_1', 'branch3x3dbl_2', 'branch3x3dbl_3/2'],
  ['maximum/2'],
];
const BLOCK_C: readonly Branch[] = [
  ['branch1x1'],
  ['branch7x7_1', 'branch7x7_2', 'branch7x7_3'],
  ['branch7x7dbl_1', 'branch7x7dbl_2', 'branch7x7dbl_3', 'branch7x7dbl_4', 'branch7x7dbl_5'],
  ['average', 'branch_pool'],
];
const BLOCK_D: readonly Branch[] = [
  ['branch3x3_1', 'branch3x3_2/2'],
  ['branch7x7x3_1', 'branch7x7x3_2', 'branch7x7x3_3', 'branch7x7x3_4/2'],
  ['maximum/2'],
];
const blockE = (pool: 'average' | 'maximum'): readonly Branch[] => [
  ['branch1x1'],
  ['branch3x3_1', ['branch3x3_2a', 'branch3x3_2b']],
  ['branch3x3dbl_1', 'branch3x3dbl_2', ['branch3x3dbl_3a', 'branch3x3dbl_3b']],
  [pool, 'branch_pool'],
];

/** Inception-v3 of 2015-12-05: the last pool is a maximum, unlike in every later version. */
const STEM: readonly Branch[] = [
  ['Conv2d_1a_3x3/2', 'Conv2d_2a_3x3!', 'Conv2d_2b_3x3', 'maximum/2'],
  ['Conv2d_3b_1x1', 'Conv2d_4a_3x3!', 'maximum/2'],
];
/** The block whose mean gives the 768 features; those of 64 and 192 are means over the parts of the stem. */
const TAP = 'Mixed_6e';
const BLOCKS: readonly (readonly [name: string, branches: readonly Branch[]])[] = [
  ['Mixed_5b', BLOCK_A],
  ['Mixed_5c', BLOCK_A],
  ['Mixed_5d', BLOCK_A],
  ['Mixed_6a', BLOCK_B],
  ['Mixed_6b', BLOCK_C],
  ['Mixed_6c', BLOCK_C],
  ['Mixed_6d', BLOCK_C],
  ['Mixed_6e', BLOCK_C],
  ['Mixed_7a', BLOCK_D],
  ['Mixed_7b', blockE('average')],
  ['Mixed_7c', blockE('maximum')],
];

/**
 * The detector's graph: images uint8 [N,3,H,W] -> features float32 [N,2048], and features of earlier layers under the
 * names of `tapName`: features64, features192 and features768.
 * @param tensors the state dict, under pytorch-fid's names @param source the file, for messages
 */
export function inceptionGraph(tensors: ReadonlyMap<string, Tensor>, source: string): Graph {
  return new InceptionGraph(tensors, source).build();
}

const UNITS = new Map(INCEPTION_UNITS.map((unit) => [unit.name, unit]));

/** A value and its channels. */
interface Map2d {
  readonly value: Value;
  readonly channels: number;
}

class InceptionGraph {
  private readonly graph = new Graph('inception');

  constructor(
    private readonly tensors: ReadonlyMap<string, Tensor>,
    private readonly source: string,
  ) {}

  build(): Graph {
    const { graph } = this;
    const images = graph.input('images', 'uint8', ['N', 3, 'H', 'W']);
    let x: Map2d = { value: inceptionPictures(graph, images), channels: 3 };
    const taps: Map2d[] = [];
    for (const part of STEM) {
      x = this.branch('', part, x);
      taps.push(x);
    }
    for (const [name, branches] of BLOCKS) {
      const parts = branches.map((branch) => this.branch(`${name}.`, branch, x));
      x = this.join(name, parts);
      if (name === TAP) taps.push(x);
    }
    this.means('features', x);
    for (const tap of taps) this.means(tapName(tap.channels), tap);
    return graph;
  }

  /** Means over the image as an output. */
  private means(name: string, { value, channels }: Map2d): void {
    const pooled = this.graph.node('GlobalAveragePool', `${name}.mean`, [value]);
    this.graph.output(this.graph.node('Flatten', name, [pooled]), 'float32', ['N', channels]);
  }

  private branch(prefix: string, steps: Branch, start: Map2d): Map2d {
    let x = start;
    for (const [i, step] of steps.entries()) {
      if (typeof step !== 'string') {
        const from = x;
        x = this.join(
          `${prefix}${step[0]}.fork`,
          step.map((name) => this.unit(prefix + name, from)),
        );
      } else if (/^(average|maximum)/.test(step)) {
        x = { value: this.pool(`${prefix}${step}.${i}.${x.value}`, step, x.value), channels: x.channels };
      } else {
        x = this.unit(prefix + step, x);
      }
    }
    return x;
  }

  private join(name: string, parts: readonly Map2d[]): Map2d {
    const value = this.graph.node(
      'Concat',
      name,
      parts.map((part) => part.value),
      { axis: 1 },
    );
    return { value, channels: parts.reduce((sum, part) => sum + part.channels, 0) };
  }

  private pool(name: string, step: string, x: Value): Value {
    const stride = step.endsWith('/2') ? 2 : 1;
    const pad = stride === 2 ? 0 : 1;
    const window = { kernel_shape: [3, 3], strides: [stride, stride], pads: [pad, pad, pad, pad] };
    if (step.startsWith('maximum')) return this.graph.node('MaxPool', name, [x], window);
    return this.graph.node('AveragePool', name, [x], { ...window, count_include_pad: 0 });
  }

  /** Convolution, normalisation and ReLU. The normalisation is folded into the convolution. */
  private unit(step: string, x: Map2d): Map2d {
    const { graph } = this;
    const name = step.replace(/\/2$|!$/, '');
    const from = x.channels;
    const { out, kernel } = UNITS.get(name)!; // `inception-units.ts` has all of them
    const [height, width] = kernel;
    const weight = this.tensor(`${name}.conv.weight`, [out, from, height, width]);
    const normalisation = (part: string): Tensor => this.tensor(`${name}.bn.${part}`, [out]);
    const [gamma, beta] = [normalisation('weight'), normalisation('bias')];
    const [mean, variance] = [normalisation('running_mean'), normalisation('running_var')];
    const gains = (): Float64Array => {
      const spread = variance.load();
      return Float64Array.from(gamma.load(), (value, i) => value / Math.sqrt(spread[i]! + EPSILON));
    };
    const perFilter = from * height * width;
    const folded = mapTensor(weight, (values) => {
      const gain = gains();
      return values.map((value, i) => value * gain[Math.floor(i / perFilter)]!);
    });
    const shift = mapTensor(beta, (values) => {
      const gain = gains();
      const centre = mean.load();
      return values.map((value, i) => value - centre[i]! * gain[i]!);
    });
    const stride = step.endsWith('/2') ? 2 : 1;
    const [padY, padX] = step === name ? [height >> 1, width >> 1] : [0, 0];
    const conv = graph.node('Conv', name, [x.value, this.put(folded), this.put(shift)], {
      kernel_shape: [height, width],
      strides: [stride, stride],
      pads: [padY, padX, padY, padX],
    });
    return { value: graph.node('Relu', `${name}.relu`, [conv]), channels: out };
  }

  private put({ name, shape, load }: Tensor): Value {
    return this.graph.initialiser(name, shape, load);
  }

  /** @param shape required of it: another one is another network */
  private tensor(name: string, shape: readonly number[]): Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor)
      throw new UserError(`${this.source}: tensor ${name} is missing: the file does not hold the FID Inception-v3`);
    if (tensor.shape.join() !== shape.join())
      throw new UserError(
        `${this.source}: tensor ${name} has shape [${tensor.shape.join()}] instead of [${shape.join()}]: the file does not hold the FID Inception-v3`,
      );
    return tensor;
  }
}
