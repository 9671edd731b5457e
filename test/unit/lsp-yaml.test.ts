/** Run configs and lists of clusters as languages of the editor: what is found, proposed and told at a place. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { TextEdit } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { codeActions, completion, diagnostics, hover, NOTHING_KNOWN } from '../../server/lsp/documents';
import { classesOf } from '../../server/runs/assist';
import { textOf } from '../server/connection';

const CLUSTERS = 'file:///w/.edm-workbench/clusters.yaml';
const CONFIG = 'file:///w/i.edm.yaml';

/** A document, and the position of `|` in its text. */
function at(uri: string, marked: string): { document: TextDocument; position: { line: number; character: number } } {
  const offset = marked.indexOf('|');
  const text = offset < 0 ? marked : marked.slice(0, offset) + marked.slice(offset + 1);
  const document = TextDocument.create(uri, 'yaml', 1, text);
  return { document, position: document.positionAt(Math.max(offset, 0)) };
}

const labels = (uri: string, marked: string, clusters?: string[]): string[] => {
  const { document, position } = at(uri, marked);
  return completion(document, position, { ...NOTHING_KNOWN, clusters }).map(({ label }) => label);
};

const found = (uri: string, text: string, clusters?: string[]): string[] =>
  diagnostics(at(uri, text).document, { ...NOTHING_KNOWN, clusters }).map(
    ({ range: { start }, message }) => `${start.line}:${start.character} ${textOf(message)}`,
  );

test('problems of a list of clusters are shown at their places, with the change that repairs them', () => {
  const text = 'clusters:\n  - name: alpha\n    hosst: alpha-login\n    poll_seconds: 2\n    scheduler: slrum\n';
  assert.deepEqual(found(CLUSTERS, text), [
    '2:4 Unknown key "hosst": did you mean "host"?',
    '3:18 poll_seconds must be at least 10',
    '4:15 scheduler must be one of auto, slurm, lsf',
  ]);
  const { document } = at(CLUSTERS, text);
  const shown = diagnostics(document, NOTHING_KNOWN);
  const changes = codeActions(document, shown[0].range, { diagnostics: shown }, NOTHING_KNOWN).flatMap(
    ({ edit }) => edit?.changes?.[CLUSTERS] ?? [],
  );
  const repaired = TextDocument.applyEdits(document, changes);
  assert.deepEqual(found(CLUSTERS, repaired), []);
  assert.deepEqual(found(CLUSTERS, 'cluster:\n  - name: a\n    local: true\n').length, 2);
  assert.deepEqual(found(CLUSTERS, 'clusters: [\n').length > 0, true);
  assert.match(found(CLUSTERS, 'clusters:\n  - name: a\n    host: a\n  - name: a\n    host: b\n').join(), /^3:10 There are two clusters named "a"$/); // prettier-ignore
});

test('keys and values of a list of clusters are proposed, also on the line of the dash', () => {
  const keys = labels(CLUSTERS, 'clusters:\n  - name: alpha\n    host: a\n    |\n    local: false\n  - name: b\n');
  assert.deepEqual([keys.includes('scheduler'), keys.includes('host'), keys.includes('local'), keys.includes('name')], [true, false, false, false]); // prettier-ignore
  for (const start of ['clusters:\n  - |', 'clusters:\n- |', 'clusters:\n  - n|\n', 'clusters:\n  -\n    |'])
    assert.ok(labels(CLUSTERS, start).includes('name'), start);
  assert.deepEqual(labels(CLUSTERS, 'clusters:\n  - name: a\n    scheduler: |\n'), ['auto', 'slurm', 'lsf']);
  assert.deepEqual(labels(CLUSTERS, 'clusters:\n- scheduler: s|\n'), ['auto', 'slurm', 'lsf']);
  assert.deepEqual(labels(CLUSTERS, '|'), ['clusters']);
  const rules = labels(CLUSTERS, 'clusters:\n  - name: a\n    disabled_rules:\n      - |\n    host: b\n');
  assert.ok(rules.includes('memory-without-unit') && !rules.includes('name'), rules.slice(0, 3).join());
});

test('what is proposed is right when it is inserted', () => {
  const inserted = (uri: string, marked: string, wanted: string): string => {
    const { document, position } = at(uri, marked);
    const item = completion(document, position, NOTHING_KNOWN).find(({ label }) => label === wanted);
    return TextDocument.applyEdits(document, [item?.textEdit as TextEdit]);
  };
  assert.equal(inserted(CLUSTERS, '|', 'clusters'), 'clusters:\n  - name: ');
  const list = 'clusters:\n  - name: a\n';
  assert.equal(inserted(CLUSTERS, `${list}    |`, 'setup'), `${list}    setup:\n      - `);
  assert.equal(inserted(CONFIG, 'network: n\nf|', 'fd'), 'network: n\nfd:\n  reference: ');
});

test('a key of a list of clusters tells what it is', () => {
  const { document, position } = at(CLUSTERS, 'clusters:\n  - na|me: a\n    work_folder: x\n');
  assert.match(JSON.stringify(hover(document, position, NOTHING_KNOWN)), /Your name for the cluster/);
  const below = { line: 2, character: 6 };
  assert.match(JSON.stringify(hover(document, below, NOTHING_KNOWN)), /default ~\/edm-workbench/);
});

test('a cluster that nobody knows is told and the known ones are proposed; what is not known is not judged', () => {
  const text = 'network: embedded:fashion-mnist\nseeds: 0-3\ncluster: bata\n';
  assert.deepEqual(found(CONFIG, text, ['alpha', 'beta']), ['2:9 No cluster bata; known: alpha, beta']);
  assert.deepEqual(found(CONFIG, text, []).length, 1);
  assert.deepEqual(found(CONFIG, text), []);
  assert.deepEqual(found(CONFIG, text.replace('bata', 'beta'), ['alpha', 'beta']), []);
  assert.deepEqual(labels(CONFIG, 'network: n\ncluster: |\n', ['alpha', 'beta']), ['alpha', 'beta']);
});

test('a file that is not read because of its name says so', () => {
  for (const [uri, name] of [
    ['file:///w/a%20b.edm.yml', 'a b.edm.yaml'],
    ['file:///w/e.EDM.YAML', 'e.edm.yaml'],
    ['file:///w/.edm-workbench/clusters.yml', 'clusters.yaml'],
    ['file:///w/.edm-workbench/cluster.yaml', 'clusters.yaml'],
  ])
    assert.match(found(uri, 'network: x\n').join('\n'), new RegExp(`^0:0 Not .*: name it ${name},`), uri);
  for (const uri of ['file:///w/other.yml', 'file:///w/.edm-workbench/notes.yaml'])
    assert.deepEqual(found(uri, 'a: b\n'), []);
});

test('files, published addresses and classes are proposed for a run config, of what is there', async () => {
  const root = mkdtempSync(path.join(tmpdir(), 'files-'));
  const proposed = (marked: string, config?: { base?: string; classes?: number }): string[] => {
    const { document, position } = at(CONFIG, marked);
    return completion(document, position, { ...NOTHING_KNOWN, config }).map(({ label }) => label);
  };
  try {
    const base = path.join(root, 'configs');
    for (const folder of ['.git', 'configs/nets', 'refs', 'runs/a/images', 'node_modules'])
      mkdirSync(path.join(root, folder), { recursive: true });
    for (const file of [
      'configs/nets/a b.pkl',
      'configs/c.onnx',
      'refs/r.npz',
      'refs/#odd.npz',
      'node_modules/x.npz',
      '.git/y.npz',
    ])
      writeFileSync(path.join(root, file), '');
    symlinkSync(root, path.join(base, 'loop'));
    const files = (list: string[]): string[] => list.filter((one) => !/^(?:https|embedded):/.test(one));
    assert.deepEqual(files(proposed('network: |', { base })), ['c.onnx', 'nets/a b.pkl']);
    assert.deepEqual(files(proposed('network: n\nfid:\n  reference: |', { base })), [
      '"../refs/#odd.npz"',
      '../refs/r.npz',
    ]);
    assert.deepEqual(files(proposed('network: |')), []);
    const network = 'https://nvlabs-fi-cdn.nvidia.com/edm/pretrained/edm-cifar10-32x32-cond-vp.pkl';
    assert.ok(proposed('network: |').includes(network) && proposed('network: |').includes('embedded:fashion-mnist'));
    assert.ok(!proposed('network: n\nfid:\n  detector: |').includes(network));

    assert.deepEqual(proposed('network: n\nclass: |', { classes: 3 }), ['0', '1', '2']);
    assert.deepEqual(proposed('network: n\nclass: |', { classes: 0 }), []);
    assert.equal(await classesOf(`network: ${network}\nclass: \n`, base), 10);
    assert.equal(await classesOf('network: embedded:fashion-mnist\nclass: \n', base), 10);
    assert.equal(await classesOf(`network: ${network.replace('cond', 'uncond')}\n`, base), 0);
    for (const unknown of ['network: none.pkl\n', 'network: refs\n', 'class: \n', 'network: [\n', ''])
      assert.equal(await classesOf(unknown, base), undefined, unknown);
  } finally {
    rmSync(root, { recursive: true });
  }
});
