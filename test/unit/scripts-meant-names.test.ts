/** What is proposed for an option that does not exist: by what it means, then by how it is spelled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse } from '../../server/scripts/analyse';
import { matchLongOption, matchLsfOption, optionNamed } from '../../server/scripts/catalogue/options';
import { commandOptions } from '../../server/scripts/catalogue/step-options';

const proposed = (name: string): string | undefined => {
  const match = matchLongOption(name);
  return match.kind === 'unknown' ? match.suggestion?.name : match.kind === 'ambiguous' ? match.meant?.name : 'known';
};

test('other words for the same thing, and names of other schedulers', () => {
  for (const [name, meant] of [
    ['--cores-per-task', '--cpus-per-task'],
    ['--core-per-task', '--cpus-per-task'],
    ['--cpu_per_task', '--cpus-per-task'],
    ['--threads-per-task', '--cpus-per-task'],
    ['--cpus-per-node', '--ntasks-per-node'],
    ['--procs-per-node', '--ntasks-per-node'],
    ['--ppn', '--ntasks-per-node'],
    ['--memory-per-cpu', '--mem-per-cpu'],
    ['--mem-per-core', '--mem-per-cpu'],
    ['--mem-per-node', '--mem'],
    ['--memory', '--mem'],
    ['--walltime', '--time'],
    ['--queue', '--partition'],
    ['--gpu', '--gpus'],
    ['--gpu-per-node', '--gpus-per-node'],
    ['--gres-per-node', '--gres'],
    ['--email', '--mail-user'],
    ['--project', '--account'],
    ['--share', '--oversubscribe'],
    ['--workdir', '--chdir'],
  ] as const)
    assert.equal(proposed(name), meant, name);
  // Slips stay slips.
  for (const [name, meant] of [
    ['--partion', '--partition'],
    ['--cpus-per-tsk', '--cpus-per-task'],
    ['--ntask-per-nod', '--ntasks-per-node'],
    ['--acount', '--account'],
  ] as const)
    assert.equal(proposed(name), meant, name);
});

test('an existing option is never taken for another, and no thing for another thing', () => {
  for (const { name } of commandOptions.sbatch) assert.equal(matchLongOption(name).kind, 'exact', name);
  for (const name of ['--gres-per-core', '--cores-per-gres', '--nodes-per-gpu', '--sockets-per-task'])
    assert.equal(proposed(name), undefined, name);
});

test('a name of the other scheduler among the options of bsub', () => {
  for (const [name, meant] of [
    ['-queue', '-q'],
    ['-walltime', '-W'],
    ['-memory', '-M'],
    ['-gpus', '-gpu'],
    ['-jobname', '-J'],
  ] as const) {
    const { match } = matchLsfOption(name);
    assert.equal(match.kind === 'unknown' && match.suggestion?.name, meant, name);
  }
  for (const name of ['-qnormal', '-n4', '-Jname']) assert.equal(matchLsfOption(name).match.kind, 'exact', name);
  assert.ok(optionNamed('lsf', '-gpu'));
});

test('the fix is there where the value fits, and is a choice, as the job is another one', () => {
  const fix = (directive: string): string | undefined => {
    const { findings } = analyse(`#!/bin/bash\n#SBATCH --account=a\n#SBATCH ${directive}\nhostname\n`);
    const [finding] = findings.filter(({ id }) => id === 'unknown-option' || id === 'ambiguous-option');
    assert.ok(finding, directive);
    assert.ok(!finding.fix?.keepsMeaning, directive);
    return finding.fix?.edits[0]?.newText;
  };
  assert.equal(fix('--cores-per-task=8'), '--cpus-per-task');
  assert.equal(fix('--gpu=2'), '--gpus');
  assert.equal(fix('--mail=me@example.org'), '--mail-user');
  assert.equal(fix('--notify=me@example.org'), undefined);
});
