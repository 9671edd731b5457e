import { UserError } from '../errors';
import type { NetworkConfig } from '../weights/network-config';
import type { Tensor } from '../weights/weight-source';

/**
 * One module of a U-Net, in execution order. `name` is its state-dict prefix (`enc.32x32_block0`), `res` the resolution
 * of its output.
 */
export type Module =
  | ConvModule
  | BlockModule
  | { readonly role: 'aux_down' | 'aux_up'; readonly name: string; readonly in: number; readonly res: number }
  | { readonly role: 'aux_norm'; readonly name: string; readonly in: number; readonly res: number };

/** A lone convolution: the first layer, the auxiliary paths of NCSN++, the output layer. */
export interface ConvModule {
  readonly role: 'conv' | 'aux_skip' | 'aux_residual' | 'aux_conv';
  readonly name: string;
  readonly in: number;
  readonly out: number;
  readonly res: number;
}

/** A residual block with optional resampling and self-attention (Karras et al. 2022, table 7; edm.md section 1.4). */
export interface BlockModule {
  readonly role: 'block';
  readonly name: string;
  readonly in: number;
  readonly out: number;
  readonly res: number;
  readonly resample?: 'up' | 'down';
  /** True when the input is joined with the encoder's output of the same resolution. */
  readonly concat: boolean;
  /** Attention heads; 0 for none. */
  readonly heads: number;
}

export interface Layout {
  readonly encoder: readonly Module[];
  readonly decoder: readonly Module[];
  /** Width of the noise embedding before and after the mapping layers. */
  readonly noiseChannels: number;
  readonly embChannels: number;
  /** Channels of the network's output; iDDPM predicts variances too. */
  readonly outChannels: number;
}

/** A 3x3 convolution that keeps the resolution: the inside of the residual blocks, where nearly all of the work is. */
export interface Convolution {
  /** Of its node, as in the state dict without `.weight`. */
  readonly name: string;
  readonly in: number;
  readonly out: number;
  readonly resolution: number;
}

/** The convolutions of a network's residual blocks, in execution order. */
export function blockConvolutions({ encoder, decoder }: Layout): Convolution[] {
  return [...encoder, ...decoder].flatMap((module) => {
    if (module.role !== 'block') return [];
    const { name, in: from, out, res: resolution } = module;
    return [
      { name: `${name}.conv0`, in: from, out, resolution },
      { name: `${name}.conv1`, in: out, out, resolution },
    ];
  });
}

/** ADM's channels_per_head; no configuration that was published changes it. */
const CHANNELS_PER_HEAD = 64;

/** The modules of a network, from its configuration alone. */
export function networkLayout(config: NetworkConfig): Layout {
  const song = config.model_type === 'SongUNet';
  const { model_channels: mc, channel_mult, num_blocks, img_resolution, img_channels } = config;
  const outChannels = img_channels * (config.class_name === 'iDDPMPrecond' ? 2 : 1);
  const deepest = channel_mult.length - 1;
  const headsFor = (out: number, wanted: boolean): number =>
    !wanted ? 0 : song ? 1 : Math.floor(out / CHANNELS_PER_HEAD);

  const encoder: Module[] = [];
  const widths: number[] = [];
  let width = img_channels;
  let auxWidth = img_channels;
  channel_mult.forEach((mult, level) => {
    const res = img_resolution >> level;
    const prefix = `enc.${res}x${res}`;
    if (level === 0) {
      const out = song ? mc : mc * mult;
      encoder.push({ role: 'conv', name: `${prefix}_conv`, in: width, out, res });
      width = out;
    } else {
      encoder.push({
        role: 'block',
        name: `${prefix}_down`,
        in: width,
        out: width,
        res,
        resample: 'down',
        concat: false,
        heads: 0,
      });
      if (config.encoder_type === 'skip') {
        encoder.push({ role: 'aux_down', name: `${prefix}_aux_down`, in: auxWidth, res });
        encoder.push({ role: 'aux_skip', name: `${prefix}_aux_skip`, in: auxWidth, out: width, res });
      } else if (config.encoder_type === 'residual') {
        encoder.push({ role: 'aux_residual', name: `${prefix}_aux_residual`, in: auxWidth, out: width, res });
        auxWidth = width;
      }
    }
    widths.push(width);
    for (let i = 0; i < num_blocks; i++) {
      const out = mc * mult;
      const heads = headsFor(out, config.attn_resolutions.includes(res));
      encoder.push({ role: 'block', name: `${prefix}_block${i}`, in: width, out, res, concat: false, heads });
      width = out;
      widths.push(width);
    }
  });

  const decoder: Module[] = [];
  for (let level = deepest; level >= 0; level--) {
    const res = img_resolution >> level;
    const prefix = `dec.${res}x${res}`;
    const block = { role: 'block', in: width, out: width, res, concat: false } as const;
    if (level === deepest) {
      decoder.push({ ...block, name: `${prefix}_in0`, heads: headsFor(width, true) });
      decoder.push({ ...block, name: `${prefix}_in1`, heads: 0 });
    } else {
      decoder.push({ ...block, name: `${prefix}_up`, resample: 'up', heads: 0 });
    }
    for (let i = 0; i <= num_blocks; i++) {
      const out = mc * channel_mult[level];
      const attention = config.attn_resolutions.includes(res) && (!song || i === num_blocks);
      const joined = width + (widths.pop() ?? 0);
      decoder.push({
        ...block,
        name: `${prefix}_block${i}`,
        in: joined,
        out,
        concat: true,
        heads: headsFor(out, attention),
      });
      width = out;
    }
    if (!song) continue;
    if (config.decoder_type === 'skip' && level < deepest) {
      decoder.push({ role: 'aux_up', name: `${prefix}_aux_up`, in: outChannels, res });
    }
    if (config.decoder_type === 'skip' || level === 0) {
      decoder.push({ role: 'aux_norm', name: `${prefix}_aux_norm`, in: width, res });
      decoder.push({ role: 'aux_conv', name: `${prefix}_aux_conv`, in: width, out: outChannels, res });
    }
  }
  if (!song) {
    decoder.push({ role: 'aux_norm', name: 'out_norm', in: width, res: img_resolution });
    decoder.push({ role: 'aux_conv', name: 'out_conv', in: width, out: outChannels, res: img_resolution });
  }
  const noiseChannels = mc * (song ? config.channel_mult_noise : 1);
  return { encoder, decoder, noiseChannels, embChannels: mc * config.channel_mult_emb, outChannels };
}

/** A tensor a network must have: trained, or a buffer that decides its outputs, or a constant we can do without. */
export interface TensorSlot {
  readonly shape: readonly number[];
  readonly is: 'parameter' | 'buffer' | 'constant';
}

/** Every tensor of the state dict of a preconditioned network, from its configuration alone. */
export function networkTensors(config: NetworkConfig): Map<string, TensorSlot> {
  const layout = networkLayout(config);
  const slots = new Map<string, TensorSlot>();
  const put = (name: string, shape: number[], is: TensorSlot['is'] = 'parameter'): void =>
    void slots.set(name, { shape, is });
  const linear = (name: string, from: number, to: number, bias = true): void => {
    put(`model.${name}.weight`, [to, from]);
    if (bias) put(`model.${name}.bias`, [to]);
  };
  const norm = (name: string, channels: number): void => {
    put(`model.${name}.weight`, [channels]);
    put(`model.${name}.bias`, [channels]);
  };
  const filter = (name: string): void => {
    const taps = config.resample_filter.length;
    put(`model.${name}.resample_filter`, [1, 1, taps, taps], 'constant');
  };
  const conv = (name: string, from: number, to: number, kernel: number): void => {
    put(`model.${name}.weight`, [to, from, kernel, kernel]);
    put(`model.${name}.bias`, [to]);
  };
  const block = (module: BlockModule): void => {
    const { name, in: from, out: to } = module;
    norm(`${name}.norm0`, from);
    conv(`${name}.conv0`, from, to, 3);
    linear(`${name}.affine`, layout.embChannels, to * (config.model_type === 'SongUNet' ? 1 : 2));
    norm(`${name}.norm1`, to);
    conv(`${name}.conv1`, to, to, 3);
    if (skipKind(config, module) === 'conv') conv(`${name}.skip`, from, to, 1);
    if (module.resample) {
      filter(`${name}.conv0`);
      filter(`${name}.skip`);
    }
    if (module.heads) {
      norm(`${name}.norm2`, to);
      conv(`${name}.qkv`, to, to * 3, 1);
      conv(`${name}.proj`, to, to, 1);
    }
  };

  const { noiseChannels, embChannels } = layout;
  if (config.class_name === 'iDDPMPrecond') put('u', [config.M + 1], 'buffer');
  if (config.embedding_type === 'fourier') put('model.map_noise.freqs', [noiseChannels / 2], 'buffer');
  if (config.label_dim) {
    if (config.model_type === 'SongUNet') linear('map_label', config.label_dim, noiseChannels);
    else linear('map_label', config.label_dim, embChannels, false);
  }
  if (config.augment_dim) linear('map_augment', config.augment_dim, noiseChannels, false);
  linear('map_layer0', noiseChannels, embChannels);
  linear('map_layer1', embChannels, embChannels);
  for (const module of [...layout.encoder, ...layout.decoder]) {
    switch (module.role) {
      case 'block':
        block(module);
        break;
      case 'aux_norm':
        norm(module.name, module.in);
        break;
      case 'aux_down':
      case 'aux_up':
        filter(module.name);
        break;
      case 'aux_residual':
        filter(module.name);
        conv(module.name, module.in, module.out, 3);
        break;
      case 'aux_skip':
        conv(module.name, module.in, module.out, 1);
        break;
      case 'conv':
      case 'aux_conv':
        conv(module.name, module.in, module.out, 3);
        break;
    }
  }
  return slots;
}

/** What leads around a block: nothing, a 1x1 convolution (resampled if the block is), or resampling alone. */
export function skipKind(config: NetworkConfig, block: BlockModule): 'identity' | 'conv' | 'resample' {
  if (block.in !== block.out) return 'conv';
  if (!block.resample) return 'identity';
  return config.model_type === 'SongUNet' ? 'conv' : 'resample';
}

/** Groups of a group normalisation (edm.md section 1.3). */
export function groupCount(channels: number): number {
  return Math.min(32, channels >> 2);
}

/** Every division of channels into groups or heads that must come out even. */
function* divisions(config: NetworkConfig): Generator<{ name: string; parts: number; channels: number }> {
  const { encoder, decoder } = networkLayout(config);
  for (const module of [...encoder, ...decoder]) {
    if (module.role === 'aux_norm') yield { name: module.name, parts: groupCount(module.in), channels: module.in };
    if (module.role !== 'block') continue;
    const { name, in: from, out, heads } = module;
    yield { name: `${name}.norm0`, parts: groupCount(from), channels: from };
    yield { name: `${name}.norm1`, parts: groupCount(out), channels: out };
    if (heads) yield { name: `${name}.qkv`, parts: heads, channels: out };
  }
}

/** Count of trained parameters, as the paper's tables give it. */
export function parameterCount(config: NetworkConfig): number {
  let count = 0;
  for (const { shape, is } of networkTensors(config).values()) {
    if (is === 'parameter') count += shape.reduce((a, b) => a * b, 1);
  }
  return count;
}

/**
 * Checks that a file holds this very network: every tensor present with its shape, and none that the configuration does
 * not explain.
 * @throws UserError naming the first tensor that is missing, misshapen or unexplained
 */
export function checkTensors(config: NetworkConfig, tensors: ReadonlyMap<string, Tensor>, where: string): void {
  const slots = networkTensors(config);
  for (const { name, parts, channels } of divisions(config)) {
    if (channels % parts)
      throw new UserError(`${where}: ${name}: ${channels} channels do not divide into ${parts} groups`);
  }
  for (const [name, { shape, is }] of slots) {
    const tensor = tensors.get(name);
    if (!tensor) {
      if (is === 'constant') continue;
      throw new UserError(
        `${where}: tensor ${name} is missing: the file does not hold the ${config.model_type} its configuration describes`,
      );
    }
    if (tensor.shape.join() !== shape.join()) {
      throw new UserError(
        `${where}: tensor ${name} has shape [${tensor.shape.join()}], its configuration needs [${shape.join()}]`,
      );
    }
  }
  for (const name of tensors.keys()) {
    if (!slots.has(name))
      throw new UserError(
        `${where}: tensor ${name} has no place in the ${config.model_type} its configuration describes`,
      );
  }
}
