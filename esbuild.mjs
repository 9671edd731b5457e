// Builds everything that is shipped: `npm run build` (add --watch while developing).
import { build, context } from 'esbuild';
import { bundles } from './tools/bundles.mjs';

if (process.argv.includes('--watch')) {
  for (const bundle of bundles) await (await context(bundle)).watch();
} else {
  await Promise.all(bundles.map((bundle) => build({ ...bundle, minify: true })));
}
