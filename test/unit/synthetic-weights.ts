/** Networks with made-up weights, as files. */
import { writeFileSync } from 'node:fs';
import { parseNetworkConfig } from '../../server/weights/network-config';
import { networkTensors } from '../../server/models/network-tensors';

/** Reproducible numbers in [-1, 1). */
export function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

export type NamedValues = Map<string, { shape: readonly number[]; values: Float32Array }>;

/** Random weights for a configuration, small enough that activations stay in range. */
export function randomWeights(config: Record<string, unknown>, seed = 1): NamedValues {
  const next = noise(seed);
  const weights: NamedValues = new Map();
  for (const [name, { shape }] of networkTensors(parseNetworkConfig(config, 'test'))) {
    const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
    const length = shape.reduce((a, b) => a * b, 1);
    weights.set(name, { shape, values: Float32Array.from({ length }, () => next() / Math.sqrt(fanIn)) });
  }
  return weights;
}

/** Normalisations near 1 and small offsets: with wilder ones every rounding error grows a thousandfold. */
export function tameWeights(config: Record<string, unknown>): NamedValues {
  const weights = randomWeights(config);
  for (const [name, { shape, values }] of weights) {
    const centre = /norm\d?\.weight$/.test(name) ? 1 : 0;
    if (shape.length === 1) values.forEach((value, i) => (values[i] = centre + 0.1 * value));
    // Constants that no file of a network may have otherwise.
    if (name.endsWith('resample_filter')) values.fill(1 / 4);
  }
  return weights;
}

/** Writes a `.safetensors` file as huggingface's library lays it out. */
export function writeSafetensors(file: string, weights: NamedValues, metadata: Record<string, string>): void {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let at = 0;
  for (const [name, { shape, values }] of weights) {
    header[name] = { dtype: 'F32', shape, data_offsets: [at, (at += values.byteLength)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(
    file,
    Buffer.concat([length, json, ...[...weights.values()].map(({ values }) => Buffer.from(values.buffer))]),
  );
}
