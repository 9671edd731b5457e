/** Modules in torch's files as names and tensors. */
import type { FileOutline } from './other-files';
import { PickleObject } from './pickle';
import type { ByteSource } from './source-file';
import { isScripted, TorchTensor } from './torch-objects';
import { shortName } from './value-text';
import type { Tensor } from './weight-source';

/** Memory of a named tensor besides its name, by estimate. */
const NAMED_BYTES = 256;

/** How many bytes of tensors a byte of a file may give; more are views that show the same numbers again and again. */
const MAX_GROWTH = 2;

/** Far more than any network has, so that a pickle that contains itself ends in an error. */
const MAX_MODULES = 20_000;
const MAX_DEPTH = 16;

/** How deep dicts are looked into for what a file is. */
const OUTLINE_DEPTH = 2;

/** One pickled module: its class and its attributes. */
export interface Module {
  readonly className: string;
  /** The source of the module that defines its class; undefined for torch's own. */
  readonly source?: string;
  /** Torch's name of its class, with its module. */
  readonly global?: string;
  readonly state: ReadonlyMap<unknown, unknown>;
}

/** A persistent object (class name and attributes by name), or a container module of torch. */
export function moduleOf(value: unknown): Module | undefined {
  if (!(value instanceof PickleObject)) return undefined;
  if (value.global !== 'torch_utils.persistence _reconstruct_persistent_obj') {
    return { className: value.global.split(' ')[1] ?? '', global: value.global, state: mapOf(value.state) };
  }
  const description = mapOf(value.args[0]);
  const className = description.get('class_name');
  if (typeof className !== 'string') return undefined;
  const source = description.get('module_src');
  return { className, source: typeof source === 'string' ? source : '', state: mapOf(description.get('state')) };
}

/** The same for an object of TorchScript, whose parameters, buffers and submodules are attributes side by side. */
export function scriptedModule(value: unknown): Module | undefined {
  return value instanceof PickleObject && isScripted(value.global) ? moduleOf(value) : undefined;
}

/** Tensors by their state-dict names, within the file's budget and not larger than the file. */
export class NamedTensors {
  readonly byName = new Map<string, Tensor>();
  private bytes = 0;
  private modules = 0;

  constructor(private readonly file: ByteSource) {}

  /** Adds those of one module. */
  add(prefix: string, entries: ReadonlyMap<unknown, unknown>): void {
    const { file } = this;
    file.budget.spend(entries.size);
    for (const [key, value] of entries) {
      if (!(value instanceof TorchTensor)) continue;
      const name = prefix + this.nameOf(key);
      file.budget.hold(NAMED_BYTES + 2 * name.length);
      this.bytes += value.byteLength;
      if (!(this.bytes <= MAX_GROWTH * file.size)) {
        file.fail(`its tensors up to ${shortName(name)} take ${this.bytes} bytes, the whole file has ${file.size}`);
      }
      this.byName.set(name, { name, shape: value.shape, load: () => value.load(name) });
    }
  }

  /** Adds the parameters and buffers of a module and of its submodules. @param meet is called for each, with what its names begin with */
  addModule(module: Module, meet?: (module: Module, prefix: string) => void, prefix = '', depth = 0): void {
    const { state } = module;
    this.enter(depth);
    this.file.budget.hold(NAMED_BYTES);
    meet?.(module, prefix);
    for (const group of ['_parameters', '_buffers']) this.add(prefix, mapOf(state.get(group)));
    this.addChildren(mapOf(state.get('_modules')), moduleOf, (child, name) =>
      this.addModule(child, meet, `${prefix}${name}.`, depth + 1),
    );
  }

  /** The same for a module of TorchScript. */
  addScripted({ state }: Module, prefix = '', depth = 0): void {
    this.enter(depth);
    this.add(prefix, state);
    this.addChildren(state, scriptedModule, (module, name) => this.addScripted(module, `${prefix}${name}.`, depth + 1));
  }

  private addChildren(
    values: ReadonlyMap<unknown, unknown>,
    read: (value: unknown) => Module | undefined,
    use: (module: Module, name: string) => void,
  ): void {
    this.file.budget.spend(values.size);
    for (const [key, value] of values) {
      const child = read(value);
      if (child) use(child, this.nameOf(key));
    }
  }

  private enter(depth: number): void {
    if (++this.modules > MAX_MODULES || depth > MAX_DEPTH) this.file.fail('its modules are nested too deeply');
  }

  /** The name of a module or tensor; torch has texts only. */
  private nameOf(key: unknown): string {
    return typeof key === 'string' ? key : this.file.fail('a module or tensor has a name that is not a text');
  }
}

/** Keys and names of tensors of a file, those of dicts within it too. */
export function outlineOf(file: ByteSource, root: unknown): FileOutline {
  const keys = new Set<string>();
  const tensors = new Set<string>();
  const add = (entries: ReadonlyMap<unknown, unknown>, depth: number): void => {
    file.budget.spend(entries.size);
    for (const [key, value] of entries) {
      if (typeof key !== 'string') continue;
      if (depth === 0) keys.add(key);
      if (value instanceof TorchTensor) tensors.add(key);
      else if (value instanceof Map && depth < OUTLINE_DEPTH) add(value as Map<unknown, unknown>, depth + 1);
    }
  };
  add(mapOf(root), 0);
  return { keys, tensors };
}

const NOTHING: ReadonlyMap<unknown, unknown> = new Map();

/** A dict of a pickle, or an empty one for anything else. */
export function mapOf(value: unknown): ReadonlyMap<unknown, unknown> {
  return value instanceof Map ? value : NOTHING;
}
