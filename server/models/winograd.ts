/**
 * 3x3 convolutions in Winograd's form, as ONNX nodes: F(4x4, 3x3) of Lavin & Gray 2015 (arXiv 1509.09308), which
 * needs 36 multiplications where direct convolution needs 144. ONNX Runtime's CPU provider has no such kernel; its direct
 * one already runs at nine tenths of the processor's peak. Pure.
 */
import type { Graph, Value } from './onnx-graph';
import type { Convolution } from './network-layout';

type Matrix = readonly (readonly number[])[];

/** Side of the tiles that a convolution's output is cut into, and of the kernel. */
const TILE = 4;
const KERNEL = 3;
/** Side of the input that a tile of the output sees. */
const WINDOW = TILE + KERNEL - 1;

/**
 * Points at which the polynomials are evaluated, besides infinity. With these the error of one layer of 256 channels is
 * 2e-6 of the largest output, with the usual 0, 1, -1, 2, -2 it is 9e-6 (measured); they are exact in float32.
 */
const POINTS = [0, 5 / 8, -5 / 8, 3 / 2, -3 / 2];

/** With fewer channels or pixels the transformations cost more than the multiplications saved. */
const MIN_CHANNELS = 192;
const MIN_RESOLUTION = 16;
/** Largest size of a network's transformed kernels in memory, in bytes; finer resolutions come first. */
const MAX_BYTES = 2 ** 30;
/** Pixels of the images that are evaluated together. With more, the transformed windows do not fit the processor's cache. */
const PIXELS_TOGETHER = 4096;

/** The convolutions of a network that are faster in this form. */
export function winogradConvolutions(convolutions: readonly Convolution[]): Convolution[] {
  let bytes = 0;
  return convolutions
    .filter(({ resolution }) => resolution >= MIN_RESOLUTION && resolution % TILE === 0)
    .filter((convolution) => Math.min(convolution.in, convolution.out) >= MIN_CHANNELS)
    .sort((a, b) => b.resolution - a.resolution)
    .filter((convolution) => (bytes += 4 * WINDOW ** 2 * convolution.in * convolution.out) <= MAX_BYTES);
}

/** How many images of a resolution are best evaluated together in this form, at least 1. */
export function imagesTogether(resolution: number): number {
  return Math.max(1, Math.floor(PIXELS_TOGETHER / resolution ** 2));
}

/**
 * y = A^T [ sum over channels of (G w G^T) * (B^T x B) ] A for every tile, and the bias. ONNX Runtime evaluates what
 * depends on the weight alone once, when it loads the model.
 * @param x [N, in, resolution, resolution] @param weight [out, in, 3, 3] @param bias [out]
 * @returns [N, out, resolution, resolution], under the convolution's name
 */
export function winograd(
  graph: Graph,
  { name, in: from, out, resolution }: Convolution,
  [x, weight, bias]: readonly [x: Value, weight: Value, bias: Value],
): Value {
  const tiles = (resolution / TILE) ** 2;
  const node = (op: string, part: string, inputs: readonly Value[], attributes = {}): Value =>
    graph.node(op, `${name}.winograd.${part}`, inputs, attributes);
  const reshape = (part: string, value: Value, shape: readonly number[]): Value =>
    node('Reshape', part, [value, graph.int64(shape)]);
  /** [n, m, tiles] -> [m, n, tiles] */
  const swap = (part: string, value: Value): Value => node('Transpose', part, [value], { perm: [1, 0, 2] });
  const matrix = (values: Matrix): Value => graph.float32(values.flat(), [values.length, values[0]?.length ?? 0]);

  const kernels = node('Transpose', 'kernels', [reshape('kernels.flat', weight, [-1, KERNEL ** 2])], { perm: [1, 0] });
  const transformed = node('MatMul', 'kernels.transformed', [matrix(ONCE.G), kernels]);
  const U = reshape('U', transformed, [WINDOW ** 2, 1, out, from]);

  const planes = reshape('planes', x, [-1, 1, resolution, resolution]);
  const filters = graph.float32(ONCE.BT.flat(), [WINDOW ** 2, 1, WINDOW, WINDOW]);
  const pad = (KERNEL - 1) / 2;
  const windows = node('Conv', 'windows', [planes, filters], {
    kernel_shape: [WINDOW, WINDOW],
    strides: [TILE, TILE],
    pads: [pad, pad, pad, pad],
  });
  const perPoint = swap('windows.swapped', reshape('windows.flat', windows, [-1, WINDOW ** 2, tiles]));
  const V = reshape('V', perPoint, [WINDOW ** 2, -1, from, tiles]);

  const products = reshape('products.flat', node('MatMul', 'products', [U, V]), [WINDOW ** 2, -1]);
  const pixels = reshape('pixels.flat', node('MatMul', 'pixels', [matrix(ONCE.AT), products]), [TILE ** 2, -1, tiles]);
  const side = resolution / TILE;
  const perTile = reshape('tiles', swap('pixels.swapped', pixels), [-1, TILE ** 2, side, side]);
  const image = node('DepthToSpace', 'image.planes', [perTile], { blocksize: TILE, mode: 'CRD' });
  const offset = reshape('bias', bias, [1, out, 1, 1]);
  return graph.node('Add', name, [reshape('image', image, [-1, out, resolution, resolution]), offset]);
}

/** The matrices of one dimension, from the points (Toom-Cook): y = AT ((G w) * (BT x)) for x of 6 and w of 3 numbers. */
export function winogradMatrices(): { AT: Matrix; BT: Matrix; G: Matrix } {
  const rows = POINTS.map((point, i) => {
    const others = POINTS.filter((_, j) => j !== i);
    const scale = others.reduce((product, other) => product * (point - other), 1);
    return balance({ BT: [...polynomial(others), 0], G: powers(point, KERNEL).map((power) => power / scale) });
  });
  rows.push(balance({ BT: polynomial(POINTS), G: unit(KERNEL, KERNEL - 1) }));
  const AT = powers(0, TILE).map((_, i) => [...POINTS.map((point) => point ** i), i === TILE - 1 ? 1 : 0]);
  return { AT, BT: rows.map(({ BT }) => BT), G: rows.map(({ G }) => G) };
}

/** Moves a power of two from the data's row to the kernel's, so that the data's largest entry is near 1. */
function balance({ BT, G }: { BT: readonly number[]; G: readonly number[] }): { BT: number[]; G: number[] } {
  const scale = 2 ** -Math.round(Math.log2(Math.max(...BT.map(Math.abs))));
  return { BT: BT.map((value) => value * scale), G: G.map((value) => value / scale) };
}

/** Coefficients of the product of (t - root), lowest power first. */
function polynomial(roots: readonly number[]): number[] {
  return roots.reduce(
    (product, root) => [...product, 0].map((_, i) => (product[i - 1] ?? 0) - root * (product[i] ?? 0)),
    [1],
  );
}

function powers(point: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => point ** i);
}

function unit(length: number, at: number): number[] {
  return Array.from({ length }, (_, i) => (i === at ? 1 : 0));
}

/** Two dimensions at once: the Kronecker square. */
function square(matrix: Matrix): number[][] {
  return matrix.flatMap((a) => matrix.map((b) => a.flatMap((x) => b.map((y) => x * y))));
}

const ONE = winogradMatrices();
const ONCE = { AT: square(ONE.AT), BT: square(ONE.BT), G: square(ONE.G) };
