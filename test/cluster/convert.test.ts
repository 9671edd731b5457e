/** Scripts converted for the other scheduler: the real sbatch reads those from LSF, LSF's stand-in takes those from Slurm. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { analyse } from '../../server/scripts/analyse';
import { convert } from '../../server/scripts/convert';
import { TestBed } from './bed';
import { verdictOn } from './verdict';

const stubs = path.join(__dirname, 'stubs', 'lsf');
const rules = path.join(__dirname, '..', 'fixtures', 'scripts', 'rules');

let bed: TestBed;
let spool: string;
before(async () => {
  spool = mkdtempSync(path.join(tmpdir(), 'edm-convert-'));
  bed = await TestBed.start({ accounting: false });
});
after(async () => {
  await bed?.stop();
  rmSync(spool, { recursive: true, force: true });
});

const script = (keyword: string, options: readonly string[]): string =>
  `#!/bin/bash\n${options.map((option) => `#${keyword} ${option}\n`).join('')}true\n`;

/** Scripts of the other tests that their own scheduler takes as they are. */
function fixtures(scheduler: 'slurm' | 'lsf'): string[] {
  return readdirSync(rules)
    .map((file) => readFileSync(path.join(rules, file), 'utf8'))
    .filter((text) => {
      const { scheduler: own, findings } = analyse(text);
      return own === scheduler && !findings.some(({ severity }) => severity === 'error');
    });
}

/** Options of bsub, with what sbatch must have read of them (patterns of the lines that `sbatch -vv` prints). */
const fromLsf: readonly (readonly [readonly string[], readonly RegExp[]])[] = [
  [['-n 8', '-R "span[hosts=1] rusage[mem=2GB]"', '-W 1:30'], [/^cpus-per-task +: 8$/, /^time +: 01:30:00$/, /^mem +: 2G$/]],
  [['-n 8', '-R "span[ptile=4]"'], [/^nodes +: 2$/, /^cpus-per-task +: 4$/]],
  [['-n 1', '-R "span[ptile=32]"'], [/^cpus-per-task +: 1$/]],
  [['-n 4,16', '-R "span[hosts=1]"'], [/^cpus-per-task +: 4$/]],
  [['-nnodes 2', '-W 30'], [/^nodes +: 2$/, /^time +: 00:30:00$/]],
  [['-q gpu', '-gpu "num=2:mode=exclusive_process"'], [/^gres +: gres:gpu:2$/, /^partition +: gpu$/]],
  [['-J "a b[1-3]%2"', '-o "logs/%J_%I.out"'], [/^array +: 1-3%2$/]],
  [['-J job', '-o out.%J', '-e err.%J', '-B', '-N', '-u a@example.org'], [/^job-name +: job$/]],
  [['-w "done(12) && ended(13)"'], [/^dependency +: afterok:12,afterany:13$/]],
  [['-x', '-r', '-H', '-P lab', '-cwd /tmp'], [/^exclusive +: /, /^account +: lab$/]],
  [['-M 4GB', '-n 2'], []],
  [['-b 18:00', '-Jd "what it is for"', '-i /dev/null'], [/^comment +: what it is for$/]],
]; // prettier-ignore

test('what comes from LSF, sbatch reads as the same amounts', async () => {
  for (const [options, wanted] of fromLsf) {
    const made = convert(script('BSUB', options));
    const verdict = await verdictOn(bed, made?.text ?? '');
    assert.ok(verdict.read, `${made?.text}\n${verdict.message}`);
    for (const line of wanted) assert.ok(verdict.options.some((one) => line.test(one)), `${line}\n${made?.text}\n${verdict.options.join('\n')}`);
  }
  const others = fixtures('lsf');
  assert.ok(others.length > 3, String(others.length));
  for (const text of others) {
    const made = convert(text);
    const verdict = await verdictOn(bed, made?.text ?? '');
    assert.ok(verdict.read, `${text}\n${made?.text}\n${verdict.message}`);
  }
}); // prettier-ignore

test("what comes from Slurm, LSF's stand-in takes, and it is a script without errors", () => {
  const own = [
    ['--job-name=train', '--array=1-4', '--output=/dev/null', '--time=1-2'],
    ['--nodes=2', '--ntasks-per-node=4', '--cpus-per-task=2', '--mem=8G', '--gres=gpu:a100:2'],
    ['--ntasks=8', '--mem-per-cpu=500M', '--constraint=ib&ssd', '--dependency=afterok:1:2,afterany:3'],
    ['--nodes=2-4', '--ntasks-per-node=2', '--exclusive', '--hold', '--signal=B:USR1@90'],
    ['--mail-type=BEGIN,FAIL', '--mail-user=a@example.org', '--begin=18:00', '--comment=a b'],
  ].map((options) => script('SBATCH', options));
  const bodies = fixtures('slurm').map((text) => text.split('\n').filter((line) => line.startsWith('#')).join('\n') + '\ntrue\n');
  let taken = 0;
  for (const text of [...own, ...bodies]) {
    const made = convert(text);
    if (made?.to !== 'lsf') continue;
    // An index 0, which LSF refuses, is left to the user: what depends on it is in the body. It must have been told.
    const told = made.notes.some(({ why }) => why.includes('refuses an index 0'));
    const errors = analyse(made.text).findings.filter(({ id, severity }) => severity === 'error' && !(told && id === 'lsf-array'));
    assert.deepEqual(errors, [], `${text}\n${made.text}`);
    const { status, stdout, stderr } = spawnSync(path.join(stubs, 'bsub'), ['-q', 'normal', '-H'], {
      input: made.text.replace(/^(#BSUB -q).*/m, '$1 normal').replace(/^#BSUB -w.*\n/m, ''),
      encoding: 'utf8',
      cwd: spool,
      env: { ...process.env, LSF_STUB: path.join(spool, 'lsf') },
    });
    assert.equal(status, 0, stderr);
    const id = /Job <(\d+)> is submitted/.exec(stdout)?.[1] ?? '';
    const name = /^#BSUB -J "?([^"[\n]*)/m.exec(made.text)?.[1];
    if (name !== undefined) assert.equal(readFileSync(path.join(spool, 'lsf', id, 'name'), 'utf8'), name);
    taken++;
  }
  assert.ok(taken > 30, String(taken));
}); // prettier-ignore
