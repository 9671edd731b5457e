/** What esbuild makes of the sources: the bundles that are built, shipped, and named in the notices of third parties. */

/** @type {import('esbuild').BuildOptions} */
const node = {
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode', 'onnxruntime-node', 'cpu-features', '*.node'],
};
/** @type {import('esbuild').BuildOptions} */
const browser = { platform: 'browser', format: 'iife', target: 'es2022' };
/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  sourcemap: true,
  logLevel: 'warning',
  legalComments: 'none',
  // libwebp's loader asks for its own address and does without.
  logOverride: { 'empty-import-meta': 'silent' },
};

/**
 * Programs that `cli` starts, and what they read only where it is needed, by their names in dist/: a program is read as a
 * whole, however little of it runs.
 */
const programs = {
  'lint-alone': 'server/lint-alone.ts',
  'lint-schemas': 'server/commands/lint-schemas.ts',
  'all-commands': 'server/all-commands.ts',
};
const lazy = { external: [...(node.external ?? []), ...Object.keys(programs).map((name) => `./${name}`)], supported: { 'dynamic-import': false } }; // prettier-ignore

/** @type {import('esbuild').BuildOptions[]} */
const entries = [
  { ...node, entryPoints: { extension: 'client/extension.ts' } },
  {
    ...node,
    entryPoints: {
      server: 'server/lsp/main.ts',
      worker: 'server/compute/worker.ts',
      reader: 'server/runs/reader.ts',
      holder: 'server/cluster/holder/holder.ts',
      askpass: 'server/cluster/openssh/askpass.ts',
    },
  },
  { ...node, ...lazy, entryPoints: { cli: 'server/cli.ts' }, banner: { js: '#!/usr/bin/env node' } },
  { ...node, ...lazy, entryPoints: programs },
  {
    ...browser,
    entryPoints: {
      samples: 'media/samples/main.ts',
      history: 'media/history/main.ts',
      queue: 'media/queue/main.ts',
      trajectory: 'media/trajectory/main.ts',
      calibration: 'media/calibration/main.ts',
    },
    outdir: 'dist/media',
  },
  {
    entryPoints: {
      samples: 'media/samples/style.css',
      history: 'media/history/style.css',
      queue: 'media/queue/style.css',
      trajectory: 'media/trajectory/style.css',
      calibration: 'media/calibration/style.css',
    },
    outdir: 'dist/media',
  },
];
/** Everything that is shipped as one file each. @type {import('esbuild').BuildOptions[]} */
export const bundles = entries.map((bundle) => ({ outdir: 'dist', ...common, ...bundle }));
