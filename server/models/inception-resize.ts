import type { Graph, Value } from './onnx-graph';

/** Side in pixels of the images that Inception-v3 takes. */
const INCEPTION_SIDE = 299;

/**
 * How the Inception-v3 of 2015-12-05 prepares images: TensorFlow 1's bilinear resize to 299 x 299 (source pixel
 * i * W / 299: no half-pixel shift, edges clamped, no antialiasing), columns before rows, then (x - 128) / 128. Every
 * step is rounded to float32 as in torch-fidelity, so that the result is the same to the bit; that of ONNX's Resize is
 * not.
 *
 * pytorch-fid maps 0..255 to -1..1 instead and shifts by half a pixel. With the synthetic weights of the tests, that
 * changes features by up to 0.90 (32 x 32 images; the largest feature is 3.5), without resizing by 0.03 to 0.06, and the
 * distance of two sets of 300 images from 40.39016 to 40.35129: such numbers are not comparable.
 * @param images uint8 [N,3,H,W]
 * @returns float32 [N,3,299,299], -1 to 0.9921875
 */
export function inceptionPictures(graph: Graph, images: Value): Value {
  const pixels = graph.node('Cast', 'pixels', [images], { to: 1 });
  const resized = stretched(graph, stretched(graph, pixels, 3), 2);
  const centred = graph.node('Sub', 'centred', [resized, graph.float32([128], [])]);
  return graph.node('Mul', 'normalised', [centred, graph.float32([1 / 128], [])]);
}

/** Interpolates along one axis. @param axis 2: rows, 3: columns */
function stretched(graph: Graph, x: Value, axis: 2 | 3): Value {
  const name = axis === 2 ? 'rows' : 'columns';
  const at = (part: string): string => `${name}.${part}`;
  const size = graph.node('Shape', at('size'), [x], { start: axis, end: axis + 1 });
  const targets = graph.float32(Array.from({ length: INCEPTION_SIDE }, (_, i) => i));
  const step = graph.node('Div', at('step'), [
    graph.node('Cast', at('sizeAsFloat'), [size], { to: 1 }),
    graph.float32([INCEPTION_SIDE]),
  ]);
  const position = graph.node('Mul', at('position'), [targets, step]);
  const before = graph.node('Floor', at('before'), [position]);
  const fraction = graph.node('Sub', at('fraction'), [position, before]);
  const low = graph.node('Cast', at('low'), [before], { to: 7 });
  const next = graph.node('Add', at('next'), [low, graph.int64([1])]);
  const high = graph.node('Min', at('high'), [next, graph.node('Sub', at('last'), [size, graph.int64([1])])]);
  const from = graph.node('Gather', at('from'), [x, low], { axis });
  const to = graph.node('Gather', at('to'), [x, high], { axis });
  const weight = axis === 3 ? fraction : graph.node('Unsqueeze', at('weight'), [fraction, graph.int64([1])]);
  const rise = graph.node('Mul', at('rise'), [graph.node('Sub', at('difference'), [to, from]), weight]);
  return graph.node('Add', name, [from, rise]);
}
