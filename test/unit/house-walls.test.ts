/** The walls of tools/rooms.mjs, held against every import: static, dynamic and of types. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { ENTRIES, GUARDED_PACKAGES, MARKS, ROOMS, roomOf, roomsTable, wallRules } from '../../tools/rooms.mjs';

const ROOT = path.join(__dirname, '..', '..');

interface Import {
  from: string;
  /** A file of the project, relative to it, or a package. */
  to: string;
  isPackage: boolean;
}

const files = ['client', 'media', 'server'].flatMap((folder) =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name.split(path.sep).join('/')}`),
);

function importsOf(file: string): Import[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(path.join(ROOT, file), 'utf8'), true, true);
  return importedFiles.flatMap(({ fileName }): Import[] => {
    if (!fileName.startsWith('.')) return [{ from: file, to: fileName, isPackage: true }];
    const target = path.posix.join(path.posix.dirname(file), fileName);
    const found = [`${target}.ts`, `${target}/index.ts`, target].find((name) => files.includes(name));
    // JSON and style sheets have no walls.
    return found ? [{ from: file, to: found, isPackage: false }] : [];
  });
}

const imports = files.flatMap(importsOf);

/** Which wall an import goes through; undefined where it may. */
function wall({ from, to, isPackage }: Import): string | undefined {
  const room = roomOf(from);
  if (!room) return undefined;
  if (isPackage) {
    const guarded = GUARDED_PACKAGES.find((name) => to === name || to.startsWith(`${name}/`));
    const may = guarded === undefined || room.packages?.includes(guarded);
    return may ? undefined : `${from} imports the package ${to}: the room ${room.name} may not`;
  }
  const other = roomOf(to);
  if (other && (other === room || room.may.includes(other.name))) return undefined;
  return `${from} imports ${to}: the room ${room.name} may import ${room.may.join(', ') || 'nothing'}`;
}

test('every import stays within the walls', () => {
  assert.ok(imports.length > 500, 'the imports are read');
  assert.deepEqual(
    imports.map(wall).filter((found) => found !== undefined),
    [],
  );
});

test('a forbidden import is noticed, of a room and of a package', () => {
  const found = (from: string, to: string, isPackage = false) => wall({ from, to, isPackage });
  assert.match(found('server/fid/frechet-distance.ts', 'server/compute/worker.ts') ?? '', /room fid may import/);
  assert.match(found('media/rows.ts', 'server/errors.ts') ?? '', /room media may import shared/);
  assert.match(found('server/scripts/hover.ts', 'vscode-languageserver/node', true) ?? '', /room scripts/);
});

test('ONNX Runtime is loaded by the one file that switches its telemetry off first', () => {
  const loading = imports.filter(({ to }) => /^onnxruntime/.test(to)).map(({ from }) => from);
  assert.deepEqual(loading, ['server/compute/onnx-runtime.ts']);
  const tests = readdirSync(path.join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('fixtures'))
    .map((name) => `test/${name.split(path.sep).join('/')}`);
  assert.deepEqual(
    tests.flatMap(importsOf).filter(({ to }) => /^onnxruntime/.test(to)),
    [],
  );
});

test('rooms stand on floors: a room imports only those below it in the list', () => {
  const names = ROOMS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const [floor, { name, place, may }] of ROOMS.entries()) {
    assert.ok(statSync(path.join(ROOT, place)).isDirectory(), place);
    for (const other of may) assert.ok(names.indexOf(other) >= floor && names.includes(other), `${name} -> ${other}`);
  }
  for (const file of ENTRIES) assert.ok(files.includes(file), file);
});

test('no file is in a circle of imports', () => {
  const next = new Map(files.map((file) => [file, [] as string[]]));
  for (const { from, to, isPackage } of imports) if (!isPackage) next.get(from)?.push(to);
  const state = new Map<string, 'open' | 'done'>();
  const circles: string[] = [];
  const visit = (file: string, trail: string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') return void circles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
    state.set(file, 'open');
    for (const other of next.get(file) ?? []) visit(other, [...trail, file]);
    state.set(file, 'done');
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(circles, []);
});

test('the lint rule is made of the same list: it names the forbidden paths and no allowed one', () => {
  const rules = new Map(
    wallRules().map(({ rules: made }, floor) => {
      const [, options] = made['no-restricted-imports'] as [
        string,
        { paths: { name: string }[]; patterns: { regex: string }[] },
      ];
      const patterns = options.patterns.map(({ regex }) => new RegExp(regex));
      return [ROOMS[floor].name, { packages: options.paths.map(({ name }) => name), patterns }];
    }),
  );
  const isHit = (room: string, text: string): boolean => {
    const { packages = [], patterns = [] } = rules.get(room) ?? {};
    return packages.includes(text) || patterns.some((pattern) => pattern.test(text));
  };
  for (const { from, to, isPackage } of imports) {
    const room = roomOf(from);
    if (!room) continue;
    let text = isPackage ? to : path.posix.relative(path.posix.dirname(from), to).replace(/\.ts$/, '');
    if (!isPackage && !text.startsWith('.')) text = `./${text}`;
    assert.ok(!isHit(room.name, text), `${from}: ${text}`);
  }
  assert.equal(rules.size, ROOMS.length);
  assert.ok(isHit('fid', '../compute/worker'));
});

test('ARCHITECTURE.md has the table of the list: node tools/rooms.mjs', () => {
  const page = readFileSync(path.join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  assert.ok(page.includes(`${MARKS[0]}\n\n${roomsTable()}\n\n${MARKS[1]}`));
});
