/** Files made to hurt whoever reads them, each small to write here. */
import { crc32 } from 'node:zlib';
import { NETWORK, PickleWriter, zipOf } from '../campaign/structured-files';

/** A file, and what its reader says of it. */
export interface HostileFile {
  name: string;
  suffix: string;
  bytes: () => Uint8Array;
  says: RegExp;
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const uint64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};

/** A pickle of what `write` leaves on the stack. */
const pickled = (write: (writer: PickleWriter) => unknown): Buffer => {
  const writer = new PickleWriter();
  write(writer);
  return writer.end().whole();
};
const rawPickle = (operations: string): Buffer => latin1(`\x80\x02${operations}.`);

/** 2^40 lists as text: each holds the one before twice. */
const doubled = (writer: PickleWriter): void => {
  writer.op('(').value(['abcdefgh']);
  for (let level = 0; level < 40; level++) {
    const key = String.fromCharCode(level);
    writer.op(`q${key}`).op('(').op(`h${key}`).op(`h${key}`).op('t');
  }
  // Only the last one stays on the stack.
  writer.op('q\xff').op('1').op('h\xff');
};

/** A network object; `state` may use the writer for what JSON cannot say. */
function network(state: (writer: PickleWriter) => object): Buffer {
  const writer = new PickleWriter();
  const description = { class_name: 'EDMPrecond', state: () => writer.value(state(writer)) };
  writer.value({
    ema: () => writer.call('torch_utils.persistence _reconstruct_persistent_obj', () => writer.value(description)),
  });
  return writer.end().whole();
}

const settings: Record<string, unknown> = { ...NETWORK };
delete settings.class_name;

/** A torch zip whose tensors all show the same 27 kB, with the given sizes and strides. */
function viewZip(shape: readonly number[], strides: readonly number[], names = ['weight']): Buffer {
  const pickle = network((writer) => {
    const view = (): void =>
      void writer.call(
        'torch._utils _rebuild_tensor_v2',
        () => writer.tuple('storage', () => writer.global('torch FloatStorage'), '0', 'cpu', 6912).op('Q'),
        0,
        () => writer.tuple(...shape),
        () => writer.tuple(...strides),
        false,
        () => writer.call('collections OrderedDict'),
      );
    return { _init_kwargs: settings, _parameters: Object.fromEntries(names.map((name) => [name, view])) };
  });
  const parts = [
    { name: 'net/data.pkl', bytes: pickle, deflated: false },
    { name: 'net/data/0', bytes: Buffer.alloc(27648), deflated: false },
  ];
  return zipOf(parts, false).whole();
}

const safetensors = (header: string, data = Buffer.alloc(0), length = BigInt(Buffer.byteLength(header))): Buffer =>
  Buffer.concat([uint64(length), Buffer.from(header), data]);
const withMetadata = (metadata: object, tensors: object = {}): string =>
  JSON.stringify({ __metadata__: { config: JSON.stringify(NETWORK), ...metadata }, ...tensors });

const varint = (value: number): Buffer => {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
};
const field = (number: number, content: Uint8Array): Buffer =>
  Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
const onnx = (...more: Uint8Array[]): Buffer => Buffer.concat([latin1('\x08\x08\x3a\x00'), ...more]);
const property = (key: string, value: string): Buffer =>
  field(14, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from(value))]));

/** The end of a zip whose directory is at any 64-bit offset. */
const zip64 = (offset: bigint): Buffer =>
  Buffer.concat([
    latin1('PK\x03\x04'),
    Buffer.alloc(60),
    latin1('PK\x06\x07\0\0\0\0'),
    uint64(offset),
    uint32(1),
    latin1('PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0'),
  ]);
/** A zip of one stored entry whose local header is at any 64-bit offset. */
const entryAt = (offset: bigint): Buffer => {
  const bytes = zipOf([{ name: 'net/data.pkl', bytes: latin1('\x80\x02N.'), deflated: false }], true).whole();
  const place = bytes.indexOf(latin1('\x01\x00\x18\x00')) + 20;
  bytes.writeBigUInt64LE(offset, place);
  return bytes;
};

export const HOSTILE_FILES: readonly HostileFile[] = [
  ...['', '\x80', 'PK', 'PK\x03\x04', '\x08'].map((start): HostileFile => {
    const name = `${start.length} bytes: ${JSON.stringify(start)}`;
    return { name, suffix: '.pkl', bytes: () => latin1(start), says: /./ };
  }),
  {
    name: '2^40 lists as the name of a global',
    suffix: '.pkl',
    bytes: () => pickled((w) => (doubled(w), w.text('x').op('\x93'))),
    says: /names something to load by \[a list,a list\]/,
  },
  {
    name: '2^40 lists as text to encode',
    suffix: '.pkl',
    bytes: () => pickled((w) => w.call('_codecs encode', () => doubled(w))),
    says: /byte string is malformed/,
  },
  ...['model_type', 'channel_mult', 'img_resolution', 'resample_filter', 'embedding_type'].map((key): HostileFile => ({
    name: `2^40 lists as ${key}`,
    suffix: '.pkl',
    bytes: () => network((writer) => ({ _init_kwargs: { ...settings, [key]: () => doubled(writer) } })),
    says: new RegExp(`argument ${key} is \\[a list,a list\\]`),
  })),
  {
    name: 'an argument that contains itself',
    suffix: '.pkl',
    bytes: () =>
      network((writer) => {
        const cyclic = (): void => void writer.op(']').op('q\x00').op('h\x00').op('a');
        return { _init_kwargs: { ...settings, channel_mult: cyclic } };
      }),
    says: /argument channel_mult is \[a list\]/,
  },
  {
    name: '2^40 lists as the name of a tensor',
    suffix: '.pkl',
    bytes: () => {
      const tensor = (writer: PickleWriter): void =>
        void writer.call(
          'torch._utils _rebuild_tensor_v2',
          () => writer.call('torch.storage _load_from_bytes', () => emptyStorage(writer)),
          0,
          () => writer.tuple(0),
          () => writer.tuple(1),
        );
      const parameters = (writer: PickleWriter) => (): void => {
        writer.op('}');
        doubled(writer);
        tensor(writer);
        writer.op('s');
      };
      return network((writer) => ({ _init_kwargs: settings, _parameters: parameters(writer) }));
    },
    says: /name that is not a text/,
  },
  {
    name: 'an OrderedDict of 50,000 copied without end',
    suffix: '.pkl',
    bytes: () =>
      pickled((w) => {
        w.op('}').op('(');
        for (let i = 0; i < 50_000; i++) w.int(i).op('N');
        w.op('u').op('q\x00').op('ccollections\nOrderedDict\n').op('q\x01').op('(');
        for (let i = 0; i < 100_000; i++) w.op('h\x01').op('h\x00').op('\x85').op('R');
        w.op('l');
      }),
    says: /more memory than any network|more objects than any network/,
  },
  {
    name: 'a text of 1 MB encoded without end',
    suffix: '.pkl',
    bytes: () =>
      pickled((w) => {
        w.text('x'.repeat(1e6)).op('q\x00').op('c_codecs\nencode\n').op('q\x01').op('(');
        for (let i = 0; i < 20_000; i++) w.op('h\x01').op('h\x00').op('\x85').op('R');
        w.op('l');
      }),
    says: /more memory than any network/,
  },
  {
    name: 'a storage of 1 MB read without end',
    suffix: '.pkl',
    bytes: () => {
      const inner = Buffer.concat([latin1('\x80\x02'), Buffer.from('N0'.repeat(500_000)), latin1('N.')]);
      return pickled((w) => {
        w.op('B').out.bytes(uint32(inner.length)).bytes(inner);
        w.op('q\x00').op('ctorch.storage\n_load_from_bytes\n').op('q\x01').op('(');
        for (let i = 0; i < 20_000; i++) w.op('h\x01').op('h\x00').op('\x85').op('R');
        w.op('l');
      });
    },
    says: /more objects than any network/,
  },
  { name: 'two million dicts', suffix: '.pkl', bytes: () => rawPickle('}'.repeat(2e6)), says: /more memory than any/ },
  { name: 'a million tuples in each other', suffix: '.pkl', bytes: () => rawPickle(`)${'\x85'.repeat(9e5)}`), says: /no EDM network/ }, // prettier-ignore
  { name: 'a million marks', suffix: '.pkl', bytes: () => rawPickle('('.repeat(9e5)), says: /empty stack/ },
  { name: 'a frame of 2^64 - 1 bytes', suffix: '.pkl', bytes: () => latin1('\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.'), says: /claims 18446744073709551615 bytes/ }, // prettier-ignore
  { name: 'bytes of 2^63', suffix: '.pkl', bytes: () => latin1('\x80\x04\x8e\0\0\0\0\0\0\0\x80N.'), says: /claims 9223372036854775808 bytes/ }, // prettier-ignore
  { name: 'an integer of 2 GB', suffix: '.pkl', bytes: () => rawPickle('\x8b\xff\xff\xff\x7f'), says: /integer of 2147483647 bytes/ }, // prettier-ignore
  { name: '2 GB by a stride of zero', suffix: '.pt', bytes: () => viewZip([2 ** 14, 2 ** 15], [0, 0]), says: /take 2147483648 bytes, the whole file has/ }, // prettier-ignore
  { name: '1 GB by rows that overlap', suffix: '.pt', bytes: () => viewZip([6000, 6000, 8], [1, 0, 1]), says: /take 1152000000 bytes/ }, // prettier-ignore
  {
    name: '2000 tensors of one storage',
    suffix: '.pt',
    bytes: () =>
      viewZip(
        [6912],
        [1],
        Array.from({ length: 2000 }, (_, i) => `w${i}`),
      ),
    says: /tensors up to w\d+ take \d+ bytes/,
  },
  { name: 'a zip64 directory at 2^64 - 256', suffix: '.pt', bytes: () => zip64(0xffffffffffffff00n), says: /ends before byte/ }, // prettier-ignore
  {
    name: 'a zip64 directory at 2^53 + 1',
    suffix: '.pt',
    bytes: () => zip64(2n ** 53n + 1n),
    says: /ends before byte/,
  },
  ...[2n ** 63n, 2n ** 53n + 2n, 2n ** 64n - 2n].map((offset): HostileFile => {
    return {
      name: `a zip64 entry at ${offset}`,
      suffix: '.pt',
      bytes: () => entryAt(offset),
      says: /ends before byte/,
    };
  }),
  {
    name: 'a zip that has an entry twice',
    suffix: '.pt',
    bytes: () => {
      const part = { name: 'net/data.pkl', bytes: latin1('\x80\x02N.'), deflated: false };
      return zipOf([part, part], false).whole();
    },
    says: /net\/data\.pkl twice/,
  },
  {
    name: 'a compressed zip',
    suffix: '.pt',
    bytes: () => zipOf([{ name: 'net/data.pkl', bytes: Buffer.alloc(1e6), deflated: true }], false).whole(),
    says: /is compressed/,
  },
  { name: 'a header of 2^63 bytes', suffix: '.safetensors', bytes: () => safetensors('{}', Buffer.alloc(9), 2n ** 63n), says: /claims 9223372036854775808 bytes/ }, // prettier-ignore
  { name: 'a header of 30 MB of lists', suffix: '.safetensors', bytes: () => safetensors(`{"a":[${'[],'.repeat(1e7)}[]]}`), says: /more memory than any network/ }, // prettier-ignore
  { name: 'a header of lists in lists', suffix: '.safetensors', bytes: () => safetensors(`{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`), says: /header is not JSON/ }, // prettier-ignore
  {
    name: 'training notes of lists in lists',
    suffix: '.safetensors',
    bytes: () => safetensors(withMetadata({ training: `{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}` })),
    says: /__metadata__\.training is not an object as JSON/,
  },
  {
    name: 'a commit that is broken JSON',
    suffix: '.safetensors',
    bytes: () => safetensors(withMetadata({ training_commit: '"\\q"' })),
    says: /__metadata__\.training_commit begins like JSON and is not JSON/,
  },
  {
    name: 'a configuration that is broken JSON',
    suffix: '.safetensors',
    bytes: () => safetensors(withMetadata({ config: '{' })),
    says: /__metadata__\.config is not an object as JSON/,
  },
  {
    name: 'tensors that share bytes',
    suffix: '.safetensors',
    bytes: () => {
      const tensor = (start: number): object => ({ dtype: 'F32', shape: [4], data_offsets: [start, start + 16] });
      return safetensors(withMetadata({}, { a: tensor(0), b: tensor(8) }), Buffer.alloc(64));
    },
    says: /tensors a and b share bytes/,
  },
  {
    name: 'a shape of 10,000 sizes',
    suffix: '.safetensors',
    bytes: () => {
      const shape = Array.from({ length: 10_000 }, () => 1);
      return safetensors(withMetadata({}, { a: { dtype: 'F32', shape, data_offsets: [0, 4] } }), Buffer.alloc(4));
    },
    says: /tensor a is inconsistent/,
  },
  { name: 'five million fields', suffix: '.onnx', bytes: () => onnx(Buffer.alloc(1e7, latin1('\x28\x01'))), says: /more objects than any network/ }, // prettier-ignore
  { name: 'a length of 2^64 - 1', suffix: '.onnx', bytes: () => onnx(latin1('\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01')), says: /claims 18446744073709551615 bytes/ }, // prettier-ignore
  { name: 'a number of 70 bits', suffix: '.onnx', bytes: () => onnx(latin1('\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f')), says: /no valid number/ }, // prettier-ignore
  { name: 'a group', suffix: '.onnx', bytes: () => onnx(latin1('\x3b\x3c')), says: /no valid field/ },
  { name: 'field 0', suffix: '.onnx', bytes: () => onnx(latin1('\x00\x01')), says: /no valid field/ },
  { name: 'metadata of 15 MB of lists', suffix: '.onnx', bytes: () => onnx(property('training', `{"a":[${'[],'.repeat(5e6)}[]]}`)), says: /more memory than any network/ }, // prettier-ignore
  { name: 'a negative number of classes', suffix: '.onnx', bytes: () => onnx(...denoiser({ label_dim: '-5' })), says: /label_dim is not of type count/ }, // prettier-ignore
  { name: 'an endless number of classes', suffix: '.onnx', bytes: () => onnx(...denoiser({ label_dim: '1e300' })), says: /label_dim is not of type count/ }, // prettier-ignore
  { name: 'training notes too deep to write again', suffix: '.onnx', bytes: () => onnx(...denoiser({ training: `{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}` })), says: /training is not of type object/ }, // prettier-ignore
];

/** A storage without numbers in torch's stream format, as bytes. */
function emptyStorage(writer: PickleWriter): void {
  const storage = (one: PickleWriter): void =>
    void one.tuple('storage', () => one.global('torch FloatStorage'), '0', 'cpu', 0, null).op('Q');
  const parts = [
    pickled((one) => one.int(1001)),
    pickled((one) => one.value({ little_endian: true })),
    pickled(storage),
  ];
  const keys = pickled((one) => one.value(['0']));
  const magic = Buffer.concat([latin1('\x80\x02'), Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex'), latin1('.')]);
  const bytes = Buffer.concat([magic, ...parts, keys, Buffer.alloc(8)]);
  writer.op('B').out.bytes(uint32(bytes.length)).bytes(bytes);
}

function denoiser(changed: Record<string, string>): Buffer[] {
  const info = { kind: 'denoiser', precond: 'EDMPrecond', architecture: 'SongUNet', sigma_min: '0', sigma_max: 'inf' };
  const sizes = { sigma_data: '0.5', label_dim: '0', img_resolution: '8', img_channels: '1', parameters: '1' };
  const all = { ...info, ...sizes, source_name: 'a', source_sha256: 'b', ...changed };
  return Object.entries(all).map(([key, value]) => property(key, value));
}

/** A PNG of the given size whose pixels are not there. */
export function emptyPng(width: number, height: number, interlaced = 0, data = Buffer.alloc(300)): Buffer {
  const chunk = (type: string, body: Uint8Array): Buffer => {
    const typed = Buffer.concat([Buffer.from(type), body]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length);
    check.writeUInt32BE(crc32(typed));
    return Buffer.concat([length, typed, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, interlaced], 8);
  const start = latin1('\x89PNG\r\n\x1a\n');
  return Buffer.concat([start, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}
