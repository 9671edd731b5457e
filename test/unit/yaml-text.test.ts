/** Texts in YAML as they are, whole or not: one problem at its place, soon, and never an error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../../server/runs/config';
import { YamlText } from '../../server/yaml-text';

const at = (text: string): string[] => {
  const yaml = new YamlText(text);
  return yaml.problems.map(({ message, from }) => {
    const { line, character } = yaml.place(from);
    return `${line + 1}:${character + 1} ${message}`;
  });
};

test('an alias without an anchor, also where another star comes before it', () => {
  assert.deepEqual(at('network: *best.pkl\n'), [
    '1:10 The alias *best.pkl has no anchor before it; in quotes it is a text',
  ]);
  assert.deepEqual(at('# 2 * 3\nname: "*"\nnetwork: *best.pkl\nseeds: &best.pkl 0-3\n').map((one) => one.slice(0, 20)), ['3:10 The alias *best']); // prettier-ignore
  const { problems, config } = readConfig('seeds: 0-3\nnetwork: *best.pkl\n');
  assert.deepEqual([config, problems.length, problems[0].range.start.line], [undefined, 1, 1]);
});

test('aliases that multiply are named where there are too many, in no time', () => {
  const levels = Array.from({ length: 30 }, (_, n) => `a${n}: &a${n} [${`*a${n - 1}, `.repeat(n ? 9 : 0)}x]`);
  const started = performance.now();
  assert.deepEqual(at(`${levels.join('\n')}\nnetwork: *a29\n`), ['4:30 The alias *a2 makes more than 1000 values of this file: write out what is needed']); // prettier-ignore
  assert.deepEqual(at('network: &a [*a]\n'), ['1:14 The alias *a is inside what it stands for']);
  assert.equal(at(`a: &a x\nb:\n${'- *a\n'.repeat(100_000)}`).length, 1);
  assert.ok(performance.now() - started < 5000);
});

test('a few aliases are values as any other', () => {
  const { value, problems } = new YamlText('a: &a [1, 2]\nb: *a\nc: {d: *a, e: &e x, f: *e}\n');
  assert.deepEqual([value, problems], [{ a: [1, 2], b: [1, 2], c: { d: [1, 2], e: 'x', f: 'x' } }, []]);
});

test('levels without end are one problem', () => {
  for (const text of [
    '['.repeat(100_000),
    `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
    '- '.repeat(50_000),
    '{a: '.repeat(50_000),
    '? '.repeat(50_000),
  ]) {
    // prettier-ignore
    const { problems } = readConfig(text);
    assert.ok(problems.length >= 1, text.slice(0, 10));
    assert.ok(!problems.some(({ message }) => message.includes('\n')));
  }
});
