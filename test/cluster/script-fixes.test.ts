/** What "fix all" changes, as the real sbatch resolves it: a job that it takes keeps every option. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { analyse, fixAll } from '../../server/scripts/analyse';
import { readScript } from '../../server/scripts/reading/read-script';
import { ruleNamed } from '../../server/scripts/rules/index';
import { TestBed } from './bed';
import { variants } from './script-variants';
import { verdictOn } from './verdict';

let bed: TestBed;
before(async () => {
  bed = await TestBed.start({ accounting: false });
});
after(() => bed?.stop());

/** The options that sbatch read from a script, a line each; undefined where it refuses the script. */
async function options(text: string): Promise<readonly string[] | undefined> {
  const verdict = await verdictOn(bed, text);
  return verdict.taken ? verdict.options : undefined;
}

const rulesFolder = path.join(__dirname, '..', 'fixtures', 'scripts', 'rules');
const lines = [
  '--mail-type=BEGIN END',
  '--array=1, 3, 5',
  '\u2013-time=10',
  '--mem=16 GB',
  '--job-name=my job',
  '--cpus_per_task=2',
];
const scripts = [
  // sbatch understands some directives of LSF in its own way: it is no judge of scripts for bsub.
  ...readdirSync(rulesFolder)
    .map((file) => readFileSync(path.join(rulesFolder, file), 'utf8'))
    .filter((text) => readScript(text)?.scheduler !== 'lsf'),
  ...lines.map((line) => `#!/bin/bash\n#SBATCH ${line}\nhostname\n`),
  ...variants,
]; // prettier-ignore

test('a job that sbatch takes has the same options after fix all, save those that a finding calls ignored', async () => {
  let changed = 0;
  let taken = 0;
  for (const text of scripts) {
    const fixed = fixAll(text);
    if (fixed === text) continue;
    changed++;
    const { findings } = analyse(text);
    // Another form of the same resources, which more releases read.
    const reworded = findings.some(({ id }) => id === 'gres-form') ? /^gres / : /^$/;
    const [was, is] = [await options(text), await options(fixed)].map((read) =>
      read?.filter((line) => !reworded.test(line)),
    );
    if (!was) continue;
    taken++;
    const ignored = findings.some(({ id, fix }) => fix?.keepsMeaning && ruleNamed(id)?.effect === 'ignored'); // prettier-ignore
    if (ignored)
      assert.deepEqual(was.filter((line) => !is?.includes(line)), [], text); // prettier-ignore
    else assert.deepEqual(is, was, `${text}\n${fixed}`);
  }
  assert.ok(changed > 40 && taken > 10, `${changed} changed, ${taken} of them taken`);
});

test('what sbatch refuses, it takes after the fixes that say the same', async () => {
  for (const line of lines) {
    const text = `#!/bin/bash\n#SBATCH ${line}\nhostname\n`;
    assert.ok(await options(fixAll(text)), line);
  }
});
