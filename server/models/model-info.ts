import type { Convolution } from './network-layout';

/**
 * What an ONNX file says of itself in its `metadata_props` (string -> string). Written by `import`, read before any
 * session is made. Keys are the property names below, JSON-encoded where they are not strings.
 */
export interface DenoiserInfo {
  kind: 'denoiser';
  /** `EDMPrecond`, `VPPrecond`, `VEPrecond` or `iDDPMPrecond`. */
  precond: string;
  /** `SongUNet` or `DhariwalUNet`. */
  architecture: string;
  sigma_min: number;
  /** May be Infinity (stored as the string "inf"). */
  sigma_max: number;
  sigma_data: number;
  label_dim: number;
  img_resolution: number;
  img_channels: number;
  /** Count of trained parameters. */
  parameters: number;
  /** iDDPM only: the noise levels u[0..M], largest first, as float32 values. */
  u?: number[];
  /** Names of the classes where known, in label order. */
  class_names?: string[];
  /** The convolutions of its residual blocks; absent in files of earlier versions. */
  convolutions?: Convolution[];
  /** File the weights came from, and its sha256. */
  source_name: string;
  source_sha256: string;
  /** Whatever the source tells of its training. */
  training?: Record<string, unknown>;
  /** Commit of the code that trained the network, where the source knows it (the first of the two identifiers). */
  training_commit?: string;
}

export interface DetectorInfo {
  kind: 'detector';
  name: string;
  dimension: number;
  published: boolean;
  /** Channels of its input: 3, or 1 for a grayscale detector. */
  channels: 1 | 3;
  /** Side of its input in pixels; absent where the graph resizes any image. */
  resolution?: number;
  source_name: string;
  source_sha256: string;
}

export type ModelInfo = DenoiserInfo | DetectorInfo;
/*
 * Signatures. A denoiser:  x float32 [N,C,R,R], sigma float32 [1], (class_labels float32 [N,label_dim]) -> denoised
 * float32 [N,C,R,R]. A detector: images uint8 [N,C,H,W] -> features float32 [N,dimension].
 */
