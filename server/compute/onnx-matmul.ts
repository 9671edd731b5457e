import { InferenceSession, Tensor } from './onnx-runtime';
import type { MatMul } from '../linalg/matmul';
import { Graph } from '../models/onnx-graph';
import { usableCores } from './machine';

/** From this many dimensions a session pays. Below, plain JavaScript is done before the data has been handed over. */
export const MATMUL_FROM_DIMENSION = 512;

/** A matrix product that must be released after its last use. */
export interface OpenMatMul {
  matmul: MatMul;
  release: () => Promise<void>;
}

/**
 * ONNX Runtime's float64 matrix product on all cores. Measured at 2048 x 2048 against plain JavaScript, alternating on
 * a busy machine: 9 times as fast in general, and 5 times as fast for symmetric products, of which JavaScript
 * computes one half only.
 */
export async function openMatMul(): Promise<OpenMatMul> {
  const graph = new Graph('matmul');
  const a = graph.input('a', 'float64', ['m', 'k']);
  const b = graph.input('b', 'float64', ['n', 'k']);
  const plus = graph.input('plus', 'float64', ['rows', 'columns']);
  graph.output(graph.node('Gemm', 'c', [a, b, plus], { transB: 1 }), 'float64', ['m', 'n']);
  const session = await InferenceSession.create(graph.toModel({}).toBytes(), {
    executionProviders: ['cpu'],
    intraOpNumThreads: usableCores().amount,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const nothing = new Tensor('float64', new Float64Array(1), [1, 1]);
  return {
    matmul: async (left, right, m, k, n, into = new Float64Array(m * n), plus) => {
      const feeds = {
        a: new Tensor('float64', left, [m, k]),
        b: new Tensor('float64', right, [n, k]),
        plus: plus ? new Tensor('float64', plus, [m, n]) : nothing,
      };
      // ONNX Runtime writes into an output that is passed in; one that it makes itself is copied.
      await session.run(feeds, { c: new Tensor('float64', into, [m, n]) });
      return into;
    },
    release: () => session.release(),
  };
}
