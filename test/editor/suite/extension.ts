import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';

interface Manifest {
  contributes: { commands: { command: string; title: string }[] };
}

const folder = (): string => vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? assert.fail('no workspace');
const file = (name: string): vscode.Uri => vscode.Uri.file(path.join(folder(), name));

/** Waits until `value` returns something. */
async function eventually<T>(value: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 100_000;
  for (;;) {
    const found = await value();
    if (found !== undefined) return found;
    assert.ok(Date.now() < deadline, 'waited too long');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The rule's name; with a documentation link the editor keeps both in one object. */
function codeOf({ code }: vscode.Diagnostic): string {
  return String(typeof code === 'object' ? code.value : code);
}

async function open(name: string): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument(file(name));
  await vscode.window.showTextDocument(document);
  return document;
}

function finding(uri: vscode.Uri, code: string): Promise<vscode.Diagnostic> {
  return eventually(() => vscode.languages.getDiagnostics(uri).find((diagnostic) => codeOf(diagnostic) === code));
}

const tabs = (): string[] => vscode.window.tabGroups.all.flatMap((group) => group.tabs.map(({ label }) => label));

suite('the extension in the editor', () => {
  test('every command of package.json is there, with its title', async () => {
    const extension = vscode.extensions.getExtension('edm-workbench.edm-workbench') ?? assert.fail('not loaded');
    await extension.activate();
    const { contributes } = extension.packageJSON as Manifest;
    const registered = await vscode.commands.getCommands(true);
    for (const { command, title } of contributes.commands) {
      assert.ok(registered.includes(command), command);
      assert.ok(!title.startsWith('%'), `${command} has no title in package.nls.json`);
    }
  });

  test('a batch script stays shellscript and shows the GPU count that is given in two places', async () => {
    const document = await open('generate.slurm');
    assert.equal(document.languageId, 'shellscript');
    const { range, source } = await finding(document.uri, 'gpu-count');
    assert.match(document.getText(range), /nproc_per_node=1/);
    assert.equal(source, 'EDM Workbench');
  });

  test('the quick fix makes both counts the same', async () => {
    const document = await open('generate.slurm');
    const { range } = await finding(document.uri, 'gpu-count');
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      range,
    );
    const fix = actions.find(({ edit }) => edit) ?? assert.fail('no fix');
    await vscode.workspace.applyEdit(fix.edit ?? assert.fail());
    await eventually(() =>
      vscode.languages.getDiagnostics(document.uri).some((diagnostic) => codeOf(diagnostic) === 'gpu-count')
        ? undefined
        : true,
    );
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  test('a batch script: lenses, completion and hover in a directive and on srun, outline', async () => {
    const document = await open('full.slurm');
    await finding(document.uri, 'memory-without-unit');
    const lenses = await eventually(async () => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        document.uri,
        9,
      );
      const titles = found.flatMap(({ command }) => (command ? [command.title] : []));
      return titles.some((title) => title.endsWith('Convert to LSF')) ? titles : undefined;
    });
    for (const title of ['Submit', 'Dry run'])
      assert.ok(
        lenses.some((lens) => lens.endsWith(title)),
        lenses.join(),
      );

    const offered = async (line: number, character: number): Promise<string[]> => {
      const { items } = await vscode.commands.executeCommand<vscode.CompletionList>(
        'vscode.executeCompletionItemProvider',
        document.uri,
        new vscode.Position(line, character),
      );
      return items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    };
    assert.ok((await offered(5, '#SBATCH --'.length)).includes('--partition'));
    assert.ok((await offered(6, 'srun --'.length)).includes('--cpu-bind'));

    const explained = async (line: number, character: number): Promise<string> => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
        'vscode.executeHoverProvider',
        document.uri,
        new vscode.Position(line, character),
      );
      return hovers
        .flatMap(({ contents }) => contents as vscode.MarkdownString[])
        .map(({ value }) => value)
        .join('\n');
    };
    assert.match(await explained(4, '#SBATCH --m'.length), /--mem/);
    assert.match(await explained(6, 'srun --n'.length), /--ntasks/);

    const outline = await vscode.commands.executeCommand<vscode.DocumentSymbol[]>(
      'vscode.executeDocumentSymbolProvider',
      document.uri,
    );
    assert.deepEqual(
      outline.map(({ name }) => name),
      ['--job-name', '--account', '--gres', '--mem', '--switches', 'srun', 'torchrun', 'train.py'],
    );
  });

  test('a batch script: all fixes at once, and its directives in one form', async () => {
    const document = await open('full.slurm');
    await finding(document.uri, 'gpu-count');
    const broken = new vscode.WorkspaceEdit();
    broken.insert(document.uri, new vscode.Position(5, 0), '#SBATCH --array=1, 2\n');
    await vscode.workspace.applyEdit(broken);
    await finding(document.uri, 'unquoted-space');
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      new vscode.Range(0, 0, 0, 0),
      'source.fixAll.edmWorkbench',
    );
    const all = actions.find(({ title }) => title === 'Fix all in this script') ?? assert.fail('no fix');
    await vscode.workspace.applyEdit(all.edit ?? assert.fail());
    // What the job is and does stays as it is: those fixes are offered one by one.
    assert.match(document.getText(), /--array=1,2\n/);
    assert.match(document.getText(), /--mem=16\n/);
    assert.match(document.getText(), /--nproc_per_node=1/);
    const edits = await vscode.commands.executeCommand<vscode.TextEdit[]>(
      'vscode.executeFormatDocumentProvider',
      document.uri,
      {},
    );
    const edit = new vscode.WorkspaceEdit();
    edit.set(document.uri, edits);
    await vscode.workspace.applyEdit(edit);
    assert.match(document.getText(), /#SBATCH --job-name=edm\n.*\n#SBATCH --gres=gpu:2\n/);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  test('a batch script converted to LSF opens beside it, with a note of what LSF does not have', async () => {
    const document = await open('full.slurm');
    await vscode.commands.executeCommand('edmWorkbench.convertScript', document.uri);
    const converted = vscode.window.activeTextEditor?.document ?? assert.fail('no editor');
    assert.equal(converted.languageId, 'shellscript');
    const text = converted.getText();
    assert.match(text, /^#BSUB -J edm$/m);
    assert.match(text, /^#BSUB -gpu "num=2"$/m);
    assert.match(text, /^# Converted from Slurm\. Please check:\n(?:#.*\n)*#   line 6, --switches=1: /m);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  test('a run config: diagnostic at its key, completion, hover and the Run lens', async () => {
    const document = await open('wrong.edm.yaml');
    const { message, range } = await finding(document.uri, 'unknown-key');
    assert.equal(message, 'Unknown key "stepss": did you mean "steps"?');
    assert.equal(document.getText(range), 'stepss');
    const { items } = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      document.uri,
      new vscode.Position(2, 0),
    );
    assert.ok(items.some(({ label }) => label === 'sigma_max'));
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      new vscode.Position(0, 3),
    );
    assert.match(
      hovers
        .flatMap(({ contents }) => contents as vscode.MarkdownString[])
        .map(({ value }) => value)
        .join(),
      /denoiser/,
    );
    // There may be other lenses.
    await eventually(async () => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        document.uri,
        9,
      );
      return found.some(({ command }) => command?.command === 'edmWorkbench.runConfig') ? found : undefined;
    });
  });

  test('Run this config makes images and a record; samples and history open', async () => {
    const config = file('garments.edm.yaml');
    // Not awaited: the command ends when its closing notification is answered.
    void vscode.commands.executeCommand('edmWorkbench.runConfig', config);
    const history = path.join(folder(), '.edm-workbench', 'history.jsonl');
    const line = await eventually(() =>
      existsSync(history) ? readFileSync(history, 'utf8').trim() || undefined : undefined,
    );
    const record = JSON.parse(line) as { run: string; metric: string; num: number };
    assert.equal(record.metric, 'FD (fashion-mnist)');
    assert.equal(record.num, 8);
    const run = path.join(folder(), record.run);
    await eventually(() =>
      (JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as { status: string }).status === 'complete'
        ? true
        : undefined,
    );

    await vscode.commands.executeCommand('edmWorkbench.showSamples', vscode.Uri.file(run));
    await eventually(() => tabs().find((label) => label === path.basename(run)));
    await open('garments.edm.yaml');
    await vscode.commands.executeCommand('edmWorkbench.showHistory');
    await eventually(() => tabs().find((label) => label === 'History'));
  });

  test('Compute FID of this folder asks for the reference, measures and adds a record', async () => {
    const history = path.join(folder(), '.edm-workbench', 'history.jsonl');
    const lines = (): string[] => readFileSync(history, 'utf8').trim().split('\n');
    const before = lines();
    const { run } = JSON.parse(before.at(-1) ?? '') as { run: string };
    // Not awaited, as above.
    void vscode.commands.executeCommand('edmWorkbench.measure', file(path.join(run, 'images')));
    const line = await eventually(async () => {
      // Accepts the reference that is offered, as soon as the question is there.
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      return lines()[before.length];
    });
    const record = JSON.parse(line) as {
      metric: string;
      num: number;
      detector: { sha256: string };
      reference: { name: string; sha256: string };
    };
    assert.deepEqual(
      [record.metric, record.num, record.reference.name],
      ['FD (fashion-mnist)', 8, 'embedded:fashion-mnist'],
    );
    for (const { sha256 } of [record.detector, record.reference]) assert.match(sha256, /^[0-9a-f]{64}$/);
  });

  test('Check my setup says what is here', async () => {
    await open('garments.edm.yaml');
    await vscode.commands.executeCommand('edmWorkbench.doctor');
    const text = vscode.window.activeTextEditor?.document.getText() ?? '';
    for (const topic of ['git (found)', 'Embedded model (found)', 'ONNX Runtime (found)'])
      assert.ok(text.includes(topic), text);
  });
});
