/**
 * PyTorch's random numbers: what `torch.randn` and `torch.randint` return for a seeded generator. With one generator per
 * image, an image depends on its seed alone, however the seeds are batched.
 */
import { Mt19937 } from '../numpy/mt19937';
import type { RngDevice } from '../shared/sampler-options';
import { PhiloxGenerator } from './philox';
import type { TorchGenerator } from './torch-generator';

/**
 * The generator of one image: seeded with `seed` mod 2^32, as generate.py does.
 * @param seed any safe integer, also negative
 */
export function torchGenerator(device: RngDevice, seed: number): TorchGenerator {
  return device === 'cuda' ? new PhiloxGenerator(seed) : new Mt19937Generator(seed);
}

/** Values of one call of torch's vectorised normal fill; sizes below it take the scalar path. */
const BLOCK = 16;
const TWO_PI_FLOAT32 = Math.fround(2 * Math.PI);

/**
 * torch's CPU generator: mt19937 (Matsumoto & Nishimura 1998) with the draws of ATen's CPU distributions.
 *
 * float64 values equal torch's to about 1e-15. float32 values of 16 or more agree to 3e-7: torch evaluates log, sin and
 * cos with vectorised approximations there (and with other ones on machines without AVX2).
 */
export class Mt19937Generator implements TorchGenerator {
  private readonly engine: Mt19937;
  private cachedNormal: number | undefined;

  /** @param seed any safe integer; mt19937 sees it mod 2^32 */
  constructor(seed: number) {
    this.engine = new Mt19937(seed);
  }

  randnFloat32(n: number): Float32Array {
    const values = new Float32Array(n);
    this.fillNormal(values, () => (this.engine.next32() & 0xffffff) * 2 ** -24, normalPairsFloat32);
    return values;
  }

  randnFloat64(n: number): Float64Array {
    const values = new Float64Array(n);
    this.fillNormal(values, () => this.uniformFloat64(), normalPairsFloat64);
    return values;
  }

  randint(high: number): number {
    return this.engine.next32() % high;
  }

  /** ATen's normal_fill: uniforms for all values first, then each block of 16 transformed in place, then the tail. */
  private fillNormal<T extends Float32Array | Float64Array>(
    values: T,
    uniform: () => number,
    transform: (values: T, start: number) => void,
  ): void {
    const n = values.length;
    if (n < BLOCK) {
      for (let i = 0; i < n; i++) values[i] = this.scalarNormal();
      return;
    }
    for (let i = 0; i < n; i++) values[i] = uniform();
    for (let start = 0; start + BLOCK <= n; start += BLOCK) transform(values, start);
    if (n % BLOCK === 0) return;
    // The tail is the last 16 values, drawn again; it overwrites a part of the last full block.
    for (let i = n - BLOCK; i < n; i++) values[i] = uniform();
    transform(values, n - BLOCK);
  }

  /** Box-Muller in double precision; the second value is kept for the next scalar draw, whatever is drawn in between. */
  private scalarNormal(): number {
    if (this.cachedNormal !== undefined) {
      const value = this.cachedNormal;
      this.cachedNormal = undefined;
      return value;
    }
    const u1 = this.uniformFloat64();
    const u2 = this.uniformFloat64();
    const radius = Math.sqrt(-2 * Math.log1p(-u2));
    const theta = 2 * Math.PI * u1;
    this.cachedNormal = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  }

  /** 53 random bits in [0, 1); the first of two outputs is the high word. */
  private uniformFloat64(): number {
    const high = this.engine.next32() & 0x1fffff;
    return (high * 2 ** 32 + this.engine.next32()) * 2 ** -53;
  }
}

/** Box-Muller on values[start..start+16): uniforms j and j+8 become a cosine and a sine. */
function normalPairsFloat64(values: Float64Array, start: number): void {
  for (let j = start; j < start + BLOCK / 2; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - values[j]!));
    const theta = 2 * Math.PI * values[j + BLOCK / 2]!;
    values[j] = radius * Math.cos(theta);
    values[j + BLOCK / 2] = radius * Math.sin(theta);
  }
}

/** The same in single precision, rounded after each operation as in torch. */
function normalPairsFloat32(values: Float32Array, start: number): void {
  for (let j = start; j < start + BLOCK / 2; j++) {
    const radius = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(Math.log(1 - values[j]!)))));
    const theta = Math.fround(TWO_PI_FLOAT32 * values[j + BLOCK / 2]!);
    values[j] = radius * Math.fround(Math.cos(theta));
    values[j + BLOCK / 2] = radius * Math.fround(Math.sin(theta));
  }
}
