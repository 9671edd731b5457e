/** Names of what comes with the workbench: each is a network, its detector and the reference statistics. */
export const EMBEDDED_NAMES = ['embedded:fashion-mnist'] as const;
/** One of `EMBEDDED_NAMES`. */
export type EmbeddedName = (typeof EMBEDDED_NAMES)[number];
