import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imagePath, parseSeeds, seedsText, splitSeeds } from '../../server/diffusion/seeds';
import { UserError } from '../../server/errors';

test('seed lists', () => {
  assert.deepEqual(parseSeeds('1,2,5-10'), [1, 2, 5, 6, 7, 8, 9, 10]);
  assert.equal(parseSeeds('0-63').length, 64);
  assert.deepEqual(parseSeeds('7, 3'), [7, 3]);
  assert.deepEqual(parseSeeds('-5'), [-5]);
  assert.deepEqual(parseSeeds('3,3,1-3'), [3, 3, 1, 2, 3]);
  assert.deepEqual(parseSeeds('0007-9'), [7, 8, 9]);
});

test('printed seed lists are short, and read back as they were', () => {
  for (const seeds of [[0, 1, 2, 3], [5], [1, 2, 5, 7, 8], [-2, -1, 0, 1], [9, 8, 7], [4, 4, 5]])
    assert.deepEqual(parseSeeds(seedsText(seeds)), seeds);
  assert.equal(seedsText([0, 1, 2, 9, 20, 21]), '0-2,9,20-21');
  assert.equal(seedsText([0, 1, 2, 5, 7, 8]), '0-2,5,7-8');
  assert.equal(seedsText([]), '');
});

test('lists that name no seeds say what is wrong', () => {
  const cases: [string, RegExp][] = [
    ['abc', /"abc" is neither an integer nor a range/],
    ['', /"" is neither/],
    ['1,,2', /"" is neither/],
    ['1.5', /"1.5" is neither/],
    ['5-3', /range 5-3 is empty; did you mean 3-5/],
    ['9007199254740993', /exceeds 2\^53 - 1/],
    ['0-99999999999', /more than 10000000 seeds/],
  ];
  for (const [list, message] of cases) {
    assert.throws(
      () => parseSeeds(list),
      (error) => error instanceof UserError && error.exitCode === 2 && message.test(error.message),
      list,
    );
  }
});

test('batches are split as torch.tensor_split does', () => {
  const sizes = (n: number, batch: number) => splitSeeds(parseSeeds(`0-${n - 1}`), batch).map((part) => part.length);
  assert.deepEqual(sizes(64, 64), [64]);
  assert.deepEqual(sizes(65, 64), [33, 32]);
  assert.deepEqual(sizes(10, 4), [4, 3, 3]);
  assert.deepEqual(sizes(3, 64), [3]);
  assert.deepEqual(splitSeeds([5, 1, 9], 2), [[5, 1], [9]]);
  assert.deepEqual(splitSeeds([], 64), []);
});

test('file names follow Python formatting', () => {
  assert.equal(imagePath(0, false), '000000.png');
  assert.equal(imagePath(1234567, false), '1234567.png');
  assert.equal(imagePath(-5, false), '-00005.png');
  assert.equal(imagePath(1999, true), '001000/001999.png');
  assert.equal(imagePath(-5, true), '-01000/-00005.png');
  assert.equal(imagePath(2000, true), '002000/002000.png');
});
