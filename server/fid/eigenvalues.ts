import type { Pause } from './pause';

/**
 * Eigenvalues of a symmetric matrix: Householder reduction to tridiagonal form, then implicit QL, values only
 * (Golub & Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3).
 * @param a row-major [n, n]; only the lower triangle is read. Destroyed
 * @returns the n eigenvalues, in no order; their error is about n eps times the largest
 */
export async function symmetricEigenvalues(a: Float64Array, n: number, pause: Pause): Promise<Float64Array> {
  const { diagonal, offDiagonal } = await tridiagonalise(a, n, pause);
  await implicitQL(diagonal, offDiagonal, pause);
  return diagonal;
}

/** T = Q^T A Q; `offDiagonal[i]` links rows i and i + 1. */
interface Tridiagonal {
  diagonal: Float64Array;
  offDiagonal: Float64Array;
}

/**
 * Works from the last row up, so that the matrix still to be reduced is always the leading [i, i] part and its rows
 * are read in order. The rank-2 update of one step and the product A u of the next share one pass over memory,
 * which is what the time goes into.
 */
async function tridiagonalise(a: Float64Array, n: number, pause: Pause): Promise<Tridiagonal> {
  const diagonal = new Float64Array(n);
  const offDiagonal = new Float64Array(n);
  let v = new Float64Array(n);
  let w = new Float64Array(n);
  let u = new Float64Array(n);
  let p = new Float64Array(n);
  for (let i = n - 1; i >= 0; i--) {
    updateRow(a, i * n, i, v, w);
    diagonal[i] = a[i * n + i];
    if (i === 0) break;
    const { alpha, h } = reflector(a, i * n, i, u);
    offDiagonal[i - 1] = alpha;
    p.fill(0, 0, i);
    if (i % 2 === 1) {
      // Rows go in pairs; the first of an odd number is a single element.
      updateRow(a, 0, 0, v, w);
      p[0] = a[0] * u[0];
    }
    for (let row = i % 2; row < i; row += 2) updateAndMultiply(a, n, row, v, w, u, p);

    // H = 1 - u u^T / h turns A into A - u w^T - w u^T with w = p - (u.p / 2h) u, where p = A u / h.
    let up = 0;
    for (let j = 0; j < i; j++) up += u[j] * p[j];
    const inverse = h > 0 ? 1 / h : 0;
    const k = (up * inverse * inverse) / 2;
    for (let j = 0; j < i; j++) p[j] = p[j] * inverse - k * u[j];
    [v, u] = [u, v];
    [w, p] = [p, w];
    if (pause.due) await pause.take();
  }
  return { diagonal, offDiagonal };
}

/** Row `row` of A - v w^T - w v^T, up to and with its diagonal element. */
function updateRow(a: Float64Array, start: number, row: number, v: Float64Array, w: Float64Array): void {
  const vr = v[row];
  const wr = w[row];
  for (let j = 0; j <= row; j++) a[start + j] -= vr * w[j] + wr * v[j];
}

/**
 * `updateRow` of `row` and the next, and their share of p = A u, both as rows and, by symmetry, as columns. Two rows
 * at a time halve the traffic for v, w, u and p.
 */
function updateAndMultiply(
  a: Float64Array,
  n: number,
  row: number,
  v: Float64Array,
  w: Float64Array,
  u: Float64Array,
  p: Float64Array,
): void {
  const next = row + 1;
  const start = row * n;
  const below = next * n;
  const v0 = v[row];
  const w0 = w[row];
  const u0 = u[row];
  const v1 = v[next];
  const w1 = w[next];
  const u1 = u[next];
  let sum0 = 0;
  let sum1 = 0;
  for (let j = 0; j < row; j++) {
    const vj = v[j];
    const wj = w[j];
    const first = a[start + j] - (v0 * wj + w0 * vj);
    const second = a[below + j] - (v1 * wj + w1 * vj);
    a[start + j] = first;
    a[below + j] = second;
    sum0 += first * u[j];
    sum1 += second * u[j];
    p[j] += first * u0 + second * u1;
  }
  a[start + row] -= 2 * v0 * w0;
  a[below + row] -= v1 * w0 + w1 * v0;
  a[below + next] -= 2 * v1 * w1;
  p[row] += sum0 + a[start + row] * u0 + a[below + row] * u1;
  p[next] += sum1 + a[below + row] * u0 + a[below + next] * u1;
}

/**
 * Writes into u the Householder vector that maps row elements 0..i-1 onto the last of them, alpha; h = u.u / 2.
 * A row that needs no reflection gives u = 0 and h = 0.
 */
function reflector(a: Float64Array, start: number, i: number, u: Float64Array): { alpha: number; h: number } {
  const last = a[start + i - 1];
  let square = 0;
  for (let j = 0; j < i - 1; j++) square += a[start + j] * a[start + j];
  if (square === 0) {
    u.fill(0, 0, i);
    return { alpha: last, h: 0 };
  }
  const alpha = -Math.sign(last || 1) * Math.sqrt(square + last * last);
  for (let j = 0; j < i - 1; j++) u[j] = a[start + j];
  u[i - 1] = last - alpha;
  return { alpha, h: alpha * (alpha - last) };
}

/** Sweeps one eigenvalue may need; 2 or 3 are usual. */
const MAX_SWEEPS = 60;

/** Replaces the diagonal `d` by the eigenvalues of the tridiagonal matrix; `e` is destroyed. */
async function implicitQL(d: Float64Array, e: Float64Array, pause: Pause): Promise<void> {
  const n = d.length;
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]) > Number.EPSILON * (Math.abs(d[m]) + Math.abs(d[m + 1]))) m++;
      if (m === l) break;
      if (sweep === MAX_SWEEPS) throw new Error(`Eigenvalue ${l} of ${n} did not converge: is the matrix finite?`);
      qlSweep(d, e, l, m);
    }
    if (pause.due) await pause.take();
  }
}

/** One implicit QL step with Wilkinson's shift on rows l..m. */
function qlSweep(d: Float64Array, e: Float64Array, l: number, m: number): void {
  let g = (d[l + 1] - d[l]) / (2 * e[l]);
  const root = Math.sqrt(g * g + 1);
  g = d[m] - d[l] + e[l] / (g + (g >= 0 ? root : -root));
  let s = 1;
  let c = 1;
  let p = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i];
    const b = c * e[i];
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      // Underflow split the matrix: finish this block on the next sweep.
      d[i + 1] -= p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1] - p;
    const t = (d[i] - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
  }
  d[l] -= p;
  e[l] = g;
  e[m] = 0;
}
