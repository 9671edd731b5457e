/** A straight line through measured distances, as a function of 1/N. */
export interface Extrapolation {
  /** The value at 1/N = 0, an estimate of the distance for infinitely many images. */
  value: number;
  /** Its standard error, from the scatter about the line; 0 for two points, which have no scatter. */
  standardError: number;
  /** Distance per unit of 1/N: the bias at N images is slope / N. */
  slope: number;
}

/**
 * The Frechet distance at infinitely many images. Its bias is linear in 1/N, with a slope that depends on the model,
 * so a line through distances measured at several N meets the axis at the unbiased value (FID_infinity; Chong &
 * Forsyth 2020, arXiv 1911.07023, who use 15 N evenly spaced up to 50,000).
 * @param points distances measured on `num` images each; at least two different `num`
 * @throws RangeError without two different numbers
 */
export function extrapolate(points: readonly { num: number; value: number }[]): Extrapolation {
  const n = points.length;
  const x = points.map(({ num }) => 1 / num);
  const meanX = x.reduce((sum, value) => sum + value, 0) / n;
  const meanY = points.reduce((sum, { value }) => sum + value, 0) / n;
  const spread = x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
  if (!(spread > 0)) throw new RangeError('An extrapolation needs distances at two different numbers of images');
  const slope = points.reduce((sum, { value }, i) => sum + (x[i]! - meanX) * (value - meanY), 0) / spread;
  const value = meanY - slope * meanX;
  const residual = points.reduce((sum, point, i) => sum + (point.value - value - slope * x[i]!) ** 2, 0);
  const variance = n > 2 ? residual / (n - 2) : 0;
  return { value, slope, standardError: Math.sqrt(variance * (1 / n + meanX ** 2 / spread)) };
}
