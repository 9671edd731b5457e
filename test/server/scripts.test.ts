/** Scripts over a real connection, as an editor asks about them. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, test } from 'node:test';
import {
  CodeActionRequest,
  CompletionRequest,
  DefinitionRequest,
  DiagnosticRefreshRequest,
  DocumentDiagnosticRequest,
  DocumentLinkRequest,
  FoldingRangeRequest,
  InlayHintRequest,
  PrepareRenameRequest,
  PublishDiagnosticsNotification,
  ReferencesRequest,
  RenameRequest,
  SemanticTokensRangeRequest,
  SemanticTokensRequest,
  ShowMessageNotification,
  SignatureHelpRequest,
  type CodeAction,
  type CompletionItem,
  type FullDocumentDiagnosticReport,
  type Location,
  type Position,
  type Range,
  type TextDocumentPositionParams,
} from 'vscode-languageserver-protocol/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { TestServer, textOf } from './connection';
import { temporaryFolder } from './workspace';

let server: TestServer;
let folder: string;
const shown: string[] = [];
const published: string[] = [];
let refreshed = 0;

before(async () => {
  folder = temporaryFolder();
  mkdirSync(path.join(folder, '.edm-workbench'));
  mkdirSync(path.join(folder, 'logs'));
  writeFileSync(path.join(folder, '.edm-workbench', 'clusters.yaml'), 'clusters:\n  - name: athena\n    host: a\n');
  for (const name of ['net.pkl', 'env.sh', 'generate.py', 'i.sif']) writeFileSync(path.join(folder, name), '');
  server = await TestServer.start([], folder, {
    textDocument: { diagnostic: {}, completion: { completionItem: { insertReplaceSupport: true } } },
    workspace: { diagnostics: { refreshSupport: true } },
  });
  server.connection.onNotification(ShowMessageNotification.type, ({ message }) => void shown.push(message));
  server.connection.onNotification(PublishDiagnosticsNotification.type, ({ uri }) => void published.push(uri));
  server.connection.onRequest(DiagnosticRefreshRequest.type, () => void refreshed++);
});
after(() => server.stop());

/** Opens a script in which `|` marks the cursor. */
async function at(name: string, marked: string): Promise<TextDocumentPositionParams & { document: TextDocument }> {
  const offset = marked.indexOf('|');
  const text = marked.slice(0, offset) + marked.slice(offset + 1);
  const uri = await server.open(path.join(folder, name), text, 'shellscript');
  const document = TextDocument.create(uri, 'shellscript', 0, text);
  return { textDocument: { uri }, position: document.positionAt(offset), document };
}
const all = (document: TextDocument): Range => ({
  start: { line: 0, character: 0 },
  end: document.positionAt(document.getText().length),
});
const lines = (found: Location[]): number[] => found.map(({ range }) => range.start.line + 1);
const spot = ({ line, character }: Position): string => `${line + 1}:${character}`;

const JOB = '#!/bin/bash\n#SBATCH --time=1:00:00\n';

test('variables: definition, references and rename, through quotes and here-documents, inner scripts apart', async () => {
  const text = `${JOB}OUT=a
if [ -n "$1" ]; then OUT=b; fi
cat <<X
to \${OUT:-x}
X
cat > inner.slurm <<'END'
#!/bin/bash
#SBATCH --time=1:00:00
OUT=c; echo $OUT
END
echo '$OUT' "$O|UT"
OTHER=1
`;
  const place = await at('variables.slurm', text);
  const definitions = (await server.connection.sendRequest(DefinitionRequest.type, place)) as Location[];
  assert.deepEqual(lines(definitions), [3, 4], 'both may be what it is');
  const context = { includeDeclaration: true };
  const references = await server.connection.sendRequest(ReferencesRequest.type, { ...place, context });
  assert.deepEqual(lines(references ?? []), [3, 4, 6, 13]);
  const renamed = await server.connection.sendRequest(RenameRequest.type, { ...place, newName: 'DEST' });
  const after = TextDocument.applyEdits(place.document, renamed?.changes?.[place.textDocument.uri] ?? []);
  assert.match(after, /^DEST=a\nif \[ -n "\$1" \]; then DEST=b; fi\ncat <<X\nto \$\{DEST:-x\}\n/m);
  assert.match(after, /OUT=c; echo \$OUT\nEND\necho '\$OUT' "\$DEST"\n/);
  assert.match(shown.at(-1) ?? '', /OUT also stands in text for other programs \(lines 11, 13\)/);
  for (const [newName, why] of [
    ['OTHER', /OTHER already/],
    ['9a', /does not begin with a digit/],
    ['SLURM_MINE', /a meaning of its own/],
  ] as const)
    await assert.rejects(server.connection.sendRequest(RenameRequest.type, { ...place, newName }), { message: why });
  const own = await at('own.slurm', `${JOB}echo $SLURM_J|OB_ID\n`);
  await assert.rejects(server.connection.sendRequest(PrepareRenameRequest.type, own), {
    message: /not the script's own/,
  });
  const none = await at('none.slurm', `${JOB}ec|ho\n`);
  assert.equal(await server.connection.sendRequest(PrepareRenameRequest.type, none), null);
});

test('a variable that a directive sets for the job is set there', async () => {
  const place = await at('export.slurm', `${JOB}#SBATCH --export=ALL,DATA=/d\necho $DA|TA\n`);
  const found = (await server.connection.sendRequest(DefinitionRequest.type, place)) as Location[];
  assert.deepEqual(found.map(({ range }) => [spot(range.start), spot(range.end)]), [['3:21', '3:25']]); // prettier-ignore
});

test('folds: directives, comments, functions, loops, here-documents', async () => {
  const text = `${JOB}#SBATCH -n1\n# a\n# b\nf() {\n  for i in 1; do\n    cat <<X\n# no\n# no\nX\n  done\n}\n|`;
  const place = await at('folds.slurm', text);
  const found = await server.connection.sendRequest(FoldingRangeRequest.type, place);
  assert.deepEqual(
    found?.map(({ startLine, endLine, kind }) => [startLine + 1, endLine + 1, kind]),
    [
      [2, 3, 'region'],
      [4, 5, 'comment'],
      [6, 12, undefined],
      [7, 11, undefined],
      [8, 10, undefined],
    ],
  );
});

test('links: what is there in the workspace, and addresses', async () => {
  const text = `${JOB}#SBATCH --output=logs/%j.out\nsource ./env.sh\napptainer exec i.sif python generate.py --network=net.pkl --outdir=none/x\n# https://example.org/a.pkl.\ncat /etc/passwd ../../etc/passwd\n|`;
  const place = await at('links.slurm', text);
  const found = await server.connection.sendRequest(DocumentLinkRequest.type, place);
  const uri = (name: string): string => pathToFileURL(path.join(folder, name)).href;
  assert.deepEqual(
    found?.map(({ range, target }) => `${place.document.getText(range)} -> ${target}`).sort(),
    [
      `./env.sh -> ${uri('env.sh')}`,
      `generate.py -> ${uri('generate.py')}`,
      'https://example.org/a.pkl -> https://example.org/a.pkl',
      `i.sif -> ${uri('i.sif')}`,
      `logs/%j.out -> ${uri('logs')}`,
      `net.pkl -> ${uri('net.pkl')}`,
    ].sort(),
  );
});

test('signatures follow the cursor', async () => {
  const active = async (name: string, marked: string): Promise<string | undefined> => {
    const help = await server.connection.sendRequest(SignatureHelpRequest.type, await at(name, marked));
    const [signature] = help?.signatures ?? [];
    const label = signature?.parameters?.[help?.activeParameter ?? -1]?.label;
    return Array.isArray(label) ? signature?.label.slice(...label) : signature && 'none';
  };
  const slurm = (line: string): string => `#!/bin/bash\n${line}\n`;
  assert.equal(await active('a.slurm', slurm('#SBATCH --gres=g|pu:a100:4')), 'name');
  assert.equal(await active('b.slurm', slurm('#SBATCH --gres=gpu:a|100:4')), ':type');
  assert.equal(await active('c.slurm', slurm('#SBATCH --gres=gpu:a100:|')), ':count');
  assert.equal(await active('d.slurm', slurm('#SBATCH --gres=gpu:2|')), ':count');
  assert.equal(await active('e.slurm', slurm('#SBATCH --mem=2|')), undefined);
  assert.equal(await active('a.lsf', slurm('#BSUB -R "rusage[mem=8GB:du|ration=1]"')), 'duration');
  assert.equal(await active('b.lsf', slurm('#BSUB -R "rus|age[mem=8GB]"')), 'rusage[]');
  assert.equal(await active('c.lsf', slurm('#BSUB -gpu "num=1:mo|de=shared"')), 'mode=shared|exclusive_process');
  assert.equal(await active('f.slurm', `${JOB}srun --gres=gpu:|1 a\n`), ':count');
});

test('remarks: GPUs and nodes, the end, tasks and images, and none where it is not known', async () => {
  const labels = async (name: string, text: string): Promise<string[]> => {
    const place = await at(name, `${text}|`);
    const hints = await server.connection.sendRequest(InlayHintRequest.type, { ...place, range: all(place.document) });
    return (hints ?? []).map(({ label, position }) => `${position.line + 1} ${typeof label === 'string' ? label : ''}`);
  };
  const end = new Date(Date.now() + 3_600_000);
  const found = await labels(
    'remarks.slurm',
    '#!/bin/bash\n#SBATCH --nodes=2 --gres=gpu:a100:2\n#SBATCH --time=1:00:00\n#SBATCH --array=0-9%2\npython generate.py --seeds=0-49999\n',
  );
  assert.deepEqual(found.map((label) => label.replace(/most .* if/, 'most T if')), [
    '2 = 4 GPUs on 2 nodes',
    '3 ends at most T if it starts now',
    '4 = 10 tasks, 2 at a time',
    '5 = 50,000 images',
  ]); // prettier-ignore
  const minutes = [end, new Date(end.getTime() + 60_000)].map((time) => time.toTimeString().slice(0, 5));
  assert.ok(
    minutes.some((minute) => found[1].includes(` ${minute} `)),
    `${found[1]}, not ${minutes.join()}`,
  );
  assert.deepEqual(await labels('r1.slurm', '#!/bin/bash\n#SBATCH --nodes=1-2 --gres=gpu:2\n'), ['2 = 2 GPUs on each node']); // prettier-ignore
  assert.deepEqual(await labels('r2.slurm', '#!/bin/bash\n#SBATCH --gres=gpu:1 --time=0\n'), []);
  assert.deepEqual(await labels('r3.lsf', '#!/bin/bash\n#BSUB -n 8 -gpu num=2\n'), ['2 = 2 GPUs on each node']);
  assert.deepEqual(await labels('r4.lsf', '#!/bin/bash\n#BSUB -n 8 -R "span[ptile=4]" -gpu num=2\n'), ['2 = 4 GPUs on 2 nodes']); // prettier-ignore
  assert.deepEqual(await labels('r5.lsf', '#!/bin/bash\n#BSUB -J "a[1-10:2]%3"\n'), ['2 = 5 tasks, 3 at a time']);
});

test('colours of directives; what the scheduler does not read is a comment', async () => {
  const place = await at('tokens.slurm', '#!/bin/bash\n#SBATCH -J x --mail-type=END # y\n#SBATCH -o %x-%j.out\necho $SLURM_JOB_ID\n#SBATCH -n1\n|'); // prettier-ignore
  const { legend } = server.initialized.capabilities.semanticTokensProvider ?? assert.fail();
  const decode = (data: readonly number[]): string[] => {
    const found: string[] = [];
    let [line, character] = [0, 0];
    for (let i = 0; i < data.length; i += 5) {
      const [down = 0, right = 0, length = 0, type = 0] = data.slice(i, i + 4);
      [line, character] = [line + down, down ? right : character + right];
      const range = { start: { line, character }, end: { line, character: character + length } };
      found.push(`${line + 1} ${place.document.getText(range)} ${legend.tokenTypes[type]}`);
    }
    return found;
  };
  const whole = decode((await server.connection.sendRequest(SemanticTokensRequest.type, place))?.data ?? []);
  assert.deepEqual(whole, [
    '2 #SBATCH keyword',
    '2 -J property',
    '2 x string',
    '2 --mail-type property',
    '2 = operator',
    '2 END enumMember',
    '2 # y comment',
    '3 #SBATCH keyword',
    '3 -o property',
    '3 %x variable',
    '3 - string',
    '3 %j variable',
    '3 .out string',
    '4 SLURM_JOB_ID variable',
    '5 #SBATCH -n1 comment',
  ]);
  const range = { start: { line: 2, character: 0 }, end: { line: 3, character: 0 } };
  const part = decode((await server.connection.sendRequest(SemanticTokensRangeRequest.type, { ...place, range }))?.data ?? []); // prettier-ignore
  assert.deepEqual(part, whole.filter((token) => token.startsWith('3'))); // prettier-ignore
});

test('diagnostics are given to a client that asks, and are not pushed as well', async () => {
  const config = { textDocument: { uri: await server.open(path.join(folder, 'c.edm.yaml'), 'network: embedded:fashion-mnist\nclass: 10\n', 'yaml') } }; // prettier-ignore
  const place = await at('pull.slurm', '#!/bin/bash\n# edm-workbench: cluster=atena\n#SBATCH --ntaskz=1\n|');
  const ask = (previousResultId?: string): Promise<FullDocumentDiagnosticReport> =>
    server.connection.sendRequest(DocumentDiagnosticRequest.type, { ...place, previousResultId }) as Promise<FullDocumentDiagnosticReport>; // prettier-ignore
  const { kind, items, resultId } = await ask();
  assert.equal(kind, 'full');
  const codes = items.map(({ code }) => code);
  assert.ok(codes.includes('unknown-option') && codes.includes('unknown-cluster'), codes.join());
  assert.match(textOf(items.find(({ code }) => code === 'unknown-cluster')?.message ?? ''), /no cluster atena; known: athena/); // prettier-ignore
  assert.deepEqual(await ask(resultId), { kind: 'unchanged', resultId });
  await server.change(place.textDocument.uri, '#!/bin/bash\n#SBATCH --ntasks=1\n');
  assert.ok(!(await ask(resultId)).items.some(({ code }) => code === 'unknown-option'));
  const closed = { textDocument: { uri: pathToFileURL(path.join(folder, 'not-open.slurm')).href } };
  assert.deepEqual(((await server.connection.sendRequest(DocumentDiagnosticRequest.type, closed)) as FullDocumentDiagnosticReport).items, []); // prettier-ignore
  // What files tell comes with the answer, or is asked for again.
  for (const before = refreshed; ;) {
    const { items: found } = (await server.connection.sendRequest(DocumentDiagnosticRequest.type, config)) as FullDocumentDiagnosticReport; // prettier-ignore
    if (found.some(({ message }) => textOf(message).includes('class 10 is out of range'))) break;
    while (refreshed === before) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual(published, []);
});

test('actions of the kinds that are asked for', async () => {
  const place = await at('actions.slurm', '#!/bin/bash\n#SBATCH --accuont=x\n#SBATCH --array=1, 2\nhostname\n|');
  const kinds = async (context: { only?: string[]; triggerKind?: 1 | 2 }): Promise<string[]> => {
    const actions = (await server.connection.sendRequest(CodeActionRequest.type, {
      ...place,
      range: all(place.document),
      context: { diagnostics: [], ...context },
    })) as CodeAction[];
    return [...new Set(actions.map(({ kind = '' }) => kind))].sort();
  };
  const [fix, fixAll] = ['quickfix', 'source.fixAll.edmWorkbench'];
  assert.deepEqual(await kinds({}), [fix, fixAll]);
  assert.deepEqual(await kinds({ only: [] }), [fix, fixAll]);
  assert.deepEqual(await kinds({ only: [''] }), [fix, fixAll]);
  assert.deepEqual(await kinds({ only: ['quickfix'] }), [fix]);
  for (const kind of ['source', 'source.fixAll', fixAll]) assert.deepEqual(await kinds({ only: [kind] }), [fixAll]);
  assert.deepEqual(await kinds({ only: ['refactor', 'source.fixAll.other', 'quick'] }), []);
  assert.deepEqual(await kinds({ triggerKind: 2 }), [fix], 'the cursor has moved');
});

test('completion keeps or replaces what stands after the cursor, as the user chooses', async () => {
  const take = async (name: string, marked: string, label: string, how: 'insert' | 'replace'): Promise<string> => {
    const place = await at(name, `#!/bin/bash\n#SBATCH -N1\n${marked}\n`);
    const items = (await server.connection.sendRequest(CompletionRequest.type, place)) as CompletionItem[];
    const edit = items.find((item) => item.label === label)?.textEdit ?? assert.fail(`${label} in ${marked}`);
    const range = 'range' in edit ? edit.range : edit[how];
    return TextDocument.applyEdits(place.document, [{ range, newText: edit.newText }]).split('\n')[2];
  };
  for (const [marked, label, inserted, replaced] of [
    ['#SBATCH --ti|me=10 # x', '--time', '#SBATCH --timeme=10 # x', '#SBATCH --time=10 # x'],
    ['#SBATCH --gres=gpu:|1,nvme:2', 'gpu:2', '#SBATCH --gres=gpu:21,nvme:2', '#SBATCH --gres=gpu:2,nvme:2'],
    ['#SBATCH --mail-type=E|ND,FAIL', 'END', '#SBATCH --mail-type=ENDND,FAIL', '#SBATCH --mail-type=END,FAIL'],
    ['echo "${SLURM_J|OB_ID}/x"', 'SLURM_JOB_NAME', 'echo "${SLURM_JOB_NAMEOB_ID}/x"', 'echo "${SLURM_JOB_NAME}/x"'],
    ['srun --cpu-b|ind=none ./a', '--cpu-bind', 'srun --cpu-bindind=none ./a', 'srun --cpu-bind=none ./a'],
    ['# edm-workbench: cluster=a|x', 'athena', '# edm-workbench: cluster=athenax', '# edm-workbench: cluster=athena'],
    ['# edm-workbench: disable=log-folder,acc|', 'account-missing', '# edm-workbench: disable=log-folder,account-missing', '# edm-workbench: disable=log-folder,account-missing'], // prettier-ignore
  ] as const) {
    assert.equal(await take('keep.slurm', marked, label, 'insert'), inserted);
    assert.equal(await take('keep.slurm', marked, label, 'replace'), replaced);
  }
});
