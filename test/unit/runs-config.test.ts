import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countSeeds, parseSeeds } from '../../server/diffusion/seeds';
import { readConfig } from '../../server/runs/config';

const BASE = 'network: embedded:fashion-mnist\n';

/** What is wrong with a config: rule, line, the text it is at, and the replacement offered. */
function findings(text: string): [id: string, line: number, at: string, replacement?: string][] {
  const lines = text.split('\n');
  return readConfig(text).problems.map(({ id, range: { start, end }, replacement }) => {
    const at = lines[start.line].slice(start.character, end.line === start.line ? end.character : undefined);
    return replacement === undefined ? [id, start.line, at] : [id, start.line, at, replacement];
  });
}

/** Each config with exactly its findings. */
const CASES: [text: string, expected: ReturnType<typeof findings>][] = [
  [BASE, []],
  [BASE + 'seeds: 7\nS_churn: 40\nS_min: 0.05\nS_max: 50\nS_noise: 1.003\n', []],
  [BASE + 'S_churn: 1\nS_max: .inf\n', []],
  [BASE + 'fd:\n  reference: embedded:fashion-mnist\n  num: 64\n', []],
  ['', [['bad-type', 0, '']]],
  ['just words\n', [['bad-type', 0, 'just words']]],
  ['steps: 18\n', [['missing-key', 0, 'steps: 18']]],
  ['network: *best.pkl\n', [['yaml', 0, '*best.pkl']]],
  [BASE + 'stepss: 4\n', [['unknown-key', 1, 'stepss', 'steps']]],
  [BASE + 'fd:\n  refrence: a.npz\n', [['missing-key', 1, 'fd'], ['unknown-key', 2, 'refrence', 'reference']]],
  [BASE + 'steps: 1\n', [['too-few-steps', 1, '1', '2']]],
  [BASE + 'workers: 2\n', []],
  [BASE + 'workers: 0\n', [['bad-value', 1, '0']]],
  [BASE + 'steps: 4.5\n', [['bad-type', 1, '4.5']]],
  [BASE + 'rho: 0\n', [['bad-value', 1, '0']]],
  [BASE + 'name: a/b\n', [['bad-value', 1, 'a/b']]],
  [BASE + 'device: cdua\n', [['bad-value', 1, 'cdua', 'cuda']]],
  [BASE + 'seeds: 5-3\n', [['bad-seeds', 1, '5-3', '3-5']]],
  [BASE + 'seeds: abc\n', [['bad-seeds', 1, 'abc']]],
  [BASE + 'sigma_min: 90\n', [['sigma-range', 1, '90', '0.002']]],
  [BASE + 'S_churn: 1\nS_min: 2\nS_max: 1\n', [['churn-range', 2, '2', '1']]],
  [BASE + 'S_noise: 1.003\n', [['churn-without-effect', 1, 'S_noise']]],
  [BASE + 'fd:\n  reference: r.npz\n  num: 65\n', [['too-few-images', 3, '65', '64']]],
  [BASE + 'fid:\n  reference: embedded:fashion-mnist\n', [['not-fid', 1, 'fid', 'fd'], ['fid-below-50000', 1, 'fid']]],
  [BASE + 'seeds: 0-49999\nfid:\n  reference: r.npz\n', []],
  [BASE + 'seeds: 0-9999\nfid:\n  reference: r.npz\n  num: 5000\n', [['fid-below-50000', 4, '5000']]],
  [BASE + 'seeds: 0-59999\nfid:\n  reference: r.npz\n  num: 5000\n', [['fid-below-50000', 4, '5000', '50000']]],
  [BASE + 'fd:\n  reference: r.npz\nfid:\n  reference: r.npz\n', [['two-metrics', 3, 'fid']]],
  ['network: embedded:fashion-mnits\n', [['unknown-embedded', 0, 'embedded:fashion-mnits', 'embedded:fashion-mnist']]],
  [BASE + 'steps: 4\nsteps: 8\n', [['yaml', 2, 's']]],
]; // prettier-ignore

test('every config has exactly its findings, where they are', async (t) => {
  for (const [text, expected] of CASES) {
    await t.test(JSON.stringify(text), () => assert.deepEqual(findings(text), expected));
  }
});

test('no prefix of a config throws', () => {
  const whole = BASE + 'seeds: "0-63"\nsteps: 18\nfd:\n  reference: [a, {b: c}]\n  num: !!binary x\n&a *a\n';
  for (let length = 0; length <= whole.length; length++) readConfig(whole.slice(0, length));
});

test('a config without errors is returned, with warnings or not', () => {
  assert.equal(readConfig(BASE + 'steps: 4\n').config?.steps, 4);
  assert.ok(readConfig(BASE + 'S_noise: 1.003\n').config);
  assert.equal(readConfig(BASE + 'steps: 1\n').config, undefined);
});

test('no config keeps the editor waiting', () => {
  const keys = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}: 1\n`).join('');
  for (const text of [
    BASE + 'seeds: 0-9999999\nfid:\n  reference: r.npz\n',
    BASE + `seeds: "${'1,'.repeat(100_000)}1"\nfd:\n  reference: r.npz\n  num: 1\n`,
    BASE + keys(3000),
    BASE + 'steps: 4\n'.repeat(3000),
    BASE + '[{'.repeat(3000),
    BASE + 'a: ' + '{a: '.repeat(700) + '}'.repeat(700),
  ]) {
    const started = performance.now();
    const { problems } = readConfig(text);
    assert.ok(performance.now() - started < 2000, text.slice(0, 60));
    assert.ok(problems.every(({ message }) => message.length < 1000));
  }
});

test('seeds are counted as a run has them', () => {
  for (const list of ['0-63', '1,1,2', '0-5,3-9', '-3,5,-3, 7', '5-6,1-9', '0', '9,8-9,7-10'])
    assert.equal(countSeeds(list), new Set(parseSeeds(list)).size, list);
  assert.equal(countSeeds('0-9999999'), 10_000_000);
});
