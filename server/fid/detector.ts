/** A feature extractor as the metrics see it. Implemented by `compute/onnx-detector.ts`. */
export interface Detector extends DetectorIdentity {
  /** Channels of its input: 3 (grayscale images are repeated) or 1. */
  readonly channels: 1 | 3;
  /** Side of its input in pixels; undefined if it resizes images itself. */
  readonly resolution?: number;
  /**
   * Features of one batch.
   * @param images uint8 [n, channels, height, width], 0..255
   * @returns float32 [n, dimension]
   */
  features(images: Uint8Array, n: number, channels: number, height: number, width: number): Promise<Float32Array>;
}

/** What is recorded about a detector with every number. */
export interface DetectorIdentity {
  /** Short name, e.g. `inception-2015-12-05` or `fashion-mnist`. */
  readonly name: string;
  /** sha256 of the detector's ONNX file, hex. */
  readonly sha256: string;
  /** Length of a feature vector. */
  readonly dimension: number;
  /** True only for the published Inception-v3 (2015-12-05) weights: their distance alone may be called FID. */
  readonly published: boolean;
  /** Digest of weights, layer and preparation (`identityOf`); undefined where it is not known. */
  readonly identity?: string;
}
