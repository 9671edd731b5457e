/** One job for each submission to LSF, whatever bsub says or leaves unsaid; on stand-ins that answer as recorded. */
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { Clusters } from '../../server/cluster/clusters';
import { LocalHost } from '../../server/cluster/local-host';
import { LOST_WORDS, verdictOf } from '../../server/cluster/lsf/bsub-answers';
import { Lsf } from '../../server/cluster/lsf/lsf';
import { RefusedError } from '../../server/cluster/scheduler';
import { SubmissionUnknownError } from '../../server/cluster/submission';
import { newToken } from '../../server/cluster/token';
import { ROOT, temporaryFolder } from '../server/workspace';

const { PATH, HOME, LSF_STUB } = process.env;
const STUBS = path.join(ROOT, 'test', 'cluster', 'stubs', 'lsf');
after(() => Object.assign(process.env, { PATH, HOME, LSF_STUB: LSF_STUB ?? '' }));

let jobs = '';
beforeEach(() => {
  jobs = path.join(temporaryFolder(), 'jobs');
  Object.assign(process.env, { LSF_STUB: jobs, HOME: temporaryFolder(), PATH: `${STUBS}:${PATH}` });
});

/** Puts programs before the stand-ins; `$REAL` is the folder of these. */
function overlay(programs: Record<string, string>): void {
  const folder = temporaryFolder();
  for (const [name, lines] of Object.entries(programs)) {
    const help = name === 'bsub' ? '[ "$1" = -h ] && exec "$REAL/bsub" "$@"\n' : '';
    writeFileSync(path.join(folder, name), `#!/bin/bash\nREAL=${STUBS}\n${help}${lines}\n`);
    chmodSync(path.join(folder, name), 0o755);
  }
  process.env.PATH = `${folder}:${STUBS}:${PATH}`;
}

const SCRIPT = '#!/bin/bash\n#BSUB -J once\n#BSUB -o once-%J.out\nsleep 20\n';
const lsf = (): Lsf => new Lsf(new LocalHost(), { home: os.homedir() });
const submit = (scheduler = lsf(), token = newToken()) => scheduler.submit({ script: SCRIPT, folder: temporaryFolder(), token }); // prettier-ignore
const made = (): string[] => readdirSync(jobs);

test('a bsub that is killed after LSF took the job: the job is found by its token', async () => {
  overlay({ bsub: '"$REAL/bsub" "$@" >/dev/null 2>&1\nkill -9 $$' });
  const scheduler = lsf();
  const token = newToken();
  assert.deepEqual(await submit(scheduler, token), { id: '1', warnings: [], found: true });
  assert.deepEqual(await scheduler.find(token), { id: '1', warnings: [], found: true });
  assert.deepEqual(made(), ['1']);
});

test('words that can mean a lost answer: the job is looked for, found, and not called refused', async () => {
  for (const words of ['LSF is down. Please wait ...', 'Failed in an LSF library call: Communication time out. Job not submitted.', 'Bad host name. Job not submitted.', 'Request aborted by esub. Job not submitted.', 'A site says something of its own']) {
    overlay({ bsub: `"$REAL/bsub" "$@" >/dev/null 2>&1\necho '${words}' >&2\nexit 255` });
    assert.equal((await submit()).found, true, words);
  }
  assert.equal(made().length, 5);
}); // prettier-ignore

test('no job and no clear answer: not known, with the words; a decision of this side is refused after a look', async () => {
  overlay({ bsub: "echo 'Contacting batch daemon: Communication timeout. Job not submitted.' >&2; exit 255" });
  await assert.rejects(submit(), (error: unknown) => {
    assert.ok(error instanceof SubmissionUnknownError && !(error instanceof RefusedError));
    return /did not say .*Communication timeout.*no job of submission/.test(error.message);
  });
  overlay({ bsub: "echo 'Give a project. Request aborted by esub. Job not submitted.' >&2; exit 255" });
  await assert.rejects(submit(), (error) => error instanceof RefusedError && /Give a project/.test(error.message));
});

test('where bjobs does not answer either, nothing is known and nothing is submitted again', async () => {
  overlay({
    bsub: '"$REAL/bsub" "$@" >/dev/null 2>&1\nkill -9 $$',
    bjobs: "echo 'LSF is down. Please wait ...' >&2; exit 255",
    bhist: 'exit 255',
  });
  const scheduler = lsf();
  const token = newToken();
  await assert.rejects(submit(scheduler, token), (error: unknown) => {
    return error instanceof SubmissionUnknownError && /LSF is down/.test(error.message);
  });
  await assert.rejects(scheduler.find(token), SubmissionUnknownError);
  process.env.PATH = `${STUBS}:${PATH}`;
  assert.equal((await scheduler.find(token))?.id, '1');
});

test('two jobs of one submission, as bsub makes where it hears nothing: both are told', async () => {
  overlay({
    bsub: 's=$(cat)\nfor i in 1 2; do printf "%s\\n" "$s" | "$REAL/bsub" "$@" >/dev/null 2>&1; done; exit 255',
  });
  const { id, warnings } = await submit();
  assert.equal(id, '1');
  assert.match(warnings.join(), /more than one job of this submission: cancel 2/);
});

test('a script whose outcome is not known is settled when the cluster is opened again', async () => {
  const folder = temporaryFolder();
  const host = new LocalHost();
  const clusters = new Clusters({
    folders: [folder],
    hosts: { host: () => Promise.resolve(host), state: () => ({ connection: 'connected' }), onState: () => undefined, disconnect: () => Promise.resolve() },
    settings: () => Promise.resolve([{ name: 'lsf', local: true, scheduler: 'lsf', work_folder: temporaryFolder() }]),
  }); // prettier-ignore
  const script = path.join(folder, 'x.lsf');
  writeFileSync(script, SCRIPT);
  const down = "echo 'LSF is down. Please wait ...' >&2; exit 255";
  overlay({ bsub: '"$REAL/bsub" "$@" >/dev/null 2>&1\nkill -9 $$', bjobs: down });
  await clusters.load();
  await assert.rejects(clusters.submit({ cluster: 'lsf', script }), SubmissionUnknownError);
  const [unclear, another] = await clusters.settle('lsf');
  assert.match(unclear ?? '', /^x\.lsf: not known yet whether it was submitted\./);
  assert.equal(another, undefined);
  process.env.PATH = `${STUBS}:${PATH}`;
  assert.deepEqual(await clusters.settle('lsf'), ['x.lsf was submitted: job 1']);
  assert.deepEqual(await clusters.settle('lsf'), []);
});

test('what an answer without an id means', () => {
  const verdict = (text: string, code = 255) => verdictOf({ code, text });
  for (const { words, decided } of LOST_WORDS)
    for (const one of words)
      assert.equal(verdict(`${one} Job not submitted.`), decided ? 'refused unless found' : 'unknown', one);
  assert.equal(verdictOf(undefined), 'unknown');
  for (const code of [124, 130, 137, 143]) assert.equal(verdict('Job not submitted', code), 'unknown', String(code));
  assert.equal(verdict(''), 'unknown', 'no word at all');
  assert.equal(verdict('env: bsub: No such file or directory', 127), 'refused');
  for (const text of ['nosuch: No such queue. Job not submitted.', 'staff: User cannot use the queue. Job not submitted.', 'Queue does not have enough per-user job slots. Job not submitted.', "RUNLIMIT: Cannot exceed queue's hard limit(s). Job not submitted.", 'bsub: illegal option -- Q\nUsage: bsub [-h]'])
    assert.equal(verdict(text), 'refused', text);
}); // prettier-ignore
