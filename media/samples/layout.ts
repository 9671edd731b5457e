/** Where the tiles of the samples grid are. Lengths are CSS pixels. No DOM. */
import type { Rows } from '../rows';

/** Tile sizes where the size of the images is unknown or large. */
const LARGEST = 384;
const SIZES = [32, 48, 64, 80, 96, 128, 160, 192, 256, 320, LARGEST];
/** Images up to this size are shown at whole multiples of it, so that each of their pixels is a square. */
const LARGEST_SMALL = 64;
/** Narrower tiles have no caption. */
const CAPTION_FROM = 56;
const CAPTION_HEIGHT = 16;
/** Space between two tiles, and below the last row. */
export const GAP = 4;

/** A grid of equal tiles, filled row by row. */
export interface GridLayout extends Rows {
  count: number;
  columns: number;
  /** Side of an image. */
  tile: number;
  /** Distance from one tile to the next, across. */
  columnWidth: number;
  captions: boolean;
}

/** The sizes that the zoom goes through, small to large. `native` is the images' own longer side. */
export function tileSizes(native: number | undefined): number[] {
  if (native === undefined || native > LARGEST_SMALL) return SIZES;
  const smallest = Math.ceil(16 / native);
  return Array.from({ length: Math.floor(LARGEST / native) - smallest + 1 }, (_, step) => (smallest + step) * native);
}

/** Position in `sizes` of the one nearest to `wanted`; the smaller of two equally near. */
export function nearestSize(sizes: readonly number[], wanted: number): number {
  const gaps = sizes.map((size) => Math.abs(size - wanted));
  return Math.max(0, gaps.indexOf(Math.min(...gaps)));
}

/** Lays `count` tiles out in `width`; at least one column, however narrow. */
export function gridLayout(count: number, width: number, tile: number): GridLayout {
  const columnWidth = tile + GAP;
  const columns = Math.max(1, Math.floor((width - GAP) / columnWidth));
  const captions = tile >= CAPTION_FROM;
  const rowHeight = tile + GAP + (captions ? CAPTION_HEIGHT : 0);
  return { count, columns, rows: Math.ceil(count / columns), tile, columnWidth, rowHeight, captions };
}

/**
 * Where a key leads from tile `at`, as the grid pattern of WAI-ARIA has it (Ctrl with Home and End: the whole grid).
 * Undefined for keys that do not move.
 * @param page rows in sight, the stride of PageUp and PageDown
 */
export function moveByKey(
  layout: GridLayout,
  at: number,
  key: string,
  ctrl: boolean,
  page: number,
): number | undefined {
  const { columns, count } = layout;
  const rowStart = at - (at % columns);
  const stride = columns * Math.max(1, page);
  const targets: Partial<Record<string, number>> = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1,
    ArrowDown: at + columns < count ? at + columns : at,
    ArrowUp: at - columns >= 0 ? at - columns : at,
    Home: ctrl ? 0 : rowStart,
    End: ctrl ? count - 1 : rowStart + columns - 1,
    PageDown: Math.min(at + stride, at + columns * Math.floor((count - 1 - at) / columns)),
    PageUp: Math.max(at - stride, at % columns),
  };
  const target = Object.hasOwn(targets, key) ? targets[key] : undefined;
  return target === undefined ? undefined : Math.min(Math.max(target, 0), count - 1);
}

/** Largest whole multiple of the image that fits; an image larger than the room is made smaller. @returns width and height */
export function enlarged(width: number, height: number, room: { width: number; height: number }): [number, number] {
  const fit = Math.min(room.width / width, room.height / height);
  const scale = fit >= 1 ? Math.floor(fit) : fit;
  return [width * scale, height * scale];
}
