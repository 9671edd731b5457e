/**
 * What may lie in a file beside a network without being needed: paths, dates, arrays, optimizers. What is made of these
 * names is kept unread, and only what needs it fails. Anything else that a file names is refused, although nothing would be
 * executed here: whoever loads such a file with Python would run it.
 */

const numpyTypes =
  /^(ndarray|dtype|bool_?|u?int(8|16|32|64|c|p)?|float(16|32|64|128)?|complex(64|128|256)?|longlong|ulonglong|longdouble|str_|bytes_|void|object_|datetime64|timedelta64)$/;
const torchTypes =
  /^(Size|device|dtype|Tensor|Generator|u?int(8|16|32|64)|float(16|32|64)?|bfloat16|half|double|complex(32|64|128)|bool|long|short|int|strided|contiguous_format|channels_last|preserve_format)$/;
/** A class: functions could do anything, and a name with a full stop could reach another module. */
const aClass = /^_?[A-Z]\w*$/;

/** Modules and, in them, names. */
const HARMLESS: readonly (readonly [module: RegExp, name: RegExp])[] = [
  [/^pathlib(\._local|\._abc)?$/, /^(Pure)?(Posix|Windows)?Path$/],
  [/^datetime$/, /^(datetime|date|time|timedelta|timezone)$/],
  [/^zoneinfo$/, /^ZoneInfo(\._unpickle)?$/],
  [/^(decimal|fractions|uuid|ipaddress)$/, /^(Decimal|Fraction|UUID|IPv[46]Address)$/],
  [/^collections$/, /^(defaultdict|deque|Counter|ChainMap|UserDict|UserList)$/],
  [
    /^(builtins|__builtin__)$/,
    /^(frozenset|complex|slice|x?range|bytearray|bytes|int|long|float|str|unicode|bool|list|dict|tuple|set|object)$/,
  ],
  [/^(copyreg|copy_reg)$/, /^_reconstructor$/],
  [/^(argparse|types)$/, /^(Namespace|SimpleNamespace)$/],
  [/^numpy$/, numpyTypes],
  [/^numpy\.dtypes$/, /^\w+DType$/],
  [/^numpy\._?core\.(multiarray|numeric)$/, /^(_reconstruct|scalar|_frombuffer|ndarray|dtype)$/],
  [/^numpy\.random\._(pickle|mt19937|pcg64|philox|sfc64)$/, /^(__\w+_ctor|[A-Z]\w*)$/],
  [/^torch$/, torchTypes],
  [/^torch\.(_utils|_tensor)$/, /^_rebuild_\w+$/],
  [/^torch\.storage$/, /^(Untyped|Typed)Storage$/],
  [/^torch\.serialization$/, /^_get_layout$/],
  [/^torch\.nn\.parameter$/, aClass],
  [/^torch\.nn\.modules\.\w+$/, aClass],
  [/^torch\.(optim|amp|cuda\.amp)(\.\w+)*$/, aClass],
  [/^(omegaconf|ml_collections)(\.\w+)*$/, aClass],
  [/^(easydict|dnnlib|dnnlib\.util)$/, /^EasyDict$/],
  // Classes of EDM's code and its forks.
  [/^(training|torch_utils)(\.\w+)+$/, aClass],
];

/** Whether what a file names can lie beside a network. */
export function isHarmless(module: string, name: string): boolean {
  return HARMLESS.some(([modules, names]) => modules.test(module) && names.test(name));
}
