import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { InferenceSession, Tensor } from '../../server/compute/onnx-runtime';
import { Graph } from '../../server/models/onnx-graph';
import { inceptionPictures } from '../../server/models/inception-resize';
import { writeModel } from '../../server/models/model-file';
import { expected, picture } from './inception-pictures';
import { inScratch } from './network-fixtures';

test("resized and normalised pictures are torch-fidelity's to the bit", async () => {
  const graph = new Graph('resize');
  const images = graph.input('images', 'uint8', ['N', 3, 'H', 'W']);
  graph.output(inceptionPictures(graph, images), 'float32', ['N', 3, 299, 299]);
  const model = inScratch('resize.onnx');
  await writeModel(model, graph.toModel({}));
  const session = await InferenceSession.create(model);
  const digest = (data: Float32Array): string =>
    createHash('sha256')
      .update(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
      .digest('hex');
  for (const [name, sha256] of Object.entries(expected.pictures)) {
    const { data, height, width } = await picture(name);
    // Twice, so that a batch is seen to be as good as one picture.
    const pair = new Tensor('uint8', Uint8Array.from([...data, ...data]), [2, 3, height, width]);
    const normalised = (await session.run({ images: pair })).normalised;
    assert.deepEqual(normalised.dims, [2, 3, 299, 299]);
    const values = normalised.data as Float32Array;
    assert.equal(digest(values.subarray(0, values.length / 2)), sha256, name);
    assert.equal(digest(values.subarray(values.length / 2)), sha256, name);
  }
  await session.release();
});
