import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { analyse, applyFixes, fixAll } from '../../server/scripts/analyse';
import { rules } from '../../server/scripts/rules/index';
import type { ClusterSnapshot } from '../../server/shared/schema-types.gen';
import { rulesPage, rulesPagePath } from '../../tools/rules-page';

const fixtures = path.join(__dirname, '..', 'fixtures', 'scripts');
const testCluster = JSON.parse(readFileSync(path.join(fixtures, 'test-cluster.json'), 'utf8')) as ClusterSnapshot;
/** The test cluster, had it features and no internet. */
const cluster: ClusterSnapshot = {
  ...testCluster,
  nodes: testCluster.nodes?.map((node) => (node.name === 'g1' ? { ...node, features: ['a100', 'nvlink'] } : node)),
  nodesOnline: false,
};

/** A site whose engine is compatible with LSF but is not LSF. */
const lsfCluster: ClusterSnapshot = {
  scheduler: 'lsf',
  version: '2.2',
  partitions: [
    { name: 'normal', default: true, allowed: true },
    { name: 'gpu', allowed: true, minSlots: 2, maxSlots: 8, userSlots: 4 },
    { name: 'staff', allowed: false, users: ['bob'] },
  ],
};

const fixtureOf = (id: string, lsf: boolean): string => path.join(fixtures, 'rules', `${id}.${lsf ? 'lsf' : 'slurm'}`);

for (const rule of rules)
  test(`${rule.id}: its fixture has it, and its fix removes it`, () => {
    const lsf = rule.schedulers[0] === 'lsf';
    const file = fixtureOf(rule.id, lsf);
    assert.ok(existsSync(file), file);
    const text = readFileSync(file, 'utf8');
    const context =
      rule.needsCluster || rule.id === 'account-missing'
        ? {
            cluster:
              lsf ? lsfCluster : rule.id === 'account-missing' ? { ...cluster, defaultAccount: undefined, accounts: ['proja'] } : cluster, // prettier-ignore
          }
        : { clusters: ['alpha', 'athena'] };
    const analysis = analyse(text, context);
    const own = analysis.findings.filter(({ id }) => id === rule.id);
    assert.ok(own.length > 0, `found only ${analysis.findings.map(({ id }) => id).join(', ')}`);
    const others = analysis.findings.filter(({ id, severity }) => id !== rule.id && severity === 'error');
    assert.deepEqual(others, [], 'one mistake per fixture');
    for (const finding of own) {
      const lines = text.split(/\r\n|\n|\r/);
      assert.ok(finding.end.line < lines.length);
      assert.ok(finding.start.character <= (lines[finding.start.line] ?? '').length);
      assert.ok(finding.message && !finding.message.endsWith('.') && !finding.message.includes('\n'), finding.message);
      assert.ok(finding.remedy.endsWith('.'), finding.remedy);
    }
    const cures = own.flatMap(({ fix, alternatives = [] }) => [...(fix ? [fix] : []), ...alternatives]);
    assert.equal(cures.length > 0, rule.fixable, `fixable: ${rule.fixable}, ${cures.length} cures`);
    for (const finding of own)
      for (const cure of [...(finding.fix ? [finding.fix] : []), ...(finding.alternatives ?? [])]) {
        const cured = analyse(applyFixes(text, [{ ...finding, fix: cure }]), context);
        assert.ok(
          cured.findings.filter(({ id }) => id === rule.id).length < own.length,
          `${cure.title} does not remove it`,
        );
        assert.deepEqual(
          cured.findings.filter(({ id, severity }) => severity === 'error' && id !== rule.id),
          [],
          `${cure.title} makes it worse`,
        );
      }
  });

test('every fixture belongs to a rule', () => {
  const ids = readdirSync(path.join(fixtures, 'rules')).map((file) => path.parse(file).name);
  assert.deepEqual(ids.sort(), rules.map(({ id }) => id).sort());
});

test('slots within the limits of the queue, and queues of which the users are not known, are not told', () => {
  const ids = (text: string): string[] => analyse(`#!/bin/bash\n${text}\ntrue\n`, { cluster: lsfCluster }).findings.map(({ id }) => id).filter((id) => id.startsWith('cluster-')); // prettier-ignore
  assert.deepEqual(ids('#BSUB -q gpu\n#BSUB -n 4'), []);
  assert.deepEqual(ids('#BSUB -q gpu\n#BSUB -n 1,2'), []);
  assert.deepEqual(ids('#BSUB -q gpu\n#BSUB -n 1'), ['cluster-slots']);
  assert.deepEqual(ids('#BSUB -q gpu\n#BSUB -n 5'), ['cluster-slots'], 'all that one user may have');
  assert.deepEqual(ids('#BSUB -q "gpu normal"\n#BSUB -n 16'), [], 'LSF chooses one that fits');
  assert.deepEqual(ids('#BSUB -n 64'), []);
});

test('rules about clusters are silent without a snapshot', () => {
  for (const rule of rules.filter(({ needsCluster }) => needsCluster))
    assert.deepEqual(
      analyse(readFileSync(fixtureOf(rule.id, rule.schedulers[0] === 'lsf'), 'utf8')).findings.filter(
        ({ id }) => id === rule.id,
      ),
      [],
    );
});

test('a rule is switched off by comment, for a line or the script, and by the caller', () => {
  const text = (where: string, line = ''): string =>
    `#!/bin/bash\n${where}#SBATCH --account=a\n#SBATCH --mem=16\npython a.py --api-key=abcdefgh${line}\n`;
  const ids = (script: string, disabled?: string[]): string[] =>
    analyse(script, { disabled }).findings.map(({ id }) => id);
  assert.deepEqual(ids(text('')), ['memory-without-unit', 'secret-in-script']);
  assert.deepEqual(ids(text('# edm-workbench: disable=memory-without-unit\n')), ['secret-in-script']);
  assert.deepEqual(ids(text('# edm-workbench: disable=memory-without-unit, secret-in-script\n')), []);
  assert.deepEqual(ids(text('', ' # edm-workbench: disable=secret-in-script')), ['memory-without-unit']);
  assert.deepEqual(ids(text(''), ['secret-in-script']), ['memory-without-unit']);
});

test('FID: each measurement is judged, seeds of several generations add up, the detector is a download too', () => {
  const found = (body: string, context = {}): string[] =>
    analyse(`#!/bin/bash\n#SBATCH --account=a\n#SBATCH --cpus-per-task=4\n#SBATCH --gres=gpu:1\n${body}`, context)
      .findings.filter(({ id }) => id === 'fid-count' || id === 'network-url')
      .map(({ id, severity, start }) => `${id} ${severity} ${start.line}`);
  const generate = (seeds: string): string => `python generate.py --outdir="$COMMIT-out" --seeds=${seeds}\n`;
  const calc = 'python fid.py calc --images=out --ref=ref.npz';
  assert.deepEqual(found(`${calc}\n${calc} --num=10000\n`), ['fid-count info 5']);
  assert.deepEqual(found(`${generate('0-24999')}${generate('25000-49999')}${calc}\n`), []);
  assert.deepEqual(found(`${generate('0-9999')}${generate('10000-19999')}${calc}\n`), ['fid-count info 5']);
  assert.deepEqual(found(`${generate('0-9999')}${generate('"$SEEDS"')}${calc}\n`), []);
  const offline = { cluster: { ...testCluster, nodesOnline: false } };
  assert.deepEqual(found(`${calc}\n`, offline), ['network-url info 4']);
  assert.deepEqual(found(`export DNNLIB_CACHE_DIR=$HOME/cache\n${calc}\n`, offline), []);
});

test('fixing all at once ends, and leaves only fixes that change the job', () => {
  const text = `#SBTACH --time=2h\n#SBATCH --job-name=my job\n#SBATCH --gres=gpu:4 <--- here\n#SBATCH --mem=16\ntorchrun --nproc_per_node=1 train.py\n`;
  const fixed = fixAll(text);
  assert.equal(
    fixed,
    `#!/bin/bash\n#SBTACH --time=2h\n#SBATCH --job-name="my job"\n#SBATCH --gres=gpu:4 # <--- here\n#SBATCH --mem=16\ntorchrun --nproc_per_node=1 train.py\n`,
  );
  assert.deepEqual(
    analyse(fixed).findings.flatMap(({ id, fix }) => (fix ? [id] : [])),
    ['directive-misspelt', 'memory-without-unit', 'gpu-count'],
  );
  assert.equal(fixAll(fixed), fixed);
});

test('late directives at the end of a script without a last line end move once', () => {
  const fixed = fixAll('#!/bin/bash\n#SBATCH --account=a\nset -e\n#SBATCH --time=10\n#SBATCH --mem=1G');
  assert.equal(fixed, '#!/bin/bash\n#SBATCH --account=a\n#SBATCH --time=10\n#SBATCH --mem=1G\nset -e\n');
});

test('of several accounts, each is offered and none is chosen', () => {
  const { findings } = analyse('#!/bin/bash\n#SBATCH --mem=1G\n', {
    cluster: { ...testCluster, defaultAccount: undefined, accounts: ['one', 'two'] },
  });
  const found = findings.find(({ id }) => id === 'account-missing');
  assert.equal(found?.fix, undefined);
  assert.deepEqual(
    found?.alternatives?.map(({ title }) => title),
    ['Add --account=one', 'Add --account=two'],
  );
});

test('CPUs given to srun are seen before and after its other options', () => {
  const script = (srun: string): string =>
    `#!/bin/bash\n#SBATCH --account=a\n#SBATCH --cpus-per-task=4\n${srun} python a.py\n`;
  const found = analyse(script('srun --ntasks=1 --exact'));
  assert.equal(
    applyFixes(script('srun --ntasks=1 --exact'), found.findings),
    script('srun --cpus-per-task=$SLURM_CPUS_PER_TASK --ntasks=1 --exact'),
  );
  for (const srun of ['srun -c4 -n1', 'srun --ntasks=1 -c 4', 'srun --cpus-per-task=4 --ntasks=1'])
    assert.deepEqual(analyse(script(srun)).findings, []);
});

test('docs/rules.md is up to date (npx tsx tools/rules-page.ts)', async () => {
  assert.equal(readFileSync(rulesPagePath, 'utf8'), await rulesPage());
});

test('modules that may define conda make a remark of it, modules that surely do not change nothing', () => {
  const told = (modules: string): string[] =>
    analyse(`#!/bin/bash\n#SBATCH --account=a\n${modules}\nconda activate edm\n`).findings.map(({ severity, message }) => `${severity} ${message.split(', which a batch script does not read')[1] ?? message}`); // prettier-ignore
  assert.deepEqual(told('module load cuda/12.1 compilers/gcc/11 OpenMPI'), ['warning ']);
  assert.deepEqual(told('module purge\nml load gcc deep-stack/2'), [
    'info , unless the module deep-stack/2 defines it',
  ]);
  assert.deepEqual(told('ml gcc ai-tools'), ['info , unless the module ai-tools defines it']);
  assert.deepEqual(told('module unload ai-tools'), ['warning ']);
  assert.deepEqual(told('module load ibm-wml-ce/1.7.0-3'), []);
});

test('a space before SBATCH: all lines are one finding, alternatives are hints, an amount that nothing gives is told', () => {
  const told = (...directives: string[]): string[] =>
    analyse(`#!/bin/bash\n${directives.join('\n')}\nhostname\n`).findings.filter(({ id }) => id === 'directive-spaced').map(({ severity, start }) => `${severity} ${start.line}`); // prettier-ignore
  const all = ['# SBATCH --time=10', '# SBATCH --mem=1G', '# SBATCH --output=a.out'];
  assert.deepEqual(told(...all), ['warning 1']);
  assert.deepEqual(told('#SBATCH --account=a', '# SBATCH --time=10', '# SBATCH -o a.out'), ['warning 2', 'hint 3']);
  assert.deepEqual(told('#SBATCH --gpus=1', '# SBATCH --gres=gpu:a100:2'), ['hint 2']);
  assert.deepEqual(told('#SBATCH --account=a', '# SBATCH -n 128', '# SBATCH -n 64', '# SBATCH --mail-type=END'), ['hint 2', 'hint 3', 'hint 4']); // prettier-ignore
  const text = `#!/bin/bash\n${all.join('\n')}\nhostname\n`;
  const { findings } = analyse(text);
  const [spaced] = findings.filter(({ id }) => id === 'directive-spaced');
  assert.equal(applyFixes(text, spaced ? [spaced] : []), text.replaceAll('# SBATCH', '#SBATCH'));
  assert.equal(fixAll(text), text);
  assert.deepEqual(told(...all.map((one) => one.replace('# ', '##'))), []);
});

test('an array writes to one log for each element where the name has %a, %j or %J', () => {
  const told = (log: string): boolean =>
    analyse(`#!/bin/bash\n#SBATCH --account=a\n#SBATCH --array=0-3\n#SBATCH --output=${log}\nhostname\n`).findings.some(({ id }) => id === 'array-log'); // prettier-ignore
  assert.deepEqual(['a.out', 'a-%A.out', 'a-%x.out'].map(told), [true, true, true]);
  assert.deepEqual(['a-%J.out', 'a-%j.out', 'a-%A_%4a.out'].map(told), [false, false, false]);
});
