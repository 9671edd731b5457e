// `npm run package [-- TARGET [FILE]]`: a VSIX for one platform, with that platform's ONNX Runtime if there is one, and the one of most clusters.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { install, root } from './install.mjs';
import { NOTICES, writeNotices } from './notices.mjs';
import { withoutNpm } from './npm.mjs';
import { say, startSync } from './programs.mjs';

const target = process.argv[2] ?? `${process.platform}-${process.arch}`;
/**
 * VS Code's platforms, and the system and processor of ONNX Runtime's binary for them; undefined where there is none: of that
 * package everything works but computing, which says why it does not.
 * @type {Readonly<Record<string, readonly [os: string, cpu: string] | undefined>>}
 */
const RUNTIMES = {
  'linux-x64': ['linux', 'x64'],
  'linux-arm64': ['linux', 'arm64'],
  'linux-armhf': undefined,
  'alpine-x64': undefined,
  'alpine-arm64': undefined,
  'darwin-x64': undefined,
  'darwin-arm64': ['darwin', 'arm64'],
  'win32-x64': ['win32', 'x64'],
  'win32-arm64': ['win32', 'arm64'],
};
if (!(target in RUNTIMES)) {
  say(`Error: there is no platform ${target}: choose one of ${Object.keys(RUNTIMES).join(', ')}`);
  process.exit(2);
}
const own = RUNTIMES[target];
await install();
if (own && !existsSync(path.join(root, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6', ...own))) {
  say(`Error: the installed ONNX Runtime has no binary for ${target}`);
  process.exit(1);
}
if (!own) say(`${target}: ONNX Runtime has no binary for it; the package computes on clusters only`);

/** The files of ONNX Runtime for one platform. @param {string} os @param {string} cpu @returns {string} a pattern */
const runtimeOf = (os, cpu) => `node_modules/onnxruntime-node/bin/napi-v6/${os}/${cpu}/**`;

// Everything is bundled but ONNX Runtime, which loads its library from its own folder, and the WebAssembly that decodes images.
const KEPT = [
  'package.json',
  'package.nls.json',
  'README.md',
  'LICENSE',
  'SECURITY.md',
  NOTICES,
  'docs/*.md',
  'schemas/**',
  'syntaxes/**',
  'server/model/**',
  'test/editor/screenshots/*.png',
  'dist/*.js',
  'dist/media/*.{js,css}',
  'node_modules/onnxruntime-node/package.json',
  'node_modules/onnxruntime-node/dist/**',
  'node_modules/onnxruntime-common/package.json',
  'node_modules/onnxruntime-common/dist/cjs/**/*.js',
  'node_modules/onnxruntime-common/dist/cjs/package.json',
  'node_modules/@jsquash/webp/codec/dec/webp_dec.wasm',
  'node_modules/@cornerstonejs/codec-libjpeg-turbo-8bit/dist/libjpegturbowasm_decode.wasm',
  ...(own ? [runtimeOf(...own)] : []),
  // A job on a cluster runs the same program: see server/dispatch/stage.ts.
  runtimeOf('linux', 'x64'),
];
await writeNotices();
const scratch = mkdtempSync(path.join(os.tmpdir(), 'edm-workbench-package-'));
const ignore = path.join(scratch, '.vscodeignore');
writeFileSync(ignore, ['**', ...KEPT.map((name) => `!${name}`)].join('\n'));
const vsce = path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
const args = [
  vsce,
  'package',
  '--target',
  target,
  '--ignoreFile',
  ignore,
  '--allow-missing-repository',
  '--no-rewrite-relative-links',
  '--out',
  process.argv[3] ?? `edm-workbench-${target}.vsix`,
];
const { status } = startSync(process.execPath, args, {
  cwd: root,
  stdio: 'inherit',
  env: withoutNpm(process.env), // vsce calls npm
});
rmSync(scratch, { recursive: true });
process.exitCode = status ?? 1;
