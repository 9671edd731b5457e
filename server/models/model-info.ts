import type { Convolution } from './network-layout';

/**
 * The metadata of a denoiser's ONNX file, in its `metadata_props` (string -> string). `import` writes them; they are read
 * before the file is loaded. Keys are the property names below; values other than strings are JSON.
 * Signature: x float32 [N,C,R,R], sigma float32 [1], and if label_dim > 0 class_labels float32 [N,label_dim] -> denoised
 * float32 [N,C,R,R].
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
  /** Names of the classes in label order, if known. */
  class_names?: string[];
  /** The convolutions of its residual blocks; files of earlier versions do not have them. */
  convolutions?: Convolution[];
  /** File the weights came from, and its sha256. */
  source_name: string;
  source_sha256: string;
  /**
   * Whether the code that the source carries is what NVIDIA published: `published`, `accepted` (other code that somebody
   * took for it), `absent` (the source carries none, although such files do). Undefined for formats that carry no code.
   */
  code?: string;
  /** What differs in accepted code: names of classes and functions. */
  code_differs?: string[];
  /** What the source says about the training. */
  training?: Record<string, unknown>;
  /** Commit of the code that trained the network, if the source states it. */
  training_commit?: string;
}

/** The metadata of a detector's ONNX file. Signature: images uint8 [N,C,H,W] -> features float32 [N,dimension]. */
export interface DetectorInfo {
  kind: 'detector';
  /** Short name, e.g. `inception-2015-12-05`. */
  name: string;
  /** Length of a feature vector. */
  dimension: number;
  /** True only for the published Inception-v3 (2015-12-05) weights. */
  published: boolean;
  /** Channels of its input: 3, or 1 for a grayscale detector. */
  channels: 1 | 3;
  /** Side of its input in pixels; undefined if the graph resizes images itself. */
  resolution?: number;
  source_name: string;
  source_sha256: string;
}

export type ModelInfo = DenoiserInfo | DetectorInfo;
