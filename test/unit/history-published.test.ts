import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishedText, publishedTexts } from '../../server/history/published-fids';

const result = {
  metric: 'FID',
  num: 50_000,
  network: { name: 'edm-cifar10-32x32-cond-vp.pkl' },
  sampler: { nfe: 35 },
  reference: { name: 'cifar10-32x32.npz' },
};

test('the paper is quoted for its own networks, references and metric, and for nothing else', () => {
  const text = 'published: 1.79 at NFE 35 (Karras et al. 2022, table 2, config F; least of 3 x 50000)';
  assert.equal(publishedText(result), text);
  assert.equal(publishedText({ ...result, network: { name: 'edm-cifar10-32x32-cond-vp.onnx' } }), text);
  assert.match(
    publishedText({ ...result, network: { name: 'baseline-cifar10-32x32-uncond-ve' } }) ?? '',
    /^published: 3\.77 at NFE 35 .*config A/,
  );
  const others = [
    { ...result, metric: 'FD (inception-2015-12-05, 192 features)' },
    { ...result, reference: { name: 'ffhq-64x64.npz' } },
    { ...result, network: { name: 'network-snapshot-000.pkl' } },
    { ...result, network: undefined },
  ];
  for (const other of others) assert.equal(publishedText(other), undefined);
  const records = [result, others[0]].map((record, i) => ({ ...record, id: `${i}` }));
  assert.deepEqual(publishedTexts(records), { 0: text });
});

test('what makes a result incomparable with the paper is said beside its number', () => {
  assert.match(
    publishedText({ ...result, num: 5000, sampler: { nfe: 79 } }) ?? '',
    /; not comparable: N is 5000, not 50000, NFE is 79$/,
  );
});
