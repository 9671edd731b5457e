import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multiply } from '../../server/linalg/matmul';
import { openMatMul } from '../../server/compute/onnx-matmul';

/** Reproducible numbers in [-1, 1). */
function noise(length: number): Float64Array {
  let state = 7;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

test("ONNX Runtime's float64 product is the plain one, of any shape and of parts of larger arrays", async () => {
  const { matmul, release } = await openMatMul();
  try {
    for (const [m, k, n] of [
      [1, 1, 1],
      [3, 129, 5],
      [200, 64, 333],
    ] as const) {
      const a = noise(m * k + 9).subarray(9);
      const b = noise(n * k + 4).subarray(4);
      const product = await matmul(a, b, m, k, n);
      const expected = await multiply(a, b, m, k, n);
      // Into part of an array that is there already, and nowhere else.
      for (const into of [matmul, multiply]) {
        const around = noise(m * n + 5);
        const target = around.subarray(3, 3 + m * n);
        assert.equal(await into(a, b, m, k, n, target), target);
        assert.deepEqual(target, into === matmul ? product : expected);
        assert.deepEqual(
          [...around.subarray(0, 3), ...around.subarray(3 + m * n)],
          [...noise(3), ...noise(m * n + 5).subarray(3 + m * n)],
        );
      }
      assert.equal(product.length, m * n);
      const plus = noise(m * n);
      for (const add of [matmul, multiply]) {
        const sum = await add(a, b, m, k, n, undefined, plus);
        sum.forEach((value, i) => assert.ok(Math.abs(value - (expected[i] + plus[i])) <= 1e-13 * Math.sqrt(k)));
        const inPlace = plus.slice();
        await add(a, b, m, k, n, inPlace, inPlace);
        assert.deepEqual(inPlace, sum);
      }
      expected.forEach((value, i) =>
        assert.ok(
          Math.abs(product[i] - value) <= 1e-13 * Math.sqrt(k),
          `${m} ${k} ${n}: ${product[i]} is not ${value}`,
        ),
      );
    }
  } finally {
    await release();
  }
});
