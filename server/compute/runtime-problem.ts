/** Why ONNX Runtime cannot be loaded, and what cures it: everything else works without it. */
import { messageOf } from '../errors';

/** The machine that it was to be loaded on. */
export interface Machine {
  platform: string;
  arch: string;
}

interface Cause {
  /** Where this is a cause, and how the loader says it. Windows says it in the language of its user: there the code counts. */
  fits: (text: string, code: string, machine: Machine) => boolean;
  words: (machine: Machine) => string;
}

const WITHOUT = 'checks, clusters, engine: edm, history and panels work without it';

/** The causes in the order in which they are looked for. */
const CAUSES: readonly Cause[] = [
  {
    fits: (text) => /Cannot find module '[^']*onnxruntime_binding\.node'/.test(text),
    words: ({ platform, arch }) =>
      `there is none for ${platform}-${arch} in this installation. Compute on a cluster, or on Linux, Windows or an Apple silicon Mac with the package for that system; ${WITHOUT}`,
  },
  {
    fits: (text) => /Cannot find (?:module|package) '[^']*onnxruntime/.test(text),
    words: () => 'its package is not installed. Run npm ci in the installation folder, or install EDM Workbench again',
  },
  {
    fits: (_, code, { platform }) => platform === 'win32' && code === 'ERR_DLOPEN_FAILED',
    words: ({ arch }) =>
      `most often the Microsoft Visual C++ runtime is missing. Install the "Microsoft Visual C++ Redistributable" 2015-2022 (${arch}) from Microsoft, then start the editor again; ${WITHOUT}`,
  },
  {
    fits: (text) => /GLIBC(?:XX)?_[\d.]+' not found/.test(text),
    words: () =>
      `this Linux is too old for it: it needs glibc 2.28 or newer (RHEL 8, Debian 10, Ubuntu 20.04). Compute on a cluster or on a newer system; ${WITHOUT}`,
  },
  {
    // What musl's loader says; glibc's has other words.
    fits: (text) => /ld-linux[\w-]*\.so|Error (?:loading shared library|relocating)/.test(text),
    words: () =>
      `it needs glibc, and this system (Alpine) has musl. Compute on a cluster, or use an image with glibc, such as a Debian one; ${WITHOUT}`,
  },
  {
    fits: (text, _, { platform }) =>
      platform === 'darwin' && /which is newer than running OS|Symbol not found/.test(text),
    words: () => `this macOS is too old for it: it needs macOS 14 or newer; ${WITHOUT}`,
  },
  {
    fits: (text) => /ELF (?:class|header)|file too short|incompatible architecture|not a mach-o/i.test(text),
    words: ({ platform, arch }) =>
      `its library is damaged or of another system. Install the package of EDM Workbench for ${platform}-${arch} again`,
  },
  {
    fits: (text) => /failed to map segment/.test(text),
    words: () => 'it lies on a file system that runs no programs (noexec). Install EDM Workbench elsewhere',
  },
  {
    fits: (text) => /cannot open shared object file|Library not loaded/.test(text),
    words: () => `a library that it needs is missing; ${WITHOUT}`,
  },
];

/**
 * One line: what is wrong, in our words and the loader's, and what to do.
 * @param error as `require` has thrown it
 */
export function runtimeProblem(error: unknown, machine: Machine = process): string {
  const text = messageOf(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const cause = CAUSES.find(({ fits }) => fits(text, code, machine));
  const first = text.split('\n', 1).join().trim();
  return `ONNX Runtime cannot be loaded: ${cause ? `${cause.words(machine)} (${first})` : first}`;
}
