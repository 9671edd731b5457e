/**
 * Takes the README's pictures in the real editor, dark and light:
 * `npm start -- --no-editor && npx tsx test/editor/screenshots.ts ~/edm-workbench-sample`.
 */
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { git, ROOT } from '../server/workspace';
import { openWorkbench, type Theme } from './harness/workbench';

const THEMES: Record<string, Theme> = { dark: 'Dark Modern', light: 'Light Modern' };
const PICTURES = path.join(__dirname, 'screenshots');

const DRAFT = `network: embedded:fashion-mnist
seeds: 0-399
steps: 1
S_chrun: 40
fd:
  reference: embedded:fashion-mnist
  num: 500
`;

async function take(workspace: string, name: string, theme: Theme): Promise<void> {
  const picture = (what: string): string => path.join(PICTURES, `${what}-${name}.png`);
  const run = `${git(workspace, 'rev-parse', '--short', 'HEAD')}-garments`;
  const settings = {
    'window.commandCenter': false,
    'editor.minimap.enabled': false,
    'workbench.layoutControl.enabled': false,
  };
  const workbench = await openWorkbench({
    workspace,
    extensionDevelopmentPath: ROOT,
    theme,
    settings,
    viewport: { width: 1280, height: 760 },
  });
  try {
    await workbench.openFile('draft.edm.yaml');
    await workbench.runCommand('View: Split Editor Right');
    await workbench.openFile('generate.slurm');
    await workbench.problem(/did you mean "S_churn"/);
    await workbench.problem(/1 of the 2 GPUs/);
    await workbench.screenshot(picture('config'));
    await workbench.runCommand('View: Hide Panel');
    await workbench.runCommand('View: Close All Editors');
    await workbench.openFile('garments.edm.yaml');
    await workbench.runCommand('EDM Workbench: Show history');
    const history = await workbench.webview('History');
    const point = history.locator('svg [role=button]').last();
    await point.focus();
    await history.locator('#tooltip').waitFor({ state: 'visible' });
    await workbench.screenshot(picture('history'));
    await point.press('Enter');
    const samples = await workbench.webview(run);
    await samples.locator('[role=gridcell] img').nth(4).waitFor();
    await workbench.runCommand('View: Join All Editor Groups');
    // The panel is laid out again; the pointer over a sample shows its facts.
    await workbench.page.waitForTimeout(4000);
    await workbench.page.mouse.move(760, 330, { steps: 5 });
    await workbench.page.waitForTimeout(1000);
    await workbench.screenshot(picture('samples'));
  } finally {
    await workbench.close();
  }
}

async function main(workspace: string): Promise<void> {
  const draft = path.join(workspace, 'draft.edm.yaml');
  writeFileSync(draft, DRAFT);
  try {
    for (const [name, theme] of Object.entries(THEMES)) await take(workspace, name, theme);
  } finally {
    rmSync(draft);
  }
}

const [workspace] = process.argv.slice(2);
if (!workspace) throw new Error('Usage: npx tsx test/editor/screenshots.ts WORKSPACE');
void main(path.resolve(workspace));
