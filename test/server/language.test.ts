import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  CodeActionRequest,
  CompletionRequest,
  HoverRequest,
  type CodeAction,
  type CompletionItem,
  type MarkupContent,
  type TextEdit,
} from 'vscode-languageserver-protocol/node';
import { textOf, TestServer } from './connection';
import { cli, CLI, temporaryFolder } from './workspace';

const SCRIPT = `#!/bin/bash
#SBATCH --gres=gpu:2
torchrun --standalone --nproc_per_node=1 generate.py
#SBATCH --time=1:00:00
#SBATCH --accuont=x
`;

let server: TestServer;
let folder: string;
before(async () => {
  folder = temporaryFolder();
  server = await TestServer.start();
});
after(() => server.stop());

test('the server says what it can do', () => {
  const { textDocumentSync, hoverProvider, completionProvider, codeActionProvider } = server.initialized.capabilities;
  assert.deepEqual(
    { textDocumentSync, hoverProvider, codeActionProvider, completes: completionProvider !== undefined },
    {
      textDocumentSync: 2,
      hoverProvider: true,
      codeActionProvider: { codeActionKinds: ['quickfix', 'source.fixAll.edmWorkbench'] },
      completes: true,
    },
  );
});

test('a batch script: the GPU count in two places, a late directive', async () => {
  const uri = await server.open(path.join(folder, 'generate.slurm'), SCRIPT, 'shellscript');
  const found = await server.diagnostics(uri);
  const gpus = found.find(({ code }) => code === 'gpu-count');
  assert.equal(gpus?.range.start.line, 2);
  assert.match(textOf(gpus.message), /1 of the 2 GPUs/);
  assert.ok(
    found.some(({ range, severity }) => range.start.line === 3 && severity === 1),
    'the late --time is an error',
  );
});

test('a correction after an edit takes the finding away', async () => {
  const uri = await server.open(path.join(folder, 'edited.slurm'), SCRIPT, 'shellscript');
  await server.diagnostics(uri, (found) => found.some(({ code }) => code === 'gpu-count'));
  await server.change(uri, SCRIPT.replace('nproc_per_node=1', 'nproc_per_node=2'));
  await server.diagnostics(uri, (found) => !found.some(({ code }) => code === 'gpu-count'));
});

test('an unknown option offers the one that was meant', async () => {
  const text = '#!/bin/bash\n#SBATCH --accuont=x\nsrun hostname\n';
  const uri = await server.open(path.join(folder, 'typo.slurm'), text, 'shellscript');
  const [typo] = await server.diagnostics(uri, (found) => found.some(({ code }) => code === 'unknown-option'));
  const actions = (await server.connection.sendRequest(CodeActionRequest.type, {
    textDocument: { uri },
    range: typo.range,
    context: { diagnostics: [typo] },
  })) as CodeAction[];
  const edits = actions.flatMap(({ edit }) => edit?.changes?.[uri] ?? []);
  assert.ok(
    edits.some(({ newText }) => newText.includes('account')),
    JSON.stringify(actions),
  );
});

test('a shell file without directives has no findings', async () => {
  const uri = await server.open(path.join(folder, 'plain.sh'), 'set -e\necho hello\n', 'shellscript');
  assert.deepEqual(await server.diagnostics(uri), []);
});

test('a run config: ranges come from the YAML, unknown keys have a suggestion', async () => {
  const text = 'network: embedded:fashion-mnist\nstepss: 18\nsigma_min: 90\n';
  const uri = await server.open(path.join(folder, 'a.edm.yaml'), text, 'yaml');
  const [unknown] = await server.diagnostics(uri);
  assert.deepEqual(unknown.range, { start: { line: 1, character: 0 }, end: { line: 1, character: 6 } });
  assert.equal(unknown.message, 'Unknown key "stepss": did you mean "steps"?');
  const [action] = (await server.connection.sendRequest(CodeActionRequest.type, {
    textDocument: { uri },
    range: unknown.range,
    context: { diagnostics: [unknown] },
  })) as CodeAction[];
  assert.deepEqual(action.edit?.changes?.[uri], [{ range: unknown.range, newText: 'steps' }]);
});

test('a run config: what only the named file can tell', async () => {
  const text = 'network: embedded:fashion-mnist\nclass: 10\n';
  const uri = await server.open(path.join(folder, 'class.edm.yaml'), text, 'yaml');
  const [found] = await server.diagnostics(uri, (list) => list.length > 0);
  assert.match(textOf(found.message), /class 10 is out of range: .* has classes 0 to 9/);
  assert.deepEqual(found.range.start, { line: 1, character: 7 });
});

test('completion and hover in a run config', async () => {
  const text = 'network: embedded:fashion-mnist\nS_\nfd:\n  \n';
  const uri = await server.open(path.join(folder, 'b.edm.yaml'), text, 'yaml');
  const at = async (line: number, character: number): Promise<CompletionItem[]> =>
    (await server.connection.sendRequest(CompletionRequest.type, {
      textDocument: { uri },
      position: { line, character },
    })) as CompletionItem[];
  const keys = await at(1, 2);
  const churn = keys.find(({ label }) => label === 'S_churn');
  assert.equal((churn?.textEdit as TextEdit).newText, 'S_churn: ');
  assert.ok(!keys.some(({ label }) => label === 'network'), 'a key that is there is not offered again');
  assert.deepEqual((await at(3, 2)).map(({ label }) => label).sort(), [
    'batch',
    'detector',
    'num',
    'reference',
    'repeats',
    'seed',
    'statistics',
  ]);

  const hover = await server.connection.sendRequest(HoverRequest.type, {
    textDocument: { uri },
    position: { line: 0, character: 2 },
  });
  assert.match((hover?.contents as MarkupContent).value, /\*\*network\*\*.*\n\nThe denoiser/);
});

test('lint tells of a cluster that a script names and no list has', () => {
  const place = temporaryFolder();
  mkdirSync(path.join(place, '.edm-workbench'));
  const script = '#!/bin/bash\n# edm-workbench: cluster=bta\n#SBATCH --time=1:00:00\nhostname\n';
  writeFileSync(path.join(place, 'job.slurm'), script);
  assert.doesNotMatch(cli(place, 'lint', 'job.slurm').stdout, /unknown-cluster/, 'nothing is known');
  writeFileSync(path.join(place, '.edm-workbench', 'clusters.yaml'), 'clusters:\n  - name: beta\n    host: a\n');
  assert.match(cli(place, 'lint', 'job.slurm').stdout, /^job\.slurm:2:26: warning: There is no cluster bta; known: beta.* \[unknown-cluster\]$/m); // prettier-ignore
});

test('lint tells of lists of clusters, of clusters that nobody knows, and of names that nobody reads', () => {
  const place = temporaryFolder();
  const write = (name: string, text: string): void => writeFileSync(path.join(place, name), text);
  mkdirSync(path.join(place, '.edm-workbench'));
  mkdirSync(path.join(place, 'configs'));
  const config = 'network: embedded:fashion-mnist\nseeds: 0-3\ncluster: beta\n';
  write('configs/i.edm.yaml', config);
  write('e.edm.yml', 'network: embedded:fashion-mnist\nstepz: 3\n');
  assert.deepEqual(cli(place, 'lint', 'configs/i.edm.yaml'), { status: 0, stdout: '', stderr: '' }, 'nothing is known');
  const list = '.edm-workbench/clusters.yaml';
  write(list, 'clusters:\n  - name: alpha\n    host: a\n');
  assert.match(cli(place, 'lint', 'configs/i.edm.yaml').stdout, /^configs\/i\.edm\.yaml:3:10: warning: No cluster beta; known: alpha(, this-machine)? \[unknown-cluster\]\n$/); // prettier-ignore
  assert.equal(cli(place, 'lint', list).status, 0);
  write(list, 'clusters:\n  - name: alpha\n    hosst: a\n');
  const both = cli(place, 'lint', list, 'e.edm.yml');
  assert.deepEqual(both.stdout.split('\n'), [
    '.edm-workbench/clusters.yaml:3:5: error: Unknown key "hosst": did you mean "host"? [unknown-key]',
    'e.edm.yml:1:1: error: Not a run config: name it e.edm.yaml, as files of any other name are not read [config-name]',
    '',
  ]);
  assert.equal(both.status, 1);
  assert.equal(cli(place, 'lint', 'configs/i.edm.yaml').stdout, '', 'a list that cannot be read tells nothing');
});

test('an editor that only opens a folder has its clusters checked', { timeout: 60_000 }, async (context) => {
  const place = temporaryFolder();
  mkdirSync(path.join(place, '.edm-workbench'));
  writeFileSync(path.join(place, '.edm-workbench', 'clusters.yaml'), 'clusters:\n  - name: alpha\n    host: a\n');
  const other = await TestServer.start([], place);
  context.after(() => other.stop());
  const text = 'network: embedded:fashion-mnist\nseeds: 0-3\ncluster: beta\n';
  const uri = await other.open(path.join(place, 'i.edm.yaml'), text, 'yaml');
  const [unknown] = await other.diagnostics(uri, (list) => list.length > 0);
  assert.match(textOf(unknown.message), /^No cluster beta; known: alpha/);
});

test('a script is linted without reading the code of other commands', () => {
  const place = temporaryFolder();
  writeFileSync(path.join(place, 'job.slurm'), SCRIPT);
  const spy = path.join(place, 'spy.cjs');
  writeFileSync(
    spy,
    `process.on('exit', () => {
      const files = Object.keys(require.cache).map((file) => require('node:path').basename(file));
      const heavy = process.moduleLoadList.filter((name) => /^NativeModule (?:child_process|crypto|net)$/.test(name));
      require('node:fs').writeFileSync('read.json', JSON.stringify({ files, heavy }));
    });`,
  );
  const read = (file: string): unknown => {
    // To a file: a pipe as its output would have Node itself load what sockets need.
    const out = openSync(path.join(place, 'out'), 'w');
    spawnSync(process.execPath, ['-r', spy, CLI, 'lint', file], { cwd: place, stdio: ['ignore', out, out] });
    closeSync(out);
    return JSON.parse(readFileSync(path.join(place, 'read.json'), 'utf8'));
  };
  assert.deepEqual(read('job.slurm'), { files: ['spy.cjs', 'cli.js', 'lint-alone.js'], heavy: [] });
  assert.ok(statSync(path.join(path.dirname(CLI), 'lint-alone.js')).size < 400_000, 'reading a program takes time too');
  writeFileSync(path.join(place, 'a.edm.yaml'), 'network: embedded:fashion-mnist\n');
  assert.match(JSON.stringify(read('a.edm.yaml')), /"lint-schemas\.js"/);
});

test('an interrupt ends the server at once: no command is under way in it', { timeout: 60_000 }, async () => {
  const other = await TestServer.start();
  const ended = once(other.process, 'exit');
  other.stop();
  assert.deepEqual(await ended, [null, 'SIGTERM']);
});
