#!/usr/bin/env node
/**
 * A stand-in for the `code` executable: `runTests({ vscodeExecutablePath: <this file> })` of @vscode/test-electron runs
 * the suite in code-server's Node extension host, with Chromium as the window. Takes the arguments test-electron gives;
 * exits with the suite's own status, or with one of ours:
 */
import { launchChromium } from './chromium.mjs';
import { startCodeServer } from '../../../tools/editor.mjs';
import { lineOf } from '../../../tools/programs.mjs';

/** The editor could not be started. */
const EXIT_NO_EDITOR = 97;
/** The suite reported nothing within the limit, or its window died. */
const EXIT_HUNG = 98;
/** Seconds for the whole suite. */
const LIMIT = Number(process.env.EDM_EDITOR_LIMIT ?? 300);

const args = process.argv.slice(2);
/** @param {string} name @returns {string[]} */
const values = (name) => args.filter((arg) => arg.startsWith(`--${name}=`)).map((arg) => arg.slice(name.length + 3));

/** What the window says on starting; it comes through the same door as the suite's output. */
const WINDOW_NOISE = [
  /^(Resolving|Resolved) connection token/,
  /^Creating a socket/,
  /^Ignoring fetching additional builtin extensions/,
  /^Updating additional builtin extensions/,
  /^\[(reconnection-grace-time|Service Worker|AgentHost:remote|AccountPolicyGate)\]/,
];

/** @type {{ close(): Promise<void> } | undefined} */
let chromium;
/** @type {import('../../../tools/editor.mjs').CodeServer | undefined} */
let server;

async function run() {
  server = await startCodeServer({
    workspace: args.find((arg) => !arg.startsWith('-')),
    extensionDevelopmentPath: values('extensionDevelopmentPath'),
    extensionTestsPath: values('extensionTestsPath')[0],
    userDataDir: values('user-data-dir')[0],
    extensionsDir: values('extensions-dir')[0],
    workspaceTrust: !args.includes('--disable-workspace-trust'),
  });
  const window = await launchChromium();
  chromium = window;
  const { page } = window;
  /** @type {(status: number) => void} */
  let report = () => {};
  await page.exposeFunction('codeAutomationExit', (/** @type {number} */ status) => report(status));
  await page.exposeFunction('codeAutomationLog', forward);
  /** @type {Promise<number>} */
  const exit = new Promise((resolve, reject) => {
    report = resolve;
    page.on('crash', () => reject(new Error('the editor window crashed')));
    void server?.exited.then(() => reject(new Error('code-server ended')));
    setTimeout(() => reject(new Error(`no result after ${LIMIT} s (EDM_EDITOR_LIMIT)`)), LIMIT * 1000);
  });
  return Promise.race([exit, page.goto(server.url, { timeout: LIMIT * 1000 }).then(() => exit)]);
}

/**
 * Repeats a console call of the extension host, format string and all.
 * @param {string} type @param {unknown[]} values
 */
function forward(type, values) {
  const [first] = values;
  if (typeof first === 'string' && WINDOW_NOISE.some((noise) => noise.test(first))) return;
  const write = { error: console.error, warn: console.warn }[type] ?? console.log;
  write(...values);
}

async function end(/** @type {number} */ status) {
  await chromium?.close();
  await server?.stop();
  process.exit(status);
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void end(130));
run().then(end, async (/** @type {unknown} */ error) => {
  console.error(`code-shim: ${lineOf(error)}`);
  if (server) console.error(server.log().slice(-4000));
  await end(chromium ? EXIT_HUNG : EXIT_NO_EDITOR);
});
