/** Where ONNX Runtime cannot be loaded: what computes says why and what to do, everything else works. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { runtimeProblem } from '../../server/compute/runtime-problem';
import { PROGRAM } from '../../server/dispatch/stage';
import { ROOT, temporaryFolder } from './workspace';

/** The program as a package without ONNX Runtime has it. */
function packageWithout(): string {
  const root = temporaryFolder();
  for (const name of PROGRAM) cpSync(path.join(ROOT, name), path.join(root, name), { recursive: true });
  return root;
}

const root = packageWithout();
const binaries = path.join(root, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6', process.platform, process.arch);

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [path.join(root, 'dist', 'cli.js'), ...args], {
    cwd: temporaryFolder(),
    encoding: 'utf8',
  });
}

const GENERATE = ['generate', '--network', 'embedded:fashion-mnist', '--outdir', 'out', '--seeds', '0', '--steps', '2'];

test('without a binary for this machine, computing says so in one line; linting and the set-up work', () => {
  const { status, stderr } = run(...GENERATE);
  assert.notEqual(status, 0);
  const error = stderr.trim().split('\n').pop() ?? '';
  assert.match(
    error,
    /^Error: ONNX Runtime cannot be loaded: there is none for \S+-\S+ in this installation\. Compute on a cluster, /,
  );
  assert.doesNotMatch(stderr, /^\s+at /m);
  const script = path.join(temporaryFolder(), 'a.slurm');
  writeFileSync(script, '#!/bin/bash\n#SBATCH --tyme=1\nhostname\n');
  assert.match(run('lint', script).stdout, /unknown-option/);
  const doctor = run('doctor').stdout;
  assert.match(doctor, /ONNX Runtime/);
  assert.match(doctor, /does not load/);
  assert.match(doctor, /there is none for/);
});

test('a library that is there and does not load is told as such, also by Check my setup', () => {
  mkdirSync(binaries, { recursive: true });
  writeFileSync(path.join(binaries, 'onnxruntime_binding.node'), 'no library');
  for (const args of [GENERATE, ['doctor']]) {
    const { stdout, stderr } = run(...args);
    assert.match(
      stdout + stderr,
      /ONNX Runtime cannot be loaded: its library is damaged or of another system\. Install the package/,
    );
  }
});

/** What the loaders of systems say, and what is to be told. */
const SAID: readonly [platform: string, arch: string, code: string, text: string, told: RegExp][] = [
  ['win32', 'x64', 'ERR_DLOPEN_FAILED', 'The specified module could not be found.\n\\\\?\\C:\\x\\onnxruntime_binding.node', /Visual C\+\+ Redistributable" 2015-2022 \(x64\)/],
  ['win32', 'arm64', 'ERR_DLOPEN_FAILED', 'Das angegebene Modul wurde nicht gefunden.', /Visual C\+\+ Redistributable" 2015-2022 \(arm64\)/],
  ['darwin', 'x64', 'MODULE_NOT_FOUND', "Cannot find module '../bin/napi-v6/darwin/x64/onnxruntime_binding.node'\nRequire stack:", /there is none for darwin-x64.*engine: edm/],
  ['linux', 'x64', 'ERR_DLOPEN_FAILED', "/lib64/libm.so.6: version `GLIBC_2.27' not found (required by /x/libonnxruntime.so.1)", /glibc 2\.28 or newer/],
  ['linux', 'x64', 'ERR_DLOPEN_FAILED', 'Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by /x/libonnxruntime.so.1)', /Alpine/],
  ['linux', 'arm64', 'ERR_DLOPEN_FAILED', 'Error relocating /x/libonnxruntime.so.1: __memcpy_chk: symbol not found', /Alpine/],
  ['darwin', 'arm64', 'ERR_DLOPEN_FAILED', "dlopen(/x.node, 0x0001): Symbol not found: _x (built for macOS 14.0 which is newer than running OS)", /macOS 14 or newer/],
  ['linux', 'x64', 'ERR_DLOPEN_FAILED', '/x/onnxruntime_binding.node: failed to map segment from shared object', /noexec/],
  ['linux', 'x64', 'MODULE_NOT_FOUND', "Cannot find module 'onnxruntime-node'\nRequire stack:", /npm ci in the installation folder/],
  ['linux', 'x64', '', 'something new', /^ONNX Runtime cannot be loaded: something new$/],
]; // prettier-ignore

test('each loader’s words have their cure, in one line', () => {
  for (const [platform, arch, code, text, told] of SAID) {
    const problem = runtimeProblem(Object.assign(new Error(text), code && { code }), { platform, arch });
    assert.match(problem, told);
    assert.doesNotMatch(problem, /\n/);
  }
});
