// Builds everything that is shipped: `npm run build` (add --watch while developing).
import { build, context } from 'esbuild';

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
  minify: !process.argv.includes('--watch'),
  logLevel: 'warning',
  legalComments: 'none',
};

/** @type {import('esbuild').BuildOptions[]} */
const entries = [
  { ...node, entryPoints: { extension: 'client/extension.ts' } },
  { ...node, entryPoints: { server: 'server/lsp/main.ts', worker: 'server/compute/worker.ts' } },
  { ...node, entryPoints: { cli: 'server/cli.ts' }, banner: { js: '#!/usr/bin/env node' } },
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
const bundles = entries.map((bundle) => ({ outdir: 'dist', ...common, ...bundle }));

if (process.argv.includes('--watch')) {
  for (const bundle of bundles) await (await context(bundle)).watch();
} else {
  await Promise.all(bundles.map((bundle) => build(bundle)));
}
