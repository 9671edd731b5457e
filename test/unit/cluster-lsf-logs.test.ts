/** Logs of LSF's jobs that have no file, or no folder for it, and commands that hear nothing of LSF; on stand-ins. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { Clusters } from '../../server/cluster/clusters';
import { LocalHost } from '../../server/cluster/local-host';
import { MissingLogFoldersError } from '../../server/cluster/log-place';
import { Lsf } from '../../server/cluster/lsf/lsf';
import { newToken } from '../../server/cluster/token';
import { ROOT, temporaryFolder } from '../server/workspace';

const { PATH, HOME, LSF_STUB, LSF_STUB_SPOOL } = process.env;
const STUBS = path.join(ROOT, 'test', 'cluster', 'stubs', 'lsf');
after(() => Object.assign(process.env, { PATH, HOME, LSF_STUB: LSF_STUB ?? '', LSF_STUB_SPOOL: LSF_STUB_SPOOL ?? '' }));
beforeEach(() => Object.assign(process.env, { LSF_STUB: path.join(temporaryFolder(), 'jobs'), HOME: temporaryFolder(), PATH: `${STUBS}:${PATH}` })); // prettier-ignore

/** The clusters of a folder where LSF is on this machine, and what submits a script there. */
async function opened() {
  const host = new LocalHost();
  const clusters = new Clusters({
    folders: [temporaryFolder()],
    hosts: { host: () => Promise.resolve(host), state: () => ({ connection: 'connected' }), onState: () => undefined, disconnect: () => Promise.resolve() },
    settings: () => Promise.resolve([{ name: 'lsf', local: true, scheduler: 'lsf', work_folder: temporaryFolder() }]),
  }); // prettier-ignore
  await clusters.load();
  const folder = temporaryFolder();
  const params = (text: string) => ({ cluster: 'lsf', script: 'x.lsf', text: `#!/bin/bash\n${text}\n`, folder });
  return { clusters, folder, params };
}

/** Follows a job's log. @param onLine gets each line */
function follow(clusters: Clusters, id: string, onLine: (line: string) => void = () => undefined) {
  return clusters.follow({ cluster: 'lsf', id, stream: 'stdout', follow: newToken() }, ({ lines }) => lines.forEach(onLine), AbortSignal.timeout(60_000)); // prettier-ignore
}

test('a job without -o: what bpeek shows while it runs, and then where LSF sent the output', async () => {
  process.env.LSF_STUB_SPOOL = '1';
  const { clusters, folder, params } = await opened();
  const go = path.join(folder, 'go');
  const { id } = await clusters.submit(params(`#BSUB -J nolog\necho n 1\nwhile [ ! -e ${go} ]; do sleep 0.05; done`));
  const seen: string[] = [];
  const { note, job } = await follow(clusters, id, (line) => {
    seen.push(line);
    writeFileSync(go, '');
  });
  assert.deepEqual(seen, ['n 1']);
  assert.equal(job?.state, 'done');
  assert.match(note ?? '', /has no file for its stdout; LSF mails it, with the report of the job/);
  assert.equal((await follow(clusters, id)).note, note, 'once it is over, too');
  process.env.LSF_STUB_SPOOL = '';
});

test('a log folder that is missing is told when the job is submitted, and when its log is looked for', async () => {
  const { clusters, folder, params } = await opened();
  const script = params('#BSUB -J nodir\n#BSUB -o nodir/x.%J\necho precious');
  const told = new RegExp(`${folder}/nodir, the folder of the log, does not exist on this machine: make it before`);
  const { id, warnings } = await clusters.submit(script);
  assert.match(warnings.join('\n'), told);
  assert.match((await clusters.dryRun(script)).message, told);
  const { note } = await follow(clusters, id);
  assert.equal(note, `The log ${folder}/nodir/x.${id} does not exist on this machine, nor does its folder; LSF mails it, with the report of the job, to the user who submitted it`); // prettier-ignore
  for (const log of ['x.%J', '/dev/null', '%J/x', `${folder}/x.%J`])
    assert.deepEqual((await clusters.submit(params(`#BSUB -o ${log}\ntrue`))).warnings, [], log);
});

test('a missing log folder is asked about before anything is submitted, and made if wanted', async () => {
  const { clusters, folder, params } = await opened();
  const script = params('#BSUB -J nodir\n#BSUB -o a/b/x.%J\n#BSUB -e c/x.%J\necho precious');
  const asked = clusters.submit({ ...script, logFolders: 'ask' });
  await assert.rejects(asked, (error) => {
    assert.ok(error instanceof MissingLogFoldersError);
    assert.deepEqual(error.folders, [`${folder}/a/b`, `${folder}/c`]);
    assert.match(
      error.message,
      /^Nothing was submitted: \S+\/a\/b, the folder of the log, does not exist on this machine/,
    );
    return true;
  });
  assert.equal(existsSync(process.env.LSF_STUB ?? ''), false, 'bsub was not called');
  const { id, warnings } = await clusters.submit({ ...script, logFolders: 'make' });
  assert.deepEqual(warnings, []);
  await follow(clusters, id);
  assert.equal(readFileSync(path.join(folder, 'a', 'b', `x.${id}`), 'utf8'), 'precious\n');
  assert.ok(existsSync(path.join(folder, 'c')));
});

test('on this machine a script runs where it was submitted, unless a folder is given', async () => {
  const { clusters, folder, params } = await opened();
  const from = temporaryFolder();
  const { id } = await clusters.submit({ ...params('#BSUB -o x.%J\npwd'), folder: undefined, from });
  await follow(clusters, id);
  assert.equal(readFileSync(path.join(from, `x.${id}`), 'utf8').trim(), from);
  const given = await clusters.submit({ ...params('#BSUB -o x.%J\npwd'), from });
  await follow(clusters, given.id);
  assert.ok(existsSync(path.join(folder, `x.${given.id}`)));
});

test('mbatchd is silent: the command is named with its words, within 20 s, and nothing is submitted', async () => {
  const folder = temporaryFolder();
  const hangs =
    '#!/bin/bash\nwhile :; do echo "batch system daemon not responding ... still trying" >&2; sleep 8; done\n';
  for (const name of ['bjobs', 'bqueues', 'bsub']) {
    writeFileSync(path.join(folder, name), name === 'bsub' ? hangs.replace('while', '[ "$1" = -h ] && exit\nwhile') : hangs); // prettier-ignore
    chmodSync(path.join(folder, name), 0o755);
  }
  process.env.PATH = `${folder}:${STUBS}:${PATH}`;
  const lsf = new Lsf(new LocalHost(), { home: os.homedir() });
  const begun = performance.now();
  const words = 'this machine does not answer \\(batch system daemon not responding ... still trying\\)';
  await Promise.all([
    assert.rejects(lsf.queue('mine'), new RegExp(`^UserError: bjobs on ${words}`)),
    assert.rejects(
      lsf.submit({ script: '#!/bin/bash\ntrue\n', folder, token: newToken() }),
      new RegExp(`^UserError: Nothing was submitted: bqueues on ${words}`),
    ),
  ]);
  assert.ok(performance.now() - begun < 20_000);
});
