import { existsSync } from 'node:fs';
import { InferenceSession } from './onnx-runtime';
import { messageOf, UserError } from '../errors';
import { type DeviceChoice, gpuPossible } from './devices';
import { usableCores } from './machine';

/** A session of ONNX Runtime, the device it really uses, and what the user should know about that. */
export interface OpenOnnxSession {
  session: InferenceSession;
  device: 'cpu' | 'cuda';
  /** Why `auto` did not take CUDA. */
  note?: string;
  /** True if it computes the model's CPU form instead of the file. */
  isCpuForm?: boolean;
}

/**
 * Opens an ONNX file. ONNX Runtime does not fall back by itself (`['cuda','cpu']` throws as `['cuda']` does), so `auto`
 * falls back here, and says why.
 * @param gpu index of the CUDA device among the visible ones
 * @param threads that one evaluation is divided among on the CPU; undefined: as many as this process may use cores
 * @param cpuForm makes a faster form of the same model for the CPU, called only there; undefined: the file as it is
 * @throws UserError for a missing or unreadable file, and for `cuda` without CUDA
 */
export async function openOnnxSession(
  file: string,
  choice: DeviceChoice,
  { gpu = 0, threads, cpuForm }: { gpu?: number; threads?: number; cpuForm?: () => Uint8Array | undefined } = {},
): Promise<OpenOnnxSession> {
  if (!existsSync(file)) throw new UserError(`${file} does not exist`);
  let note: string | undefined;
  if (choice !== 'cpu') {
    try {
      return { session: await create(file, { name: 'cuda', deviceId: gpu }, threads), device: 'cuda' };
    } catch (error) {
      const why = cudaProblem(messageOf(error));
      if (choice === 'cuda') throw new UserError(`Cannot use device cuda: ${why}; use device auto or cpu`);
      note = `Computing on the CPU: ${why}`;
    }
  }
  try {
    const form = cpuForm?.();
    return { session: await create(form ?? file, 'cpu', threads), device: 'cpu', note, isCpuForm: form !== undefined };
  } catch (error) {
    throw new UserError(`ONNX Runtime cannot load ${file}: ${messageOf(error).replace(/\s+/g, ' ')}`);
  }
}

/** A float32 output of a session. @throws Error if the outputs do not have it */
export function floatsOf(outputs: InferenceSession.OnnxValueMapType, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`The session has no float32 output ${name}`);
  return data;
}

function create(
  model: string | Uint8Array,
  provider: InferenceSession.ExecutionProviderConfig,
  threads = usableCores().amount,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  };
  return typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options);
}

/** Why ONNX Runtime could not start CUDA, in words. */
function cudaProblem(message: string): string {
  if (process.platform === 'linux' && !gpuPossible()) return 'no NVIDIA GPU found';
  if (/shared library|providers_cuda/i.test(message)) {
    return 'the CUDA libraries of ONNX Runtime are not installed (the README says how to install them)';
  }
  if (/backend not found|not.*available|unsupported/i.test(message)) return 'this build of ONNX Runtime has no CUDA';
  return message.replace(/\s+/g, ' ').slice(0, 200);
}
