/** What "fix all" may change: nothing that the scheduler reads today, except where a finding says so. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { analyse, applyFixes, fixAll } from '../../server/scripts/analyse';
import { readScript } from '../../server/scripts/reading/read-script';
import { ruleNamed } from '../../server/scripts/rules/index';
import { variants } from '../cluster/script-variants';
import { random } from './scripts-shell-generator';

const fixtures = path.join(__dirname, '..', 'fixtures', 'scripts');
const scripts = ['rules', 'lecture'].flatMap((folder) =>
  readdirSync(path.join(fixtures, folder)).map((file) => readFileSync(path.join(fixtures, folder, file), 'utf8')),
);

const job = (directives: string, body = 'hostname\n'): string =>
  `#!/bin/bash\n#SBATCH --account=lab01\n${directives}${body}`;
const unchanged = [
  ['a number with its unit in a remark', job('#SBATCH --mem-per-cpu=400  # memory in megabytes\n')],
  ['a launcher of its own count', job('#SBATCH --gres=gpu:1\n', 'deepspeed --num_gpus 4 train.py\n')],
  ['a folder that another script reads', job('', 'python generate.py --outdir=out_50k\n')],
  ['a time of minutes', job('#SBATCH --time=48\n')],
  ['words after a number', job('#SBATCH --ntasks=4 2\n')],
  ['a word that may be a remark', job('#SBATCH --partition=gpu main queue\n')],
  [
    'a late directive whose option is given already',
    job('#SBATCH --time=6:00:00\n', 'cd run\n#SBATCH --time=1:00:00\n'),
  ],
  ['a late directive that would be refused', job('', 'cd run\n#SBATCH --nonsense=1\n')],
  ['late directives that exclude what is there', job('#SBATCH --mem=4G\n', 'cd run\n#SBATCH --mem-per-cpu=1G\n')],
  ['options that exclude each other', job('#SBATCH --mem=4G\n#SBATCH --mem-per-cpu=1G\n')],
  ['a switched off directive', job('# SBATCH --time=1:00:00\n')],
  ['an option of a site', job('#SBATCH --nvmpss\n')],
  ['a negated flag', job('#SBATCH --contiguous=no\n')],
  ['a guess', job('#SBATCH --node=g1 --gpu-per-node=2\n')],
  ['a non-breaking space in a name', job('#SBATCH --job-name=a\u00a0b\n')],
] as const;

for (const [what, text] of unchanged) test(`fix all leaves alone: ${what}`, () => assert.equal(fixAll(text), text));

const repaired = [
  ['spaces in an array', '--array=1, 3, 5', '--array=1,3,5'],
  ['a limit after a space', '--array=1-10 %2', '--array=1-10%2'],
  ['several kinds of mail', '--mail-type=BEGIN END', '--mail-type=BEGIN,END'],
  ['mail with commas', '--mail-type=BEGIN, END ,FAIL', '--mail-type=BEGIN,END,FAIL'],
  ['a list of nodes', '--nodelist=g1, g2', '--nodelist=g1,g2'],
  ['a name of two words', '--job-name=my job', '--job-name="my job"'],
  ['a unit after a space', '--mem=16 GB', '--mem=16GB'],
  ['hours in words', '--time=2 h', '--time=02:00:00'],
  ['long dashes', '\u2013-time=00:20:00', '--time=00:20:00'],
  ['an em dash', '\u2014nodes=2', '--nodes=2'],
  ['an en dash before a letter', '\u2013N 2', '-N 2'],
  ['a dash in a range', '--array=1\u201310', '--array=1-10'],
  ['curly quotes around a time', '--time=\u201c10:00\u201d', '--time=10:00'],
  ['underscores', '--cpus_per_task=4', '--cpus-per-task=4'],
  ['an arrow', '--gres=gpu:4 <--- here', '--gres=gpu:4 # <--- here'],
  ['an equals sign', '-n=4', '-n4'],
] as const;

for (const [what, before, after] of repaired)
  test(`fix all repairs what is refused: ${what}`, () =>
    assert.equal(fixAll(job(`#SBATCH ${before}\n`)), job(`#SBATCH ${after}\n`)));

/** The options that the scheduler reads, component by component; of one given several times, the last. */
function resolved(text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const { component, option, spelling, value } of readScript(text)?.activeOptions ?? [])
    options.set(`${component} ${option?.name ?? spelling}`, value?.text ?? '');
  return options;
}

/** Checks one script, and says whether fix all changes it. */
function keeps(text: string): boolean {
  const fixed = fixAll(text);
  if (fixed === text) return false;
  const { findings } = analyse(text);
  const effects = new Set(findings.filter(({ fix }) => fix?.keepsMeaning).map(({ id }) => ruleNamed(id)?.effect));
  // What the scheduler refuses has no meaning to keep, but options that are not named keep their values.
  const refused = effects.has('refused') || effects.has('depends');
  const named = findings.map(({ message, start, end }) => `${message} ${text.split(/\r\n|\n|\r/).slice(start.line, end.line + 1).join(' ')}`).join('\n'); // prettier-ignore
  const [before, after] = [resolved(text), resolved(fixed)];
  for (const [name, value] of before)
    assert.ok(
      after.get(name) === value || (refused && named.includes(value)),
      `${name}=${value}: ${JSON.stringify(text)} -> ${JSON.stringify(fixed)}`,
    );
  for (const [name] of after)
    if (!before.has(name)) {
      const option = name.split(' ')[1] ?? '';
      assert.ok(refused || effects.has('ignored'), `${name} in ${fixed}`);
      assert.ok(
        named.toLowerCase().replace(/[-_\u2010-\u2015]/g, '').includes(option.replace(/-/g, '').toLowerCase()) || /^--?[A-Za-z-]+$/.test(option),
        `${name} is in no finding of ${text}`,
      ); // prettier-ignore
    }
  return true;
}

test('every fixture, every variant: options differ only where a finding says so', () => {
  const changed = [...scripts, ...variants].filter(keeps);
  assert.ok(changed.length > 20, `${changed.length} changed`);
});

test('damaged scripts too', () => {
  const next = random(3);
  for (let i = 0; i < 600; i++) {
    const text = scripts[Math.floor(next() * scripts.length)] ?? '';
    const at = Math.floor(next() * text.length);
    keeps(text.slice(0, at) + text.slice(at + 1 + Math.floor(next() * 3)));
  }
});

const generate = job('', 'torchrun --nproc_per_node=1 generate.py --outdir=out_50k --seeds=0-49999\n');
const measure = job('', 'python fid.py calc --images=out_50k --ref=ref.npz\nls ./out_50k/000000\n');

/** The finding about the folder's name, with another script beside it. */
function named(own: string, text: string): ReturnType<typeof analyse>['findings'][number] {
  const siblings = () => [{ path: '/jobs/fid.slurm', name: 'fid.slurm', text }];
  const found = analyse(own, { siblings }).findings.filter(({ id }) => id === 'commit-prefix');
  assert.equal(found.length, 1);
  return found[0] ?? assert.fail();
}

test('a folder that two scripts share is renamed in both', () => {
  const { message, fix } = named(generate, measure);
  assert.match(message, /fid\.slurm uses it too/);
  assert.match(fix?.title ?? '', /here and in fid\.slurm/);
  assert.equal(fix?.keepsMeaning, false);
  const [other] = fix?.elsewhere ?? [];
  assert.equal(other?.path, '/jobs/fid.slurm');
  const changed = applyFixes(measure, [{ ...named(generate, measure), fix: { title: '', keepsMeaning: false, edits: other?.edits ?? [] } }]); // prettier-ignore
  assert.match(changed, /--images="\$\(git rev-parse --short HEAD\)-out_50k" /);
  assert.match(changed, /ls \.\/"\$\(git rev-parse --short HEAD\)-out_50k"\/000000/);
  assert.match(applyFixes(generate, [named(generate, measure)]), /--outdir="\$\(git rev-parse --short HEAD\)-out_50k"/);
});

test('where one mention cannot be changed, none is', () => {
  const indirect = job('', 'IMAGES=out_50k\npython fid.py calc --images=$IMAGES\n');
  const { message, fix } = named(generate, indirect);
  assert.match(message, /fid\.slurm uses it too/);
  assert.equal(fix, undefined);
  assert.equal(named(`${generate}RESULTS=(out_50k)\n`, measure).fix, undefined);
});

test('other folders are left alone, and so are remarks', () => {
  const { fix } = named(generate, job('', '# reads out_50k\npython fid.py calc --images=out_50k_old\n'));
  assert.equal(fix?.elsewhere, undefined);
});

test('a network and a container that scripts of a folder share are one finding for each script, changed in all of them at once', () => {
  const wrong = 'https://nvlabs-fi-cdn.nvidia.com/edm/pretrained/edm-cifar10-32x32-cond-pv.pkl';
  const image = 'docker-archive://home/me/edm.tar';
  const own = job('', `NET=${wrong}\npython generate.py --outdir=a --network=${wrong}\n# once ${wrong}\napptainer exec --nv ${image} true\napptainer exec --nv "${image}" true\n`);
  const other = job('', `curl -O ${wrong}\napptainer build edm.sif ${image}\nls ${image}2\n`);
  const siblings = () => [
    { path: '/jobs/pull.sh', name: 'pull.sh', text: other },
    { path: '/jobs/mine.sh', name: 'mine.sh', text: job('', 'hostname\n') },
  ];
  for (const [id, title] of [
    ['published-name', 'Change to edm-cifar10-32x32-cond-vp.pkl, at 2 places and in pull.sh'],
    ['docker-archive-slashes', 'Change to docker-archive:///, at 2 places and in pull.sh'],
  ] as const) {
    const found = analyse(own, { siblings }).findings.filter((finding) => finding.id === id);
    assert.equal(found.length, 1, id);
    const [{ message, fix } = assert.fail()] = found;
    assert.match(message, /; pull\.sh uses it too$/);
    assert.deepEqual([fix?.title, fix?.keepsMeaning], [title, false]);
    assert.deepEqual(fix?.elsewhere?.map(({ path }) => path), ['/jobs/pull.sh']);
    const changed = applyFixes(own, found);
    const there = applyFixes(other, [{ ...(found[0] ?? assert.fail()), fix: { title: '', keepsMeaning: false, edits: fix?.elsewhere?.[0]?.edits ?? [] } }]);
    const [was, is] = id === 'published-name' ? [wrong, wrong.replace('-pv', '-vp')] : [image, image.replace('//', '///')];
    assert.equal(changed, own.replaceAll(was, is).replace(`# once ${is}`, `# once ${was}`));
    assert.equal(there, other.replace(was, is), 'and not what only begins like it');
  }
  const alone = analyse(own).findings.find(({ id }) => id === 'published-name');
  assert.equal(alone?.fix?.title, 'Change to edm-cifar10-32x32-cond-vp.pkl, at 2 places');
}); // prettier-ignore
