/** Pickles of numpy arrays, as `pickle.dump` writes them: dicts of statistics. Nothing in them is executed. */
import { ByteCursor, ByteRange } from './byte-cursor';
import { PickleGlobal, PickleObject, unpickle } from './pickle';
import { type ByteSource, SourceFile } from './source-file';

/** A numpy array as a pickle keeps it. */
export interface PickledArray {
  /** numpy's type with its byte order, e.g. `<f8`. */
  descr: string;
  shape: readonly number[];
  isFortran: boolean;
  bytes: Uint8Array;
}

/** Most bytes of one array. */
const MAX_ARRAY = 2 ** 30;

/**
 * Reads a pickle of numpy arrays, protocol 2 to 5.
 * @param use gets the value, in which dicts are Maps, and what reads an array in it (undefined for any other value)
 * @throws UserError for a file that is cut off, malformed, or holds objects of other kinds
 */
export function readNumpyPickle<T>(
  path: string,
  use: (value: unknown, arrayOf: (value: unknown) => PickledArray | undefined) => T,
): T {
  const file = new SourceFile(path);
  try {
    const value = unpickle(new ByteCursor(file, 0, file.size), { globals: GLOBALS, contains: 'file of statistics' });
    return use(value, (part) => arrayIn(part, file));
  } finally {
    file.close();
  }
}

const ARRAY = 'ndarray';
const FROM_BUFFER = '_frombuffer';

function arrayIn(value: unknown, file: ByteSource): PickledArray | undefined {
  if (!(value instanceof PickleObject)) return undefined;
  if (value.global === FROM_BUFFER) {
    const [data, dtype, shape, order] = value.args;
    return arrayFrom(shape, dtype, order === 'F', data, file);
  }
  if (value.global !== ARRAY || !Array.isArray(value.state)) return undefined;
  const [, shape, dtype, isFortran, data] = value.state as unknown[];
  return arrayFrom(shape, dtype, isFortran === true, data, file);
}

function arrayFrom(
  shape: unknown,
  dtype: unknown,
  isFortran: boolean,
  data: unknown,
  file: ByteSource,
): PickledArray | undefined {
  if (!(dtype instanceof PickleObject) || dtype.global !== DTYPE || typeof dtype.args[0] !== 'string') return undefined;
  if (!Array.isArray(shape) || !shape.every((length) => Number.isSafeInteger(length) && (length as number) >= 0))
    return undefined;
  if (!(data instanceof ByteRange || data instanceof Uint8Array)) return undefined;
  if (data.length > MAX_ARRAY) file.fail(`it claims an array of ${data.length} bytes`);
  const order: unknown = Array.isArray(dtype.state) ? (dtype.state as unknown[])[1] : '<';
  const code = dtype.args[0].replace(/^[<>|=]/, '');
  const descr = `${order === '>' || order === '|' ? order : '<'}${code}`;
  const bytes = data instanceof ByteRange ? file.read(data.offset, data.length) : data;
  return { descr, shape: shape as number[], isFortran, bytes };
}

const DTYPE = 'dtype';

type Call = (args: readonly unknown[]) => unknown;

/** The names that are accepted, those of numpy under its module of either major version. */
const NAMES: readonly [name: string, call?: Call][] = [
  ...['core', '_core'].flatMap((module): [string, Call][] => [
    [`numpy.${module}.multiarray _reconstruct`, () => new PickleObject(ARRAY, [])],
    [`numpy.${module}.multiarray scalar`, (args) => new PickleObject('scalar', args)],
    [`numpy.${module}.numeric _frombuffer`, (args) => new PickleObject(FROM_BUFFER, args)],
  ]),
  ['numpy ndarray'],
  ['numpy dtype', (args) => new PickleObject(DTYPE, args)],
  ['collections OrderedDict', () => new Map()],
  ['dnnlib.util EasyDict', () => new Map()],
  ['_codecs encode', ([text]) => Buffer.from(typeof text === 'string' ? text : '', 'latin1')],
];

const GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map(
  NAMES.map(([name, call]) => [name, new PickleGlobal(name, call)]),
);
