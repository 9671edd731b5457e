import { Graph, type Value } from './onnx-graph';
import { Layers } from './network-layers';
import type { NetworkConfig } from '../weights/network-config';
import { networkLayout, type Layout, type Module } from './network-layout';
import { coefficients } from './preconditioning';
import { mapTensor, type Tensor } from '../weights/weight-source';

/**
 * The preconditioned network as an ONNX graph: x float32 [N,C,R,R], sigma float32 [1] (or one per image), and
 * class_labels float32 [N,label_dim] if the network has classes -> denoised float32 [N,C,R,R].
 * @param tensors checked by `checkTensors`; they are loaded when the model is written
 */
export function denoiserGraph(config: NetworkConfig, tensors: ReadonlyMap<string, Tensor>): Graph {
  const graph = new Graph('denoiser');
  const image = ['N', config.img_channels, config.img_resolution, config.img_resolution] as const;
  const x = graph.input('x', 'float32', image);
  const sigma = graph.input('sigma', 'float32', ['S']);
  const labels = config.label_dim ? graph.input('class_labels', 'float32', ['N', config.label_dim]) : undefined;

  const layers = new Layers(graph, tensors, config);
  const table = tensors.get('u');
  const column = graph.node('Reshape', 'sigma.column', [sigma, graph.int64([-1, 1])]);
  const c = coefficients(graph, config, column, table && layers.put(table));
  const perImage = (value: Value): Value =>
    graph.node('Reshape', `${value}.image`, [value, graph.int64([-1, 1, 1, 1])]);

  const scaledInput = c.c_in ? graph.node('Mul', 'input.scaled', [x, perImage(c.c_in)]) : x;
  const unet = new UNet(layers, config, networkLayout(config));
  const output = unet.evaluate(scaledInput, unet.embedding(c.c_noise, labels));

  const skipped = c.c_skip ? graph.node('Mul', 'input.skipped', [x, perImage(c.c_skip)]) : x;
  const changed = graph.node('Mul', 'output.scaled', [output, perImage(c.c_out)]);
  graph.output(graph.node('Add', 'denoised', [skipped, changed]), 'float32', image);
  return graph;
}

/** SongUNet and DhariwalUNet (edm.md sections 2 and 3), from their layout. */
class UNet {
  private readonly song: boolean;

  constructor(
    private readonly layers: Layers,
    private readonly config: NetworkConfig,
    private readonly layout: Layout,
  ) {
    this.song = config.model_type === 'SongUNet';
  }

  /** Noise level and class as one vector. @param noise [s, 1] @returns [s or N, embChannels], activated */
  embedding(noise: Value, labels: Value | undefined): Value {
    const { layers, song } = this;
    const { graph } = layers;
    const angles = graph.node('Mul', 'map_noise.angles', [noise, this.frequencies()]);
    const cos = graph.node('Cos', 'map_noise.cos', [angles]);
    const sin = graph.node('Sin', 'map_noise.sin', [angles]);
    let e = graph.node('Concat', 'map_noise', song ? [sin, cos] : [cos, sin], { axis: 1 });
    const add = (label: Value): Value => graph.node('Add', 'emb.labelled', [e, label]);
    if (labels && song) e = add(layers.linear('map_label', labels, { scale: Math.sqrt(this.config.label_dim) }));
    e = layers.linear('map_layer1', layers.silu(layers.linear('map_layer0', e)));
    if (labels && !song) e = add(layers.linear('map_label', labels, { bias: false }));
    return layers.silu(e);
  }

  /** @param image [N, C, R, R] @returns [N, img_channels, R, R] */
  evaluate(image: Value, emb: Value): Value {
    const skips: Value[] = [];
    let x = image;
    let aux = image;
    for (const module of this.layout.encoder) {
      [x, aux] = this.encode(module, x, aux, emb);
      if (module.role === 'conv' || module.role === 'block') skips.push(x);
      else if (module.role !== 'aux_down') skips[skips.length - 1] = x;
    }
    let output: Value | undefined;
    for (const module of this.layout.decoder) {
      const { graph } = this.layers;
      if (module.role === 'block') {
        const skip = module.concat ? skips.pop() : undefined;
        const joined = skip ? graph.node('Concat', `${module.name}.joined`, [x, skip], { axis: 1 }) : x;
        x = this.layers.block(module, joined, emb);
      } else if (module.role === 'aux_up' && output) {
        output = this.layers.resample(module.name, output, 'up', module.in);
      } else if (module.role === 'aux_norm') {
        aux = this.layers.silu(this.layers.groupNorm(module.name, x, module.in, module.res));
      } else if (module.role === 'aux_conv') {
        const part = this.outputConv(module.name, aux);
        output = output ? graph.node('Add', `${module.name}.sum`, [part, output]) : part;
      }
    }
    if (!output) throw new Error('The layout has no output');
    return output;
  }

  /** One encoder module. @returns the activations and the auxiliary path after it */
  private encode(module: Module, x: Value, aux: Value, emb: Value): [x: Value, aux: Value] {
    const { layers } = this;
    const { graph } = layers;
    switch (module.role) {
      case 'conv':
        return [layers.conv(module.name, x), aux];
      case 'block':
        return [layers.block(module, x, emb), aux];
      case 'aux_down':
        return [x, layers.resample(module.name, aux, 'down', module.in)];
      case 'aux_skip':
        return [graph.node('Add', `${module.name}.sum`, [layers.conv(module.name, aux), x]), aux];
      case 'aux_residual': {
        const residual = layers.fusedDown(module.name, aux, Math.SQRT1_2);
        const sum = graph.node('Add', `${module.name}.sum`, [residual, layers.scale(module.name, x, Math.SQRT1_2)]);
        return [sum, sum];
      }
      default:
        throw new Error(`${module.role} in an encoder`);
    }
  }

  /** The output layer without iDDPM's variances, which no sampler uses. */
  private outputConv(name: string, x: Value): Value {
    const { img_channels } = this.config;
    if (this.layout.outChannels === img_channels) return this.layers.conv(name, x);
    const weight = this.layers.tensor(`${name}.weight`);
    const bias = this.layers.tensor(`${name}.bias`);
    const fewer = (tensor: Tensor): Value => {
      const shape = [img_channels, ...tensor.shape.slice(1)];
      const perRow = shape.slice(1).reduce((a, b) => a * b, 1);
      return this.layers.put(mapTensor(tensor, (values) => values.slice(0, img_channels * perRow), shape));
    };
    const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
    return this.layers.graph.node('Conv', name, [x, fewer(weight), fewer(bias)], attributes);
  }

  /** Angular frequencies of the noise embedding [1, noiseChannels / 2], rounded like the original. */
  private frequencies(): Value {
    const count = this.layout.noiseChannels / 2;
    const { layers } = this;
    if (this.config.embedding_type === 'fourier') {
      const twoPi = Math.fround(2 * Math.PI);
      const angular = (values: Float32Array): Float32Array => values.map((value) => value * twoPi);
      return layers.put(mapTensor(layers.tensor('map_noise.freqs'), angular, [1, count]));
    }
    const last = this.song ? count - 1 : count;
    const base = 1 / 10000;
    const frequency = (_: unknown, i: number): number => Math.pow(base, Math.fround(i / last));
    return layers.graph.float32(Array.from({ length: count }, frequency), [1, count]);
  }
}
