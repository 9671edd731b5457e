/** The draws of generate.py from one `torch.Generator`. Every draw advances the generator. */
export interface TorchGenerator {
  /** `torch.randn([n], dtype=torch.float32)`: n standard normal values. */
  randnFloat32(n: number): Float32Array;
  /** `torch.randn([n], dtype=torch.float64)`: n standard normal values. */
  randnFloat64(n: number): Float64Array;
  /** `torch.randint(high, [])`: one integer in [0, high), 0 < high < 2^28. */
  randint(high: number): number;
}
