import { UserError } from '../errors';
import { shortName, valueText } from './value-text';

const PRECONDITIONERS = ['EDMPrecond', 'VPPrecond', 'VEPrecond', 'iDDPMPrecond'] as const;
export type Preconditioner = (typeof PRECONDITIONERS)[number];

export const ARCHITECTURES = ['SongUNet', 'DhariwalUNet'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** Everything that determines a network's layers and preconditioning, with defaults filled in. Names as in NVlabs/edm. */
export interface NetworkConfig {
  class_name: Preconditioner;
  model_type: Architecture;
  img_resolution: number;
  img_channels: number;
  label_dim: number;
  model_channels: number;
  /** Width of each resolution level, as a multiple of model_channels; the first is the full resolution. */
  channel_mult: number[];
  channel_mult_emb: number;
  num_blocks: number;
  attn_resolutions: number[];
  /** Length of the augmentation labels the network was trained with; they are zero when generating. */
  augment_dim: number;
  embedding_type: 'positional' | 'fourier';
  channel_mult_noise: number;
  encoder_type: 'standard' | 'skip' | 'residual';
  decoder_type: 'standard' | 'skip';
  resample_filter: number[];
  /** EDM: standard deviation of the data. */
  sigma_data: number;
  /** VP: slope and offset of the noise schedule, smallest time. */
  beta_d: number;
  beta_min: number;
  epsilon_t: number;
  /** VP and iDDPM: number of time steps. */
  M: number;
  /** VE: bounds of the noise level. */
  sigma_min: number;
  sigma_max: number;
}

/** Constructor defaults of the two architectures (edm.md sections 2 and 3). */
const ARCHITECTURE_DEFAULTS: Record<Architecture, Partial<NetworkConfig>> = {
  SongUNet: { model_channels: 128, channel_mult: [1, 2, 2, 2], num_blocks: 4, attn_resolutions: [16] },
  DhariwalUNet: { model_channels: 192, channel_mult: [1, 2, 3, 4], num_blocks: 3, attn_resolutions: [32, 16, 8] },
};

const COMMON_DEFAULTS: Partial<NetworkConfig> = {
  label_dim: 0,
  channel_mult_emb: 4,
  augment_dim: 0,
  embedding_type: 'positional',
  channel_mult_noise: 1,
  encoder_type: 'standard',
  decoder_type: 'standard',
  resample_filter: [1, 1],
};

/** Constructor defaults of the preconditioners (section 4). */
const PRECONDITIONER_DEFAULTS: Record<Preconditioner, Partial<NetworkConfig>> = {
  EDMPrecond: { model_type: 'DhariwalUNet', sigma_min: 0, sigma_max: Infinity },
  VPPrecond: { model_type: 'SongUNet' },
  VEPrecond: { model_type: 'SongUNet', sigma_min: 0.02, sigma_max: 100 },
  iDDPMPrecond: { model_type: 'DhariwalUNet' },
};

const SCHEDULE_DEFAULTS = {
  sigma_data: 0.5,
  beta_d: 19.9,
  beta_min: 0.1,
  epsilon_t: 1e-5,
  M: 1000,
  sigma_min: 0,
  sigma_max: Infinity,
};

type Check = { readonly expected: string; readonly holds: (value: unknown) => boolean };

const isCount = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= 65536;
const isNumber = (value: unknown): boolean => typeof value === 'number' && !Number.isNaN(value);
const isListOf = (item: (value: unknown) => boolean, value: unknown): boolean =>
  Array.isArray(value) && value.length <= 16 && value.every(item);

const COUNT: Check = { expected: 'a positive integer', holds: isCount };
const COUNT_OR_ZERO: Check = { expected: 'an integer >= 0', holds: (value) => value === 0 || isCount(value) };
const POSITIVE: Check = { expected: 'a number > 0', holds: (value) => isNumber(value) && (value as number) > 0 };
const oneOf = (...values: readonly string[]): Check => ({
  expected: `one of ${values.join(', ')}`,
  holds: (value) => values.includes(value as string),
});

const CHECKS: Record<keyof NetworkConfig, Check> = {
  class_name: oneOf(...PRECONDITIONERS),
  model_type: oneOf(...ARCHITECTURES),
  img_resolution: COUNT,
  img_channels: COUNT,
  label_dim: COUNT_OR_ZERO,
  model_channels: { expected: 'a multiple of 4', holds: (value) => isCount(value) && (value as number) % 4 === 0 },
  channel_mult: {
    expected: 'a list of positive integers',
    holds: (value) => isListOf(isCount, value) && (value as []).length > 0,
  },
  channel_mult_emb: COUNT,
  num_blocks: { expected: 'an integer from 1 to 100', holds: (value) => isCount(value) && (value as number) <= 100 },
  attn_resolutions: { expected: 'a list of positive integers', holds: (value) => isListOf(isCount, value) },
  augment_dim: COUNT_OR_ZERO,
  embedding_type: oneOf('positional', 'fourier'),
  channel_mult_noise: COUNT,
  encoder_type: oneOf('standard', 'skip', 'residual'),
  decoder_type: oneOf('standard', 'skip'),
  resample_filter: {
    expected: 'a list of 2, 4, 6, ... numbers with a sum other than 0',
    holds: (value) =>
      isListOf(isNumber, value) &&
      (value as number[]).length > 0 &&
      (value as number[]).length % 2 === 0 &&
      (value as number[]).reduce((a, b) => a + b, 0) !== 0,
  },
  sigma_data: POSITIVE,
  beta_d: POSITIVE,
  beta_min: POSITIVE,
  epsilon_t: POSITIVE,
  M: COUNT,
  sigma_min: { expected: 'a number >= 0', holds: (value) => isNumber(value) && (value as number) >= 0 },
  sigma_max: POSITIVE,
};

/** Arguments of EDM's constructors that do not change what a trained network computes, or that follow from others. */
const WITHOUT_EFFECT = new Set(['use_fp16', 'dropout', 'label_dropout', 'C_1', 'C_2', 'in_channels', 'out_channels']);

/** Classes of networks that are known and not EDM's. */
const OTHER_CLASSES: ReadonlyMap<unknown, string> = new Map([
  ['Precond', 'is an EDM2 network (class Precond), and only networks of the first EDM are imported'],
]);

/**
 * Fills in the constructors' defaults and checks every value. Arguments that do not change the outputs (dropout,
 * use_fp16, ...) are ignored.
 * @param raw class_name and constructor arguments
 * @param where the file, for messages
 * @param isAccepted whether somebody takes the code for EDM's, with arguments that EDM does not have
 * @throws UserError naming the argument that cannot be used
 */
export function parseNetworkConfig(
  raw: Readonly<Record<string, unknown>>,
  where: string,
  isAccepted = false,
): NetworkConfig {
  const class_name = raw.class_name as Preconditioner;
  const other = OTHER_CLASSES.get(class_name);
  if (other !== undefined) throw new UserError(`${where} ${other}`);
  if (!PRECONDITIONERS.includes(class_name)) {
    throw new UserError(
      `${where}: class ${classText(raw.class_name)} is not an EDM network (${PRECONDITIONERS.join(', ')})`,
    );
  }
  const outer = { ...SCHEDULE_DEFAULTS, ...PRECONDITIONER_DEFAULTS[class_name] };
  const architecture = ARCHITECTURES.find((name) => name === (raw.model_type ?? outer.model_type));
  const merged: Record<string, unknown> = {
    ...COMMON_DEFAULTS,
    ...outer,
    ...(architecture && ARCHITECTURE_DEFAULTS[architecture]),
    ...raw,
  };
  const config: Record<string, unknown> = {};
  for (const [key, check] of Object.entries(CHECKS)) {
    const value = merged[key] === 'inf' ? Infinity : merged[key];
    if (!check.holds(value)) {
      throw new UserError(`${where}: network argument ${key} is ${valueText(value)}, expected ${check.expected}`);
    }
    config[key] = value;
  }
  const unknown = Object.keys(raw).find((key) => !(key in CHECKS) && !WITHOUT_EFFECT.has(key));
  if (unknown !== undefined && !isAccepted) {
    throw new UserError(
      `${where}: its network was made with the argument ${shortName(unknown)}, which EDM's networks do not have, so that what it computes is not known: run it with its own code (engine: edm on a cluster)`,
    );
  }
  const network = config as unknown as NetworkConfig;
  const step = 2 ** (network.channel_mult.length - 1);
  if (network.img_resolution % step !== 0) {
    throw new UserError(
      `${where}: img_resolution ${network.img_resolution} is not divisible by ${step}, as ${network.channel_mult.length} levels need`,
    );
  }
  return network;
}

function classText(name: unknown): string {
  return typeof name === 'string' ? shortName(name) : valueText(name);
}
