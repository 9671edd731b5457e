import { UserError } from '../errors';
import { ByteCursor, ByteRange } from './byte-cursor';
import { DICT_BYTES, PickleGlobal, PickleObject, unpickle, type PickleRules } from './pickle';
import { isHarmless } from './harmless-globals';
import { floatSize, MemorySource, readFloats, type ByteSource, type FloatType } from './source-file';
import { shortName, valueText } from './value-text';
import { elementCount } from './weight-source';

/** A block of numbers in the file. Its place is known once the stream around it has been read. */
class Storage {
  place?: { readonly source: ByteSource; readonly offset: number };

  constructor(
    readonly type: string,
    readonly count: number,
  ) {}

  get byteLength(): number {
    return this.count * (STORAGE_BYTES[this.type] ?? NaN);
  }
}

/** A strided view of a storage; sizes, strides and offset count elements. */
export class TorchTensor {
  constructor(
    private readonly file: ByteSource,
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}

  /** Bytes of the values in the file's type. */
  get byteLength(): number {
    return elementCount(this.shape) * (STORAGE_BYTES[this.storage.type] ?? NaN);
  }

  /** The values as float32, row-major. @throws UserError when they are no floats or not inside the storage */
  load(name: string): Float32Array {
    const { file, storage, shape, strides } = this;
    const type = FLOAT_STORAGES.get(storage.type);
    if (!type) {
      throw new UserError(
        `${file.path}: tensor ${shortName(name)} is a ${storage.type}, and weights are float16, bfloat16, float32 or float64: save the network as float32`,
      );
    }
    const count = elementCount(shape);
    const last = shape.reduce((index, size, i) => index + (size - 1) * strides[i]!, this.offset);
    if (!storage.place || (count > 0 && last >= storage.count)) {
      return file.fail(`tensor ${name} lies outside its storage`);
    }
    if (count === 0) return new Float32Array(0);
    const { source, offset } = storage.place;
    const span = readFloats(source, offset + this.offset * floatSize(type), last - this.offset + 1, type);
    return isRowMajor(shape, strides) ? span : gather(span, shape, strides, count);
  }
}

/** Bytes of one element of torch's storage classes. */
const STORAGE_BYTES: Readonly<Record<string, number>> = {
  FloatStorage: 4,
  DoubleStorage: 8,
  HalfStorage: 2,
  BFloat16Storage: 2,
  LongStorage: 8,
  IntStorage: 4,
  ShortStorage: 2,
  CharStorage: 1,
  ByteStorage: 1,
  BoolStorage: 1,
  ComplexFloatStorage: 8,
  ComplexDoubleStorage: 16,
};

/** Those that weights can be in. */
const FLOAT_STORAGES: ReadonlyMap<string, FloatType> = new Map([
  ['FloatStorage', 'float32'],
  ['DoubleStorage', 'float64'],
  ['HalfStorage', 'float16'],
  ['BFloat16Storage', 'bfloat16'],
]);

/** TorchScript's classes: of a module, or of a program's own file. */
const SCRIPTED = /^__torch__[. ]/;

/** Whether a name (`module qualname`) is of a class of TorchScript. */
export function isScripted(name: string): boolean {
  return SCRIPTED.test(name);
}

/** What torch's C++ pickler writes around lists: `build_intlist(items)`, `restore_type_tag(value, type)`. */
const SCRIPTED_LISTS = /^torch\.jit\._pickle (?:build_(?:int|double|bool|tensor)list|restore_type_tag)$/;

/** First pickle of torch's stream format before 1.6, which plain pickles still embed, and the second one. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_VERSION = 1001;

/** Bytes of memory of one member of a dict, and of a tensor or storage without its values, by estimate. */
const MEMBER_BYTES = 64;
const TENSOR_BYTES = 384;

/**
 * Reads what torch and numpy put into a pickle. The globals below, and those of `harmless-globals.ts`, are the only ones
 * accepted; each gives plain data, none is code.
 */
export class TorchReader {
  private readonly globals: ReadonlyMap<string, PickleGlobal>;
  private isEmbedded = false;

  constructor(private readonly file: ByteSource) {
    const first = (args: readonly unknown[]): unknown => args[0];
    const kept = (name: string): [string, (args: readonly unknown[]) => unknown] => [
      name,
      (args) => new PickleObject(name, args),
    ];
    const calls: [string, ((args: readonly unknown[]) => unknown)?][] = [
      kept('torch_utils.persistence _reconstruct_persistent_obj'),
      kept('numpy dtype'),
      ['collections OrderedDict', (args) => this.dict(args)],
      ['dnnlib.util EasyDict', (args) => this.dict(args)],
      ['__builtin__ set', (args) => args[0] ?? []],
      ['builtins set', (args) => args[0] ?? []],
      ['_codecs encode', ([text]) => this.encoded(text)],
      ['numpy.core.multiarray scalar', (args) => this.scalar(args)],
      ['numpy._core.multiarray scalar', (args) => this.scalar(args)],
      ['torch._utils _rebuild_parameter', first],
      ['torch._utils _rebuild_parameter_with_state', first],
      ['torch._utils _rebuild_tensor_v2', (args) => this.tensor(args)],
      ['torch.storage _load_from_bytes', (args) => this.embedded(args)],
      ...Object.keys(STORAGE_BYTES).map((type): [string] => [`torch ${type}`]),
    ];
    this.globals = new Map(calls.map(([name, call]) => [name, new PickleGlobal(name, call)]));
  }

  /** A plain pickle or a legacy torch stream. */
  read(cursor: ByteCursor): unknown {
    const object = unpickle(cursor, this.rules());
    return object === LEGACY_MAGIC ? this.legacy(cursor) : object;
  }

  /**
   * The pickle of a zip archive, whose storages are entries of their own. Objects of TorchScript's classes become their parts.
   * @param locate where the entry `key` begins and its length
   */
  readZipped(cursor: ByteCursor, locate: (key: string) => ByteRange | undefined): unknown {
    const rules = this.rules((id) => {
      const { key, storage } = this.storage(id);
      const entry = locate(key);
      if (!entry || entry.length < storage.byteLength)
        return this.file.fail(`storage ${shortName(key)} is missing or too short`);
      storage.place = { source: this.file, offset: entry.offset };
      return storage;
    });
    return unpickle(cursor, { ...rules, find: (name) => this.scripted(name) });
  }

  /** A name of TorchScript's own pickles: a class of the archive's code, which is not read, or what makes a typed list. */
  private scripted(name: string): PickleGlobal | undefined {
    if (SCRIPTED_LISTS.test(name)) return new PickleGlobal(name, ([value]) => value);
    if (!isScripted(name)) return undefined;
    this.file.budget.hold(2 * name.length);
    return new PickleGlobal(name, (args) => new PickleObject(name, args));
  }

  private rules(persistentLoad?: (id: unknown) => unknown): PickleRules {
    return { globals: this.globals, isHarmless, persistentLoad };
  }

  /** The rest of a legacy stream: version, system, the object, the storages' keys, then each one's count and data. */
  private legacy(cursor: ByteCursor): unknown {
    const { file } = this;
    const storages = new Map<string, Storage>();
    if (unpickle(cursor, this.rules()) !== LEGACY_VERSION) file.fail('its torch format is not version 1001');
    const system = unpickle(cursor, this.rules());
    if (!(system instanceof Map) || system.get('little_endian') !== true)
      file.fail('its numbers are not little-endian');
    const object = unpickle(
      cursor,
      this.rules((id) => {
        const { key, storage } = this.storage(id);
        const known = storages.get(key) ?? storage;
        storages.set(key, known);
        return known;
      }),
    );
    const keys = unpickle(cursor, this.rules());
    if (!Array.isArray(keys)) return file.fail('its list of storages is missing');
    for (const key of keys as unknown[]) {
      const storage = typeof key === 'string' ? storages.get(key) : undefined;
      if (cursor.uint64() !== storage?.count)
        return file.fail(`storage ${valueText(key)} does not have the size stated before`);
      storage.place = { source: cursor.file, offset: cursor.skip(storage.byteLength).offset };
    }
    return object;
  }

  /** A storage that a plain pickle holds as a legacy stream of its own. */
  private embedded([bytes]: readonly unknown[]): unknown {
    if (this.isEmbedded) this.file.fail('a storage contains a storage');
    this.isEmbedded = true;
    try {
      return this.read(this.embeddedCursor(bytes));
    } finally {
      this.isEmbedded = false;
    }
  }

  private embeddedCursor(bytes: unknown): ByteCursor {
    if (bytes instanceof ByteRange) return new ByteCursor(this.file, bytes.offset, bytes.offset + bytes.length);
    if (!(bytes instanceof Uint8Array)) return this.file.fail('a storage does not consist of bytes');
    const source = new MemorySource(this.file, bytes); // protocol 2 has only text, no byte strings
    return new ByteCursor(source, 0, source.size);
  }

  /** ('storage', class, key, device, count[, view]) */
  private storage(id: unknown): { key: string; storage: Storage } {
    const [tag, global, key, , count, view] = Array.isArray(id) ? (id as unknown[]) : [];
    const type = global instanceof PickleGlobal ? global.name.replace('torch ', '') : '';
    if (tag !== 'storage' || !(type in STORAGE_BYTES) || typeof key !== 'string' || !isIndex(count) || view != null) {
      return this.file.fail('a reference to a storage is malformed');
    }
    this.file.budget.hold(TENSOR_BYTES);
    return { key, storage: new Storage(type, count) };
  }

  /** (storage, offset, size, strides, requires_grad, hooks[, metadata]) */
  private tensor([storage, offset, shape, strides]: readonly unknown[]): TorchTensor {
    const sound = storage instanceof Storage && isIndex(offset) && isIndices(shape) && isIndices(strides);
    if (!sound || shape.length !== strides.length) return this.file.fail('a tensor is malformed');
    this.file.budget.hold(TENSOR_BYTES);
    return new TorchTensor(this.file, storage, offset, [...shape], [...strides]);
  }

  /** dict(), or dict(pairs) */
  private dict([pairs = []]: readonly unknown[]): Map<unknown, unknown> {
    const { budget } = this.file;
    const size = pairs instanceof Map ? pairs.size : Array.isArray(pairs) ? pairs.length : 0;
    // One operation copies all of them, however often they were copied before.
    budget.spend(size);
    budget.hold(DICT_BYTES + size * MEMBER_BYTES);
    if (pairs instanceof Map) return new Map(pairs);
    if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) {
      return this.file.fail('a dict is malformed');
    }
    return new Map(pairs as [unknown, unknown][]);
  }

  /** Bytes that protocol 2 writes as a text of as many characters. */
  private encoded(text: unknown): Buffer {
    if (typeof text !== 'string') return this.file.fail('a byte string is malformed');
    this.file.budget.spend(Math.ceil(text.length / 4096));
    this.file.budget.hold(text.length);
    return Buffer.from(text, 'latin1');
  }

  /** numpy's scalar(dtype, bytes): a number, or undefined for a type that no network setting has. */
  private scalar([dtype, data]: readonly unknown[]): number | boolean | undefined {
    const code = dtype instanceof PickleObject ? dtype.args[0] : undefined;
    const order: unknown = dtype instanceof PickleObject && Array.isArray(dtype.state) ? dtype.state[1] : '<';
    const read = SCALARS.get(code);
    if (!read) return undefined;
    const bytes = data instanceof ByteRange ? this.file.read(data.offset, Math.min(data.length, 8)) : data;
    if (!(bytes instanceof Uint8Array) || bytes.length !== Number(String(code).slice(1))) {
      return this.file.fail('a numpy scalar is malformed');
    }
    return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), order !== '>');
  }
}

const SCALARS: ReadonlyMap<unknown, (view: DataView, little: boolean) => number | boolean> = new Map<
  unknown,
  (view: DataView, little: boolean) => number | boolean
>([
  ['f8', (view, little) => view.getFloat64(0, little)],
  ['f4', (view, little) => view.getFloat32(0, little)],
  ['i8', (view, little) => Number(view.getBigInt64(0, little))],
  ['i4', (view, little) => view.getInt32(0, little)],
  ['b1', (view) => view.getUint8(0) !== 0],
]);

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isIndices(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 8 && value.every(isIndex);
}

function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i]!;
  }
  return true;
}

function gather(span: Float32Array, shape: readonly number[], strides: readonly number[], count: number): Float32Array {
  const values = new Float32Array(count);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let i = 0; i < count; i++) {
    values[i] = span[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis]!;
      const size = shape[axis]!;
      from += stride;
      const next = index[axis]! + 1;
      index[axis] = next < size ? next : 0;
      if (next < size) break;
      from -= stride * size;
    }
  }
  return values;
}
