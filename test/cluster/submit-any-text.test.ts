/**
 * Whatever characters a name has, nothing in it is interpreted: a property of submissions over ssh to a real Slurm, by
 * way of three login shells. The cases are the same in every run. To hunt for more: `EDM_TEXT_SEED=random`, with
 * `EDM_TEXT_CASES=1000` for many; the seed is told, and `EDM_TEXT_SEED=n` tries its cases again.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Cluster } from '../../server/cluster/cluster';
import { Clusters } from '../../server/cluster/clusters';
import { messageOf, UserError } from '../../server/errors';
import { isOver, type Job } from '../../server/shared/protocol';
import { random } from '../unit/scripts-shell-generator';
import { allowClusters } from './allow';
import { TestBed, type BedUser } from './bed';
import { Logins } from './logins';
import { until } from '../until';

const CASES = Number(process.env.EDM_TEXT_CASES ?? 40);
const { EDM_TEXT_SEED = '1' } = process.env;
const SEED = EDM_TEXT_SEED === 'random' ? Date.now() % 1_000_000 : Number(EDM_TEXT_SEED);
/** Their login shells are bash, tcsh and fish. */
const USERS = ['keyonly', 'cshuser', 'fishuser'] as const satisfies BedUser[];

/** What shells, printf, getopt, Slurm and parsers of its output make something of; no path has `/` in a name. */
const PIECES = [
  ...['$(touch pwned)', '`touch pwned`', ';touch pwned;', '&touch pwned&', '|touch pwned', '\ntouch pwned\n', '>pwned', '<(touch pwned)'],
  ...['$HOME', '${HOME}', '$!', '!!', '~', "'", '"', '\\', '\\n', '\\0101', '#', '(', ')', '{a,b}', '*', '?', '[a-z]', '^', '=', '--', '-', '-o'],
  ...[' ', '  ', '\t', '\n', '\r', '\r\n', '\x01', '\x1b[31m', '\x1e', '\x7f', '|', ',', ':', '%', '%%', '%j', '%5', '%3j', '%s', '%x', '%z', '%b'],
  ...['ż', 'ü', '中', '🙂', '\u0301', '\u2028', '\xa0', 'a', 'B', '0', '9', '.', '--wrap=touch pwned', '(null)', 'edm:'],
]; // prettier-ignore

let bed: TestBed;
let logins: Logins;
const open = new Map<BedUser, { clusters: Clusters; cluster: Cluster }>();
before(async () => {
  bed = await TestBed.start();
  logins = new Logins(bed);
  for (const user of USERS) {
    const folder = path.join(logins.scratch, user);
    mkdirSync(path.join(folder, '.edm-workbench'), { recursive: true });
    writeFileSync(path.join(folder, '.edm-workbench', 'clusters.yaml'), 'clusters:\n  - {name: bed, host: inner}\n');
    await allowClusters(folder);
    const clusters = new Clusters({ hosts: logins.of(user).hosts, folders: [folder] });
    await clusters.connect('bed');
    open.set(user, { clusters, cluster: await clusters.open('bed') });
  }
});
after(async () => {
  for (const { clusters } of open.values()) clusters.stop();
  logins?.close();
  await bed?.stop();
});

/** A text of one to six pieces that can be the name of a file. */
function words(next: () => number): string {
  for (;;) {
    const text = Array.from({ length: 1 + next() * 6 }, () => PIECES[Math.floor(next() * PIECES.length)]).join('');
    if (!/^\.{1,2}$/.test(text)) return text;
  }
}

interface Case {
  user: (typeof USERS)[number];
  script: string;
  folder: string;
  name: string | undefined;
  comment: string;
  log: string;
  account: string;
}

function drawn(next: () => number): Case {
  const user = USERS[Math.floor(next() * USERS.length)];
  const named = next() < 0.5;
  // Most without what Slurm cannot have in a folder.
  const level = (): string => (next() < 0.85 ? `d${words(next).replace(/[%\\]/g, '')}` : words(next));
  const folder = `/home/${user}/${level()}/${level()}`;
  // A directive is one line of the script.
  const comment = words(next).replace(/[\n\r]/g, '');
  return { user, script: words(next), folder, name: named ? words(next) : undefined, comment, log: words(next), account: words(next) }; // prettier-ignore
}

/** A word of a directive: sbatch heeds backslashes between quotes too. */
const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;

/** @returns whether there was a job */
async function holds({ user, script, folder, name, comment, log, account }: Case): Promise<boolean> {
  const { clusters, cluster } = open.get(user) as { clusters: Clusters; cluster: Cluster };
  const local = path.join(logins.scratch, user, script);
  writeFileSync(local, `#!/bin/sh\n#SBATCH --time=5\n${comment && `#SBATCH --comment=${quoted(comment)}\n`}pwd\n`);
  const options = [`--output=${log}`, ...(name === undefined ? [] : [`--job-name=${name}`])];
  await assert.rejects(
    clusters.submit({ cluster: 'bed', script: local, folder }, options),
    /There is no folder .* on bed: make it first/s,
  );
  await (await clusters.open('bed')).host.files.makeFolder(folder);
  const submitting = clusters.submit({ cluster: 'bed', script: local, folder }, options);
  if (/\\|%%|%\d*[AaJjNnstux]|%\d/.test(folder)) {
    await assert.rejects(submitting, /reads % and \\ in a folder as a pattern for log names/);
    return false;
  }
  const { id, warnings } = await submitting;
  assert.deepEqual(warnings, []);
  const { code, stdout: shown, stderr } = await bed.inCluster(['scontrol', 'show', 'job', id]);
  assert.equal(code, 0, stderr);
  const job = (await until(() => cluster.scheduler.job(id), 'its end', (found) => found !== undefined && isOver(found))) as Job; // prettier-ignore
  // Slurm's own answer, and ours.
  assert.ok(shown.includes(`JobName=${name ?? script}\n   UserId=`), shown);
  assert.ok(shown.includes(`\n   WorkDir=${folder}\n`), shown);
  assert.ok(shown.includes(`\n   Comment=edm:${job.token}${comment && ` ${comment}`}`), shown);
  assert.deepEqual([job.state, job.name, job.folder], ['done', name ?? script, folder], JSON.stringify(job));
  // The log is where we say that it is, and the job ran where we said.
  assert.equal(String(await cluster.host.files.read(job.stdout ?? '')), `${folder}\n`);
  const there = (await cluster.host.files.list(folder)).map((file) => path.posix.join(folder, file.name));
  assert.deepEqual(there, [job.stdout]);
  const refused = cluster.scheduler.submit({ script: '#!/bin/sh\ntrue\n', folder, token: job.token?.replace(/^./, '2') ?? '', defaults: { account } }); // prettier-ignore
  await assert.rejects(refused, (error: unknown) => error instanceof UserError && !error.message.includes('\n'));
  return true;
}

test(`${CASES} submissions with any text in names, folders, logs, comments and accounts`, async (t) => {
  t.diagnostic(`EDM_TEXT_SEED=${SEED}`);
  const next = random(SEED);
  const cases = Array.from({ length: CASES }, () => drawn(next));
  // Two at once for each user: as an editor and its queue are.
  const workers = USERS.flatMap((user) => [0, 1].map((half) => cases.filter((one) => one.user === user).filter((_, i) => i % 2 === half))); // prettier-ignore
  let jobs = 0;
  await Promise.all(
    workers.map(async (mine) => {
      for (const one of mine)
        try {
          if (await holds(one)) jobs++;
        } catch (error) {
          throw new Error(`EDM_TEXT_SEED=${SEED}: ${JSON.stringify(one)}: ${messageOf(error)}`, { cause: error });
        }
    }),
  );
  assert.ok(jobs > CASES / 4, `${jobs} jobs`);
  const homes = [bed.file('home'), bed.file('spool'), logins.scratch, __dirname];
  const left = homes.flatMap((home) => readdirSync(home, { recursive: true, encoding: 'utf8' }));
  assert.deepEqual(left.filter((file) => path.basename(file) === 'pwned'), []); // prettier-ignore
});

test('what cannot be a path or a file is refused in words', async () => {
  const { clusters } = open.get('keyonly') as { clusters: Clusters };
  const script = path.join(logins.scratch, 'job');
  for (const [params, words] of [
    [{ script, text: '#!/bin/sh\ntrue\n', folder: '/home/keyonly/a\0b' }, /a path cannot contain a NUL character/],
    [{ script, text: '#!/bin/sh\ntrue\n', folder: 'work' }, /begins with \/ or ~/],
    [{ script, text: '#!/bin/sh\n\0\n', folder: '~' }, /NUL character, which a shell cannot read/],
    [{ script: 'no\nsuch', folder: '~' }, /no such file or folder/],
  ] as const)
    await assert.rejects(clusters.submit({ cluster: 'bed', ...params }), words);
});
