/** `FID` for the published detector, `FD (<name>)` for every other: unlike numbers never share a name. */
export function metricName(detector: { name: string; published: boolean }): string {
  return detector.published ? 'FID' : `FD (${detector.name})`;
}
