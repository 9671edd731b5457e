/** The command line as data: its tables, and what is made from them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { COMMAND_NAMES, COMMANDS } from '../../server/commands/tables/commands';
import { commandHelp, overview } from '../../server/commands/help';
import { commandOf, parseCommand } from '../../server/commands/parse';
import { DEFAULT_BATCH, DEFAULT_SEEDS, DEFAULT_STEPS, nfe, PUBLISHED_NUM } from '../../server/shared/defaults';
import { SOLVERS } from '../../server/shared/sampler-options';
import { withProgress } from '../../server/terminal';
import { commandsPage, commandsPagePath } from '../../tools/commands-page';

const ROOT = path.join(__dirname, '..', '..');
/** Columns of a wide terminal. */
const WIDTH = 120;

/** A command line, parsed; redirections and substitutions of the shell are left out. */
function parseLine(line: string): ReturnType<typeof parseCommand> {
  const [, own] = /edm-workbench ([^>#)]*)/.exec(line) ?? assert.fail(line);
  const { name, args } = commandOf(own.trim().split(/\s+/));
  return parseCommand(name, COMMANDS[name], args);
}

test('docs/cli.md is that of the tables: npx tsx tools/commands-page.ts', async () => {
  const same = readFileSync(commandsPagePath, 'utf8') === (await commandsPage());
  assert.ok(same, 'docs/cli.md is not up to date: run npx tsx tools/commands-page.ts');
});

test('help: one line for each command and option, within a wide terminal', () => {
  for (const [name, text] of [['', overview()], ...COMMAND_NAMES.map((one) => [one, commandHelp(one)])])
    for (const line of text.split('\n')) assert.ok(line.length <= WIDTH, `${name}: ${line.length} columns: ${line}`);
  for (const name of COMMAND_NAMES) {
    const lines = commandHelp(name).split('\n');
    assert.equal(overview().split('\n').filter((line) => line.startsWith(`  ${name}  `)).length, 1, name); // prettier-ignore
    for (const [option, { default: fallback, unit }] of Object.entries(COMMANDS[name].options)) {
      const [line, ...more] = lines.filter((one) => new RegExp(`^ {2}(-\\w, )?--${option} `).test(one));
      assert.equal(more.length, 0, `${name} --${option}`);
      if (fallback !== undefined) assert.ok(line.includes(`default: ${fallback}`), line);
      if (unit !== undefined) assert.ok(line.includes(unit), line);
    }
  }
});

test('every example is a command line that its command takes', () => {
  for (const name of COMMAND_NAMES) {
    assert.ok(COMMANDS[name].examples.length > 0, name);
    for (const line of COMMANDS[name].examples) assert.doesNotThrow(() => parseLine(line), `${name}: ${line}`);
  }
});

test('the defaults are those of generate.py and fid.py', () => {
  assert.deepEqual([DEFAULT_STEPS, DEFAULT_SEEDS, DEFAULT_BATCH, PUBLISHED_NUM], [18, '0-63', 64, 50000]);
  assert.deepEqual([nfe(18), nfe(40), nfe(256), nfe(18, 'euler')], [35, 79, 511, 18]);
  const { values: made } = parseLine('edm-workbench generate --network n.onnx --outdir d');
  assert.deepEqual([made.seeds, made.steps, made.device, made.subdirs], ['0-63', 18, 'auto', false]);
  assert.equal(made.batch, undefined, 'left to the sampler');
  const { values, given } = parseLine('edm-workbench fid calc --images d --ref r.npz');
  assert.deepEqual([values.num, values.seed, values.batch, values.repeats], [50000, 0, 64, undefined]);
  assert.deepEqual([...given], ['images', 'ref']);
});

test('values: numbers, whole numbers, choices, short names, "=" and "--"', () => {
  const { values } = parseLine(
    'edm-workbench generate --network=n --outdir d --S_max inf --sigma_min 1e-3 --solver euler',
  );
  assert.deepEqual([values.S_max, values.sigma_min, values.solver], [Infinity, 0.001, 'euler']);
  const merged = parseLine('edm-workbench fid merge -o all.npz -- -a.npz b.npz');
  assert.deepEqual([merged.values.out, merged.positionals], ['all.npz', ['-a.npz', 'b.npz']]);
  for (const [line, message] of [
    ['generate --network n --outdir d --rho seven', '--rho seven: must be a number'],
    ['generate --network n --outdir d --class=-1', '--class -1: must be a whole number, 0 or more'],
    ['fid calc --ref r --batch inf', '--batch Infinity: must be a whole number, 1 or more'],
    ['generate --network n --outdir d --solver rk4', `--solver rk4: choose one of ${SOLVERS.join(', ')}`],
    ['fid merge a.npz b.npz', 'Missing option --out'],
    ['fid merge a.npz b.npz -x', 'fid merge has no option -x; edm-workbench fid merge --help lists them'],
    ['fid calk --ref r', 'Unknown command "fid calk": did you mean "fid calc"?'],
    ['run a.edm.yaml --json=1', 'run: --json does not take a value'],
    ['completion tcsh', 'completion: SHELL "tcsh": choose one of bash, zsh, fish'],
  ] as const)
    assert.throws(() => parseLine(`edm-workbench ${line}`), { name: 'UserError', message });
});

test('help, version and completion load nothing of the rooms that compute and connect', async () => {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['server/all-commands.ts'],
    bundle: true,
    platform: 'node',
    packages: 'external',
    write: false,
    outdir: 'dist',
    metafile: true,
  });
  const reached = new Set(['server/all-commands.ts']);
  for (const file of reached)
    for (const { path: imported, kind, external } of metafile.inputs[file].imports)
      if (kind !== 'dynamic-import') {
        assert.ok(!external || imported.startsWith('node:'), `${file} loads ${imported}`);
        if (!external) reached.add(imported);
      }
  assert.ok(reached.has('server/commands/help.ts'));
  const kilobytes = [...reached].reduce((sum, file) => sum + metafile.inputs[file].bytes, 0) / 1000;
  assert.ok(kilobytes < 150, `${kilobytes} kB of source: ${[...reached].join(', ')}`);
});

test('the progress line is gone when the work has ended, also by an error', async () => {
  let written = '';
  const stream = {
    isTTY: true,
    columns: 80,
    write: (text: string) => (written += text),
  } as unknown as NodeJS.WriteStream;
  const work = withProgress(stream, (onProgress) => {
    onProgress({ phase: 'Generating', done: 1, total: 2 });
    return Promise.reject(new Error('broken'));
  });
  await assert.rejects(work, /broken/);
  const line = 'Generating 1/2 (50 %)';
  assert.equal(written, `\r${line}\r${' '.repeat(line.length)}\r`);
});
