/**
 * torch's CUDA generator on the CPU: Philox 4x32-10 (Salmon et al. 2011) with the mapping of ATen's CUDA distribution
 * kernels and cuRAND's Box-Muller.
 *
 * How ATen maps a draw of n values to Philox calls:
 * - The kernel has T = 256 * min(ceil(n / 256), SMs * floor(threads per SM / 256)) threads in a grid-stride loop.
 * - Thread t owns subsequence t: key = seed, counter = (offset / 4, t), both 64 bits wide.
 * - One Philox call yields `unroll` values: 4 float32 normals (curand_normal4), 2 float64 normals (curand_normal2_double)
 *   or 4 integers. Value i of call k of thread t is element t + T * (unroll * k + i).
 * - After the draw the generator's offset grows by 4 * ceil(n / (4 T)). (torch >= 2.6 counts 2 T for float64, which is
 *   the same for n <= 2 T, that is, for images with at most twice as many values as the GPU has resident threads.)
 * Images of up to 3x256x256 have no more values than a data-centre GPU has resident threads, so in practice each thread
 * yields only its first value and the number of SMs does not matter.
 *
 * Checked against the known answers of Random123 and against four printed digits of published GPU output of
 * torch.randn; not compared with a GPU directly. GPUs evaluate sin and cos in single precision by `__sincosf`, whose absolute error
 * is about 2^-21: float32 values agree to some 1e-6, not bitwise.
 */
import type { TorchGenerator } from './torch-generator';

const BLOCK_SIZE = 256;
/** An A100: 108 multiprocessors of 2048 threads. Only draws of more values than this depend on it. */
const RESIDENT_THREADS = 108 * 2048;

const INV_2POW32 = Math.fround(2 ** -32);
const INV_2POW32_2PI = Math.fround(INV_2POW32 * Math.fround(2 * Math.PI));
const INV_2POW53 = 2 ** -53;

/** High 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + (aLow * bHigh + (middle & 0xffff)) / 0x10000) >>> 0;
}

/**
 * Philox 4x32-10.
 * @param counter four 32-bit words; overwritten with the four output words
 * @param key two 32-bit words
 */
export function philox4x32(counter: Uint32Array, key: readonly [number, number]): void {
  let [k0, k1] = key;
  let [c0, c1, c2, c3] = counter as unknown as [number, number, number, number];
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  counter[0] = c0;
  counter[1] = c1;
  counter[2] = c2;
  counter[3] = c3;
}

/** `torch.Generator('cuda')` after `manual_seed(seed mod 2^32)`. */
export class PhiloxGenerator implements TorchGenerator {
  private readonly key: readonly [number, number];
  /** Random numbers that each thread has used so far; a multiple of 4. */
  private offset = 0;

  /**
   * @param seed any safe integer, taken mod 2^32
   * @param residentThreads multiprocessors times threads per multiprocessor of the imitated GPU; a multiple of 256
   */
  constructor(
    seed: number,
    private readonly residentThreads = RESIDENT_THREADS,
  ) {
    this.key = [Number(BigInt.asUintN(32, BigInt(seed))), 0];
  }

  randnFloat32(n: number): Float32Array {
    const values = new Float32Array(n);
    this.draw(values, 4, (words, normals) => {
      boxMullerFloat32(words[0]!, words[1]!, normals, 0);
      boxMullerFloat32(words[2]!, words[3]!, normals, 2);
    });
    return values;
  }

  randnFloat64(n: number): Float64Array {
    const values = new Float64Array(n);
    this.draw(values, 2, boxMullerFloat64);
    return values;
  }

  randint(high: number): number {
    const values = new Float64Array(1);
    this.draw(values, 4, (words, integers) => {
      for (let i = 0; i < 4; i++) integers[i] = words[i]! % high;
    });
    return values[0]!;
  }

  private draw(
    values: Float32Array | Float64Array,
    unroll: number,
    transform: (words: Uint32Array, results: Float64Array) => void,
  ): void {
    const n = values.length;
    if (n === 0) return;
    const threads = Math.min(Math.ceil(n / BLOCK_SIZE) * BLOCK_SIZE, this.residentThreads);
    const words = new Uint32Array(4);
    const results = new Float64Array(4);
    for (let start = 0, call = this.offset / 4; start < n; start += threads * unroll, call++) {
      for (let thread = 0; thread < Math.min(threads, n - start); thread++) {
        words[0] = call;
        words[1] = 0;
        words[2] = thread;
        words[3] = 0;
        philox4x32(words, this.key);
        transform(words, results);
        for (let i = 0, at = start + thread; i < unroll && at < n; i++, at += threads) values[at] = results[i]!;
      }
    }
    this.offset += 4 * Math.ceil(n / (threads * 4));
  }
}

/** cuRAND's Box-Muller in single precision: two words become a sine (first) and a cosine. */
function boxMullerFloat32(x: number, y: number, normals: Float64Array, at: number): void {
  const u = Math.fround(Math.fround(Math.fround(x) * INV_2POW32) + INV_2POW32 / 2);
  const v = Math.fround(Math.fround(Math.fround(y) * INV_2POW32_2PI) + INV_2POW32_2PI / 2);
  const s = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(Math.log(u)))));
  normals[at] = s * Math.fround(Math.sin(v));
  normals[at + 1] = s * Math.fround(Math.cos(v));
}

/** cuRAND's Box-Muller in double precision: words 0 and 1 make the radius, 2 and 3 the angle. */
function boxMullerFloat64(words: Uint32Array, normals: Float64Array): void {
  const u = bits53(words[0]!, words[1]!) * INV_2POW53 + INV_2POW53 / 2;
  const v = bits53(words[2]!, words[3]!) * (INV_2POW53 * 2) + INV_2POW53;
  const s = Math.sqrt(-2 * Math.log(u));
  normals[0] = s * Math.sin(Math.PI * v);
  normals[1] = s * Math.cos(Math.PI * v);
}

/** low ^ (high << 21) as a 53-bit integer. */
function bits53(low: number, high: number): number {
  return ((high ^ (low >>> 21)) >>> 0) * 2 ** 21 + (low & 0x1fffff);
}
