/**
 * D(x; sigma, labels): a preconditioned network as the samplers see it (Karras et al. 2022, equation 7).
 * Implemented by `compute/onnx-denoiser.ts` with ONNX Runtime, and by closed forms in tests.
 */
export interface Denoiser {
  /** Side of the square images, in pixels. */
  readonly resolution: number;
  /** Image channels, 1 or 3. */
  readonly channels: number;
  /** Number of classes; 0 for an unconditional network. */
  readonly labelDim: number;
  /** Smallest noise level the network accepts (>= 0). */
  readonly sigmaMin: number;
  /** Largest noise level the network accepts (may be Infinity). */
  readonly sigmaMax: number;
  /**
   * True if the last bits of an image depend on how many are evaluated together, as on CUDA, which chooses kernels by the
   * batch size. Every evaluation then gets the same number of images.
   */
  readonly batchDependent?: boolean;
  /** The nearest noise level the network was trained for; the identity for all but iDDPM. */
  roundSigma(sigma: number): number;
  /**
   * One network evaluation.
   * @param x images [n, channels, resolution, resolution], float32, at noise level `sigma`
   * @param sigma one noise level for the whole batch
   * @param labels one-hot rows [n, labelDim]; undefined for an unconditional network
   * @param n batch size
   * @returns the denoised images, same shape as `x`
   */
  denoise(x: Float32Array, sigma: number, labels: Float32Array | undefined, n: number): Promise<Float32Array>;
}
