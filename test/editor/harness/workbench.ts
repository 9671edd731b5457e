import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsoleMessage, FrameLocator, Locator, Page } from 'playwright-core';
import { messageOf } from '../../../server/errors';
import { startCodeServer, type CodeServer } from '../../../tools/editor.mjs';
import { launchChromium } from './chromium.mjs';

/** The four themes every panel must be readable in: VS Code's id, and the file it marks the window with once applied. */
const THEMES = {
  'Dark Modern': { id: 'Dark Modern', file: 'dark_modern' },
  'Light Modern': { id: 'Light Modern', file: 'light_modern' },
  'Dark High Contrast': { id: 'Default High Contrast', file: 'hc_black' },
  'Light High Contrast': { id: 'Default High Contrast Light', file: 'hc_light' },
} as const;

export type Theme = keyof typeof THEMES;

/** Console errors of the workbench itself, which say nothing about the extension. */
const EDITOR_NOISE: readonly RegExp[] = [
  /\/vsda(_bg)?\.(js|wasm)\)$/, // a proprietary module that code-server leaves out, and does without
  /authentication provider 'github'/, // signing in is for its own chat
];

/** The longest wait for anything. Generous: a cold workbench takes 20 s, far more while both cores are busy. */
const PATIENCE_MS = 90_000;
/** How long one attempt may take before its keys are taken for lost, and it is made again. */
const ATTEMPT_MS = 5_000;
const PAUSE_MS = 100;

export interface WorkbenchOptions {
  /** The folder (or `.code-workspace` file) to open. */
  workspace: string;
  /** The extension(s) under development. */
  extensionDevelopmentPath: string | readonly string[];
  /** `Dark Modern` when left out. */
  theme?: Theme;
  /** CSS pixels; 1280 x 800 when left out. */
  viewport?: { width: number; height: number };
  /** User settings, over the harness's own; the colour theme is `theme`'s. */
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
    settings: { 'editor.accessibilitySupport': 'off', ...options.settings, 'workbench.colorTheme': theme.id },
  });
  try {
    const window = await launchChromium(options.viewport);
    const workbench = new Workbench(window.page, server, theme.file, window.close);
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
  /** Whether the window is being left: what it then complains of says nothing. */
  private leaving = false;

  /** Made by `openWorkbench`. @param page for what this class has no method for */
  constructor(
    readonly page: Page,
    private readonly server: CodeServer,
    private readonly themeFile: string,
    private readonly closeBrowser: () => Promise<void>,
  ) {
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('console', (message) => this.record(message));
    page.on('pageerror', (error) => this.errors.push(error.stack ?? error.message));
  }

  /** Loads, or loads again, the whole window: the extension host starts anew. */
  async load(): Promise<void> {
    this.leaving = true;
    await this.page.goto('about:blank');
    this.leaving = false;
    await this.page.goto(this.server.url);
    await this.isReady();
  }

  /** Reloads the window as a user does: what is open comes back, and the extension host starts anew. */
  async reload(): Promise<void> {
    this.leaving = true;
    const loaded = this.page.waitForEvent('load');
    await this.runCommand('Developer: Reload Window');
    await loaded;
    this.leaving = false;
    await this.isReady();
  }

  private async isReady(): Promise<void> {
    await this.page
      .locator(`.monaco-workbench.vscode-theme-defaults-themes-${this.themeFile}-json .part.statusbar`)
      .waitFor();
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

  /** Runs a command that asks for one of a list, and takes the first entry that has the text. */
  async runAndPick(title: string, text: string | RegExp): Promise<void> {
    const widget = this.page.locator('.quick-input-widget');
    await this.attempt(`"${title}" in the palette`, async () => {
      await this.page.keyboard.press('Escape');
      await this.page.keyboard.press('F1');
      await widget.locator('input.input').fill(`>${title}`, { timeout: ATTEMPT_MS });
      const entry = widget.locator('.monaco-list-row').filter({ hasText: title }).first();
      await entry.click({ timeout: ATTEMPT_MS });
    });
    await widget.locator('.monaco-list-row').filter({ hasText: text }).first().click();
    await widget.waitFor({ state: 'hidden' });
  }

  /** Types into whatever has the focus, key by key, as a user does: suggestions and auto-closing included. */
  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  /** Presses one key or chord, in Playwright's names: `Escape`, `Control+Space`. */
  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }

  /** The texts of the notifications that nobody has closed yet, newest first. */
  async notifications(): Promise<string[]> {
    await this.showNotifications();
    const texts = await this.page.locator('.notifications-center .notification-list-item-message').allInnerTexts();
    await this.press('Escape');
    return texts;
  }

  /**
   * Waits for a notification that contains, or matches, the text.
   * @returns it in the notification centre, which stays open: its buttons can be pressed
   */
  async notification(text: string | RegExp): Promise<Locator> {
    const item = this.page.locator('.notifications-center .notification-list-item').filter({ hasText: text }).first();
    // The centre closes by itself when a notification goes, or the focus.
    await this.attempt(`notification ${text}`, async () => {
      await this.showNotifications();
      await item.waitFor({ timeout: ATTEMPT_MS });
    });
    return item;
  }

  /**
   * The problems now, as a screen reader gets them: `Error: no such option at line 2 and character 9.` The view draws only
   * the rows that fit: enlarge the window for more than some ten.
   */
  async problems(): Promise<string[]> {
    await this.showProblems();
    const rows = await this.problemRows().all();
    return Promise.all(rows.map(async (row) => (await row.getAttribute('aria-label')) ?? ''));
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
   * @param title of its editor tab, which is brought to the front, or of its view, which must be open; left out, the only
   *   webview to be seen
   */
  async webview(title?: string): Promise<FrameLocator> {
    if (title !== undefined && (await this.tab(title).count()) > 0) await this.tab(title).click();
    const visible = this.page.locator('iframe.webview.ready:visible');
    // The title is written on the inner frame, and a frame cannot be searched for by what is inside.
    const inner = title === undefined ? 'iframe#active-frame' : `iframe#active-frame[title=${JSON.stringify(title)}]`;
    const frame = await this.attempt(`webview ${title ?? ''}`, async () => {
      await visible.first().waitFor({ timeout: ATTEMPT_MS });
      const found: string[] = [];
      for (const outer of await visible.all()) {
        const name = await outer.getAttribute('name', { timeout: ATTEMPT_MS });
        if (name && (await outer.contentFrame().locator(inner).count()) > 0) found.push(name);
      }
      const [name] = found;
      if (name === undefined || found.length > 1)
        throw new Error(`${found.length} of ${await visible.count()} webviews fit`);
      return this.page.frameLocator(`iframe.webview[name="${name}"]`).frameLocator('iframe#active-frame');
    });
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
    if (message.type() === 'error' && !this.leaving) this.errors.push(`${message.text()} (${message.location().url})`);
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
    // Not the widget: a command that asks something opens it anew, maybe before it is seen closed.
    await entry.first().waitFor({ state: 'hidden' });
  }

  /** Repeats what may fail while the workbench is busy, be it for lost keys. The last failure is the reason given. */
  private async attempt<T>(what: string, action: () => Promise<T>): Promise<T> {
    for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(PAUSE_MS)) {
      try {
        return await action();
      } catch (error) {
        if (this.page.isClosed() || Date.now() > deadline)
          throw new Error(`No ${what}: ${messageOf(error)}`, { cause: error });
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
    return this.page.locator('.markers-panel .monaco-list-row[aria-level="2"]');
  }

  /** With the driver that loads the extension the workbench shows no toasts, only its notification centre. */
  private async showNotifications(): Promise<void> {
    const centre = this.page.locator('.notifications-center.visible');
    await this.attempt('notification centre', async () => {
      if (!(await centre.isVisible())) await this.runCommand('Notifications: Show Notifications');
      await centre.waitFor({ timeout: ATTEMPT_MS });
    });
  }

  private async showProblems(): Promise<void> {
    if (!(await this.page.locator('.markers-panel').isVisible()))
      await this.runCommand('Problems: Focus on Problems View');
    await this.page.locator('.markers-panel').waitFor();
  }
}

/** Matches that text alone, not what merely contains it. */
function exactly(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
}
