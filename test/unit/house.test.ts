/** What must not drift apart: generated files, manifests and translations. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { CLASS_NAMES } from '../../tools/pack-model';
import { generateTypes, TARGET } from '../../tools/generate-types';
import { readModelInfo } from '../../server/models/model-file';
import { didYouMean, editDistance } from '../../server/suggest';
import { durationText } from '../../server/shared/progress';
import { progressText } from '../../server/terminal';

const ROOT = path.join(__dirname, '..', '..');
const json = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path.join(ROOT, name), 'utf8')) as Record<string, unknown>;

test('the types are those of the schemas: npm run generate', async () => {
  assert.equal(readFileSync(TARGET, 'utf8'), await generateTypes());
});

test('package.nls.json has exactly the keys that package.json uses', () => {
  const used = [...JSON.stringify(json('package.json')).matchAll(/"%([^"%]+)%"/g)].map(([, key]) => key);
  assert.deepEqual([...new Set(used)].sort(), Object.keys(json('package.nls.json')).sort());
});

test('the setting edmWorkbench.clusters takes what a file of clusters takes', () => {
  const { definitions } = json('schemas/clusters.schema.json') as { definitions: { profile: object } };
  const manifest = json('package.json') as {
    contributes: { configuration: { properties: Record<string, { items?: object }> } };
  };
  const schema = definitions as Record<string, { properties: Record<string, object> }>;
  // A setting has no definitions: what the schema refers to stands in its place there.
  const inPlace = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(inPlace);
    const { $ref, ...others } = value as { $ref?: string };
    const [name = '', , key = ''] = $ref?.replace('#/definitions/', '').split('/') ?? [];
    if ($ref === undefined) return Object.fromEntries(Object.entries(others).map(([of, one]) => [of, inPlace(one)]));
    return inPlace(key === '' ? schema[name] : schema[name].properties[key]);
  };
  const profile = inPlace(definitions.profile) as Record<string, unknown>;
  delete profile.title;
  assert.deepEqual(manifest.contributes.configuration.properties['edmWorkbench.clusters'].items, profile);
});

test('the embedded files are there, within their size, and say what they are', async () => {
  const denoiser = await readModelInfo(path.join(ROOT, 'server', 'model', 'denoiser.onnx'));
  assert.ok(denoiser.kind === 'denoiser');
  assert.equal(denoiser.sigma_data, 0.706);
  assert.deepEqual(denoiser.class_names, CLASS_NAMES);
  assert.match(denoiser.training_commit ?? '', /^[0-9a-f]{40}$/);
  const detector = await readModelInfo(path.join(ROOT, 'server', 'model', 'detector.onnx'));
  assert.ok(detector.kind === 'detector' && !detector.published && detector.dimension >= 64);
  const sizes = ['denoiser.onnx', 'detector.onnx', 'reference.npz'].map(
    (name) => readFileSync(path.join(ROOT, 'server', 'model', name)).length,
  );
  assert.ok(sizes.reduce((a, b) => a + b) < 12e6);
});

test('did you mean: close words only', () => {
  assert.equal(editDistance('kitten', 'sitting'), 3);
  assert.equal(editDistance('ab', 'ba'), 1);
  assert.equal(didYouMean('stepss', ['steps', 'seeds']), 'steps');
  assert.equal(didYouMean('s_churn', ['S_churn', 'S_min']), 'S_churn');
  assert.equal(didYouMean('banana', ['steps', 'seeds']), undefined);
});

test('progress in words', () => {
  assert.equal(
    progressText({ phase: 'Generating', done: 128, total: 1000, rate: 15.23, eta: 57.2 }),
    'Generating 128/1000 (12 %), 15.2/s, 58 s left',
  );
  assert.equal(
    progressText({ phase: 'Measuring', done: 4, total: 4, rate: 0.25, eta: 0 }),
    'Measuring 4/4 (100 %), 4.0 s each',
  );
  assert.deepEqual([45, 200, 7500].map(durationText), ['45 s', '3 min 20 s', '2 h 5 min']);
});

test('pages link to files that exist, and ARCHITECTURE.md names files that exist', () => {
  const pages = [
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'test/editor/README.md',
  ];
  pages.push(...readdirSync(path.join(ROOT, 'docs')).map((name) => `docs/${name}`));
  const missing = pages.flatMap((page) => {
    const text = readFileSync(path.join(ROOT, page), 'utf8');
    const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^https?:/.test(link))
      .map((link) => path.join(path.dirname(page), link));
    const named = page === 'ARCHITECTURE.md' ? [...text.matchAll(/`([a-z-]+(?:\/[a-z-]+)*\.(?:ts|mjs))`/g)] : [];
    const places = named.map(([, file = '']) => ['', 'server', 'test', 'test/unit'].map((top) => path.join(top, file)));
    return [...links.map((link) => [link]), ...places]
      .filter((some) => !some.some((file) => existsSync(path.join(ROOT, file))))
      .map(([file]) => `${page}: ${file}`);
  });
  assert.deepEqual(missing, []);
});
