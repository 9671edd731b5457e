/** Small valid files of every format that is read, as bytes that know their structure. */
import { crc32, deflateRawSync, deflateSync } from 'node:zlib';
import { parseNetworkConfig } from '../../server/weights/network-config';
import { networkTensors } from '../../server/models/network-tensors';
import { pick, type Random, whole } from './random';
import { StructuredBytes } from './structured-bytes';

/** The smallest network that `import` takes. */
export const NETWORK = {
  class_name: 'EDMPrecond',
  model_type: 'SongUNet',
  img_resolution: 8,
  img_channels: 1,
  label_dim: 3,
  model_channels: 4,
  channel_mult: [1],
  num_blocks: 1,
  attn_resolutions: [],
};
const TENSORS = [...networkTensors(parseNetworkConfig(NETWORK, 'here'))].map(([name, { shape }]) => ({
  name,
  shape,
  count: shape.reduce((a, b) => a * b, 1),
}));

/* ---- Pickles ---- */

/** Writes the operations of a pickle, each at a border. */
export class PickleWriter {
  constructor(readonly out = new StructuredBytes()) {
    this.op('\x80').out.bytes('\x02');
  }

  op(code: string): this {
    this.out.border().bytes(code);
    return this;
  }

  text(value: string): this {
    this.op('X').out.number(value.length, 4).bytes(value);
    return this;
  }

  int(value: number): this {
    this.op('J').out.number(value, 4);
    return this;
  }

  /** By its module and name. */
  global(name: string): this {
    const [module, own] = name.split(' ');
    return this.op(`c${module}\n${own}\n`);
  }

  value(value: unknown): this {
    if (value === null) return this.op('N');
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.int(value);
    if (Array.isArray(value)) return this.op(']').op('(').each(value).op('e');
    if (typeof value === 'object') return this.op('}').op('(').each(Object.entries(value).flat()).op('u');
    return this.op(value ? '\x88' : '\x89');
  }

  each(values: readonly unknown[]): this {
    for (const value of values) {
      if (typeof value === 'function') (value as () => void)();
      else this.value(value);
    }
    return this;
  }

  tuple(...values: readonly unknown[]): this {
    return this.op('(').each(values).op('t');
  }

  call(name: string, ...args: readonly unknown[]): this {
    return this.global(name)
      .tuple(...args)
      .op('R');
  }

  end(): StructuredBytes {
    return this.op('.').out;
  }
}

/** How a tensor's storage is written: within the pickle, or as an entry of a zip. */
type StorageWriter = (writer: PickleWriter, index: number, count: number) => void;

/** A network whose modules are nested as its tensors' names say. @param storage writes a reference to a storage */
function networkPickle(storage: StorageWriter): StructuredBytes {
  const writer = new PickleWriter();
  const tensor = (index: number) => () => {
    const { shape, count } = TENSORS[index];
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    writer.call(
      'torch._utils _rebuild_tensor_v2',
      () => storage(writer, index, count),
      0,
      () => writer.tuple(...shape),
      () => writer.tuple(...strides),
      false,
      () => writer.call('collections OrderedDict'),
    );
  };
  const module = (className: string, prefix: string, kwargs: object) => () => {
    const own = TENSORS.map(({ name }, index) => ({ name, index })).filter(({ name }) => name.startsWith(prefix));
    const rest = (name: string): string[] => name.slice(prefix.length).split('.');
    const parameters = own.filter(({ name }) => rest(name).length === 1);
    const children = [...new Set(own.filter(({ name }) => rest(name).length > 1).map(({ name }) => rest(name)[0]))];
    writer.call('torch_utils.persistence _reconstruct_persistent_obj', () =>
      writer.value({
        type: 'class',
        class_name: className,
        state: () =>
          writer.value({
            _init_kwargs: kwargs,
            _parameters: Object.fromEntries(parameters.map(({ name, index }) => [rest(name)[0], tensor(index)])),
            _modules: Object.fromEntries(
              children.map((child) => [
                child,
                module(child === 'model' ? 'SongUNet' : 'Module', `${prefix}${child}.`, child === 'model' ? inner : {}),
              ]),
            ),
          }),
      }),
    );
  };
  const { class_name, model_type, model_channels, channel_mult, num_blocks, attn_resolutions, ...outer } = NETWORK;
  const inner = { model_channels, channel_mult, num_blocks, attn_resolutions };
  writer.value({ ema: module(class_name, '', { ...outer, model_type }) });
  return writer.end();
}

const LEGACY_MAGIC = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');

/** A storage as torch's stream format before 1.6, within a pickle. */
function embeddedStorage(writer: PickleWriter, index: number, count: number): void {
  const inner = new StructuredBytes();
  const part = (): PickleWriter => new PickleWriter(inner);
  inner.bytes('\x80\x02').bytes(LEGACY_MAGIC).bytes('.');
  part().int(1001).end();
  part().value({ little_endian: true }).end();
  const reference = part();
  reference
    .tuple('storage', () => reference.global('torch FloatStorage'), `${index}`, 'cpu', count, null)
    .op('Q')
    .end();
  part()
    .value([`${index}`])
    .end();
  inner.number(count, 8).bytes(floats(count));
  const bytes = inner.whole();
  writer.global('torch.storage _load_from_bytes');
  writer.op('(').op('B').out.number(bytes.length, 4).bytes(bytes);
  writer.op('t').op('R');
}

const floats = (count: number): Buffer =>
  Buffer.from(Float32Array.from({ length: count }, (_, i) => Math.sin(i) / 8).buffer);

let plain: StructuredBytes | undefined;
/** A network as NVlabs/edm saves it. */
export const pickle = (): StructuredBytes => (plain ??= networkPickle(embeddedStorage));

/** Operations that may stand anywhere in a pickle. */
export function operations(random: Random): Buffer {
  const some = Array.from({ length: 1 + whole(random, 13) }, () => pick(random, OPERATIONS)(random));
  return Buffer.concat(some.map((text) => Buffer.from(text, 'latin1')));
}

const byte = (random: Random): string => String.fromCharCode(whole(random, 41));
const OPERATIONS: readonly ((random: Random) => string)[] = [
  ...'0122(N\x88)]}\x85\x86\x87teuasR\x81bQ\x93\x94\x8f\x90\x91dl'.split('').map((code) => () => code),
  (random) => `h${byte(random)}`,
  (random) => `q${byte(random)}`,
  (random) => `K${byte(random)}`,
  () => 'ccollections\nOrderedDict\n',
  () => 'c_codecs\nencode\n',
  () => 'ctorch._utils\n_rebuild_tensor_v2\n',
  () => 'ctorch.storage\n_load_from_bytes\n',
  () => 'ctorch_utils.persistence\n_reconstruct_persistent_obj\n',
  () => 'cnumpy.core.multiarray\nscalar\n',
  () => 'ctorch\nFloatStorage\n',
  () => 'X\x05\x00\x00\x00state',
  () => 'X\x08\x00\x00\x00_modules',
  () => 'C\x04\x80\x02N.',
  () => '\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f',
  () => '\x8b\xff\xff\xff\x7f',
  () => '\x8e\xff\xff\xff\xff\xff\xff\xff\xff',
  // Twice what is on the stack, ten times over.
  () => '(22t'.repeat(10),
];

/* ---- Zip ---- */

interface ZipPart {
  name: string;
  bytes: Buffer;
  deflated: boolean;
}

/** @param zip64 sizes, offsets and the end are written in zip64's fields */
export function zipOf(parts: readonly ZipPart[], zip64: boolean): StructuredBytes {
  const out = new StructuredBytes();
  const written = parts.map(({ name, bytes, deflated }) => {
    const data = deflated ? deflateRawSync(bytes) : bytes;
    const entry = { name, at: out.length, size: bytes.length, stored: data.length, crc: crc32(bytes), deflated };
    out
      .border()
      .bytes('PK\x03\x04\x14\x00\x00\x00')
      .number(deflated ? 8 : 0, 2)
      .bytes('\0\0\0\0');
    out.number(entry.crc, 4).number(data.length, 4).number(bytes.length, 4).number(name.length, 2).number(0, 2);
    out.bytes(name).bytes(data);
    return entry;
  });
  const start = out.length;
  for (const { name, at, size, stored, crc, deflated } of written) {
    out
      .border()
      .bytes('PK\x01\x02\x14\x00\x14\x00')
      .number(0, 2)
      .number(deflated ? 8 : 0, 2)
      .bytes('\0\0\0\0');
    out
      .number(crc, 4)
      .number(zip64 ? 0xffffffff : stored, 4)
      .number(zip64 ? 0xffffffff : size, 4);
    out
      .number(name.length, 2)
      .number(zip64 ? 28 : 0, 2)
      .number(0, 2)
      .number(0, 2)
      .number(0, 2)
      .number(0, 4);
    out.number(zip64 ? 0xffffffff : at, 4).bytes(name);
    if (zip64) out.number(1, 2).number(24, 2).number(size, 8).number(stored, 8).number(at, 8);
  }
  const end = out.length;
  out.border();
  if (zip64) {
    out.bytes('PK\x06\x06').number(44, 8).number(45, 2).number(45, 2).number(0, 4).number(0, 4);
    out
      .number(parts.length, 8)
      .number(parts.length, 8)
      .number(end - start, 8)
      .number(start, 8);
    out.border().bytes('PK\x06\x07').number(0, 4).number(end, 8).number(1, 4);
  }
  out.border().bytes('PK\x05\x06').number(0, 2).number(0, 2).number(parts.length, 2).number(parts.length, 2);
  return out
    .number(end - start, 4)
    .number(zip64 ? 0xffffffff : start, 4)
    .number(0, 2);
}

/** A network as torch saves it since 1.6; its pickle may be broken in itself. */
export function torchZip(random: Random): StructuredBytes {
  const entries: ZipPart[] = [];
  const content = networkPickle((writer, index, count) => {
    entries.push({ name: `net/data/${index}`, bytes: floats(count), deflated: false });
    writer.tuple('storage', () => writer.global('torch FloatStorage'), `${index}`, 'cpu', count).op('Q');
  });
  const bytes = random() < 0.5 ? content.whole() : content.mutated(random, operations);
  return zipOf([{ name: 'net/data.pkl', bytes, deflated: false }, ...entries], random() < 0.4);
}

/* ---- numpy ---- */

export function npy(random: Random): StructuredBytes {
  const shape = Array.from({ length: whole(random, 4) }, () => whole(random, 5));
  const count = shape.reduce((a, b) => a * b, 1);
  const [descr, size] = pick(random, [
    ['<f8', 8],
    ['<f4', 4],
    ['|u1', 1],
    ['<i8', 8],
  ] as const);
  const valid = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const tuple = pick(random, [
    ...Array<string>(10).fill(valid),
    `(${'1'.repeat(whole(random, 61))} ${','.repeat(whole(random, 10))}x)`,
    `(${'9'.repeat(whole(random, 31))}, 0)`,
  ]);
  const order = pick(random, ['True', 'False']);
  const dict = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${tuple}, }\n`;
  const version = pick(random, [1, 2, 3]);
  const out = new StructuredBytes().bytes('\x93NUMPY').number(version, 1).number(0, 1);
  out
    .number(dict.length, version === 1 ? 2 : 4)
    .border()
    .bytes(dict);
  return out.border().bytes(Buffer.alloc(count * size, 1));
}

export function npz(random: Random): StructuredBytes {
  const parts = ['mu', 'sigma', 'num'].map((name) => {
    const array = npy(random);
    const bytes = random() < 0.5 ? array.whole() : array.mutated(random);
    return { name: `${name}.npy`, bytes, deflated: random() < 0.5 };
  });
  return zipOf(parts, random() < 0.3);
}

/* ---- PNG ---- */

export function png(random: Random): StructuredBytes {
  const [width, height] = [1 + whole(random, 10), 1 + whole(random, 10)];
  const color = pick(random, [0, 0, 0, 2, 2, 2, 3, 4, 6]);
  const samples = [1, 0, 3, 1, 2, 0, 4][color];
  const interlaced = random() < 0.3 ? 1 : 0;
  const rows = Buffer.alloc(height * (1 + width * samples) * (interlaced ? 2 : 1), whole(random, 6));
  const out = new StructuredBytes().bytes('\x89PNG\r\n\x1a\n');
  const chunk = (type: string, write: (body: StructuredBytes) => void): void => {
    const body = new StructuredBytes();
    write(body);
    const bytes = body.whole();
    out.border().number(bytes.length, 4, false).bytes(type);
    if (type === 'IHDR') {
      out
        .number(width, 4, false)
        .number(height, 4, false)
        .number(8, 1)
        .number(color, 1)
        .bytes('\0\0')
        .number(interlaced, 1);
    } else out.bytes(bytes);
    out.number(crc32(Buffer.concat([Buffer.from(type), bytes])), 4, false);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, color, 0, 0, interlaced], 8);
  chunk('IHDR', (body) => body.bytes(header));
  if (random() < 0.3) chunk('tEXt', (body) => body.bytes(`seed\0${whole(random, 100)}`));
  if (random() < 0.3) chunk('iCCP', (body) => body.bytes('p\0\0').bytes(deflateSync(Buffer.alloc(1e5))));
  if (random() < 0.3) chunk('zTXt', (body) => body.bytes('t\0\0').bytes(deflateSync(Buffer.alloc(1e5))));
  if (color === 3) chunk('PLTE', (body) => body.bytes(Buffer.alloc(768)));
  if (random() < 0.2) chunk('tRNS', (body) => body.bytes('\0\x01'));
  const data = deflateSync(random() < 0.1 ? Buffer.alloc(1e6) : rows);
  const cut = whole(random, data.length + 1);
  for (const part of [data.subarray(0, cut), data.subarray(cut)]) chunk('IDAT', (body) => body.bytes(part));
  chunk('IEND', () => undefined);
  return out;
}

/** The same chunks with right checksums: without them a reader sees no further. */
export function withChecksums(bytes: Buffer): Buffer {
  const repaired = Buffer.from(bytes);
  for (let at = 8; at + 12 <= repaired.length;) {
    const end = at + 8 + repaired.readUInt32BE(at);
    if (end + 4 > repaired.length) break;
    repaired.writeUInt32BE(crc32(repaired.subarray(at + 4, end)), end);
    at = end + 4;
  }
  return repaired;
}

/* ---- safetensors ---- */

export function safetensors(random: Random): StructuredBytes {
  let at = 0;
  const odd = <T>(value: T): unknown => (random() < 0.003 ? pick(random, ODD_VALUES) : value);
  const entries = TENSORS.map(({ name, shape, count }): [string, unknown] => {
    const range = [odd(at), odd((at += 4 * count))];
    return [name, odd({ dtype: odd('F32'), shape: odd(shape), data_offsets: odd(range) })];
  });
  const config = Object.fromEntries(Object.entries(NETWORK).map(([key, value]) => [key, odd(value)]));
  const metadata = {
    config: odd(JSON.stringify(config)),
    training: odd('{"images":1}'),
    training_commit: pick(random, ['abc', '"abc"', '"\\q"', '""']),
  };
  const json = JSON.stringify(Object.fromEntries([['__metadata__', odd(metadata)], ...entries]));
  const header = new StructuredBytes();
  for (const part of json.split(/(?<=[,:])/)) header.bytes(part).border();
  const text = random() < 0.5 ? header.whole() : header.mutated(random);
  return new StructuredBytes().number(text.length, 8).border().bytes(text).border().bytes(Buffer.alloc(at));
}

const ODD_VALUES: readonly unknown[] = [
  null,
  -1,
  1e308,
  2 ** 53,
  '',
  '__proto__',
  [],
  {},
  [[[]]],
  true,
  'x'.repeat(1e5),
].concat([Array.from({ length: 100 }, () => 2 ** 52), '['.repeat(1e4), '{"a":'.repeat(100)]);

/* ---- ONNX ---- */

const varint = (value: number): Buffer => {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
};

/** A message of protocol buffers; a length or tag of one byte is a number that mutations know. */
function message(out: StructuredBytes, field: number, body: StructuredBytes | string): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body.whole();
  out.border().number(field * 8 + 2, 1);
  if (bytes.length < 128) out.number(bytes.length, 1);
  else out.bytes(varint(bytes.length));
  out.bytes(bytes);
}

const DENOISER = {
  kind: 'denoiser',
  precond: 'EDMPrecond',
  architecture: 'SongUNet',
  sigma_min: '0',
  sigma_max: 'inf',
  sigma_data: '0.5',
  label_dim: '3',
  img_resolution: '8',
  img_channels: '1',
  parameters: '100',
  source_name: 'a',
  source_sha256: 'b',
};

function valueInfo(name: string, type: number, dims: readonly (number | string)[]): StructuredBytes {
  const shape = new StructuredBytes();
  for (const dim of dims) {
    const one = new StructuredBytes();
    if (typeof dim === 'string') message(one, 2, dim);
    else one.number(8, 1).bytes(varint(dim));
    message(shape, 1, one);
  }
  const tensor = new StructuredBytes().number(8, 1).number(type, 1);
  message(tensor, 2, shape);
  const kind = new StructuredBytes();
  message(kind, 1, tensor);
  const info = new StructuredBytes();
  message(info, 1, name);
  message(info, 2, kind);
  return info;
}

export function onnx(random: Random): StructuredBytes {
  const graph = new StructuredBytes();
  message(graph, 11, valueInfo('images', 2, ['N', 3, 32, 32]));
  message(graph, 12, valueInfo('features', 1, ['N', 64]));
  const weight = new StructuredBytes();
  message(weight, 8, 'w');
  if (random() < 0.1) weight.number(14 * 8, 1).number(1, 1);
  message(graph, 5, weight);
  const out = new StructuredBytes().number(8, 1).number(8, 1);
  message(out, 7, random() < 0.7 ? graph : mutatedPart(graph, random));
  for (const [key, value] of Object.entries(DENOISER)) {
    const entry = new StructuredBytes();
    message(entry, 1, key);
    message(
      entry,
      2,
      random() < 0.05 ? pick(random, ['[', '-1', '1e999', '['.repeat(1e4), 'inf', 'null', '2.5']) : value,
    );
    message(out, 14, entry);
  }
  return out;
}

function mutatedPart(part: StructuredBytes, random: Random): StructuredBytes {
  return new StructuredBytes().bytes(part.mutated(random, protobufs));
}

/** Fields that no model has: groups, negative numbers, lengths beyond everything. */
export function protobufs(random: Random): Buffer {
  return Buffer.from(
    pick(random, [
      '\x0b\x0c',
      '\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01',
      '\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01',
      '\x3a\xff\xff\xff\xff\x0f',
      '\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f',
      '\x00\x00',
      '\x72\x00',
      '\x0a\x02\x08\x01'.repeat(100),
    ]),
    'latin1',
  );
}
