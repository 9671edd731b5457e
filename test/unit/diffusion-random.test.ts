import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Mt19937Generator, torchGenerator } from '../../server/diffusion/torch-random';
import { PhiloxGenerator, philox4x32 } from '../../server/diffusion/philox';
import { fixture, maxDifference, readNumbers } from './npy-fixtures';

interface Operation {
  op: 'randn' | 'randint';
  args: [number[], 'f32' | 'f64'] | [number, number[]];
  key: string;
}
const reference = JSON.parse(readFileSync(fixture('rng', 'torch_cpu.json'), 'utf8')) as {
  sequences: { name: string; seed: number; ops: Operation[] }[];
  labels_by_seed: Record<string, number[]>;
  latent_checks_3x32x32: { seed: number; sum: number; sumsq: number; first: number[]; last: number[] }[];
};
const arrays = readNumbers(fixture('rng', 'torch_cpu.npz'));
// float32 draws of 16 values and more go through vectorised log, sin and cos in torch.
const tolerance = { f32: 3e-7, f64: 1e-14 };

test('randn of every size and both types equals torch', async () => {
  const worst = { f32: 0, f64: 0 };
  let compared = 0;
  for (const [key, expected] of Object.entries(await arrays)) {
    const match = /^s(\d+)_n(\d+)_(f32|f64)$/.exec(key);
    if (!match) continue;
    const type = match[3] as 'f32' | 'f64';
    const generator = new Mt19937Generator(Number(match[1]));
    const n = Number(match[2]);
    const drawn = type === 'f32' ? generator.randnFloat32(n) : generator.randnFloat64(n);
    const difference = maxDifference(drawn, expected);
    assert.ok(difference <= tolerance[type] * Math.max(1, ...Array.from(expected, Math.abs)), `${key}: ${difference}`);
    worst[type] = Math.max(worst[type], difference);
    compared++;
  }
  assert.ok(compared >= 100, `${compared} draws`);
  console.log(`${compared} draws, largest difference float32 ${worst.f32}, float64 ${worst.f64}`);
});

test('mixed sequences of draws keep the generator in step, with its cached second normal', async () => {
  for (const sequence of reference.sequences) {
    const generator = new Mt19937Generator(sequence.seed);
    for (const { op, args, key } of sequence.ops) {
      const expected = (await arrays)[key];
      const n = expected.length;
      if (op === 'randint') {
        const drawn = Array.from({ length: n }, () => generator.randint(args[0] as number));
        assert.deepEqual(drawn, Array.from(expected), `${sequence.name} ${key}`);
      } else {
        const type = args[1] as 'f32' | 'f64';
        const drawn = type === 'f32' ? generator.randnFloat32(n) : generator.randnFloat64(n);
        const difference = maxDifference(drawn, expected);
        assert.ok(difference <= 3 * tolerance[type], `${sequence.name} ${key}: ${difference}`);
      }
    }
  }
});

test('class labels of seeds 0-63', () => {
  for (const [key, expected] of Object.entries(reference.labels_by_seed)) {
    const sizes = /^(\d+)cls_(\d+)x(\d+)x(\d+)$/.exec(key)!.slice(1).map(Number);
    const [classes, channels, height, width] = sizes as [number, number, number, number];
    const labels = expected.map((_, seed) => {
      const generator = torchGenerator('cpu', seed);
      generator.randnFloat32(channels * height * width);
      return generator.randint(classes);
    });
    assert.deepEqual(labels, expected, key);
  }
});

test('latents of 32x32 images', () => {
  for (const { seed, sum, sumsq, first, last } of reference.latent_checks_3x32x32) {
    const latents = new Mt19937Generator(seed).randnFloat32(3 * 32 * 32);
    assert.ok(maxDifference(latents.subarray(0, 4), first) <= 1e-6);
    assert.ok(maxDifference(latents.subarray(-4), last) <= 1e-6);
    assert.ok(Math.abs(latents.reduce((total, value) => total + value, 0) - sum) < 1e-3);
    assert.ok(Math.abs(latents.reduce((total, value) => total + value * value, 0) - sumsq) < 1e-3);
  }
});

test('Philox 4x32-10 gives the known answers of Random123', () => {
  const known: [number[], [number, number], number[]][] = [
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  for (const [counter, key, expected] of known) {
    const words = Uint32Array.from(counter);
    philox4x32(words, key);
    assert.deepEqual(Array.from(words), expected);
  }
});

test('CUDA randn with seed 0 prints the digits torch prints on a GPU', () => {
  // torch.manual_seed(0); torch.randn(..., device='cuda'), as found in public notebooks.
  const printed = [
    [-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797, -0.6229, -0.3284],
    [-1.0745, -0.3631, -1.6711, 2.2655, 0.3117, -0.1842, 1.2866, 1.182],
    [-0.1271, 1.2169, 1.4353, 1.0605, -0.4941, -1.4244, -0.7244, -1.2973],
    [0.0697, -0.0074, 1.8969, 0.6878, -0.0779, -0.8373, 1.3506, -0.2879],
    [-0.5965, -0.3283, -0.9086, -0.8059, -0.7407, -0.0504, 0.5435, 1.515],
  ].flat();
  const drawn = new PhiloxGenerator(0).randnFloat32(64).subarray(0, printed.length);
  assert.ok(maxDifference(drawn, printed) < 0.5e-4 + 2e-6);
});

test('CUDA draws: the grid-stride mapping, offsets and moments', () => {
  // With 256 resident threads, elements t and t + 256 are the first two normals of thread t's first call.
  const wide = new PhiloxGenerator(3, 1024).randnFloat32(1024);
  const narrow = new PhiloxGenerator(3, 256).randnFloat32(1024);
  assert.deepEqual(narrow.subarray(0, 256), wide.subarray(0, 256));
  assert.notEqual(narrow[256], wide[256]);

  // A draw that fits the threads moves every thread on by one call.
  const generator = new PhiloxGenerator(3);
  generator.randint(10);
  const words = Uint32Array.from([1, 0, 0, 0]);
  philox4x32(words, [3, 0]);
  assert.equal(generator.randint(1000), words[0] % 1000);

  for (const values of [new PhiloxGenerator(5).randnFloat32(20000), new PhiloxGenerator(5).randnFloat64(20000)]) {
    let mean = 0;
    let square = 0;
    for (const value of values) {
      mean += value / values.length;
      square += (value * value) / values.length;
    }
    assert.ok(Math.abs(mean) < 0.03 && Math.abs(square - 1) < 0.05, `mean ${mean}, second moment ${square}`);
  }
});

test('the seed is taken mod 2^32 on both devices', () => {
  for (const device of ['cpu', 'cuda'] as const) {
    assert.deepEqual(torchGenerator(device, -1).randnFloat32(8), torchGenerator(device, 2 ** 32 - 1).randnFloat32(8));
    assert.notDeepEqual(torchGenerator(device, 1).randnFloat32(8), torchGenerator(device, 2).randnFloat32(8));
  }
});
