/** Readers of binary files that others write. */
import type { Reader } from './reader';

export const FILES: readonly Reader[] = [];
