/**
 * TorchScript archives as `torch.jit.save` writes them (torch/csrc/jit/serialization: export_module.cpp, pickler.cpp), for
 * tests. The real files of 2015-12-05 are not at hand: only the names of their modules and tensors are theirs.
 */
import { zipSync, type Zippable } from 'fflate';
import { INCEPTION_UNITS } from '../../server/models/inception-units';
import type { Tensor } from '../../server/weights/weight-source';

/** An attribute of a module: a submodule, a tensor, or a plain value. */
export type Attributes = Map<string, Tensor | Attributes | boolean | number | string | null>;

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** torch's pickler: protocol 2, each text and global written once and recalled after. */
class TorchPickler {
  readonly parts: Buffer[] = [Buffer.from('8002', 'hex')];
  readonly stored: Tensor[] = [];
  private readonly memo = new Map<string, number>();

  private once(key: string, write: () => void): void {
    const place = this.memo.get(key);
    if (place !== undefined) {
      this.parts.push(place < 256 ? Buffer.from([0x68, place]) : Buffer.concat([ascii('j'), uint32(place)]));
      return;
    }
    write();
    const index = this.memo.size;
    this.memo.set(key, index);
    this.parts.push(index < 256 ? Buffer.from([0x71, index]) : Buffer.concat([ascii('r'), uint32(index)]));
  }

  op(text: string): this {
    this.parts.push(ascii(text));
    return this;
  }

  text(value: string): this {
    this.once(`text ${value}`, () => this.parts.push(ascii('X'), uint32(Buffer.byteLength(value)), Buffer.from(value)));
    return this;
  }

  global(module: string, name: string): this {
    this.once(`global ${module} ${name}`, () => this.op(`c${module}\n${name}\n`));
    return this;
  }

  int(value: number): this {
    if (value < 256) this.parts.push(Buffer.from([0x4b, value]));
    else if (value < 65536) this.parts.push(Buffer.from([0x4d, value & 255, value >> 8]));
    else this.parts.push(ascii('J'), uint32(value));
    return this;
  }

  private ints(values: readonly number[]): this {
    this.op('(');
    for (const value of values) this.int(value);
    return this.op('t');
  }

  tensor(tensor: Tensor): void {
    const { shape } = tensor;
    const count = shape.reduce((a, b) => a * b, 1);
    this.global('torch._utils', '_rebuild_tensor_v2').op('((').text('storage').global('torch', 'FloatStorage');
    this.text(`${this.stored.length}`).text('cpu').int(count).op('tQ');
    this.stored.push(tensor);
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    this.int(0).ints(shape).ints(strides).op('\x89').global('collections', 'OrderedDict').op(')RtR');
  }

  object(attributes: Attributes, className: string): void {
    const [module, name] = className.split(' ');
    this.global(module, name).op(')\x81}(');
    let index = 0;
    for (const [key, value] of attributes) {
      this.text(key);
      if (value instanceof Map)
        this.object(value, `__torch__.torch_utils.persistence.___torch_mangle_${index++} Layer`);
      else if (value === null) this.op('N');
      else if (typeof value === 'boolean') this.op(value ? '\x88' : '\x89');
      else if (typeof value === 'number') this.int(value);
      else if (typeof value === 'string') this.text(value);
      else this.tensor(value);
    }
    this.op('ub');
  }
}

/** Bytes of an archive. @param name of its folder, which is the file's name in torch @param more further entries */
export function torchScript(
  attributes: Attributes,
  className = '__torch__.torch_utils.persistence InceptionV3',
  more: Zippable = {},
  name = 'inception',
): Uint8Array {
  const pickler = new TorchPickler();
  pickler.object(attributes, className);
  const entries: Zippable = {
    [`${name}/version`]: [Buffer.from('3\n'), { level: 0 }],
    [`${name}/data.pkl`]: [Buffer.concat([...pickler.parts, ascii('.')]), { level: 0 }],
    // torch compresses code from 200 bytes on.
    [`${name}/code/__torch__/torch_utils/persistence.py`]: [
      Buffer.from('class InceptionV3(Module):\n'.repeat(20)),
      { level: 6 },
    ],
    [`${name}/code/__torch__/torch_utils/persistence.py.debug_pkl`]: [Buffer.alloc(400), { level: 6 }],
    [`${name}/constants.pkl`]: [Buffer.from('8002292e', 'hex'), { level: 0 }],
  };
  for (const [i, { load }] of pickler.stored.entries())
    entries[`${name}/data/${i}`] = [new Uint8Array(load().buffer), { level: 0 }];
  return zipSync({ ...entries, ...more });
}

/** Modules nested as the names of tensors say, each with the attributes that torch gives to all. */
export function nested(tensors: ReadonlyMap<string, Tensor>): Attributes {
  const root: Attributes = new Map();
  for (const [name, tensor] of tensors) {
    let module = root;
    const path = name.split('.');
    for (const part of path.slice(0, -1)) {
      const child = module.get(part) ?? new Map<string, never>([]);
      if (!module.has(part)) module.set(part, (child as Attributes).set('training', false));
      module = child as Attributes;
    }
    module.set(path.at(-1)!, tensor);
  }
  return root.set('training', false);
}

/** Weights under the names of NVIDIA's translation: no gamma, a classifier of 1008 classes. */
export function scriptedWeights(weights: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const put = (name: string, from: string): void => {
    tensors.set(name, { ...weights.get(from)!, name });
  };
  for (const { name, scripted } of INCEPTION_UNITS) {
    put(`${scripted}.weight`, `${name}.conv.weight`);
    put(`${scripted}.beta`, `${name}.bn.bias`);
    put(`${scripted}.mean`, `${name}.bn.running_mean`);
    put(`${scripted}.var`, `${name}.bn.running_var`);
  }
  const zeros = (name: string, shape: number[]): void => {
    tensors.set(name, { name, shape, load: () => new Float32Array(shape.reduce((a, b) => a * b, 1)) });
  };
  zeros('output.weight', [1008, 2048]);
  zeros('output.bias', [1008]);
  return tensors;
}

/** `pickle.dump` of a persistent object that keeps an archive as bytes, protocol 3. */
export function pickledArchive(archive: Uint8Array, className = 'InceptionV3'): Buffer {
  const text = (value: string): Buffer => Buffer.concat([ascii('X'), uint32(value.length), ascii(value)]);
  return Buffer.concat([
    ascii('\x80\x03ctorch_utils.persistence\n_reconstruct_persistent_obj\n}('),
    ...[text('type'), text('class'), text('version'), ascii('K\x06')],
    ...[text('module_src'), text('raise SystemExit("this code must never run")\n')],
    ...[text('class_name'), text(className), text('state'), ascii('}('), text('training'), ascii('\x89')],
    ...[text('script'), ascii('B'), uint32(archive.length), archive, ascii('uu\x85R.')],
  ]);
}
