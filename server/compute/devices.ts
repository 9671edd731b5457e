/** Where to compute, and whether a GPU can be there at all; known without ONNX Runtime. */
import { existsSync } from 'node:fs';

/** Where to compute: `auto` takes CUDA where it works, `cuda` refuses to run without it. */
export type DeviceChoice = 'auto' | 'cpu' | 'cuda';

/** Device files of an NVIDIA GPU on Linux, also in containers; the second is WSL's. */
const GPU_DEVICES = ['/dev/nvidiactl', '/dev/dxg'];

/** Whether this machine can have an NVIDIA GPU: on Linux its device files tell, macOS has no CUDA. */
export function gpuPossible(): boolean {
  return process.platform === 'linux' ? GPU_DEVICES.some(existsSync) : process.platform !== 'darwin';
}

/** Whether a choice can end on a GPU here. */
export function mayTakeGpu(choice: DeviceChoice): boolean {
  return choice === 'cuda' || (choice === 'auto' && gpuPossible());
}
