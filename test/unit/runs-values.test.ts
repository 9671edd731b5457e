/** What the editor says of the values of a run config: hover, and the notes of completion. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { configLanguage } from '../../server/runs/assist';
import { hoverText, proposals } from '../../server/yaml-assist';

const CONDITIONAL = 'https://nvlabs-fi-cdn.nvidia.com/edm/pretrained/edm-cifar10-32x32-cond-vp.pkl';
const text = `network: ${CONDITIONAL}
seeds: 0-49999
steps: 18
class: 3
outdir: runs
fid:
  reference: "https://nvlabs-fi-cdn.nvidia.com/edm/fid-refs/cifar10-32x32.npz" # as in the paper
`;
const over = (key: string, of = text): string | undefined => {
  const line = of.split('\n').findIndex((one) => one.trim().startsWith(`${key}:`));
  return hoverText(configLanguage(), of, { line, character: key.length + (key === 'reference' ? 5 : 3) })?.markdown;
};

test('hover over a value says what it is', () => {
  assert.match(over('network') ?? '', /CIFAR-10 at 32x32, 10 classes[^]*FID \*\*1\.79\*\*/);
  assert.match(over('reference') ?? '', /CIFAR-10/);
  assert.equal(over('seeds'), '**50,000 images**');
  assert.match(over('steps') ?? '', /NFE 35.*The paper takes 18/);
  assert.equal(over('class'), 'Class 3 of 10 (0 to 9): **cat**.');
  assert.equal(over('outdir'), undefined);
});

test('nothing is said of what is not known, and the key still has its own hover', () => {
  assert.equal(over('class', text.replace('class: 3', 'class: 12')), undefined);
  assert.equal(over('network', text.replace(CONDITIONAL, 'mine.pkl')), undefined);
  assert.match(over('class', text.replace('cond-vp', 'uncond-vp')) ?? '', /unconditional/);
  assert.match(hoverText(configLanguage(), text, { line: 3, character: 1 })?.markdown ?? '', /0-based label/);
  assert.equal(hoverText(configLanguage(), text, { line: 6, character: 92 }), undefined, 'a comment');
});

test('completion of a class names it; that of outdir has the folders of the project', () => {
  const found = proposals(configLanguage({ classes: 10 }), text.replace('class: 3', 'class: '), {
    line: 3,
    character: 7,
  });
  assert.equal(found.length, 10);
  assert.match(found.find(({ label }) => label === '5')?.documentation ?? '', /\*\*dog\*\*/);
  const base = mkdtempSync(path.join(tmpdir(), 'edm-values-'));
  for (const folder of ['results', '.git', 'node_modules']) mkdirSync(path.join(base, folder));
  const folders = proposals(configLanguage({ base }), 'outdir: ', { line: 0, character: 8 }).map(({ label }) => label);
  assert.deepEqual(folders, ['runs', 'results']);
});
