import type { Page } from 'playwright-core';

/**
 * A page in a Chromium of its own.
 * @param viewport CSS pixels; 1280 x 800 when left out
 * @throws Error when there is no Chromium and none can be installed
 */
export function launchChromium(viewport?: {
  width: number;
  height: number;
}): Promise<{ page: Page; close: () => Promise<void> }>;
