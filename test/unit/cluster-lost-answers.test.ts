/** After which words of sbatch a job may be there: it is looked for, and the submission is not called refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host, RunOutcome } from '../../server/cluster/host';
import { RefusedError } from '../../server/cluster/scheduler';
import { isAnswerLost, LOST_ANSWERS } from '../../server/cluster/slurm/lost-answers';
import { Slurm } from '../../server/cluster/slurm/slurm';
import { lookForLost, SubmissionUnknownError } from '../../server/cluster/submission';

const failed = (words: string): string => `sbatch: error: Batch job submission failed: ${words}`;

test('every word of a lost answer is one, with what the library says around it', () => {
  assert.ok(LOST_ANSWERS.length > 60);
  for (const [name, words] of LOST_ANSWERS) {
    assert.ok(isAnswerLost(failed(words), 1), name);
    assert.ok(isAnswerLost(`sbatch: error: slurm_receive_msg [10.0.0.1:6817]: ${words}\n${failed('Unspecified error')}\n`, 1), name);
  }
  for (const words of ['No error', 'Success', 'Unknown error 4711']) assert.ok(isAnswerLost(failed(words), 1), words);
  assert.ok(isAnswerLost('', 1), 'silence');
  assert.ok(isAnswerLost('sbatch: lua: checking your script', 143), 'killed');
}); // prettier-ignore

test('a refusal stays one, also in the words of a plug-in', () => {
  for (const text of [
    failed('Invalid account or account/partition combination specified'),
    failed('Requested node configuration is not available'),
    failed('Rate limit exceeded, please retry later'),
    failed('Job violates accounting/QOS policy (job submit limit, user\'s size and/or time limits)'),
    `sbatch: error: Please ask for a GPU in partition gpu\n${failed('Unspecified error')}`,
    "sbatch: unrecognized option '--gpu'\nTry \"sbatch --help\" for more information",
    'sbatch: error: Unable to open file x.slurm',
    'env: sbatch: No such file or directory',
  ]) assert.deepEqual([1, 255].map((code) => isAnswerLost(text, code)), [false, false], text);
}); // prettier-ignore

/** Slurm whose sbatch says this, and whose queue shows jobs with these comments. */
function slurmSaying(answer: Partial<RunOutcome>, squeue: Partial<RunOutcome> = {}): Slurm {
  const outcome = (given: Partial<RunOutcome>): RunOutcome => ({ code: 0, stdout: '', stderr: '', ...given });
  const run: Host['run'] = (command) => {
    if (command.includes('sbatch')) return Promise.resolve(outcome(answer));
    if (command.includes('squeue')) return Promise.resolve(outcome(command.includes('--version') ? { stdout: 'slurm 23.11.4' } : squeue)); // prettier-ignore
    return Promise.resolve(outcome({}));
  };
  return new Slurm({ name: 'test', run } as Host);
}

const submission = { script: '#!/bin/sh\ntrue\n', folder: '/home/a', token: 'abcdefghijkmnpqr' };

test('an unclear answer without a job stays open; a clear one is a refusal', async () => {
  const lost = slurmSaying({ code: 1, stderr: failed('Zero Bytes were transmitted or received') });
  await assert.rejects(lost.submit(submission), (error) => {
    assert.ok(error instanceof SubmissionUnknownError && error.token === submission.token);
    assert.match(error.message, /^Slurm did not say whether it accepted the job \(it said: Zero Bytes.*\)\. No job of submission/);
    return true;
  });
  await assert.rejects(slurmSaying({ code: 1, stderr: failed('Invalid qos specification') }).submit(submission), RefusedError);
}); // prettier-ignore

test('looked for until it is found; a queue that does not answer is said', async () => {
  let looks = 0;
  const quick = { seconds: 1, pause: 0.01 };
  const find = () => (++looks < 3 ? Promise.reject(new Error('squeue failed.')) : Promise.resolve('42'));
  assert.equal(await lookForLost('t', { title: 'Slurm', find }, quick), '42');
  const silent = lookForLost('t', { title: 'LSF', find: () => Promise.reject(new Error('LSF is down.')) }, { seconds: 0, pause: 0.01 });
  await assert.rejects(silent, /^SubmissionUnknownError: LSF did not say whether it accepted the job\. Submission t cannot be looked for now \(LSF is down\): look/);
}); // prettier-ignore

test('a squeue that ends with 0 and an error is no empty queue', async () => {
  const broken = slurmSaying({}, { stderr: 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n' });
  await assert.rejects(broken.queue('mine'), /controller on test does not answer/);
  assert.deepEqual(await slurmSaying({}, { stderr: 'a banner\n' }).queue('mine'), []);
}); // prettier-ignore
