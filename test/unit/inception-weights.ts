import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { zipSync } from 'fflate';
import type { Tensor } from '../../server/weights/weight-source';

/** Numbers that depend on a name and an index only, exact in any language: the stand-in for the real weights. */
function draw(key: string, count: number): { d: Int32Array; u: Float64Array } {
  const mix = (h: number): number => {
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  };
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  const d = new Int32Array(count);
  const u = new Float64Array(count);
  let state = mix(hash ^ 20151205);
  for (let i = 0; i < count; i++, state = (state + 0x9e3779b9) | 0) {
    const a = mix(state);
    const b = mix((a + 0x6a09e667) | 0);
    d[i] = (a & 65535) + (a >>> 16) + (b & 65535) + (b >>> 16) - 131070;
    u[i] = a / 2 ** 32;
  }
  return { d, u };
}
const DEVIATION = 37837.227;

/** The synthetic state dict of test/fixtures/inception/units.txt: one unit a line, `name out in height width variance`. */
export function syntheticWeights(): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const put = (name: string, shape: number[], load: () => Float32Array): void =>
    void tensors.set(name, { name, shape, load });
  for (const line of readFileSync(path.join(__dirname, '../fixtures/inception/units.txt'), 'utf8').trim().split('\n')) {
    const [name, ...sizes] = line.split(' ');
    const [out, from, height, width, v] = sizes.map(Number) as [number, number, number, number, number];
    const n = from * height * width;
    put(`${name}.conv.weight`, [out, from, height, width], () => {
      const { d } = draw(`${name}.conv.weight`, out * n);
      const gain = (0.5 * Math.sqrt(2 / n)) / DEVIATION;
      const weights = new Float32Array(out * n);
      for (let c = 0; c < out; c++) {
        const mean = d.subarray(c * n, (c + 1) * n).reduce((a, b) => a + b, 0) / n;
        for (let j = c * n; j < (c + 1) * n; j++) weights[j] = (d[j] - mean) * gain;
      }
      return weights;
    });
    const perFilter = (part: string, value: (z: number, u: number) => number): void =>
      put(`${name}.bn.${part}`, [out], () => {
        const { d, u } = draw(`${name}.bn.${part}`, out);
        return Float32Array.from(d, (x, i) => value(x / DEVIATION, u[i]));
      });
    perFilter('weight', (_, u) => 0.75 + 0.5 * u);
    perFilter('bias', (z) => 0.1 + 0.1 * z);
    perFilter('running_mean', (z) => 0.1 * Math.sqrt(v) * z);
    perFilter('running_var', (_, u) => v * (0.5 + u));
  }
  return tensors;
}

/** `torch.save(state_dict)` as torch before 1.6 did, the container of the published file. */
export function writeLegacyStateDict(file: string, tensors: ReadonlyMap<string, Tensor>): void {
  const keys = [...tensors.keys()].map((_, i) => `${94_000_000 + i * 16}`);
  const keyList = Buffer.concat([Buffer.from('80025d28', 'hex'), ...keys.map(unicode), ascii('e.')]);
  const output = openSync(file, 'w');
  writeSync(output, Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex')); // the magic number
  writeSync(output, Buffer.from('80024de9032e', 'hex')); // version 1001
  writeSync(
    output,
    Buffer.concat([Buffer.from('80027d', 'hex'), unicode('little_endian'), Buffer.from('88732e', 'hex')]),
  );
  writeSync(output, stateDictPickle(tensors, keys, true));
  writeSync(output, keyList);
  for (const { load } of tensors.values()) {
    const values = load();
    const count = Buffer.alloc(8);
    count.writeBigInt64LE(BigInt(values.length));
    writeSync(output, count);
    writeSync(output, new Uint8Array(values.buffer));
  }
  closeSync(output);
}

/** `torch.save(state_dict)` as torch has done since 1.6. */
export function writeZippedStateDict(file: string, tensors: ReadonlyMap<string, Tensor>): void {
  const keys = [...tensors.keys()].map((_, i) => `${i}`);
  const entries: Record<string, Uint8Array> = { 'archive/data.pkl': stateDictPickle(tensors, keys, false) };
  for (const [i, { load }] of [...tensors.values()].entries())
    entries[`archive/data/${keys[i]}`] = new Uint8Array(load().buffer);
  entries['archive/version'] = Buffer.from('3\n');
  writeFileSync(file, zipSync(entries, { level: 0 }));
}

/** An OrderedDict of tensors, protocol 2, nothing memoized. */
function stateDictPickle(tensors: ReadonlyMap<string, Tensor>, keys: readonly string[], legacy: boolean): Buffer {
  const parts: Buffer[] = [Buffer.from('8002', 'hex'), ascii('ccollections\nOrderedDict\n)R(')];
  for (const [i, { name, shape }] of [...tensors.values()].entries()) {
    const count = shape.reduce((a, b) => a * b, 1);
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    parts.push(unicode(name), ascii('ctorch._utils\n_rebuild_tensor_v2\n(('), unicode('storage'));
    parts.push(ascii('ctorch\nFloatStorage\n'), unicode(keys[i]), unicode('cpu'), integer(count));
    parts.push(ascii(legacy ? 'NtQ' : 'tQ'), integer(0), tuple(shape), tuple(strides));
    parts.push(Buffer.from('89', 'hex'), ascii('ccollections\nOrderedDict\n)RtR'));
  }
  return Buffer.concat([...parts, ascii('u.')]);
}

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

function unicode(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return Buffer.concat([ascii('X'), length, Buffer.from(text)]);
}

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5, 'J');
  bytes.writeInt32LE(value, 1);
  return bytes;
}

const tuple = (values: readonly number[]): Buffer => Buffer.concat([ascii('('), ...values.map(integer), ascii('t')]);
