/** Chromium as the editor tests use it: headless, with a fresh profile, never calling home. */
import { chromium } from 'playwright-core';
import { ensureChromium } from '../../../tools/editor.mjs';

const QUIET = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

/**
 * A page in a Chromium of its own.
 * @param {{ width: number, height: number }} [viewport] CSS pixels; 1280 x 800 when left out
 * @returns {Promise<{ page: import('playwright-core').Page, close: () => Promise<void> }>}
 * @throws Error when there is no Chromium and none can be installed
 */
export async function launchChromium(viewport = { width: 1280, height: 800 }) {
  const found = await ensureChromium();
  if ('missing' in found) throw new Error(`${found.missing}. To get it: ${found.remedy}`);
  const browser = await chromium.launch({
    executablePath: found.executable,
    headless: true,
    args: [...QUIET, '--disable-component-update', '--disable-sync'],
  });
  const context = await browser.newContext({ viewport });
  return { page: await context.newPage(), close: () => browser.close() };
}
