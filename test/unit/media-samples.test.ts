import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DetailsCache } from '../../media/samples/details';
import { enlarged, gridLayout, moveByKey, nearestSize, tileSizes } from '../../media/samples/layout';
import { stepByKey } from '../../media/keys';
import { rowByKey, rowsInSight, rowsToKeep, scrollToShow } from '../../media/rows';

test('small images are shown at whole multiples of their size, others at fixed sizes', () => {
  const sizes = tileSizes(28);
  assert.deepEqual(sizes.slice(0, 3), [28, 56, 84]);
  assert.ok(sizes.every((size) => size % 28 === 0 && size <= 384));
  assert.equal(tileSizes(8)[0], 16);
  assert.deepEqual(tileSizes(256), tileSizes(undefined));
  assert.equal(sizes[nearestSize(sizes, 80)], 84);
  assert.equal(sizes[nearestSize(sizes, 70)], 56);
  assert.equal(sizes[nearestSize(sizes, 1e9)], sizes[sizes.length - 1]);
});

test('as many columns as the width has room for, never none', () => {
  const layout = gridLayout(50_000, 1100, 84);
  assert.equal(layout.columns, 12);
  assert.equal(layout.rows, Math.ceil(50_000 / 12));
  assert.equal(gridLayout(5, 10, 84).columns, 1);
  assert.equal(gridLayout(0, 1100, 84).rows, 0);
  assert.ok(gridLayout(5, 1100, 84).captions);
  assert.ok(!gridLayout(5, 1100, 28).captions);
});

test('only rows in sight are kept, at both ends of 50,000 images', () => {
  const layout = gridLayout(50_000, 1100, 84);
  const { rowHeight, rows } = layout;
  assert.deepEqual(rowsInSight(layout, 0, 10 * rowHeight, 2), { first: 0, last: 11 });
  assert.deepEqual(rowsInSight(layout, 100.5 * rowHeight, rowHeight, 0), { first: 100, last: 101 });
  assert.equal(rowsInSight(layout, (rows - 10) * rowHeight, 10 * rowHeight, 2).last, rows - 1);
  const none = rowsInSight(gridLayout(0, 1100, 84), 0, 500, 2);
  assert.ok(none.last < none.first);
});

test('the active row stays in the DOM, in its place, wherever the reader scrolls', () => {
  const rows = { rows: 1000, rowHeight: 20 };
  assert.deepEqual(rowsToKeep(rows, 2000, 40, 1, 100), [99, 100, 101, 102]);
  assert.deepEqual(rowsToKeep(rows, 2000, 40, 1, 3), [3, 99, 100, 101, 102]);
  assert.deepEqual(rowsToKeep(rows, 2000, 40, 1, 999), [99, 100, 101, 102, 999]);
  assert.deepEqual(rowsToKeep(rows, 2000, 40, 1, 1000), [99, 100, 101, 102], 'there is no such row any more');
  assert.deepEqual(rowsToKeep({ rows: 0, rowHeight: 20 }, 0, 40, 1, 0), []);
});

test('keys move through a list and stop at its ends', () => {
  const move = (at: number, key: string): number | undefined => rowByKey(key, at, 10, 4);
  assert.deepEqual(
    ['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End'].map((key) => move(5, key)),
    [6, 4, 9, 1, 0, 9],
  );
  assert.deepEqual([move(9, 'ArrowDown'), move(0, 'ArrowUp'), move(1, 'PageUp')], [9, 0, 0]);
  assert.deepEqual([move(5, 'ArrowLeft'), move(5, 'toString')], [undefined, undefined]);
  assert.deepEqual(['ArrowLeft', 'ArrowDown', 'End', 'PageDown'].map(stepByKey), [-1, 1, Infinity, undefined]);
});

test('scrolling to a row moves as little as possible', () => {
  const layout = gridLayout(1000, 1100, 84);
  const view = 5 * layout.rowHeight;
  assert.equal(scrollToShow(layout, 2, 0, view), 0);
  assert.equal(scrollToShow(layout, 1, 4 * layout.rowHeight, view), layout.rowHeight);
  const shown = scrollToShow(layout, 20, 0, view);
  const { first, last } = rowsInSight(layout, shown, view, 0);
  assert.ok(first <= 20 && last >= 20 && shown + view >= 21 * layout.rowHeight);
  assert.equal(scrollToShow(layout, 3, 0, 10), 3 * layout.rowHeight);
});

test('keys move as in a grid and stop at its edges', () => {
  const layout = { ...gridLayout(23, 1000, 84), columns: 5, rows: 5 };
  const move = (at: number, key: string, ctrl = false): number | undefined => moveByKey(layout, at, key, ctrl, 2);
  assert.equal(move(4, 'ArrowRight'), 5);
  assert.equal(move(0, 'ArrowLeft'), 0);
  assert.equal(move(22, 'ArrowRight'), 22);
  assert.equal(move(7, 'ArrowDown'), 12);
  assert.equal(move(19, 'ArrowDown'), 19, 'no tile below in the last, shorter row');
  assert.equal(move(3, 'ArrowUp'), 3);
  assert.equal(move(7, 'Home'), 5);
  assert.equal(move(7, 'End'), 9);
  assert.equal(move(21, 'End'), 22);
  assert.equal(move(7, 'Home', true), 0);
  assert.equal(move(7, 'End', true), 22);
  assert.equal(move(2, 'PageDown'), 12);
  assert.equal(move(12, 'PageDown'), 22);
  assert.equal(move(13, 'PageDown'), 18, 'stays in its column');
  assert.equal(move(8, 'PageUp'), 3);
  assert.equal(move(8, 'x'), undefined);
  assert.equal(move(8, 'toString'), undefined);
});

test('an enlarged image has square pixels, a large one is fitted', () => {
  assert.deepEqual(enlarged(28, 28, { width: 700, height: 580 }), [560, 560]);
  assert.deepEqual(enlarged(1000, 500, { width: 500, height: 500 }), [500, 250]);
});

test('details are asked for once, together, and again only after a failure', () => {
  const asked: string[][] = [];
  const cache = new DetailsCache((files) => asked.push(files));
  cache.want(['a', 'b']);
  cache.want(['b', 'c']);
  cache.receive([{ file: 'a', width: 28, height: 28, class: 3 }]);
  cache.want(['a', 'b', 'c']);
  assert.deepEqual(asked, [['a', 'b'], ['c']]);
  assert.equal(cache.get('a')?.class, 3);
  assert.equal(cache.get('b'), undefined);
  cache.fail();
  cache.want(['a', 'b']);
  assert.deepEqual(asked[2], ['b']);
});

test('a scan waits for what is on screen, and for the whole of an answer', () => {
  const asked: string[][] = [];
  const cache = new DetailsCache((files) => asked.push(files));
  const detail = (file: string): { file: string; width: number; height: number } => ({ file, width: 28, height: 28 });
  cache.want(['on screen']);
  cache.scan(Array.from({ length: 1500 }, (_, at) => `${at}.png`));
  assert.equal(asked.length, 1);
  cache.receive([detail('on screen')]);
  assert.equal(asked.length, 2);
  const second = asked[1] ?? [];
  cache.receive(second.slice(0, 600).map(detail));
  assert.equal(asked.length, 2);
  cache.receive(second.slice(600).map(detail));
  assert.equal(asked[2]?.length, 500);
});

test('a scan reads everything, some files at a time, and can be stopped', () => {
  const asked: string[][] = [];
  const cache = new DetailsCache((files) => asked.push(files));
  const files = Array.from({ length: 2500 }, (_, at) => `${at}.png`);
  const answer = (some: string[]): void =>
    cache.receive(some.map((file) => ({ file, width: 28, height: 28, class: parseInt(file) % 10 })));
  cache.scan(files);
  assert.equal(asked.length, 1, 'the next request waits for the answer');
  // The list grows while it is gone through: each answer leads to the next request.
  for (const files of asked) answer(files);
  assert.deepEqual(asked.flat(), files);
  assert.equal(cache.knownOf(files), 2500);
  assert.deepEqual(cache.classes(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

  const more = files.map((file) => `more/${file}`);
  cache.scan(more);
  cache.stopScan();
  const last = asked.at(-1) ?? [];
  answer(last);
  assert.ok(cache.knownOf(more) < more.length);
  assert.equal(cache.knownOf(more), last.length);
});
