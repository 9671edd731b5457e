/** Programs after a login shell's profile, whatever that prints, reads, starts or leaves. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { findScheduler } from '../../server/cluster/adapters';
import { askOn, openCluster, placeOn, runOn } from '../../server/cluster/cluster';
import { LocalHost } from '../../server/cluster/local-host';
import { LoginShellHost, NotStartedError } from '../../server/cluster/login-shell-host';
import { newToken } from '../../server/cluster/token';
import type { ClusterProfile } from '../../server/shared/protocol';
import { temporaryFolder } from '../server/workspace';

const { PATH } = process.env;

/** A home with a profile. */
function atHome(profile: string, home = temporaryFolder()): string {
  writeFileSync(path.join(home, '.bash_profile'), profile);
  process.env.HOME = home;
  return home;
}

test('what a profile prints, reads and changes is neither output nor input of the program', async () => {
  for (const profile of [
    'echo "Welcome. Next maintenance 24.12.2026"; echo "quota: 99 %" >&2',
    'cat; read -t 1 answer; cd /',
    'yes 2>/dev/null | head -c 100000',
    '(sleep 5 >/dev/null 2>&1 </dev/null &)',
    'set -u; trap "echo bye" EXIT',
  ]) {
    atHome(profile);
    const folder = temporaryFolder();
    const host = new LoginShellHost(new LocalHost(), ['echo loaded', 'export LOADED=1']);
    const script = 'cat; pwd; echo "$LOADED"; echo sorry >&2; exit 3';
    const outcome = await host.run(['sh', '-c', script], { stdin: 'given\n', cwd: folder });
    assert.deepEqual(outcome, { code: 3, stdout: `given\n${folder}\n1\n`, stderr: 'sorry\n' }, profile);
    assert.deepEqual(await host.run(['true']), { code: 0, stdout: '', stderr: '' }, profile);
  }
});

test('a profile that ends or starts another shell: said, and not taken for an empty answer', async () => {
  for (const [profile, said] of [
    ['echo "your account is closed"; exit 0', /exit code 0\): your account is closed/],
    ['exec sh -c "exit 4"', /exit code 4\): it said nothing/],
  ] as const) {
    atHome(profile);
    const host = new LoginShellHost(new LocalHost());
    await assert.rejects(host.run(['squeue']), (error) => error instanceof NotStartedError && said.test(error.message));
    await assert.rejects(findScheduler(host, { scheduler: 'slurm' }), /No sbatch found/);
  }
});

test('a scheduler that only login shells know, after a profile with a date and numbers: its version, jobs and submissions', async () => {
  const home = atHome('');
  const programs = path.join(home, 'programs');
  mkdirSync(programs);
  const install = (name: string, text: string): void => {
    writeFileSync(path.join(programs, name), `#!/bin/sh\n${text}\n`);
    chmodSync(path.join(programs, name), 0o755);
  };
  install('squeue', 'case "$*" in *--version*) echo "slurm 22.05.8" ;; esac');
  install('sbatch', `cat > ${home}/submitted; echo 77`);
  atHome(`echo 12345\necho "Next maintenance 24.12.2026"\nexport PATH=${programs}:$PATH SCRATCH=${home}/scratch`, home);
  const profile: ClusterProfile = {
    name: 'here',
    local: true,
    scheduler: 'slurm',
    setup: ['echo 99'],
    work_folder: home,
  };
  // The scheduler of this machine is not the one that is meant.
  process.env.PATH = pathOf([
    'sh',
    'bash',
    'env',
    'id',
    'uname',
    'mkdir',
    'cat',
    'find',
    'wc',
    'rm',
    'date',
    'printenv',
  ]);
  try {
    const cluster = await openCluster(profile, new LocalHost());
    assert.equal(await cluster.scheduler.version(), '22.05.8');
    assert.deepEqual(await cluster.scheduler.queue('mine'), []);
    const { id } = await cluster.scheduler.submit({ script: '#!/bin/bash\ntrue\n', folder: home, token: newToken() });
    assert.equal(id, '77');
    assert.equal(await runOn(cluster, 'Counting', ['sh', '-c', 'echo 5']), '5');
    assert.equal(await askOn(cluster, ['true']), '');
    for (const [work_folder, there] of [
      ['$SCRATCH/edm', `${home}/scratch/edm`],
      ['${SCRATCH}/%u/edm', `${home}/scratch/${userInfo().username}/edm`],
      ['~/edm', `${home}/edm`],
    ] as const)
      assert.equal(placeOn(await openCluster({ ...profile, work_folder }, new LocalHost()), 'x'), `${there}/x`);
    await assert.rejects(
      openCluster({ ...profile, work_folder: '$WORK_SPACE/edm' }, new LocalHost()),
      /^UserError: work_folder of here: \$WORK_SPACE is not set by the login shell on this machine: write the path itself, or set it in setup$/,
    );
  } finally {
    process.env.PATH = PATH;
  }
});

/** A folder with only these programs of this machine. */
function pathOf(names: readonly string[]): string {
  const folder = temporaryFolder();
  const found = (name: string): string => spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8', env: { PATH } }).stdout.trim(); // prettier-ignore
  for (const name of names) symlinkSync(found(name), path.join(folder, name));
  return folder;
}
