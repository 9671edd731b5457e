/** The tensors of a torch file that is no EDM network: a state dict, TorchScript, or a pickled module. */
import { ByteRange } from './byte-cursor';
import { IMPORTING } from './budget';
import { networkIn } from './network-pickle';
import { otherFileText } from './other-files';
import { PickleObject } from './pickle';
import { type ByteSource, MemorySource, RangeSource, type SourceFile } from './source-file';
import { isArchive, openTorchFile } from './torch-file';
import { moduleOf, NamedTensors, outlineOf, scriptedModule } from './torch-modules';
import { TorchReader } from './torch-objects';
import { readTorchZip } from './torch-zip';
import type { WeightSource } from './weight-source';

/** What a file of torch holds, under the names of its state dict. */
export interface ModuleTensors extends Pick<WeightSource, 'tensors' | 'close'> {
  readonly form: 'state dict' | 'TorchScript' | 'module';
  /** What the file is known to be that is no detector, in words. */
  readonly other?: string;
  /** The module's class; empty for a state dict. */
  readonly className: string;
}

/**
 * Opens what `torch.save(model.state_dict())`, `torch.jit.save(model)` or `pickle.dump(model)` wrote, or a pickled object
 * that holds the bytes of a TorchScript archive, as NVIDIA's detectors do. Nothing in it is executed; the archive's
 * code is not even read.
 * @throws UserError for a file that is cut off, malformed, costs too much, or holds what no network or detector contains
 */
export function openModuleTensors(path: string): Promise<ModuleTensors> {
  return openTorchFile(path, IMPORTING, async (file, root) => {
    const inner = scriptedModule(root) ? undefined : archiveIn(file, root);
    const source = inner ?? file;
    const value = inner ? await readTorchZip(inner, new TorchReader(inner)) : root;
    const { form, className, tensors } = tensorsOf(source, value);
    const other = otherFileText(outlineOf(source, value));
    return { form, className, tensors: tensors.byName, other, close: () => file.close() };
  });
}

function tensorsOf(
  source: ByteSource,
  root: unknown,
): Pick<ModuleTensors, 'form' | 'className'> & { tensors: NamedTensors } {
  const tensors = new NamedTensors(source);
  const scripted = scriptedModule(root);
  if (scripted) {
    tensors.addScripted(scripted);
    return { form: 'TorchScript', className: scripted.className, tensors };
  }
  const module = moduleOf(networkIn(root));
  // Beside a network a snapshot may keep tensors.
  if (!module && root instanceof Map) tensors.add('', root);
  if (tensors.byName.size) return { form: 'state dict', className: '', tensors };
  if (module) tensors.addModule(module);
  return { form: 'module', className: module?.className ?? '', tensors };
}

/** The first archive among the byte strings of a pickled object, wherever it keeps it. */
function archiveIn(file: SourceFile, root: unknown): ByteSource | undefined {
  if (!(root instanceof PickleObject)) return undefined;
  const seen = new Set<unknown>();
  const open: unknown[] = [root];
  for (let value = open.pop(); open.length > 0 || value !== undefined; value = open.pop()) {
    file.budget.spend(1);
    const bytes = bytesOf(file, value);
    if (bytes && isArchive(bytes)) return bytes;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    const parts = partsOf(value);
    file.budget.spend(parts.length);
    for (const part of parts) open.push(part);
  }
  return undefined;
}

function bytesOf(file: SourceFile, value: unknown): ByteSource | undefined {
  if (value instanceof ByteRange) return new RangeSource(file, value);
  return value instanceof Uint8Array ? new MemorySource(file, value) : undefined;
}

function partsOf(value: object): readonly unknown[] {
  if (value instanceof PickleObject) return [value.state, ...value.args];
  if (value instanceof Map) return [...value.values()];
  return Array.isArray(value) ? value : [];
}
