import type { NetworkConfig } from '../weights/network-config';

/**
 * One module of a U-Net, in execution order. `name` is its state-dict prefix (`enc.32x32_block0`), `res` the resolution
 * of its output.
 */
export type Module =
  | ConvModule
  | BlockModule
  | { readonly role: 'aux_down' | 'aux_up'; readonly name: string; readonly in: number; readonly res: number }
  | { readonly role: 'aux_norm'; readonly name: string; readonly in: number; readonly res: number };

/** A convolution outside a block: the first layer, the auxiliary paths of NCSN++, the output layer. */
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
  /** True if an output of the encoder is joined to the input. */
  readonly concat: boolean;
  /** Attention heads; 0 for none. */
  readonly heads: number;
}

/** The modules of a network and the widths that they do not state. */
export interface Layout {
  readonly encoder: readonly Module[];
  readonly decoder: readonly Module[];
  /** Width of the noise embedding before and after the mapping layers. */
  readonly noiseChannels: number;
  readonly embChannels: number;
  /** Channels of the network's output; iDDPM predicts variances too. */
  readonly outChannels: number;
}

/** A 3x3 convolution that keeps the resolution, in a residual block: these do nearly all of the work. */
export interface Convolution {
  /** Name of its node: that of its weight in the state dict, without `.weight`. */
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

/** ADM's channels_per_head; no published configuration changes it. */
const CHANNELS_PER_HEAD = 64;

/** The modules of a network, from its configuration alone. */
export function networkLayout(config: NetworkConfig): Layout {
  const { model_channels: mc } = config;
  const outChannels = config.img_channels * (config.class_name === 'iDDPMPrecond' ? 2 : 1);
  const { encoder, widths } = encoderOf(config);
  return {
    encoder,
    decoder: decoderOf(config, widths, outChannels),
    noiseChannels: mc * (isSong(config) ? config.channel_mult_noise : 1),
    embChannels: mc * config.channel_mult_emb,
    outChannels,
  };
}

function isSong({ model_type }: NetworkConfig): boolean {
  return model_type === 'SongUNet';
}

/** Attention heads of a block with `out` channels that has attention. */
function headCount(config: NetworkConfig, out: number): number {
  return isSong(config) ? 1 : Math.floor(out / CHANNELS_PER_HEAD);
}

/** @returns the modules, and the widths of the outputs that the decoder's blocks take as their second input */
function encoderOf(config: NetworkConfig): { encoder: Module[]; widths: number[] } {
  const { model_channels: mc, channel_mult, num_blocks, img_resolution, img_channels } = config;
  const encoder: Module[] = [];
  const widths: number[] = [];
  let width = img_channels;
  let auxWidth = img_channels;
  for (const [level, mult] of channel_mult.entries()) {
    const res = img_resolution >> level;
    const prefix = `enc.${res}x${res}`;
    if (level === 0) {
      const out = isSong(config) ? mc : mc * mult;
      encoder.push({ role: 'conv', name: `${prefix}_conv`, in: width, out, res });
      width = out;
    } else {
      const shape = { in: width, out: width, res, concat: false, heads: 0 };
      encoder.push({ role: 'block', name: `${prefix}_down`, ...shape, resample: 'down' });
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
      const heads = config.attn_resolutions.includes(res) ? headCount(config, out) : 0;
      encoder.push({ role: 'block', name: `${prefix}_block${i}`, in: width, out, res, concat: false, heads });
      width = out;
      widths.push(width);
    }
  }
  return { encoder, widths };
}

/** @param widths as `encoderOf` returns them */
function decoderOf(config: NetworkConfig, widths: readonly number[], outChannels: number): Module[] {
  const { model_channels: mc, channel_mult, num_blocks, img_resolution, decoder_type } = config;
  const song = isSong(config);
  const deepest = channel_mult.length - 1;
  const decoder: Module[] = [];
  const left = [...widths];
  let width = left.at(-1) ?? 0;
  const output = (prefix: string, separator: string, res: number): void => {
    decoder.push({ role: 'aux_norm', name: `${prefix}${separator}norm`, in: width, res });
    decoder.push({ role: 'aux_conv', name: `${prefix}${separator}conv`, in: width, out: outChannels, res });
  };
  for (const [level, mult] of [...channel_mult.entries()].reverse()) {
    const res = img_resolution >> level;
    const prefix = `dec.${res}x${res}`;
    const block = { role: 'block', in: width, out: width, res, concat: false } as const;
    if (level === deepest) {
      decoder.push({ ...block, name: `${prefix}_in0`, heads: headCount(config, width) });
      decoder.push({ ...block, name: `${prefix}_in1`, heads: 0 });
    } else {
      decoder.push({ ...block, name: `${prefix}_up`, resample: 'up', heads: 0 });
    }
    for (let i = 0; i <= num_blocks; i++) {
      const out = mc * mult;
      const attention = config.attn_resolutions.includes(res) && (!song || i === num_blocks);
      const heads = attention ? headCount(config, out) : 0;
      const joined = width + (left.pop() ?? 0);
      decoder.push({ ...block, name: `${prefix}_block${i}`, in: joined, out, concat: true, heads });
      width = out;
    }
    if (song && decoder_type === 'skip' && level < deepest) {
      decoder.push({ role: 'aux_up', name: `${prefix}_aux_up`, in: outChannels, res });
    }
    if (song && (decoder_type === 'skip' || level === 0)) output(prefix, '_aux_', res);
  }
  if (!song) output('out', '_', img_resolution);
  return decoder;
}

/** The path around a block: nothing, a 1x1 convolution (resampled if the block is), or resampling alone. */
export function skipKind(config: NetworkConfig, block: BlockModule): 'identity' | 'conv' | 'resample' {
  if (block.in !== block.out) return 'conv';
  if (!block.resample) return 'identity';
  return config.model_type === 'SongUNet' ? 'conv' : 'resample';
}

/** Groups of a group normalisation (edm.md section 1.3). */
export function groupCount(channels: number): number {
  return Math.min(32, channels >> 2);
}
