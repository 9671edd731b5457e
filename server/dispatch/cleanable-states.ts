/** How runs on a cluster ended, as far as it is known. */
export const CLEANABLE_STATES = ['complete', 'failed', 'cancelled', 'unknown'] as const;
export type CleanableState = (typeof CLEANABLE_STATES)[number];
