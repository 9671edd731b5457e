import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import { importInception } from '../../server/models/inception-import';
import { inceptionGraph } from '../../server/models/inception-graph';
import { syntheticWeights } from './inception-weights';
import { fixture, inScratch } from './network-fixtures';

test('a state dict without a tensor, or with one of another shape, is refused by its name', () => {
  const weights = syntheticWeights();
  const unit = weights.get('Mixed_6b.branch7x7_2.conv.weight')!;
  weights.set(unit.name, { ...unit, shape: [128, 64, 1, 7] });
  assert.throws(
    () => inceptionGraph(weights, 'w.pth'),
    new UserError(
      'w.pth: tensor Mixed_6b.branch7x7_2.conv.weight has shape [128,64,1,7] instead of [128,128,1,7]: the file does not hold the FID Inception-v3',
    ),
  );
  weights.delete('Mixed_5c.branch_pool.bn.bias');
  assert.throws(
    () => inceptionGraph(weights, 'w.pth'),
    new UserError('w.pth: tensor Mixed_5c.branch_pool.bn.bias is missing: the file does not hold the FID Inception-v3'),
  );
});

test('other torch files are not taken for the detector', async () => {
  const source = fixture('torch/zip.pt');
  await assert.rejects(
    importInception(source, inScratch('no.onnx')),
    new UserError(
      `${source}: tensor Conv2d_1a_3x3.conv.weight is missing: the file does not hold the FID Inception-v3`,
    ),
  );
});
