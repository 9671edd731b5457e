import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { configLanguage } from '../../server/runs/assist';
import { readConfig } from '../../server/runs/config';
import { checkFiles } from '../../server/runs/diagnose';
import { readLevels, withLevels } from '../../server/runs/levels-file';
import { hoverText } from '../../server/yaml-assist';

const HEAD = 'network: embedded:fashion-mnist\n';
const problemsOf = (text: string) => readConfig(HEAD + text).problems;

test('sampler options that contradict each other are found at their place', () => {
  const wrong: [text: string, id: string, line: number, message: RegExp][] = [
    [
      'solver: dpmpp-2m\nS_churn: 4\n',
      'foreign-option',
      2,
      /^S_churn 4: dpmpp-2m does not take it: it is deterministic/,
    ],
    ['solver: unipc\norder: 4\n', 'order-range', 2, /^order 4: unipc has the orders 2 to 3/],
    ['sigmas: [80, 90]\n', 'sigmas-rise', 1, /noise level 2 \(90\) is not below/],
    ['sigmas: [80, .inf, 1]\n', 'bad-sigma', 1, /noise level 2 is Infinity/],
    ['sigmas: [80, .nan]\n', 'bad-value', 1, /sigmas.1 must be at least 0/],
    ['sigmas: [80, 1]\nrho: 3\n', 'sigmas-and', 2, /^rho 3: sigmas gives the noise levels itself/],
    ['steps: 3\nchurn: [1, 2]\n', 'step-count', 2, /it has 2 numbers, and there are 3 steps/],
    ['engine: edm\nsolver: dpmpp-2m\n', 'not-in-edm', 2, /generate.py, which engine edm runs, has no solver dpmpp-2m/],
    ['engine: edm\nsigmas: levels.txt\n', 'not-in-edm', 2, /has no sigmas levels.txt: use engine workbench/],
    ['engine: edm\ndisc: cosine\n', 'not-in-edm', 2, /has no disc cosine/],
    ['solver: ipndm\nsteps: 3\n', 'order-ramp', 2, /order 4 of ipndm is not reached in 3 steps/],
  ];
  for (const [text, id, line, message] of wrong) {
    const [first, ...others] = problemsOf(text);
    assert.deepEqual([first?.id, first?.range.start.line, others.length], [id, line, 0], text);
    assert.match(first?.message ?? '', message);
  }
});

test('what belongs together passes', () => {
  for (const text of [
    'solver: dpmpp-2m\nsteps: 8\n',
    'solver: unipc\norder: 2\nvariant: bh1\n',
    'sigmas: [80, 20, 5, 1, 0.1, 0]\nsolver: deis\n',
    'solver: euler-ancestral\nsteps: 3\neta: [0.1, 0.2, 0]\nS_noise: 1.01\nscaling: vp\n',
    'steps: 3\nchurn: [0, 4, 0]\nS_noise: 1.003\n',
    'heun_on: D\n',
  ])
    assert.deepEqual(problemsOf(text), [], text);
});

test('hover on steps, solver and sigmas says the number of evaluations', () => {
  const hover = (text: string, line: number) =>
    hoverText(configLanguage(), HEAD + text, { line, character: 1 })?.markdown ?? '';
  assert.match(hover('steps: 18\n', 1), /Here: \*\*NFE 35 with heun\*\* per image/);
  assert.match(hover('steps: 8\nsolver: dpmpp-2m\n', 1), /NFE 8 with dpmpp-2m/);
  assert.match(hover('sigmas: [80, 5, 1, 0]\nsolver: ab\norder: 1\n', 1), /NFE 3 with ab/);
  assert.doesNotMatch(hover('steps: 8\nsolver: dpmpp-9m\n', 1), /NFE \d/);
});

test('noise levels in a file: read with comments, checked with what stands beside them, and told by their line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'edm-workbench-levels-'));
  try {
    const write = (text: string): void => writeFileSync(join(folder, 'levels.txt'), text);
    const check = async (more = '') => {
      const { config, problems } = readConfig(`${HEAD}sigmas: levels.txt\n${more}`);
      assert.deepEqual(problems, []);
      return (await checkFiles(config!, folder)).map(({ id, message, path }) => [id, path.join('.'), message]);
    };
    write('# found by a search\n80, 20\n5 1 # the middle\r\n0.1\n');
    assert.deepEqual(await readLevels(join(folder, 'levels.txt')), [80, 20, 5, 1, 0.1]);
    assert.deepEqual(await check(), []);
    assert.deepEqual((await check('churn: [0, 1, 1, 1, 0]\n')), []);
    assert.match(String(await check('steps: 4\n')), /^steps-and-sigmas,steps,steps 4: sigmas has 5 noise levels/);
    assert.match(String(await check('churn: [1, 2]\n')), /^step-count,churn,.*it has 2 numbers, and there are 5 steps/);
    write('80\n90\n');
    assert.match(String(await check()), /^sigmas-rise,sigmas,.*noise level 2 \(90\) is not below/);
    write('80\nabout 3\n');
    assert.match(String(await check()), /^sigmas-file,sigmas,.*levels.txt:2: "about" is not a number/);
    write('');
    assert.match(String(await check()), /^sigma-count,sigmas,.*these are 0/);
    write('1\n'.repeat(10_001));
    assert.match(String(await check()), /has 10001 noise levels, at most 10000 are taken/);
    rmSync(join(folder, 'levels.txt'));
    assert.match(String(await check()), /^sigmas-file,sigmas,.*levels.txt/);
    assert.deepEqual((await withLevels({ network: 'a', sigmas: [2, 1] }, folder)).sigmas, [2, 1]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}); // prettier-ignore
