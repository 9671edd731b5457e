/** Text from workspaces and clusters that a terminal would obey, or that reads backwards: it comes out of no command. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import {
  CodeActionRequest,
  DocumentSymbolRequest,
  HoverRequest,
  type MarkupContent,
} from 'vscode-languageserver-protocol/node';
import * as protocol from '../../server/shared/protocol';
import { noticeText, plainJson, plainLine, plainText, plainValue } from '../../server/shared/plain-text';
import { makeCode, makeRecord } from '../unit/history-records';
import { TestServer, textOf } from './connection';
import { CLI, repository, temporaryFolder, type Ran } from './workspace';

/** A title for the window, a bell, a C1 sequence, a text that reads backwards, a line of its own, and a link. */
const EVIL = '\x1b]0;OWNED\x07\x1b[2J\x9b31m\u202egnp.exe\u2066\u2028\x7f[x](command:foo)';
/** What no terminal may get. Line ends and tabs are ours. */
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

const base = temporaryFolder();
const [home, bin] = [path.join(base, 'home'), path.join(base, 'bin')];
const environment: NodeJS.ProcessEnv = {
  ...process.env,
  HOME: home,
  XDG_STATE_HOME: path.join(base, 'state'),
  PATH: `${bin}:${process.env.PATH}`,
};
let folder: string;

/** A stand-in for Slurm whose every free text is hostile. */
const SQUEUE = `#!${process.execPath}
const args = process.argv.slice(2);
if (args.includes('--version')) { console.log('slurm 22.05.8'); process.exit(0); }
const format = args[args.indexOf('-O') + 1] ?? '';
const evil = ${JSON.stringify(EVIL)};
const values = { JobArrayID: '42', ArrayJobID: '42', ArrayTaskID: 'N/A', JobID: '42', State: 'RUNNING', TimeUsed: '1:00', TimeLimit: '1:00:00', NumCPUs: '1', NumNodes: '1', STDOUT: ${JSON.stringify(path.join(base, 'job.out'))}, STDERR: '/dev/null' };
process.stdout.write(format.split(',').map((field) => { const [name, end] = [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1)]; return (values[name] ?? evil) + end; }).join(''));
`;
const OTHER = `#!/bin/sh\n[ "$1" != --version ] || { echo 'slurm 22.05.8'; exit 0; }\nprintf '%b' "$EVIL" >&2; exit 1\n`;

before(() => {
  for (const made of [home, bin]) mkdirSync(made);
  const programs = { squeue: SQUEUE, sbatch: OTHER, scontrol: OTHER, scancel: OTHER, sacct: OTHER, sinfo: OTHER };
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(path.join(bin, name), text);
    chmodSync(path.join(bin, name), 0o755);
  }
  environment.EVIL = EVIL;
  writeFileSync(path.join(base, 'job.out'), `${EVIL}\nRuntimeError: CUDA out of memory ${EVIL}\n`);
  const record = makeRecord({ name: EVIL, code: { ...makeCode('a', '2026-11-20T10:00:00Z'), subject: EVIL, branch: EVIL }, reference: { name: EVIL, sha256: 'r'.repeat(64) }, metric: `FD (${EVIL})` }); // prettier-ignore
  const dispatch = {
    ...{
      version: 1,
      token: 'abcdefghijkmnpqr',
      cluster: 'here',
      engine: 'workbench',
      name: EVIL,
      config_file: 'a.edm.yaml',
    },
    ...{
      state: 'failed',
      created: '2026-11-01T00:00:00Z',
      checkout: '0'.repeat(40),
      fingerprint: 'f',
      seeds: '0-1',
      images: 2,
    },
    code: { ...makeCode('b', '2026-11-20T10:00:00Z'), subject: EVIL },
    ...{ run: 'r', folder: '/nowhere', jobs: [], fetched: [], notes: [EVIL], error: EVIL },
  };
  folder = repository({
    'a.slurm': `#!/bin/bash\n#SBATCH --no${EVIL}such=1\n#SBATCH --time=${EVIL}\n#SBATCH --job-name="${EVIL}"\nsrun x ${EVIL}\n`,
    [`b${EVIL.replaceAll('/', '')}.slurm`]: '#!/bin/bash\n#SBATCH --nosuch=1\n',
    'a.edm.yaml': `network: "${EVIL.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"\n"st\\u001b[31meps": 2\nsampler: "\\u202ex"\n`,
    'b.edm.yaml': `network: ${EVIL.replace(/[^ -~]/g, '\u009b')}\nsteps: "\u009b[31m\u202e"\n`,
    'snapshot.json': `{"${'\\u001b'}[31m": 1}`,
    '.edm-workbench/clusters.yaml': 'clusters:\n  - {name: here, local: true, scheduler: slurm}\n',
    '.edm-workbench/history.jsonl': `${JSON.stringify(record)}\n${JSON.stringify({ ...record, id: EVIL, extra: EVIL })}\n{${EVIL.replaceAll('\u2028', '')}\n`,
    '.edm-workbench/dispatches/a.json': JSON.stringify(dispatch),
    [`.edm-workbench/dispatches/b${EVIL.replaceAll('/', '')}.json`]: `{${EVIL}`,
  });
  assert.equal(run('clusters', 'allow', '--yes').status, 0);
});

function run(...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync('setsid', ['-w', process.execPath, CLI, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: environment,
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

test('no command sends a terminal what it would obey, and JSON has it as data', () => {
  const strange = `b${EVIL.replaceAll('/', '')}.slurm`;
  const commands: [args: string[], json?: boolean][] = [
    [['lint', 'a.slurm', strange, 'a.edm.yaml', 'b.edm.yaml']],
    [['lint', '--format', 'json', 'a.slurm', strange, 'a.edm.yaml', 'b.edm.yaml'], true],
    [['lint', '--format', 'sarif', 'a.slurm', strange, 'a.edm.yaml', 'b.edm.yaml'], true],
    [['lint', 'a.slurm', '--snapshot', 'snapshot.json']],
    [['lint', EVIL]],
    [['run', 'b.edm.yaml']],
    [['run', `${EVIL}.edm.yaml`]],
    [['generate', '--network', EVIL, '--outdir', 'out', '--seeds', '0']],
    [['import', EVIL, '-o', 'x.onnx']],
    [['fid', 'calc', '--images', EVIL, '--ref', EVIL]],
    [['history']],
    [['history', '--json'], true],
    [['doctor']],
    [['clusters']],
    [['clusters', EVIL]],
    [['queue', '--cluster', EVIL]],
    [['queue', '--cluster', 'here']],
    [['queue', '--cluster', 'here', '--json'], true],
    [['job', '42', '--cluster', 'here']],
    [['job', '42', '--cluster', 'here', '--json'], true],
    [['cancel', '42', '--cluster', 'here']],
    [['submit', 'a.slurm', '--cluster', 'here']],
    [['submit', 'a.slurm', '--cluster', 'here', '--dry-run']],
    [['submit', 'b.edm.yaml', '--cluster', 'here']],
    [['snapshot', '--cluster', 'here', '-o', 'out.json']],
    [['pull', '--cluster', 'here']],
    [['pull', '--cluster', 'here', '--json'], true],
    [['pull', 'abc', '--cluster', 'here', '--images']],
    [[EVIL]],
    [['lint', `--${EVIL}`]],
  ];
  let spoken = '';
  for (const [args, json] of commands) {
    const { stdout, stderr } = run(...args);
    for (const text of [stdout, stderr])
      assert.ok(!OBEYED.test(text), `${args.map((one) => JSON.stringify(one)).join(' ')}: ${JSON.stringify(OBEYED.exec(text))} in ${JSON.stringify(text.slice(0, 2000))}`); // prettier-ignore
    if (json) assert.doesNotThrow(() => JSON.parse(stdout) as unknown, args.join(' '));
    assert.ok(stdout + stderr !== '', `${args.join(' ')} says something`);
    spoken += stdout + stderr;
  }
  assert.ok(spoken.split('OWNED').length > 20, 'this test can see the texts come out');
  const [first] = JSON.parse(run('history', '--json').stdout) as { code: { subject: string } }[];
  assert.equal(first?.code.subject, EVIL, 'the data itself is whole');
});

test('a log that is followed, and what is explained from it', () => {
  const { stdout, stderr } = spawnSync('timeout', ['-s', 'INT', '4', process.execPath, CLI, 'logs', '42', '--cluster', 'here'], { cwd: folder, encoding: 'utf8', env: environment }); // prettier-ignore
  assert.match(stdout, /OWNED/);
  assert.ok(!OBEYED.test(stdout) && !OBEYED.test(stderr), JSON.stringify(stdout));
});

test('the editor gets diagnostics, fixes, outlines and errors without it, and no hover has a link from a script', async () => {
  const server = await TestServer.start([
    'env',
    ...['HOME', 'PATH', 'EVIL', 'XDG_STATE_HOME'].map((name) => `${name}=${environment[name] ?? ''}`),
  ]);
  try {
    const texts: string[] = [];
    const files: [name: string, language: string, text: string][] = [
      [
        'a.slurm',
        'shellscript',
        `#!/bin/bash\n#SBATCH --no${EVIL}such=1\n#SBATCH --time=${EVIL}\n#SBATCH --job-name="${EVIL}"\nsrun --jobname=${EVIL} x\n`,
      ],
      [
        'a.edm.yaml',
        'yaml',
        `network: "\\u001b[31m[x](command:foo)"\n"st\\u001b[31meps": 2\nsolver: "\\u202e[x](command:foo)"\n`,
      ],
    ];
    for (const [name, language, text] of files) {
      const uri = await server.open(path.join(folder, name), text, language);
      const found = await server.diagnostics(uri, (all) => all.length > 0);
      texts.push(...found.map(({ message }) => textOf(message)));
      const range = { start: { line: 0, character: 0 }, end: { line: 9, character: 0 } };
      const actions = await server.connection.sendRequest(CodeActionRequest.type, {
        textDocument: { uri },
        range,
        context: { diagnostics: found },
      });
      texts.push(...(actions ?? []).map(({ title }) => title));
      const symbols = await server.connection.sendRequest(DocumentSymbolRequest.type, { textDocument: { uri } });
      texts.push(...(symbols ?? []).flatMap((one) => [one.name, 'detail' in one ? (one.detail ?? '') : '']));
      for (const [line, content] of text.split('\n').entries())
        for (let character = 0; character < content.length; character += 3) {
          const hover = await server.connection.sendRequest(HoverRequest.type, {
            textDocument: { uri },
            position: { line, character },
          });
          const { value = '' } = (hover?.contents ?? {}) as Partial<MarkupContent>;
          assert.doesNotMatch(value, /command:|OWNED/);
        }
    }
    await server.connection.sendRequest(protocol.clustersRequest, { folders: [folder] });
    const failed = await server.connection.sendRequest(protocol.submitRequest, { cluster: 'here', script: path.join(folder, 'a.slurm') }).then(() => '', String); // prettier-ignore
    texts.push(failed);
    assert.match(texts.join(), /OWNED/);
    for (const text of texts) assert.ok(!OBEYED.test(text), JSON.stringify(text));
  } finally {
    server.stop();
  }
});

test('plain text: what acts becomes visible, and everything else stays', () => {
  assert.equal(plainText('a\tb\nc\r\nd żółć 中 🙂'), 'a\tb\nc\r\nd żółć 中 🙂');
  assert.equal(
    plainText('\x1b[31m\x07\x9b\u202e\u2066\u2028\x7f\rx'),
    '\\x1b[31m\\x07\\x9b\\u202e\\u2066\\u2028\\x7f\\x0dx',
  );
  assert.equal(plainText('\ud800x\udc00'), '\\ud800x\\udc00');
  assert.equal(plainLine('a\r\nb\tc\rd'), 'a b c d');
  assert.equal(noticeText('[x](command:foo) $(trash)'), '[x] (command:foo) $ (trash)');
  assert.equal(noticeText('x'.repeat(600)).length, 501);
  assert.deepEqual(plainValue({ a: ['\x1b', { b: '\u202e' }], n: 1, z: null, u: undefined }), { a: ['\\x1b', { b: '\\u202e' }], n: 1, z: null, u: undefined }); // prettier-ignore
  const value = { [EVIL]: [EVIL, '\ud800'] };
  assert.deepEqual(JSON.parse(plainJson(value, 2)), value);
  assert.ok(!OBEYED.test(plainJson(value).replaceAll('\n', '')));
});
