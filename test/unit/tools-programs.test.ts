/** Programs that our own tools start, also where their paths have spaces, and the batch files of Windows. */
import assert from 'node:assert/strict';
import { copyFileSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { onPath, runQuietly, startOf, startSync } from '../../tools/programs.mjs';
import { ROOT, temporaryFolder } from '../server/workspace';

/** Words with everything that a shell could take for more than a letter. */
const WORDS = [
  'a b', '', 'plain', '100%', '%PATH%', 'a&b', 'a|b', 'a<b>c', 'a^b', '(x86)', 'a!b', "it's", 'a;b,c', '*?', '$HOME', '`id`',
  'C:\\My Folder\\', 'back\\slash', '~', '--x=C:\\Program Files\\a b', 'ä',
]; // prettier-ignore

/** A folder like `C:\Program Files (x86)`. */
const folder = path.join(temporaryFolder(), 'Program Files (x86) & more');
mkdirSync(folder);

test('Node in a folder with spaces is started by its path, by its name, and by itself, with every argument whole', async () => {
  const node = path.join(folder, 'node');
  // A link would be followed by Node itself, which then calls itself by the other name.
  try {
    linkSync(process.execPath, node);
  } catch {
    copyFileSync(process.execPath, node);
  }
  const print = ['-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--'];
  for (const [command, env] of [
    [node, process.env],
    ['node', { ...process.env, PATH: folder }],
  ] as const) {
    const { stdout, status } = startSync(command, [...print, ...WORDS], { env });
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), WORDS);
  }
  // As `npm start` and `npm test` start everything: a tool that calls the Node that runs it.
  const tool = path.join(folder, 'a tool.mjs');
  const programs = JSON.stringify(path.join(ROOT, 'tools', 'programs.mjs'));
  const inner = path.join(folder, 'inner file.mjs');
  writeFileSync(inner, 'process.exit(process.argv[2] === "a b" && process.execPath === process.argv[3] ? 0 : 1)');
  writeFileSync(
    tool,
    `import { runQuietly } from ${programs};\nawait runQuietly(process.execPath, [${JSON.stringify(inner)}, 'a b', process.execPath]);\nconsole.log(process.execPath);`,
  );
  const { stdout } = startSync(node, [tool], { cwd: folder });
  assert.equal(stdout.trim(), node);
  await assert.rejects(runQuietly(node, ['-e', 'process.exit(3)']), /node .* ended with 3/);
});

/** What cmd.exe hands on of a line: `^` takes the meaning from the next character, and nothing else may have one. */
function readByCmd(line: string): string {
  let said = '';
  let isQuoted = false;
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? '';
    if (character === '^' && !isQuoted) {
      said += line[++at] ?? '';
      continue;
    }
    if (character === '"') isQuoted = !isQuoted;
    assert.ok(isQuoted || !/[&|<>()%!]/.test(character), `${character} has a meaning in ${line}`);
    said += character;
  }
  return said;
}

/** The arguments that a program of Windows makes of its command line (CommandLineToArgvW). */
function argumentsOf(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\+(?!["\\])|(?:\\\\)+(?="))*)"|\S+/g)].map(([whole, inner]) =>
    inner === undefined ? whole : inner.replace(/(?:\\\\)+$/, (slashes) => slashes.slice(slashes.length / 2)),
  );
}

test('a batch file of Windows gets every argument whole, through both readings of the line', () => {
  const file = 'C:\\Program Files\\Microsoft VS Code\\bin\\code.cmd';
  const env = { ComSpec: 'C:\\Windows\\System32\\cmd.exe' };
  const start = startOf(file, WORDS, { platform: 'win32', env });
  assert.equal(start.file, env.ComSpec);
  assert.equal(start.windowsVerbatimArguments, true);
  const [line = ''] = start.args.slice(3);
  assert.deepEqual(start.args.slice(0, 3), ['/d', '/s', '/c']);
  assert.match(line, /^".*"$/s);
  const once = readByCmd(line.slice(1, -1));
  const [program = '', ...words] = argumentsOf(once);
  assert.equal(program, file);
  assert.deepEqual(words, WORDS);
  // The batch file's `%*` is read a second time: everything special is in quotes by then.
  const special = once.replace(/"[^"]*"/g, '');
  assert.doesNotMatch(special, /[&|<>()^%!]/);
  for (const word of ['a"b', 'a\nb', 'a\rb', 'a\0b'])
    assert.throws(() => startOf(file, [word], { platform: 'win32', env }), /cannot be given/);
});

test('what needs a shell is decided by its ending', () => {
  const node = 'C:\\Program Files\\nodejs\\node.exe';
  assert.deepEqual(startOf(node, ['a b'], { platform: 'win32', env: {} }), { file: node, args: ['a b'] });
  assert.match(startOf('C:\\x\\NPM.CMD', [], { platform: 'win32', env: {} }).file, /cmd\.exe$/);
  assert.deepEqual(startOf('/opt/a.cmd', ['x'], { platform: 'linux' }), { file: '/opt/a.cmd', args: ['x'] });
});

test('a program is looked for on PATH, never in the folder that is worked in', () => {
  writeFileSync(path.join(folder, 'tool'), '#!/bin/sh\n', { mode: 0o755 });
  const PATH = ['', '.', 'bin', folder].join(path.delimiter);
  assert.deepEqual(onPath('tool', { env: { PATH } }), [path.join(folder, 'tool')]);
  assert.deepEqual(onPath('tool', { env: { PATH: '.:' } }), []);
});

test('only programs.mjs starts programs', () => {
  const tools = readdirSync(path.join(ROOT, 'tools')).filter((name) => /\.m?[jt]s$/.test(name));
  const starting = tools.filter((name) =>
    /from 'node:child_process'/.test(readFileSync(path.join(ROOT, 'tools', name), 'utf8')),
  );
  assert.deepEqual(starting, ['programs.mjs']);
});
