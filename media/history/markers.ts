/** How series are told apart: by colour, marker and dash together, so that none of them is needed alone. No DOM. */

type Looks = readonly [string, ...string[]];

/** Outlines of markers around the origin, about equal in area. */
const OUTLINES: Looks = [
  'M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0Z',
  'M-4,-4H4V4H-4Z',
  'M0,-5.6L5.6,0L0,5.6L-5.6,0Z',
  'M0,-5.2L5.4,4.2H-5.4Z',
  'M0,5.2L5.4,-4.2H-5.4Z',
  'M0,-5L4.8,-1.5L2.9,4L-2.9,4L-4.8,-1.5Z',
];
/** SVG dash patterns; the first is a solid line. */
const DASHES: Looks = ['none', '6 3', '2 3', '9 3 2 3', '12 4', '4 2 1 2'];
const COLOURS = 6;
/** Series after which the looks repeat. */
export const SERIES_LOOKS = 36;

/** Look of one series; `colour` is the number of a CSS class. */
interface Marker {
  outline: string;
  dash: string;
  colour: number;
}

/** Distinct for the first 36 series: each time the colours start again, the shapes are shifted by one. */
export function markerOf(series: number): Marker {
  const turn = Math.floor(series / COLOURS);
  return {
    outline: inTurn(OUTLINES, series + turn),
    dash: inTurn(DASHES, series + turn),
    colour: series % COLOURS,
  };
}

function inTurn(looks: Looks, nth: number): string {
  return looks[nth % looks.length] ?? looks[0];
}
