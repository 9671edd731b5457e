import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  columnsOf,
  pictureSide,
  pictureText,
  seedText,
  shortNumber,
  trajectoryFacts,
} from '../../media/trajectory/columns';
import type { TrajectoryResult } from '../../server/shared/protocol';

const trajectory: TrajectoryResult = {
  seeds: [3, 8],
  classes: [2, 9],
  classNames: ['a', 'b', 'Pullover'],
  resolution: 28,
  steps: [
    { sigma: 80, sigmaNext: 0.0020001, r: 0.0020001 / 80, nfe: 2, images: ['', ''] },
    { sigma: 0.0020001, sigmaNext: 0, r: 0, nfe: 3, images: ['', ''] },
    { sigma: 0, nfe: 3, images: ['', ''] },
  ],
  rng: 'cpu',
  notes: [],
};

test('a column for each step, then the images', () => {
  assert.deepEqual(columnsOf(trajectory), [
    { title: '1', sigma: '80', nfe: '2', r: '0.000025', eta: '' },
    { title: '2', sigma: '0.002', nfe: '3', r: '0', eta: '' },
    { title: 'Image', sigma: '0', nfe: '3', r: '', eta: '' },
  ]);
  assert.deepEqual([80, 57.58599, 0.123456, 0].map(shortNumber), ['80', '57.59', '0.1235', '0']);
});

test('each picture says what it is', () => {
  assert.equal(seedText(trajectory, 0), 'Seed 3, class 2 (Pullover)');
  assert.equal(seedText(trajectory, 1), 'Seed 8, class 9');
  assert.equal(seedText({ ...trajectory, classes: undefined }, 1), 'Seed 8');
  assert.equal(pictureText(trajectory, 1, 0), 'Seed 8, class 9: denoised at step 1 of 2, sigma 80');
  assert.equal(pictureText(trajectory, 1, 2), 'Seed 8, class 9: final image');
  assert.deepEqual(trajectoryFacts(trajectory, 'net.onnx'), [
    ['Network', 'net.onnx'],
    ['Seeds', '3, 8'],
    ['Steps', '2'],
    ['NFE', '3'],
    ['Random numbers', 'cpu'],
  ]);
});

test('small pictures are shown at a whole multiple of their size', () => {
  assert.deepEqual([8, 28, 32, 64, 256].map(pictureSide), [48, 56, 64, 64, 256]);
});
