/** `submit SCRIPT` on the command line, on stand-ins for LSF: what is asked before, and what is waited for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { CLI, ROOT, temporaryFolder, type Ran } from './workspace';

/** A folder that jobs are submitted from, on a machine with LSF of its own. */
function login() {
  const folder = temporaryFolder();
  const jobs = path.join(temporaryFolder(), 'jobs');
  const stubs = path.join(ROOT, 'test', 'cluster', 'stubs', 'lsf');
  const env = { ...process.env, HOME: temporaryFolder(), LSF_STUB: jobs, PATH: `${stubs}:${process.env.PATH}` };
  mkdirSync(path.join(folder, '.edm-workbench'));
  writeFileSync(path.join(folder, '.edm-workbench', 'clusters.yaml'), 'clusters: [{ name: here, local: true, scheduler: lsf }]\n'); // prettier-ignore
  const write = (text: string): void => writeFileSync(path.join(folder, 'x.lsf'), `#!/bin/bash\n#BSUB -W 5\n${text}\n`);
  const submit = (...args: string[]): string[] => [process.execPath, CLI, 'submit', 'x.lsf', '--cluster', 'here', ...args]; // prettier-ignore
  /** In a session without a terminal. */
  const run = (...args: string[]): Ran => spawnSync('setsid', ['-w', ...submit(...args)], { cwd: folder, env, encoding: 'utf8' }); // prettier-ignore
  /** On a terminal of its own, on which that is typed. */
  const type = (input: string): Ran => spawnSync('script', ['-qefc', submit().join(' '), '/dev/null'], { cwd: folder, env, encoding: 'utf8', input }); // prettier-ignore
  spawnSync(process.execPath, [CLI, 'clusters', 'allow', '--yes'], { cwd: folder, env });
  return { folder, jobs, write, run, type };
}

test('a log folder that is missing: asked on a terminal before anything is submitted; without one said before and after', () => {
  const { folder, jobs, write, run, type } = login();
  write('#BSUB -o out/x.%J\necho precious');
  const said =
    /out, the folder of the log, does not exist on this machine: make it before the job starts, or LSF mails it/;
  const no = type('\r');
  assert.equal(no.status, 130, no.stdout);
  assert.match(no.stdout, said);
  assert.match(
    no.stdout,
    /Make it now \(y\), submit without it \(s\), or submit nothing \(N\)\?[^]*Nothing was submitted/,
  );
  assert.ok(!existsSync(jobs), 'bsub was not called');
  const alone = run();
  assert.deepEqual([alone.status, alone.stdout], [0, '1\n']);
  assert.equal(alone.stderr.match(new RegExp(said, 'g'))?.length, 2);
  assert.ok(!existsSync(path.join(folder, 'out')));
  assert.equal(type('s\r').status, 0);
  assert.ok(!existsSync(path.join(folder, 'out')));
  assert.equal(type('y\r').status, 0);
  assert.ok(existsSync(path.join(folder, 'out')));
});

test('--wait waits for the end of a script: its line, and exit status 1 where it failed', () => {
  const { folder, write, run } = login();
  write('#BSUB -J good\n#BSUB -o x.%J\nsleep 1\necho precious');
  const good = run('--wait');
  assert.deepEqual([good.status, good.stdout], [0, '1\n'], good.stderr);
  assert.match(good.stderr, /^1 +done +normal +alice +good/m);
  assert.equal(readFileSync(path.join(folder, 'x.1'), 'utf8'), 'precious\n');
  write('#BSUB -J "bad[1-3]"\n#BSUB -o x.%J.%I\n[ $LSB_JOBINDEX != 2 ] || exit 3');
  const bad = run('--wait');
  assert.deepEqual([bad.status, bad.stdout], [1, '2\n'], bad.stderr);
  assert.match(bad.stderr, /^3 jobs of 2: 1 failed, 2 done\n2\[2\] +failed +normal +alice +bad/m);
  const { jobs } = JSON.parse(run('--wait', '--json').stdout) as { jobs: { state: string; exitCode?: number }[] };
  assert.deepEqual(jobs.map(({ state }) => state).sort(), ['done', 'done', 'failed']);
});
