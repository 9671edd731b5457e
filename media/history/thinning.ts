/** Which of very many points are drawn. No DOM. */

/** A point in pixels. */
export interface Placed {
  x: number;
  y: number;
  /** Points that look different are told apart wherever they lie. */
  look: string;
}

/** Squares that are tried, by their side in pixels; a marker is 9 wide. In the later ones also points of other looks are covered. */
const SQUARES = [4, 6, 9]
  .map((side) => ({ side, byLook: true }))
  .concat([6, 9, 12, 18].map((side) => ({ side, byLook: false })));

/**
 * The points to draw, in their order: all, or, where there are more than `most`, of those in one square the last. The square is
 * the smallest that leaves no more than `most`, or the largest.
 */
export function thinned<P extends Placed>(points: readonly P[], most: number): readonly P[] {
  let drawn = points;
  for (const { side, byLook } of SQUARES) {
    if (drawn.length <= most) break;
    const last = new Map<string, P>();
    for (const point of points) {
      last.set(`${Math.floor(point.x / side)} ${Math.floor(point.y / side)} ${byLook ? point.look : ''}`, point);
    }
    const kept = new Set(last.values());
    drawn = points.filter((point) => kept.has(point));
  }
  return drawn;
}
