import { Pause } from './event-loop-pause';

/**
 * The inner products of rows, C = A B^T, in float64, row-major: A [m, k], B [n, k] -> C [m, n].
 * Passed as a parameter, since ONNX Runtime's float64 Gemm is faster than `multiply`.
 * @param into takes C and is returned; by default a new array, for which the system must provide memory each time
 * @param plus [m, n], is added to C; may be `into` itself
 */
export type MatMul = (
  a: Float64Array,
  b: Float64Array,
  m: number,
  k: number,
  n: number,
  into?: Float64Array,
  plus?: Float64Array,
) => Float64Array | Promise<Float64Array>;

/** Rows and columns of C that one inner loop holds in registers: 4 x 2 sums fit the 16 that x86-64 and arm64 have. */
const ROWS = 4;
const COLUMNS = 2;
/** Size of the part of B that is used for all rows of A before the next one: 0.5 MB, to stay in the second-level cache. */
const DEPTH_BLOCK = 256;
const COLUMN_BLOCK = 256;

/** `MatMul` in plain JavaScript: about 2e9 multiply-adds a second, 4 s for n = 2048. Yields to the event loop. */
export async function multiply(
  a: Float64Array,
  b: Float64Array,
  m: number,
  k: number,
  n: number,
  into: Float64Array = new Float64Array(m * n),
  plus?: Float64Array,
): Promise<Float64Array> {
  const pause = new Pause();
  if (!plus) into.fill(0);
  else if (plus !== into) into.set(plus);
  const panel = new Float64Array(ROWS * DEPTH_BLOCK);
  const strips = new Float64Array(DEPTH_BLOCK * COLUMN_BLOCK);
  for (let q0 = 0; q0 < k; q0 += DEPTH_BLOCK) {
    const depth = Math.min(DEPTH_BLOCK, k - q0);
    for (let j0 = 0; j0 < n; j0 += COLUMN_BLOCK) {
      const columns = Math.min(COLUMN_BLOCK, n - j0);
      packColumns(b, strips, q0, depth, j0, columns, k);
      for (let i = 0; i < m; i += ROWS) {
        const rows = Math.min(ROWS, m - i);
        packRows(a, panel, i, rows, q0, depth, k);
        for (let j = 0; j < columns; j += COLUMNS) {
          addTile(panel, strips, j * depth, depth, into, i * n + j0 + j, n, rows, columns - j);
        }
        if (pause.due) await pause.take();
      }
    }
  }
  return into;
}

/** Rows that are multiplied at a time: fewer make a fast product slower, more compute more above the diagonal. */
const PANEL = 192;

/** A sum of products A A^T, which is symmetric [n, n]: its lower triangle, in panels of rows. */
export class SquareSum {
  /** Each row-major [PANEL, end of the panel], the last with fewer rows; elements above the diagonal are undefined. */
  private readonly panels: Float64Array[] = [];

  constructor(private readonly n: number) {}

  /** Adds A A^T for A [n, k], row-major. After an error the sum is lost. */
  async add(a: Float64Array, k: number, matmul: MatMul = multiply): Promise<void> {
    for (let first = 0, p = 0; first < this.n; first += PANEL, p++) {
      const end = this.end(p);
      const [rows, before] = [a.subarray(first * k, end * k), a.subarray(0, end * k)];
      const sum = this.panels[p];
      this.panels[p] = await matmul(rows, before, end - first, k, end, sum, sum);
    }
  }

  /** Row i up to its diagonal, [i + 1]: a view, to be read or written. */
  row(i: number): Float64Array {
    const p = Math.floor(i / PANEL);
    const [first, end] = [p * PANEL, this.end(p)];
    this.panels[p] ??= new Float64Array((end - first) * end);
    const start = (i - first) * end;
    return this.panels[p].subarray(start, start + i + 1);
  }

  /** The first row after panel p, which is also the length of its rows. */
  private end(p: number): number {
    return Math.min((p + 1) * PANEL, this.n);
  }
}

/** The transpose of a row-major matrix [rows, columns], a new array [columns, rows]. */
export function transpose(a: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(a.length);
  const BLOCK = 32; // keeps both matrices in the cache
  for (let i0 = 0; i0 < rows; i0 += BLOCK) {
    for (let j0 = 0; j0 < columns; j0 += BLOCK) {
      for (let i = i0; i < Math.min(i0 + BLOCK, rows); i++) {
        for (let j = j0; j < Math.min(j0 + BLOCK, columns); j++) result[j * rows + i] = a[i * columns + j]!;
      }
    }
  }
  return result;
}

/** Rows j0.. of B from element q0 on, as interleaved strips of COLUMNS rows; the last is padded with zeros. */
function packColumns(
  b: Float64Array,
  strips: Float64Array,
  q0: number,
  depth: number,
  j0: number,
  columns: number,
  k: number,
): void {
  for (let j = 0; j < columns; j += COLUMNS) {
    const from = (j0 + j) * k + q0;
    const inside = j + 1 < columns;
    for (let q = 0, to = j * depth; q < depth; q++, to += COLUMNS) {
      strips[to] = b[from + q]!;
      strips[to + 1] = inside ? b[from + k + q]! : 0;
    }
  }
}

/** ROWS rows of A from row `i`, interleaved. Rows after `rows` keep old values, whose products are dropped. */
function packRows(
  a: Float64Array,
  panel: Float64Array,
  i: number,
  rows: number,
  q0: number,
  depth: number,
  k: number,
): void {
  for (let row = 0; row < rows; row++) {
    const from = (i + row) * k + q0;
    for (let q = 0; q < depth; q++) panel[q * ROWS + row] = a[from + q]!;
  }
}

/** Adds to one ROWS x COLUMNS tile of C at `target`, of which `rows` x `columns` lie inside the matrix. */
function addTile(
  panel: Float64Array,
  strips: Float64Array,
  strip: number,
  depth: number,
  c: Float64Array,
  target: number,
  n: number,
  rows: number,
  columns: number,
): void {
  let c00 = 0;
  let c01 = 0;
  let c10 = 0;
  let c11 = 0;
  let c20 = 0;
  let c21 = 0;
  let c30 = 0;
  let c31 = 0;
  for (let q = 0, s = strip; q < ROWS * depth; q += ROWS, s += COLUMNS) {
    const a0 = panel[q]!;
    const a1 = panel[q + 1]!;
    const a2 = panel[q + 2]!;
    const a3 = panel[q + 3]!;
    const b0 = strips[s]!;
    const b1 = strips[s + 1]!;
    c00 += a0 * b0;
    c01 += a0 * b1;
    c10 += a1 * b0;
    c11 += a1 * b1;
    c20 += a2 * b0;
    c21 += a2 * b1;
    c30 += a3 * b0;
    c31 += a3 * b1;
  }
  addRow(c, target, c00, c01, columns);
  if (rows > 1) addRow(c, target + n, c10, c11, columns);
  if (rows > 2) addRow(c, target + 2 * n, c20, c21, columns);
  if (rows > 3) addRow(c, target + 3 * n, c30, c31, columns);
}

function addRow(c: Float64Array, at: number, first: number, second: number, columns: number): void {
  c[at]! += first;
  if (columns > 1) c[at + 1]! += second;
}
