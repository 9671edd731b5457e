import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { UserError } from '../../server/errors';
import { formatNpy, type NpyArray, parseNpy } from '../../server/numpy/npy';
import { Npz, readNpy, readNpz, writeNpz } from '../../server/numpy/npz';
import { temporaryFolder } from '../server/workspace';

const fixtures = join(__dirname, '../fixtures/fid');
const formats = join(fixtures, 'formats');
/** numpy: np.arange(24).reshape(2, 3, 4) / 7 */
const ramp = Float64Array.from({ length: 24 }, (_, i) => i / 7);

test('reads every type numpy wrote, C and Fortran order', async () => {
  const arrays = await readNpz(join(formats, 'types.npz'));
  const expected: Record<string, NpyArray> = {
    f8: { dtype: 'float64', shape: [2, 3, 4], data: ramp },
    f4: { dtype: 'float32', shape: [2, 3, 4], data: Float32Array.from(ramp) },
    i8: { dtype: 'int64', shape: [7], data: BigInt64Array.from([-3n, -2n, -1n, 0n, 1n, 2n, 3n], (i) => i << 40n) },
    i4: { dtype: 'int32', shape: [1, 2], data: Int32Array.of(1, -2) },
    u4: { dtype: 'uint32', shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
    u1: { dtype: 'uint8', shape: [5], data: Uint8Array.of(0, 1, 2, 3, 4) },
    b: { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
    fortran: { dtype: 'float64', shape: [2, 3, 4], data: ramp },
    scalar: { dtype: 'float64', shape: [], data: Float64Array.of(2.5) },
    empty: { dtype: 'float64', shape: [0, 3], data: new Float64Array() },
  };
  assert.deepEqual(Object.fromEntries(arrays), expected);
});

test('reads compressed archives and format version 2', async () => {
  const arrays = await readNpz(join(formats, 'types_compressed.npz'));
  assert.deepEqual(arrays.get('f8')?.data, ramp);
  assert.deepEqual(arrays.get('fortran'), { dtype: 'float64', shape: [3, 4], data: ramp.slice(0, 12) });
  assert.deepEqual((await readNpy(join(formats, 'v2.npy'))).data, Float64Array.of(0, 1, 2));
  const [stored, compressed] = await Promise.all(
    ['g64_full.stats1.npz', 'g64_full.stats1.compressed.npz'].map((name) => readNpz(join(fixtures, name))),
  );
  assert.deepEqual(stored, compressed);
});

test('writes byte for byte what numpy.save writes', async () => {
  const path = join(fixtures, 'g64_full.feat1.npy');
  const bytes = await readFile(path);
  assert.deepEqual(Buffer.from(formatNpy(parseNpy(bytes, path))), bytes);
});

test('npz round trip: equal arrays, equal files, no temporary file left', async () => {
  const folder = temporaryFolder();
  const arrays = await readNpz(join(formats, 'types.npz'));
  const [one, two] = [join(folder, 'deep/one.npz'), join(folder, 'deep/two.npz')];
  await writeNpz(one, arrays);
  await writeNpz(two, await readNpz(one));
  assert.deepEqual(await readNpz(two), arrays);
  assert.deepEqual(await readFile(one), await readFile(two));
  assert.deepEqual((await readdir(join(folder, 'deep'))).sort(), ['one.npz', 'two.npz']);
});

test('what cannot be read is one line naming file and entry', async () => {
  const folder = temporaryFolder();
  const good = formatNpy({ dtype: 'float64', shape: [3], data: Float64Array.of(1, 2, 3) });
  const header = (dict: string) => {
    const bytes = Buffer.alloc(10 + dict.length);
    bytes.write('\x93NUMPY\x01\x00', 'latin1');
    bytes.writeUInt16LE(dict.length, 8);
    bytes.write(dict, 10);
    return bytes;
  };
  const flipped = Buffer.from(zipSync({ 'mu.npy': [good, { level: 0 }] }));
  flipped[flipped.indexOf(Buffer.from(good.subarray(128))) + 9] ^= 1;
  const cases: [string, Uint8Array, RegExp][] = [
    ['cut.npz', zipSync({ 'mu.npy': good.subarray(0, good.length - 1) }), /cut\.npz: mu\.npy: damaged or cut off/],
    ['short.npz', zipSync({ 'mu.npy': good }).subarray(0, 90), /Cannot read .*short\.npz as a zip archive/],
    ['flip.npz', flipped, /flip\.npz: mu\.npy is damaged: checksum mismatch/],
    ['slip.npz', zipSync({ '../mu.npy': good }), /slip\.npz as a zip archive: invalid relative path/],
    ['text.npz', zipSync({ 'notes.txt': Buffer.from('hello, this is no array') }), /notes\.txt: not a numpy/],
    [
      'huge.npz',
      zipSync({ 'mu.npy': header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 9), }") }),
      /huge\.npz: mu\.npy: damaged or cut off: shape \(1000000000, 9\)/,
    ],
  ];
  for (const [name, bytes, message] of cases) {
    await writeFile(join(folder, name), bytes);
    await assert.rejects(readNpz(join(folder, name)), (error) => {
      assert.ok(error instanceof UserError, name);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  }
  await assert.rejects(readNpz(join(folder, 'absent.npz')), /absent\.npz: ENOENT/);
  await assert.rejects(readNpy(join(formats, 'object.npy')), /object\.npy: cannot read numpy type \|O/);
});

test('big-endian arrays are read, and float16 is widened', async () => {
  const big = await readNpy(join(formats, 'big_endian.npy'));
  assert.equal(big.dtype, 'float64');
  const little = Buffer.from(await readFile(join(formats, 'big_endian.npy')));
  const view = new DataView(little.buffer, little.byteOffset + little.length - big.data.length * 8);
  assert.deepEqual(
    [...big.data],
    Array.from(big.data, (_, i) => view.getFloat64(8 * i, false)),
  );
  const header = "{'descr': '<f2', 'fortran_order': False, 'shape': (7,), }";
  const bytes = Buffer.concat([
    Buffer.from(`\x93NUMPY\x01\x00${String.fromCharCode(header.length)}\x00${header}`, 'latin1'),
    // 1, -2, 65504, 2^-24, 2^-14, infinity, -0
    Buffer.from(Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0x8000).buffer),
  ]);
  const half = parseNpy(bytes, 'half.npy');
  assert.deepEqual([half.dtype, half.isHalf], ['float32', true]);
  assert.deepEqual([...half.data], [1, -2, 65504, 2 ** -24, 2 ** -14, Infinity, -0]);
});

test('rows of an array are read in any order, stored or deflated, and their checksum holds', async () => {
  const folder = temporaryFolder();
  const data = Float32Array.from({ length: 700 * 9 }, (_, i) => Math.sin(i));
  const array = formatNpy({ dtype: 'float32', shape: [700, 3, 3], data });
  for (const level of [0, 6] as const) {
    const path = join(folder, `rows-${level}.npz`);
    const bytes = Buffer.from(zipSync({ 'x.npy': [array, { level }], 'y.npy': [array, { level }] }));
    await writeFile(path, bytes);
    const npz = await Npz.open(path);
    const rows = await npz.rows('x');
    assert.ok(rows);
    assert.deepEqual([rows.shape, rows.dtype, rows.rowBytes], [[700, 3, 3], 'float32', 36]);
    for (const [from, count] of [
      [0, 10],
      [200, 300],
      [100, 5],
      [690, 10],
    ] as const)
      assert.deepEqual((await rows.read(from, count)).data, data.slice(from * 9, (from + count) * 9));
    await assert.rejects(rows.read(699, 2), /has 700 rows, not 701/);
    npz.close();
    bytes[bytes.indexOf(Buffer.from(array.slice(-8))) + 3] ^= 1;
    if (level > 0) continue;
    await writeFile(path, bytes);
    const damaged = await Npz.open(path);
    await assert.rejects(async () => (await damaged.rows('x'))?.read(0, 700), /x\.npy is damaged: checksum mismatch/);
    damaged.close();
  }
});

test('a zip bomb is refused by its claim, before anything is unpacked', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'bomb.npz');
  await writeFile(path, zipSync({ 'mu.npy': new Uint8Array(50e6) }));
  await assert.rejects(readNpz(path, 1e6), /bomb\.npz would unpack to 50000000 bytes; at most 1000000 are read/);
});
