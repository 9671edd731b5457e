import fs from 'node:fs';
import path from 'node:path';
import type { ConsoleMessage, FrameLocator, Locator, Page } from 'playwright-core';
import { startCodeServer, type CodeServer } from '../../../tools/editor.mjs';
import { launchChromium } from './chromium.mjs';

/** The four themes every panel must be readable in, and VS Code's ids for them. */
const THEMES = {
  'Dark Modern': 'Default Dark Modern',
  'Light Modern': 'Default Light Modern',
  'Dark High Contrast': 'Default High Contrast',
  'Light High Contrast': 'Default High Contrast Light',
} as const;

export type Theme = keyof typeof THEMES;

/** Console errors of the workbench itself, which say nothing about the extension. */
const EDITOR_NOISE: readonly RegExp[] = [];

/** The longest wait for anything. Generous: a cold workbench takes 20 s, far more while both cores are busy. */
const PATIENCE_MS = 90_000;
/** How long one attempt may take before its keys are taken for lost, and it is made again. */
const ATTEMPT_MS = 5_000;

export interface WorkbenchOptions {
  /** The folder (or `.code-workspace` file) to open. */
  workspace: string;
  /** The extension(s) under development. */
  extensionDevelopmentPath: string | readonly string[];
  /** `Dark Modern` when left out. */
  theme?: Theme;
  /** CSS pixels; 1280 x 800 when left out. */
  viewport?: { width: number; height: number };
  /** User settings, over the harness's own. */
  settings?: Readonly<Record<string, unknown>>;
  /** Whether folders must be trusted first. False by default. */
  workspaceTrust?: boolean;
  /** Environment variables for the extension host, over those of this process. */
  env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Opens the workspace in a real VS Code workbench (code-server in headless Chromium) with the extension loaded.
 * @throws Error when code-server or Chromium cannot be had: ask `ensureCodeServer` and `ensureChromium` first
 */
export async function openWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const theme = THEMES[options.theme ?? 'Dark Modern'];
  const server = await startCodeServer({
    ...options,
    settings: { 'workbench.colorTheme': theme, 'editor.accessibilitySupport': 'off', ...options.settings },
  });
  try {
    const window = await launchChromium(options.viewport);
    const workbench = new Workbench(window.page, server, window.close);
    try {
      await workbench.load();
    } catch (error) {
      await window.close();
      throw error;
    }
    return workbench;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** The editor's window, driven as a user would: by its palette, its lists and the keyboard. Every method waits for its effect. */
export class Workbench {
  private readonly errors: string[] = [];

  /** @param page for what this class has no method for */
  constructor(
    readonly page: Page,
    private readonly server: CodeServer,
    private readonly closeBrowser: () => Promise<void>,
  ) {
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('console', (message) => this.record(message));
    page.on('pageerror', (error) => this.errors.push(error.stack ?? error.message));
  }

  /** Loads, or loads again, the whole window: the extension host starts anew. */
  async load(): Promise<void> {
    await this.page.goto(this.server.url);
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor();
    await this.page.locator('.monaco-workbench .part.activitybar .action-item').first().waitFor();
  }

  /**
   * Runs a command by its title in the palette, category included: `EDM: Show Queue`. Waits until it is offered, so that an
   * extension still starting is no failure.
   */
  async runCommand(title: string): Promise<void> {
    await this.pick(`>${title}`, title);
  }

  /** Opens a file by quick open and waits until its editor is the active one. @param file absolute, or relative to the workspace */
  async openFile(file: string): Promise<void> {
    await this.pick(file, path.basename(file));
    await this.activeTab(path.basename(file)).waitFor();
  }

  /** Types into whatever has the focus, key by key, as a user does: suggestions and auto-closing included. */
  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  /** Presses one key or chord, in Playwright's names: `Escape`, `Control+Space`. */
  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }

  /** The texts of the notifications shown now. */
  async notifications(): Promise<string[]> {
    return this.page.locator('.notification-list-item-message').allInnerTexts();
  }

  /** Waits for a notification that contains, or matches, the text. @returns it, e.g. to press its buttons */
  async notification(text: string | RegExp): Promise<Locator> {
    const item = this.page.locator('.notification-list-item').filter({ hasText: text }).first();
    await item.waitFor();
    return item;
  }

  /**
   * The Problems view's rows now, as a screen reader gets them: message, source, code and position. The list draws only what
   * fits: enlarge the window for more than some ten.
   */
  async problems(): Promise<string[]> {
    await this.showProblems();
    const labels = await this.problemRows().evaluateAll((rows) =>
      rows.map((row) => (row as unknown as { ariaLabel: string | null }).ariaLabel ?? ''),
    );
    return labels;
  }

  /** Waits for a problem that contains, or matches, the text. @returns its row */
  async problem(text: string | RegExp): Promise<Locator> {
    await this.showProblems();
    const row = this.problemRows().filter({ hasText: text }).first();
    await row.waitFor();
    return row;
  }

  /**
   * The document inside a webview, once it is loaded.
   * @param title of the editor tab, which is brought to the front, or of the side bar's view; the only visible webview when left out
   */
  async webview(title?: string): Promise<FrameLocator> {
    if (title !== undefined) {
      const tab = this.tab(title);
      if ((await tab.count()) > 0) await tab.click();
    }
    const frame = this.page
      .frameLocator('iframe.webview.ready:visible')
      .frameLocator(
        title === undefined ? 'iframe#active-frame' : `iframe#active-frame[title=${JSON.stringify(title)}]`,
      );
    await frame.locator('body').waitFor();
    return frame;
  }

  /** Saves a PNG of the window. @param file its folder is created if need be */
  async screenshot(file: string): Promise<void> {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    await this.page.screenshot({ path: file });
  }

  /** What the window and its webviews wrote as errors to the console so far, without the editor's own noise. */
  consoleErrors(): string[] {
    return this.errors.filter((text) => !EDITOR_NOISE.some((noise) => noise.test(text)));
  }

  /** Ends browser and server, and removes what they kept. */
  async close(): Promise<void> {
    await this.closeBrowser();
    await this.server.stop();
  }

  private record(message: ConsoleMessage): void {
    if (message.type() === 'error') this.errors.push(`${message.text()} (${message.location().url})`);
  }

  /** Picks the entry of that very name from what quick open offers for a query; asks again until it is there. */
  private async pick(query: string, name: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget');
    const entry = widget
      .locator('.monaco-list-row')
      .filter({ has: this.page.locator(`.label-name`, { hasText: exactly(name) }) });
    await this.attempt(`"${name}" in quick open`, async () => {
      await this.page.keyboard.press('Escape');
      await this.page.keyboard.press('F1');
      await widget.locator('input.input').fill(query, { timeout: ATTEMPT_MS });
      await entry.first().waitFor({ timeout: ATTEMPT_MS });
    });
    await entry.first().click();
    await widget.waitFor({ state: 'hidden' });
  }

  /** Repeats an attempt whose keys may get lost while the workbench is busy. The last one's error is the reason given. */
  private async attempt(what: string, action: () => Promise<void>): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; ;) {
      try {
        return await action();
      } catch (error) {
        if (this.page.isClosed() || Date.now() > deadline) throw new Error(`No ${what}`, { cause: error });
      }
    }
  }

  private tab(title: string): Locator {
    return this.page
      .locator('.tabs-container .tab')
      .filter({ has: this.page.locator('.label-name', { hasText: exactly(title) }) });
  }

  private activeTab(title: string): Locator {
    return this.page.locator('.editor-group-container.active .tabs-container .tab.active').filter({ hasText: title });
  }

  private problemRows(): Locator {
    return this.page.locator('.markers-panel .monaco-list-row');
  }

  private async showProblems(): Promise<void> {
    if (!(await this.page.locator('.markers-panel').isVisible())) await this.runCommand('View: Focus on Problems View');
    await this.page.locator('.markers-panel').waitFor();
  }
}

/** Matches that text alone, not what merely contains it. */
function exactly(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
}
