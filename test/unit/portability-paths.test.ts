/** One file by several names: through links, on Windows in another case or on another drive. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { canonicalFile, canonicalPath, isSamePlace, placeIn } from '../../server/canonical-path';
import { calibrationsOf, saveCalibration } from '../../server/dispatch/calibrations';
import { repositoryRoot } from '../../server/git';
import { checkOutdir, outdirInside, outdirOf } from '../../server/runs/outdir';
import { filingOf } from '../../server/runs/measured';
import { readSource } from '../../server/runs/source';
import { asOpened, isBelow, wayTo } from '../../server/shared/places';
import type { Calibration } from '../../server/shared/schema-types.gen';
import { temporaryFolder } from '../server/workspace';

/** A repository with a config in a folder, reached by a link to its top, one to that folder, and one in its path. */
function linkedRepository(): { top: string; names: string[] } {
  const above = temporaryFolder();
  const top = path.join(above, 'real', 'repository');
  mkdirSync(path.join(top, 'configs'), { recursive: true });
  const git = (...args: string[]): unknown => execFileSync('git', ['-C', top, ...args]);
  git('init', '-q');
  writeFileSync(path.join(top, 'configs', 'a.edm.yaml'), 'network: embedded:fashion-mnist\nseeds: 0-3\nsteps: 2\n');
  git('add', '-A');
  git('-c', 'user.name=t', '-c', 'user.email=t@localhost', 'commit', '-qm', 'one');
  symlinkSync('real', path.join(above, 'home'));
  symlinkSync(top, path.join(above, 'top'));
  symlinkSync(path.join(top, 'configs'), path.join(above, 'inner'));
  const names = ['real/repository/configs', 'home/repository/configs', 'top/configs', 'inner'];
  return { top: realpathSync(top), names: names.map((name) => path.join(above, name, 'a.edm.yaml')) };
}

test('a config has one name in its repository, however it was opened', async () => {
  const { top, names } = linkedRepository();
  for (const name of names) {
    const source = await readSource(name);
    assert.deepEqual([source.root, source.configFile], [top, 'configs/a.edm.yaml'], name);
    assert.equal(await repositoryRoot(path.dirname(name)), top);
  }
});

test('a calibration is offered to its config, however that was opened', async () => {
  const { top, names } = linkedRepository();
  const calibration: Calibration = {
    version: 1,
    cluster: 'c',
    config_file: 'configs/a.edm.yaml',
    commit: '0'.repeat(40),
    time: '2026-01-01T00:00:00.000Z',
    network: 'embedded:fashion-mnist',
    engine: 'workbench',
    gpus: 0,
    job: '1',
    log: 'calibrate-1.out',
    batch: 32,
    reason: 'fastest',
    nfe: 3,
    points: [{ batch: 32, rate: 10 }],
  };
  await saveCalibration(top, calibration);
  for (const name of names)
    assert.deepEqual(
      (await calibrationsOf(name)).map(({ batch }) => batch),
      [32],
      name,
    );
});

test('results are filed under their place in the repository; a link in it keeps its name', async () => {
  const { top, names } = linkedRepository();
  const [, home = ''] = names;
  const repository = path.dirname(path.dirname(home));
  const images = path.join(repository, 'pictures');
  mkdirSync(images);
  writeFileSync(path.join(images, 'a.png'), '');
  const written = path.join(repository, 'kept.json');
  writeFileSync(written, '');
  const { root, run, code } = await filingOf(images, undefined, written);
  assert.deepEqual([root, run, code.dirty], [top, 'pictures', false]);
  assert.equal(placeIn(top, path.join(repository, 'runs', 'x')), 'runs/x');
  const scratch = temporaryFolder();
  symlinkSync(scratch, path.join(top, 'runs'));
  assert.equal(placeIn(top, path.join(top, 'runs', 'x')), 'runs/x');
  assert.equal(outdirInside(outdirOf(path.join(repository, 'results'), top), top), 'results');
  await checkOutdir(path.join(repository, 'results'), top);
  await assert.rejects(checkOutdir(repository, top), /holds the whole repository/);
});

test('a path has its canonical form also where its end does not exist', () => {
  const { top, names } = linkedRepository();
  const [real = '', home = '', , inner = ''] = names;
  assert.equal(canonicalPath(path.join(path.dirname(inner), 'no', 'such')), path.join(top, 'configs', 'no', 'such'));
  assert.equal(canonicalFile(home), canonicalPath(real));
  assert.ok(isSamePlace(home, inner));
  assert.ok(!isSamePlace(home, path.dirname(inner)));
  assert.equal(canonicalPath('/'), path.resolve('/'));
});

const { win32, posix } = path;

test('on Windows case does not count, and another drive is never below', () => {
  assert.ok(isBelow('C:\\Users\\me\\edm', 'c:\\users\\ME\\edm\\runs', win32));
  assert.ok(isBelow('C:\\edm', 'C:\\edm', win32));
  assert.ok(!isBelow('C:\\edm', 'D:\\edm\\runs', win32));
  assert.ok(!isBelow('C:\\edm', 'C:\\edm2', win32));
  assert.ok(!isBelow('C:\\edm', '\\\\server\\share\\edm', win32));
  // A name that begins with two dots is a name.
  assert.ok(isBelow('C:\\edm', 'C:\\edm\\..images\\a.png', win32));
  assert.ok(isBelow('/edm', '/edm/..images/a.png', posix));
  assert.ok(!isBelow('/edm', '/edm/../other', posix));
  assert.equal(wayTo('C:\\edm', 'c:\\EDM\\runs\\x', win32), 'runs/x');
  assert.equal(wayTo('C:\\edm', 'D:\\runs\\x', win32), 'D:/runs/x');
  assert.equal(win32.resolve('C:\\edm', 'D:/runs/x'), 'D:\\runs\\x');
});

test("the editor's own name of a file is kept, and the server's is brought to it", () => {
  const home = [{ name: '/home/me/edm', canonical: '/lustre/u1/me/edm' }];
  assert.equal(asOpened('/lustre/u1/me/edm/a.edm.yaml', home, posix), '/home/me/edm/a.edm.yaml');
  assert.equal(asOpened('/home/me/edm/a.edm.yaml', home, posix), '/home/me/edm/a.edm.yaml');
  assert.equal(asOpened('/lustre/u1/me/other/a', home, posix), '/lustre/u1/me/other/a');
  const mapped = [
    { name: 'z:\\edm', canonical: '\\\\server\\share\\edm' },
    { name: 'z:\\edm\\sub', canonical: '\\\\server\\share\\edm\\sub' },
  ];
  assert.equal(asOpened('\\\\server\\share\\edm\\runs\\x', mapped, win32), 'z:\\edm\\runs\\x');
  assert.equal(asOpened('\\\\SERVER\\share\\edm\\sub\\x', mapped, win32), 'z:\\edm\\sub\\x');
  assert.equal(asOpened('D:\\x', mapped, win32), 'D:\\x');
});
