/** What to do about uncommitted changes. */
export const DIRTY_CHOICES = ['refuse', 'commit', 'keep'] as const;
export type DirtyChoice = (typeof DIRTY_CHOICES)[number];
