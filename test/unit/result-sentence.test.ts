import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resultSentence } from '../../server/shared/result-sentence';
import { makeRecord } from './history-records';

const FID = makeRecord({
  metric: 'FID',
  value: 1.9699,
  standard_error: 0.021,
  num: 50_000,
  seeds: '0-49999',
  repeats: [1.9699, 1.981, 2.0034],
  class: 3,
  network: { name: 'edm_cifar10%.pkl', sha256: 'n'.repeat(64), training_commit: '0123456789abcdef' },
  sampler: { steps: 8, nfe: 8, rng: 'cpu', solver: 'unipc', order: 3, variant: 'bh2', sigmas: [80, 1, 0.1] },
  detector: { name: 'inception.onnx', sha256: 'd'.repeat(64), dimension: 2048, published: true },
  reference: { name: 'cifar10-32x32.npz', sha256: 'abcdef012345'.padEnd(64, '0'), num: 50_000 },
});

test('a number with all that it depends on, in Markdown', () => {
  assert.equal(
    resultSentence(FID, 'markdown'),
    'FID 1.97 ± 0.02 (standard error); detector `inception.onnx` (Inception-v3, 2015-12-05), 2,048 features; ' +
      'reference `cifar10-32x32.npz` (50,000 images, SHA-256 `abcdef012345`); N = 50,000, seeds `0-49999`, class 3; ' +
      'the least of 3 equal parts (1.9699, 1.981, 2.0034); network `edm_cifar10%.pkl`, trained at commit `0123456789ab`; ' +
      '`solver unipc steps 8 order 3 variant bh2 sigmas 80,1,0.1`, 8 evaluations per image; commit `aaaaaaa`.',
  );
});

test('code that was accepted for the published one stays in the sentence', () => {
  const accepted_code = ['EDMPrecond', 'silu', 'Linear', 'Conv2d'];
  const record = makeRecord({ network: { name: 'fork.pkl', sha256: 'n'.repeat(64), accepted_code } });
  assert.match(
    resultSentence(record, 'markdown'),
    /network `fork\.pkl`, its own source \(`EDMPrecond, silu, Linear and 1 more`\) accepted for the published one;/,
  );
});

test('in LaTeX, in which names act on nothing', () => {
  const text = resultSentence(FID, 'latex');
  assert.ok(text.startsWith('FID $1.97 \\pm 0.02$ (standard error); detector \\texttt{inception.onnx}'), text);
  assert.ok(text.includes('network \\texttt{edm\\_cifar10\\%.pkl}'), text);
  const odd = makeRecord({ network: { name: '\\input{x}#$&~^_', sha256: 'n'.repeat(64) } });
  assert.ok(
    resultSentence(odd, 'latex').includes(
      '\\texttt{\\textbackslash{}input\\{x\\}\\#\\$\\&\\textasciitilde{}\\textasciicircum{}\\_}',
    ),
  );
});

test('what is not known is left out, and uncommitted changes are said', () => {
  const bare = makeRecord({
    network: undefined,
    sampler: undefined,
    seeds: undefined,
    reference: { name: 'a`b.npz', sha256: 'r'.repeat(64) },
    code: { ...FID.code, dirty: true },
  });
  assert.equal(
    resultSentence(bare, 'markdown'),
    'FD 2.91; detector `fashion-mnist`, 64 features; reference `` a`b.npz `` (SHA-256 `rrrrrrrrrrrr`); N = 1,000; ' +
      'commit `aaaaaaa` with uncommitted changes.',
  );
});
