import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { InferenceSession, Tensor } from '../../server/compute/onnx-runtime';
import type { NpyArray } from '../../server/numpy/npz';

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

/** A copy of a fixture with bytes changed. */
export function damaged(name: string, to: string, change: (bytes: Buffer) => Buffer): string {
  const file = inScratch(to);
  writeFileSync(file, change(readFileSync(fixture(name))));
  return file;
}
