/**
 * `npm test`: all set-up, then every suite, then the slowest tests and one line for the whole. What was skipped is named after
 * that line, with what is to be done about it. With CI=true nothing may be skipped.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensureCluster } from './cluster.mjs';
import { ensureChromium, ensureCodeServer } from './editor.mjs';
import { install, root } from './install.mjs';
import { withoutNpm } from './npm.mjs';
import { start as startProgram, timeText } from './programs.mjs';

const CI = process.env.CI === 'true';
const SLOWEST = 10;
const scratch = mkdtempSync(path.join(os.tmpdir(), 'edm-workbench-results-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/**
 * What came of some tests.
 * @typedef {object} Outcome
 * @property {number} passed
 * @property {number} failed
 * @property {{ name: string, ms: number }[]} durations of single tests
 * @property {string[]} skipped what was not tested, and why: one line each
 */

/** Test files of one folder under test/. @param {string} folder @returns {string[]} */
const files = (folder) =>
  readdirSync(path.join(root, 'test', folder))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.join('test', folder, name));

/**
 * Runs Node with its output on ours.
 * @param {string[]} args @param {NodeJS.ProcessEnv} [env] over this process's own
 * @returns {Promise<number>} the exit status
 */
const run = (args, env = {}) =>
  new Promise((resolve) => {
    const child = startProgram(process.execPath, ['--import', 'tsx', ...args], {
      cwd: root,
      stdio: 'inherit',
      env: { ...withoutNpm(process.env), ...env },
    });
    child.on('exit', (code) => resolve(code ?? 1));
    child.on('error', () => resolve(1));
  });

/** Runs files with node's test runner. @param {string[]} names @returns {Promise<Outcome>} */
async function nodeTests(names) {
  const report = path.join(scratch, 'node-tests.jsonl');
  rmSync(report, { force: true });
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./tools/test-report.mjs',
    `--test-reporter-destination=${report}`,
  ];
  // One file after the other: the suites measure, start servers and use all cores themselves. A file whose servers outlive a failure
  // would never end; the longest takes three minutes.
  const limit = `--test-timeout=${20 * 60_000}`;
  const code = await run(['--test', '--test-concurrency=1', limit, ...reporters, ...names]);
  const text = existsSync(report) ? readFileSync(report, 'utf8') : '';
  const lines = text
    .split('\n')
    .filter(Boolean)
    .map((line) => /** @type {import('./test-report.mjs').ReportLine} */ (JSON.parse(line)));
  const count = (/** @type {string} */ word) =>
    lines.findLast(({ kind, name }) => kind === 'count' && name === word)?.value ?? 0;
  const failed = count('fail') + count('cancelled');
  const tests = lines.filter(({ kind }) => kind === 'test');
  return {
    passed: count('pass'),
    failed: code !== 0 && failed === 0 ? 1 : failed,
    durations: tests.map(({ name, file, value }) => ({ name: `${file}: ${name}`, ms: value })),
    skipped: tests.flatMap(({ name, file, skipped }) =>
      skipped ? [`${file}: ${name}: ${skipped === true ? 'the test gives no reason' : skipped}`] : [],
    ),
  };
}

/** The extension inside a real VS Code: mocha in its extension host, through @vscode/test-electron. @returns {Promise<Outcome>} */
async function extensionTests() {
  const results = path.join(scratch, 'mocha.json');
  const code = await run([path.join('test', 'editor', 'run-suite.ts')], { EDM_TEST_RESULTS: results });
  if (!existsSync(results)) return { passed: 0, failed: 1, durations: [], skipped: [] };
  const { passes, failures, tests } =
    /** @type {{ passes: number, failures: number, tests: { title: string, ms: number, pending: boolean }[] }} */ (
      JSON.parse(readFileSync(results, 'utf8'))
    );
  const name = (/** @type {string} */ title) => `test/editor/suite: ${title}`;
  return {
    passed: passes,
    failed: code !== 0 && failures === 0 ? 1 : failures,
    durations: tests.map(({ title, ms }) => ({ name: name(title), ms })),
    skipped: tests.filter(({ pending }) => pending).map(({ title }) => `${name(title)}: pending`),
  };
}

/** @type {Outcome} */
const total = { passed: 0, failed: 0, durations: [], skipped: [] };
/** How long each part took. @type {string[]} */
const times = [];

/** Runs a part, and takes its time and its outcome into account. @param {string} name @param {() => Promise<Outcome>} work */
async function part(name, work) {
  console.log(`\n== ${name}`);
  const start = Date.now();
  const { passed, failed, durations, skipped } = await work();
  times.push(`${name} ${timeText(Date.now() - start)}`);
  total.passed += passed;
  total.failed += failed;
  total.durations.push(...durations);
  total.skipped.push(...skipped);
}

/**
 * Whether something that a suite needs is missing, which is then said.
 * @param {string} suite @param {object[]} findings of the set-up @returns {boolean}
 */
function lacks(suite, findings) {
  const lacking = findings.filter((finding) => 'missing' in finding);
  for (const { missing, remedy } of /** @type {import('./programs.mjs').Missing[]} */ (lacking)) {
    const line = `${suite}: ${missing}. To have it tested: ${remedy}`;
    console.log(`SKIPPED: ${line}`);
    total.skipped.push(line);
  }
  return lacking.length > 0;
}

const start = Date.now();
await install();
const [cluster, chromium, codeServer] = [await ensureCluster(), await ensureChromium(), await ensureCodeServer()];
times.push(`set-up ${timeText(Date.now() - start)}`);

await part('test/unit', () => nodeTests(files('unit')));
await part('test/server', () => nodeTests(files('server')));
if (!lacks('test/cluster (ssh, Slurm, LSF and runs on clusters)', [cluster])) {
  await part('test/cluster', () => nodeTests(files('cluster')));
}
if (!lacks('test/editor (the extension in a real editor, and its panels)', [chromium, codeServer])) {
  await part('test/editor/suite', extensionTests);
  await part('test/editor', () => nodeTests(files('editor')));
}

console.log(`\nThe ${SLOWEST} slowest tests:`);
for (const { name, ms } of total.durations.sort((a, b) => b.ms - a.ms).slice(0, SLOWEST)) {
  console.log(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${name}`);
}
console.log(`\nTimes: ${times.join(', ')}; in all ${timeText(Date.now() - start)}`);
if (CI) total.failed += total.skipped.length;
console.log(`\n${total.passed} passed, ${total.failed} failed`);
if (total.skipped.length > 0) console.log(`\nNOT TESTED${CI ? ', which is a failure in CI' : ''}:`);
for (const line of total.skipped) console.log(`SKIPPED: ${line}`);
process.exitCode = total.failed > 0 ? 1 : 0;
