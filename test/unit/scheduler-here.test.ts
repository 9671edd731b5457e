/** The list of clusters and "Check my setup" take the same program for this machine's scheduler. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { loadProfiles } from '../../server/cluster/profiles';
import { examine } from '../../server/runs/doctor';
import { schedulerHere } from '../../server/scheduler-here';
import { temporaryFolder } from '../server/workspace';

test('a program that can be run, whether it answers or not', async () => {
  const [folder, other] = [temporaryFolder(), temporaryFolder()];
  mkdirSync(path.join(other, 'sbatch')); // a folder of that name
  writeFileSync(path.join(other, 'bsub'), 'notes', { mode: 0o644 }); // no program
  assert.equal(schedulerHere({ PATH: other }), undefined);
  const program = path.join(folder, 'sbatch');
  writeFileSync(program, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const PATH = `${other}:${folder}`;
  assert.deepEqual(schedulerHere({ PATH }), { name: 'slurm', program });
  assert.deepEqual((await loadProfiles({ environment: { PATH } })).profiles, [{ name: 'this-machine', local: true, scheduler: 'slurm' }]);
  process.env.PATH = `${PATH}:${process.env.PATH}`;
  const told = (await examine(other)).find(({ topic }) => topic === 'Scheduler on this machine');
  assert.equal(told?.found, `${program}, which does not answer`);
}); // prettier-ignore
