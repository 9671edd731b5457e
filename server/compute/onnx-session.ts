import { existsSync } from 'node:fs';
import os from 'node:os';
import { InferenceSession } from 'onnxruntime-node';
import { messageOf, UserError } from '../errors';

/** Where to compute: `auto` takes CUDA where it works, `cuda` refuses to run without it. */
export type DeviceChoice = 'auto' | 'cpu' | 'cuda';

/** A session, where it runs in fact, and what the user should know about that. */
export interface OpenOnnxSession {
  session: InferenceSession;
  device: 'cpu' | 'cuda';
  /** Why `auto` did not take CUDA. */
  note?: string;
  /** Whether it computes the model's form for the CPU instead of the file. */
  isCpuForm?: boolean;
}

/**
 * Opens an ONNX file. ONNX Runtime never falls back by itself (`['cuda','cpu']` throws as `['cuda']` does), so the
 * fall-back of `auto` is here, and it says why.
 * @param gpu number of the CUDA device among those that are visible
 * @param cpuForm another form of the same model for the CPU, asked for only there; undefined: the file as it is
 * @throws UserError for a missing or unreadable file, and for `cuda` without CUDA
 */
export async function openOnnxSession(
  file: string,
  choice: DeviceChoice,
  { gpu = 0, cpuForm }: { gpu?: number; cpuForm?: () => Uint8Array | undefined } = {},
): Promise<OpenOnnxSession> {
  if (!existsSync(file)) throw new UserError(`${file} does not exist`);
  let note: string | undefined;
  if (choice !== 'cpu') {
    try {
      return { session: await create(file, { name: 'cuda', deviceId: gpu }), device: 'cuda' };
    } catch (error) {
      const why = cudaProblem(messageOf(error));
      if (choice === 'cuda') throw new UserError(`device cuda cannot be used: ${why}; use device auto or cpu`);
      note = `Computing on the CPU: ${why}`;
    }
  }
  try {
    const form = cpuForm?.();
    return { session: await create(form ?? file, 'cpu'), device: 'cpu', note, isCpuForm: form !== undefined };
  } catch (error) {
    throw new UserError(`${file} cannot be loaded by ONNX Runtime: ${messageOf(error).replace(/\s+/g, ' ')}`);
  }
}

function create(
  model: string | Uint8Array,
  provider: InferenceSession.ExecutionProviderConfig,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: os.availableParallelism(),
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  };
  return typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options);
}

/** What every process with a GPU of NVIDIA can see on Linux, in containers too; the second under Windows' Linux. */
const GPU_DEVICES = ['/dev/nvidiactl', '/dev/dxg'];

/** ONNX Runtime's failure to start CUDA, in words. */
function cudaProblem(message: string): string {
  if (process.platform === 'linux' && !GPU_DEVICES.some(existsSync)) return 'no GPU of NVIDIA is here';
  if (/shared library|providers_cuda/i.test(message)) {
    return 'the CUDA libraries of ONNX Runtime are not installed (the README says how to install them)';
  }
  if (/backend not found|not.*available|unsupported/i.test(message)) return 'this build of ONNX Runtime has no CUDA';
  return message.replace(/\s+/g, ' ').slice(0, 200);
}
