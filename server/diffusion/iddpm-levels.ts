/** The discrete noise levels of iDDPM (Nichol & Dhariwal 2021; Karras et al. 2022, table 1). Pure. */
const C1 = 0.001;
const C2 = 0.008;
const M = 1000;

/**
 * The steps j at which torch's vectorised sinf (accurate to one unit in the last place, not correctly rounded) returns
 * the float above or below the nearest one. Each moves the smallest noise levels by up to 2e-4 (relative); found by
 * comparing with the table that torch 1.13 computes.
 */
const SIN_ABOVE = new Set([
  62, 86, 128, 131, 135, 172, 189, 219, 228, 233, 237, 258, 262, 274, 277, 300, 301, 302, 307, 314, 315, 318, 322, 348,
  401, 413, 425, 699, 722, 732, 742, 754, 756, 790, 833, 834, 837, 849, 850, 864, 871, 874, 995,
]);
const SIN_BELOW = new Set([632, 647, 672, 916, 920, 948, 951, 958, 964]);

/**
 * The noise levels u[0] > ... > u[1000] = 0 that generate.py's ablation_sampler visits with `--disc iddpm`.
 *
 * It evaluates alpha-bar in single precision and the recursion in double. Small noise levels are differences of nearly
 * equal numbers, so that double precision throughout would be off by 4.6e-4 (relative); here all rounding is torch's.
 */
export function iddpmLevels(): Float64Array {
  const u = new Float64Array(M + 1);
  for (let j = M; j > 0; j--) {
    const ratio = Math.max(Math.fround(alphaBar(j - 1) / alphaBar(j)), Math.fround(C1));
    u[j - 1] = Math.sqrt((u[j]! ** 2 + 1) / ratio - 1);
  }
  return u;
}

/** sin^2(pi / 2 * j / M / (C2 + 1)), in single precision throughout. */
function alphaBar(j: number): number {
  const { fround } = Math;
  const angle = fround(fround(fround(fround(0.5 * Math.PI) * j) / M) / fround(C2 + 1));
  const sine = neighbour(fround(Math.sin(angle)), SIN_ABOVE.has(j) ? 1 : SIN_BELOW.has(j) ? -1 : 0);
  return fround(sine * sine);
}

/** The float32 number that is `steps` numbers above a positive `value`. */
function neighbour(value: number, steps: number): number {
  const bits = new Int32Array(Float32Array.of(value).buffer);
  bits[0]! += steps;
  return new Float32Array(bits.buffer)[0]!;
}
