import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PNG } from 'pngjs';
import { gridShape, writeGrid } from '../../server/images/grid';
import { quantize, type Image } from '../../server/images/image';
import { decodePng, encodePng, readPngHeader } from '../../server/images/png';
import { Mt19937Generator } from '../../server/diffusion/torch-random';
import { UserError } from '../../server/errors';
import { temporaryFolder } from '../server/workspace';

function noisyImage(width: number, height: number, channels: number, seed: number): Image {
  const generator = new Mt19937Generator(seed);
  const pixels = Uint8Array.from({ length: width * height * channels }, () => generator.randint(256));
  return { width, height, channels, pixels };
}

/** A ramp: every predictor but "none" pays, so that rows with filters are decoded. */
function smoothImage(width: number, height: number, channels: number): Image {
  const pixels = Uint8Array.from(
    { length: width * height * channels },
    (_, k) => (k * 3 + ((k / width) | 0) * 7) & 0xff,
  );
  return { width, height, channels, pixels };
}

test('8-bit pixels: truncation towards zero, clipping, NaN', () => {
  const x = [-1, 1, 0, -1.1, NaN, 0.999, -0.5, Infinity, -Infinity];
  assert.deepEqual([...quantize(x, 0, 1, 3).pixels], [0, 255, 128, 0, 0, 255, 64, 255, 0]);
  // 127.5 * 0.996 + 128 = 254.99 is truncated, not rounded; channels are interleaved; the second image is taken.
  const batch = [...new Array<number>(3).fill(0), 0.996, -0.2, 0.3];
  assert.deepEqual([...quantize(batch, 1, 3, 1).pixels], [254, 102, 166]);
});

test('PNG files decode to the same pixels, in another decoder and in ours', () => {
  for (const channels of [1, 3]) {
    for (const image of [noisyImage(7, 5, channels, 1), smoothImage(32, 32, channels), noisyImage(1, 1, channels, 2)]) {
      const bytes = encodePng(image, { seed: '1' });
      // pngjs checks each chunk's CRC.
      const { data } = PNG.sync.read(bytes);
      for (let k = 0; k < image.width * image.height; k++) {
        for (let channel = 0; channel < 3; channel++) {
          assert.equal(data[4 * k + channel], image.pixels[k * channels + (channels === 1 ? 0 : channel)]);
        }
      }
      assert.deepEqual(decodePng(bytes, 'image'), image);
      assert.deepEqual(encodePng(image, { seed: '1' }), bytes);
    }
  }
});

test('filters make smooth images small', () => {
  assert.ok(encodePng(smoothImage(64, 64, 3)).length < 500);
});

test('text chunks carry what made the image', () => {
  const text = { seed: '-5', class: '3', steps: '18', S_max: 'inf', note: 'a\0b' };
  assert.deepEqual(readPngHeader(encodePng(noisyImage(4, 4, 3, 1), text))?.text, text);
  assert.equal(readPngHeader(Buffer.from('not a PNG file at all, but longer than a header')), undefined);
});

test('damaged and foreign files are named', () => {
  const bytes = encodePng(noisyImage(4, 4, 3, 1));
  for (const broken of [bytes.subarray(0, 60), Buffer.from('x'), Buffer.alloc(0)]) {
    assert.throws(
      () => decodePng(broken, 'here.png'),
      (error) => error instanceof UserError && /^here\.png/.test(error.message),
    );
  }
  const rgba = PNG.sync.write(new PNG({ width: 2, height: 2 }));
  assert.throws(
    () => decodePng(rgba, 'rgba.png'),
    /rgba\.png: the PNG is 8-bit RGB with alpha \(RGBA\): save it as 8-bit RGB/,
  );
});

test('grids are near-square', () => {
  assert.deepEqual([1, 2, 5, 64, 65].map(gridShape), [
    { columns: 1, rows: 1 },
    { columns: 2, rows: 1 },
    { columns: 3, rows: 2 },
    { columns: 8, rows: 8 },
    { columns: 9, rows: 8 },
  ]);
});

test('a grid shows the images in order, black where there is none', async () => {
  const folder = temporaryFolder();
  for (const channels of [1, 3]) {
    const images = [0, 1, 2, 3, 4].map((seed) => noisyImage(6, 6, channels, seed));
    const files = images.map((image, i) => {
      const file = join(folder, `${channels}-${i}.png`);
      writeFileSync(file, encodePng(image));
      return file;
    });
    const dest = join(folder, 'made', `grid-${channels}.png`);
    await writeGrid(files, dest);
    const grid = decodePng(readFileSync(dest), dest);
    assert.deepEqual([grid.width, grid.height, grid.channels], [18, 12, channels]);
    for (let y = 0; y < grid.height; y++) {
      for (let x = 0; x < grid.width; x++) {
        const image = images[Math.floor(y / 6) * 3 + Math.floor(x / 6)];
        for (let channel = 0; channel < channels; channel++) {
          const expected = image ? image.pixels[((y % 6) * 6 + (x % 6)) * channels + channel] : 0;
          assert.equal(grid.pixels[(y * grid.width + x) * channels + channel], expected);
        }
      }
    }
  }
});

test('a grid of unlike or missing images is refused and leaves nothing behind', async () => {
  const folder = temporaryFolder();
  const square = (side: number): string => {
    const file = join(folder, `${side}.png`);
    writeFileSync(file, encodePng(noisyImage(side, side, 1, 0)));
    return file;
  };
  const [small, large] = [square(4), square(5)];
  const dest = join(folder, 'grid.png');
  await assert.rejects(writeGrid([small, large], dest), /5\.png is 5x5 with 1 channel, but .*4\.png is 4x4/);
  await assert.rejects(writeGrid([small, join(folder, 'gone.png')], dest), /Cannot read .*gone\.png/);
  await assert.rejects(writeGrid([small], join(small, 'grid.png')), UserError);
  assert.deepEqual(readdirSync(folder).sort(), ['4.png', '5.png']);
});

test('a large grid is written row by row', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'one.png');
  const image = noisyImage(32, 32, 3, 0);
  writeFileSync(file, encodePng(image));
  const dest = join(folder, 'grid.png');
  await writeGrid(new Array<string>(400).fill(file), dest);
  const grid = decodePng(readFileSync(dest), dest);
  assert.equal(grid.width, 640);
  for (const cell of [0, 199, 399]) {
    const [row, column] = [Math.floor(cell / 20), cell % 20];
    for (let y = 0; y < 32; y++) {
      const start = ((row * 32 + y) * 640 + column * 32) * 3;
      assert.deepEqual(grid.pixels.subarray(start, start + 96), image.pixels.subarray(y * 96, (y + 1) * 96));
    }
  }
});
