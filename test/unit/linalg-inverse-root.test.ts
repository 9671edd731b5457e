import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pause } from '../../server/linalg/event-loop-pause';
import { inverseRoot } from '../../server/linalg/inverse-root';
import { multiply } from '../../server/linalg/matmul';

const N = 96;

/** An orthogonal matrix: the columns of a cosine transform. */
const Q = Float64Array.from({ length: N * N }, (_, at) => {
  const [i, j] = [Math.floor(at / N), at % N];
  return Math.sqrt((j === 0 ? 1 : 2) / N) * Math.cos((Math.PI * (2 * i + 1) * j) / (2 * N));
});

/** The symmetric matrix with these eigenvalues. */
async function withEigenvalues(values: readonly number[]): Promise<Float64Array> {
  return multiply(
    Q.map((value, at) => value * values[at % N]),
    Q,
    N,
    N,
    N,
  );
}

test('the inverse root is that of the eigenvalues, from a condition of 1 to 1e10', async () => {
  for (const decades of [0, 2, 6, 8, 10]) {
    const values = Array.from({ length: N }, (_, i) => 17 * 10 ** ((-decades * i) / (N - 1)));
    const shift = 1e-13 * Math.hypot(...values);
    const found = await inverseRoot(await withEigenvalues(values), N, shift, new Pause());
    const wanted = await withEigenvalues(values.map((value) => 1 / Math.sqrt(value + shift)));
    const scale = Math.max(...wanted.map(Math.abs));
    const worst = Math.max(...found.map((value, i) => Math.abs(value - wanted[i]))) / scale;
    // The matrix is known to 1e-16 of its norm, its smallest eigenvalue to 1e-16 times the condition.
    assert.ok(worst <= 1e-7 + 1e-15 * 10 ** decades, `1e${decades}: ${worst}`);
  }
});

test('a matrix of lower rank gives finite numbers', async () => {
  const values = Array.from({ length: N }, (_, i) => (i < 40 ? 3 : 0));
  const found = await inverseRoot(await withEigenvalues(values), N, 0, new Pause());
  assert.ok(found.every(Number.isFinite));
});
