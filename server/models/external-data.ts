/**
 * Tensors that an ONNX file keeps in other files. A digest of the model does not cover those, so that the same digest
 * could stand for other weights: such a model is refused. Source: onnx.proto3.
 */
import { UserError } from '../errors';
import type { ByteSource } from '../weights/source-file';
import { fieldsOf, WIRE, type Field } from './protobuf';

type MessageName = 'graph' | 'node' | 'attribute' | 'tensor' | 'sparseTensor' | 'function' | 'training';

/** The fields of each message that can lead to a tensor, by number. */
const WITHIN: Readonly<Record<Exclude<MessageName, 'tensor'>, Readonly<Record<number, MessageName>>>> = {
  graph: { 1: 'node', 5: 'tensor', 15: 'sparseTensor' },
  node: { 5: 'attribute' },
  // One tensor or graph, or many: the bodies of If, Loop and Scan.
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparseTensor', 23: 'sparseTensor' },
  // Its values and their indices.
  sparseTensor: { 1: 'tensor', 2: 'tensor' },
  function: { 7: 'node', 11: 'attribute' },
  training: { 1: 'graph', 2: 'graph' },
};
/** Fields of a model that can lead to a tensor. */
const TOP: Readonly<Record<number, MessageName>> = { 7: 'graph', 20: 'training', 25: 'function' };

/** TensorProto: where in another file its values are, and that they are there. */
const EXTERNAL_DATA = 13;
const DATA_LOCATION = 14;
/** Of `DATA_LOCATION`; readers keep only the low bits of another number, so that none of them is harmless. */
const IN_THIS_FILE = 0;
/** Messages one inside the other that ONNX Runtime's own reader follows; deeper models cannot be loaded. */
const MOST_LEVELS = 100;

/**
 * Refuses a model of which a part is in another file, wherever in the model its tensor is.
 * @param field a top-level field of the model
 * @throws UserError naming the model
 */
export function refuseExternalData(file: ByteSource, field: Field): void {
  const name = TOP[field.number];
  if (name !== undefined) search(file, field, name, 1);
}

function search(file: ByteSource, message: Field, name: MessageName, level: number): void {
  if (level > MOST_LEVELS) file.fail('its parts are nested too deeply');
  for (const field of fieldsOf(file, message)) {
    if (name !== 'tensor') {
      const inner = WITHIN[name][field.number];
      if (inner !== undefined && field.wire === WIRE.bytes) search(file, field, inner, level + 1);
    } else if (field.number === EXTERNAL_DATA || (field.number === DATA_LOCATION && field.value !== IN_THIS_FILE)) {
      throw new UserError(
        `${file.path} keeps weights in another file, so that its digest does not say which they are: export the model as one file`,
      );
    }
  }
}
