import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import { ByteCursor } from '../../server/weights/byte-cursor';
import { importNetwork } from '../../server/models/network-import';
import { openNetworkPickle } from '../../server/weights/network-pickle';
import { SourceFile } from '../../server/weights/source-file';
import { TorchReader } from '../../server/weights/torch-objects';
import { damaged, fixture, inScratch } from './network-fixtures';
import { noise } from './synthetic-weights';

const SNAPSHOT = 'ddpmpp-u-r8-gray.snapshot.pkl';
const STATE = 'ddpmpp-u-r8-gray.training-state.pt';

const bytes = (...parts: (number | string | Buffer)[]): Buffer =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === 'number' ? Buffer.of(part) : typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
    ),
  );
const uint32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
};
const uint64 = (value: bigint): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(value);
  return buffer;
};
const text = (value: string): Buffer => bytes('X', uint32(value.length), value);

function pickleFile(name: string, content: Buffer): string {
  const file = inScratch(name);
  writeFileSync(file, content);
  return file;
}

function read(content: Buffer): unknown {
  const file = new SourceFile(pickleFile('read.pkl', content));
  try {
    return new TorchReader(file).read(new ByteCursor(file, 0, file.size));
  } finally {
    file.close();
  }
}

test('values of protocols 2 to 5', () => {
  const list = bytes(']q', 0, '(K', 255, 'M', 1, 2, 'J', uint32(0xffffffff), 'G', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 'e.');
  assert.deepEqual(read(bytes(0x80, 2, list)), [255, 513, -1, 1.5]);
  assert.deepEqual(read(bytes(0x80, 2, '(N', 0x88, 0x89, 't.')), [null, true, false]);
  const long = bytes(0x8a, 10, Buffer.from('6cfc9c46f9206aa85019', 'hex'));
  assert.deepEqual(read(bytes(0x80, 2, '(', 0x8a, 0, 0x8a, 1, 0x80, long, 'l.')), [0, -128, 0x1950a86a20f9469cfc6cn]);
  const framed = bytes(0x80, 4, 0x95, uint64(9n), 0x8c, 2, 0xc3, 0xa9, 0x94, 'h', 0, 0x86, '.');
  assert.deepEqual(read(framed), ['é', 'é']);
});

function nestedStorages(depth: number): Buffer {
  let content = bytes(0x80, 2, 'N.');
  for (let level = 0; level < depth; level++) {
    content = bytes(0x80, 4, 'ctorch.storage\n_load_from_bytes\n', 'B', uint32(content.length), content, 0x85, 'R.');
  }
  return content;
}

/** Each is a whole pickle; none may be executed, believed or crash. */
const HOSTILE: [name: string, content: Buffer, message: RegExp][] = [
  ['os.system', bytes(0x80, 2, 'cposix\nsystem\n', text('touch x'), 0x85, 'R.'), /refused to load "posix\.system"/],
  [
    'eval by STACK_GLOBAL',
    bytes(0x80, 4, 0x8c, 8, 'builtins', 0x8c, 4, 'eval', 0x93, '.'),
    /refused to load "builtins\.eval"/,
  ],
  ['a name with a line break', bytes(0x80, 4, 0x8c, 3, 'a\nb', 0x8c, 1, 'c', 0x93, '.'), /refused to load "a\\nb\.c"/],
  [
    'a global in an embedded storage',
    bytes(0x80, 4, 'ctorch.storage\n_load_from_bytes\n', 'C', 15, 0x80, 2, 'cos\nabort\n)R.', 0x85, 'R.'),
    /refused to load "os\.abort"/,
  ],
  ['storages within storages', nestedStorages(2000), /a storage contains a storage/],
  [
    'an object list by 2^32 memo',
    bytes(0x80, 2, 'Nr', uint32(0xffffffff), 'j', uint32(0xfffffffe), '.'),
    /object 4294967294/,
  ],
  ['a text of 4 GB', bytes(0x80, 2, 'X', uint32(0xffffffff), 'abc'), /claims 4294967295 more bytes, but only 3 follow/],
  ['bytes of 100 GB', bytes(0x80, 4, 0x8e, uint64(100_000_000_000n), 'abc.'), /claims 100000000000 more bytes/],
  ['a frame of 100 GB', bytes(0x80, 4, 0x95, uint64(100_000_000_000n), 'N.'), /claims 100000000000 more bytes/],
  ['a number of 2 GB', bytes(0x80, 2, 0x8b, uint32(0x7fffffff), 'abc.'), /integer of 2147483647 bytes/],
  ['more objects than memory', bytes(0x80, 2, Buffer.alloc(3_000_000, '}'), '.'), /more objects than any network/],
  ['an empty stack', bytes(0x80, 2, '.'), /empty stack/],
  ['a missing mark', bytes(0x80, 2, 'Nt.'), /mark is missing/],
  ['a call of a number', bytes(0x80, 2, 'K', 1, ')R.'), /cannot be called/],
  ['a call of a storage type', bytes(0x80, 2, 'ctorch\nFloatStorage\n)R.'), /cannot be called/],
  ['an attribute of a list', bytes(0x80, 2, ']}b.'), /state of something that has none/],
  ['an unknown operation', bytes(0x80, 2, 0xff, '.'), /operation 0xff at byte 2/],
  ['an endless name', bytes(0x80, 2, 'c', Buffer.alloc(5000, 'a')), /a name is too long/],
  ['text alone', bytes(0x80, 2, text('hello'), '.'), /holds no EDM network/],
  [
    'a GAN',
    bytes(0x80, 2, '}(', text('G'), 'N', text('D'), 'N', text('G_ema'), 'Nu.'),
    /holds a GAN, not an EDM network/,
  ],
];
for (const [name, content, message] of HOSTILE) {
  test(`refused in one line: ${name}`, async () => {
    const file = pickleFile('hostile.pkl', content);
    await assert.rejects(openNetworkPickle(file), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      assert.ok(error.message.includes(file) && !error.message.includes('\n'), error.message);
      return true;
    });
  });
}

test('modules that contain each other end in an error', async () => {
  // persistent object whose _modules hold 2 x the same child, 30 levels deep: 2^30 paths
  const persistent = 'ctorch_utils.persistence\n_reconstruct_persistent_obj\n';
  let module = bytes(persistent, '}(', text('class_name'), text('Linear'), text('state'), '}u', 0x85, 'R');
  for (let level = 0; level < 14; level++) {
    const modules = bytes('}(', text('a'), module, 'q', level, text('b'), 'h', level, 'u');
    const state = bytes('}(', text('_modules'), modules, 'u');
    module = bytes(persistent, '}(', text('class_name'), text('EDMPrecond'), text('state'), state, 'u', 0x85, 'R');
  }
  const file = pickleFile('nested.pkl', bytes(0x80, 2, '}', text('ema'), module, 's.'));
  await assert.rejects(openNetworkPickle(file), /nested too deeply/);
});

test('a pickle cut off anywhere is refused', async () => {
  const whole = readFileSync(fixture(SNAPSHOT));
  for (let length = 4; length < whole.length - 1; length += 9973) {
    const file = damaged(SNAPSHOT, 'cut.pkl', (content) => content.subarray(0, length));
    await assert.rejects(importNetwork(file, inScratch('cut.onnx')), (error) => {
      assert.ok(error instanceof UserError && /cut off or damaged/.test(error.message), String(error));
      return true;
    });
  }
});

test('a tensor that is missing or misshapen is named', async () => {
  const rename = (from: string, to: string): string =>
    damaged('vp-ddpmpp-u-r8.pkl', 'renamed.pkl', (content) =>
      Buffer.from(content.toString('latin1').replace(from, to), 'latin1'),
    );
  const file = rename('map_layer0', 'map_layerX');
  await assert.rejects(
    importNetwork(file, inScratch('x.onnx')),
    /renamed\.pkl: tensor model\.map_layer0\.weight is missing/,
  );
  // img_channels 3 -> 4, as BININT1
  const channels = damaged('vp-ddpmpp-u-r8.pkl', 'renamed.pkl', (content) => {
    const at = content.indexOf('img_channels');
    const value = content.indexOf(Buffer.of(0x4b, 3), at);
    content[value + 1] = 4;
    return content;
  });
  await assert.rejects(
    importNetwork(channels, inScratch('x.onnx')),
    /_conv\.weight has shape \[.*\], its configuration needs \[/,
  );
});

test('a class that is no preconditioner is named, a GAN is called one', async () => {
  const renamed = (to: string): string =>
    damaged('vp-ddpmpp-u-r8.pkl', 'class.pkl', (content) =>
      Buffer.from(content.toString('latin1').replace('VPPrecond', to), 'latin1'),
    );
  await assert.rejects(
    importNetwork(renamed('Generator'), inScratch('x.onnx')),
    /holds a GAN \(Generator\), not an EDM network/,
  );
  await assert.rejects(
    importNetwork(renamed('Something'), inScratch('x.onnx')),
    /class Something is not an EDM network/,
  );
});

test('files that are no networks at all are refused', async () => {
  for (const [name, content] of [
    ['empty.pkl', ''],
    ['page.pkl', '<html>Access denied</html>'],
    ['short.safetensors', 'abc'],
    ['claims.safetensors', '\xff\xff\xff\xff\xff\xff\xff\x7f{}'],
    ['zip.pt', 'PK\x03\x04 but not really'],
  ] as const) {
    const file = pickleFile(name, Buffer.from(content, 'latin1'));
    await assert.rejects(
      importNetwork(file, inScratch('x.onnx')),
      (error) => error instanceof UserError && error.message.includes(name),
    );
  }
  await assert.rejects(importNetwork(inScratch('absent.pkl'), inScratch('x.onnx')), UserError);
});

test('random damage gives a network or a UserError, never anything else', async () => {
  const started = process.cpuUsage();
  const next = noise(20261123);
  const pick = (limit: number): number => Math.floor(((next() + 1) / 2) * limit);
  for (let i = 0; i < 300; i++) {
    const name = i % 3 === 2 ? STATE : SNAPSHOT;
    const file = damaged(name, 'fuzz.pkl', (content) => {
      // Most of a pickle is weights; damage its structure, which lies at the front and at the end.
      const structure = name === STATE ? 60_000 : 12_000;
      for (let k = 0; k <= pick(8); k++) {
        const at = pick(4) ? pick(structure) : content.length - 1 - pick(structure);
        content[at] = pick(2) ? pick(256) : content[at] ^ (1 << pick(8));
      }
      return pick(10) ? content : content.subarray(0, pick(content.length));
    });
    try {
      const source = await openNetworkPickle(file);
      for (const tensor of source.tensors.values()) tensor.load();
      source.close();
      if (i % 4 === 0) await importNetwork(file, inScratch('fuzz.onnx'));
    } catch (error) {
      assert.ok(error instanceof UserError, `mutation ${i}: ${(error as Error).stack}`);
      assert.ok(!error.message.includes('\n') && error.message.includes('fuzz.pkl'), error.message);
    }
  }
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system < 30e6, `${(user + system) / 1e6} s of processor time`); // 7 s on a loaded machine
});
