// `npm test`: all set-up, then every suite, then one line for the whole. With CI=true nothing may be skipped.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensureCluster } from './cluster.mjs';
import { ensureChromium, ensureCodeServer } from './editor.mjs';
import { install, root } from './install.mjs';

const CI = process.env.CI === 'true';
const scratch = mkdtempSync(path.join(os.tmpdir(), 'edm-workbench-results-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Test files of one folder under test/. */
const files = (folder) =>
  readdirSync(path.join(root, 'test', folder))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.join('test', folder, name));

const run = (program, args, env = {}) =>
  new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('exit', (code) => resolve(code ?? 1));
    child.on('error', () => resolve(1));
  });

/** Runs files with node's test runner. @returns counts, read from its own summary */
async function nodeTests(names) {
  const summary = path.join(scratch, `${names.length}-${path.basename(names[0])}.tap`);
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${summary}`,
  ];
  // One file after the other: the suites measure, start servers and use all cores themselves.
  const code = await run(process.execPath, [
    '--import',
    'tsx',
    '--test',
    '--test-concurrency=1',
    ...reporters,
    ...names,
  ]);
  const text = existsSync(summary) ? readFileSync(summary, 'utf8') : '';
  const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const [passed, failed, skipped] = [count('pass'), count('fail') + count('cancelled'), count('skipped')];
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped };
}

/** The extension inside a real VS Code: mocha in its extension host, through @vscode/test-electron. */
async function extensionTests() {
  const results = path.join(scratch, 'mocha.json');
  const code = await run(process.execPath, ['--import', 'tsx', path.join('test', 'editor', 'run-suite.ts')], {
    EDM_TEST_RESULTS: results,
  });
  if (!existsSync(results)) return { passed: 0, failed: 1, skipped: 0 };
  const { passes, failures, pending } = JSON.parse(readFileSync(results, 'utf8'));
  return { passed: passes, failed: code !== 0 && failures === 0 ? 1 : failures, skipped: pending };
}

await install();
const total = { passed: 0, failed: 0, skipped: 0 };
const add = (counts) => Object.keys(total).forEach((key) => (total[key] += counts[key]));

/** Says what is skipped, and why, where something it needs is missing. */
function lacks(what, findings) {
  const needs = findings.flatMap(({ missing }) => missing ?? []);
  if (needs.length === 0) return false;
  console.log(`SKIPPED: ${what}: ${needs.join('; ')}`);
  add({ passed: 0, failed: CI ? 1 : 0, skipped: 1 });
  return true;
}

for (const folder of ['unit', 'server']) {
  console.log(`\n== test/${folder}`);
  add(await nodeTests(files(folder)));
}

console.log('\n== test/cluster');
if (!lacks('clusters over ssh, Slurm, LSF and runs on them', [await ensureCluster()])) {
  add(await nodeTests(files('cluster')));
}

console.log('\n== test/editor');
if (!lacks('the extension in a real editor and its panels', [await ensureChromium(), await ensureCodeServer()])) {
  add(await extensionTests());
  add(await nodeTests(files('editor')));
}

if (CI && total.skipped > 0) {
  console.log(`${total.skipped} skipped: in CI nothing may be`);
  total.failed += total.skipped;
  total.skipped = 0;
}
console.log(`\n${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}`);
process.exitCode = total.failed > 0 ? 1 : 0;
