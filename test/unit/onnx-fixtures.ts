import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { NpyArray } from '../../server/fid/npz';
import { networkTensors } from '../../server/onnx/network-layout';
import { parseNetworkConfig } from '../../server/onnx/network-config';

const NETS = path.join(__dirname, '../fixtures/nets');

/** Files made by NVlabs/edm itself: tiny trained networks, and what they computed. */
export const fixture = (name: string): string => path.join(NETS, name);

/** A folder that goes away with the test file. */
export const scratch = mkdtempSync(path.join(tmpdir(), 'edm-onnx-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
export const inScratch = (name: string): string => path.join(scratch, name);

/** Runs a model once on float32 inputs. @returns its first output */
export async function run(model: string, feeds: Record<string, NpyArray | undefined>): Promise<Float32Array> {
  const session = await InferenceSession.create(model);
  const tensors = Object.entries(feeds).flatMap(([name, array]) =>
    array ? [[name, new Tensor('float32', Float32Array.from(array.data as Float32Array), array.shape)]] : [],
  );
  const outputs = await session.run(Object.fromEntries(tensors) as Record<string, Tensor>);
  await session.release();
  return outputs[session.outputNames[0]].data as Float32Array;
}

/** max |a - b| / max |b| */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let error = 0;
  let scale = 0;
  for (let i = 0; i < b.length; i++) {
    error = Math.max(error, Math.abs(a[i] - b[i]));
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return Number.isNaN(error) ? Infinity : error / scale;
}

export const float32 = (values: ArrayLike<number>, shape: number[]): NpyArray => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
});

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

/** A copy of a fixture with bytes changed. */
export function damaged(name: string, to: string, change: (bytes: Buffer) => Buffer): string {
  const file = inScratch(to);
  writeFileSync(file, change(readFileSync(fixture(name))));
  return file;
}
