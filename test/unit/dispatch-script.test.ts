/** Rendered scripts: the lecture's, line by line; and nothing for our own linter to find in any. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { analyse } from '../../server/scripts/analyse';
import { readScript } from '../../server/scripts/reading/read-script';
import { jobScripts, waitingFor, type ScriptFacts } from '../../server/dispatch/script';
import type { RunConfig } from '../../server/shared/schema-types.gen';
import { temporaryFolder } from '../server/workspace';

const CDN = 'https://nvlabs-fi-cdn.nvidia.com/edm';
const LECTURE: ScriptFacts = {
  scheduler: 'slurm',
  profile: { name: 'rysy', host: 'rysy', account: 'g99-4302', container: './edm_latest.sif' },
  config: {
    network: `${CDN}/pretrained/edm-cifar10-32x32-cond-vp.pkl`,
    engine: 'edm',
    batch: 128,
    time: '48:00:00',
    fid: { reference: `${CDN}/fid-refs/cifar10-32x32.npz` },
  },
  label: 'a1b2c3d-cifar',
  folder: '/home/me/edm-workbench/commits/edm-1/a1b2c3d',
  run: 'runs/a1b2c3d-cifar-abcdef',
  seeds: '0-49999',
  network: `${CDN}/pretrained/edm-cifar10-32x32-cond-vp.pkl`,
  reference: `${CDN}/fid-refs/cifar10-32x32.npz`,
  workbench: '~/edm-workbench/workbench/0.1.0-abc',
};

/** Lines without comments, blanks and what the lecture's arrows point at. */
const words = (text: string): string[] =>
  text
    .split('\n')
    .map((line) =>
      line
        .replace(/<-+.*$/, '')
        .replace(/\s*\\\s*$/, '')
        .trim(),
    )
    .filter((line) => line && (!line.startsWith('#') || line.startsWith('#SBATCH')));
const lecture = (name: string): string[] =>
  words(readFileSync(path.join(__dirname, '..', 'fixtures', 'scripts', 'lecture', `${name}.slurm`), 'utf8'));
const without = (lines: readonly string[], other: readonly string[]): string[] =>
  lines.filter((line) => !other.includes(line));

test("generation and FID are the lecture's scripts but for names, the GPU count in one place, and CPUs", () => {
  const [generate, fid] = jobScripts(LECTURE);
  assert.deepEqual(without(words(generate.text), lecture('generate')), [
    '#SBATCH --job-name=a1b2c3d-cifar',
    '#SBATCH --cpus-per-task=4',
    '#SBATCH --output=runs/a1b2c3d-cifar-abcdef/generate-%j.out',
    'torchrun --standalone --nproc_per_node="$SLURM_GPUS_ON_NODE"',
    '--outdir=runs/a1b2c3d-cifar-abcdef/images',
  ]);
  assert.deepEqual(without(lecture('generate'), words(generate.text)), [
    '#SBATCH --job-name=edm_generation',
    '#SBATCH --output=generate-%j.out',
    'torchrun --standalone --nproc_per_node=1',
    '--outdir=out_50k',
  ]);
  assert.deepEqual(without(words(fid.text), lecture('fid')), [
    '#SBATCH --job-name=a1b2c3d-cifar-fid',
    '#SBATCH --cpus-per-task=4',
    '#SBATCH --output=runs/a1b2c3d-cifar-abcdef/fid-%j.out',
    'python fid.py ref',
    '--data=runs/a1b2c3d-cifar-abcdef/images',
    '--dest=runs/a1b2c3d-cifar-abcdef/stats.npz',
    'python fid.py calc',
    '--images=runs/a1b2c3d-cifar-abcdef/images',
    '--num=50000',
  ]);
  assert.deepEqual(without(lecture('fid'), words(fid.text)), [
    '#SBATCH --job-name=fid',
    '#SBATCH --output=fid-%j.out',
    'python fid.py calc --images=out_50k',
  ]);
});

test('statistics are of the images that are measured, or are not kept', () => {
  const kept = (fid: Partial<NonNullable<RunConfig['fid']>>): boolean =>
    jobScripts({ ...LECTURE, num: 50000, config: { ...LECTURE.config, fid: { reference: 'r.npz', ...fid } } })[1].text.includes('fid.py ref'); // prettier-ignore
  assert.deepEqual([kept({}), kept({ num: 50000 }), kept({ num: 10000 }), kept({ statistics: false })], [true, true, false, false]); // prettier-ignore
});

test('no script of any config has a finding, and each is shell', () => {
  const metric = { reference: 'r.npz', num: 2000, seed: 3, batch: 32 };
  const configs: Partial<RunConfig>[] = [
    { engine: 'edm' },
    { engine: 'edm', gpus: 8, fid: { reference: 'r.npz' } },
    { engine: 'edm', gpus: 2, fid: metric, class: 3, subdirs: true, time: '1-12' },
    { engine: 'edm', S_churn: 40, S_min: 0.05, S_max: 50, S_noise: 1.003, steps: 256 },
    { engine: 'edm', solver: 'euler', disc: 'vp', schedule: 'vp', scaling: 'vp', S_max: Infinity },
    { engine: 'workbench' },
    { tasks: 4, fd: metric },
    { tasks: 100, gpus: 1, time: 90, partition: 'gpu', account: 'proja' },
  ];
  const profiles = [
    { name: 'a', container: '~/edm latest.sif' },
    { name: 'b', container: "/images/it's.sif", account: 'proja', partition: 'gpu', setup: ['module load apptainer'] },
  ];
  let count = 0;
  for (const scheduler of ['slurm', 'lsf'] as const) {
    for (const profile of profiles) {
      for (const downloads of [undefined, 'runs/a1b2c3d-x/inputs']) {
        for (const config of configs) {
          const full = { network: 'x.pkl', ...config };
          const facts = {
            ...LECTURE,
            scheduler,
            profile,
            config: full,
            downloads,
            network: 'runs/a1b2c3d-x/inputs/x y.pkl',
          };
          for (const { text, role } of jobScripts({ ...facts, reference: 'runs/a1b2c3d-x/inputs/r.npz' })) {
            // Where the nodes are offline, what fid.py would download is always staged.
            for (const cluster of [undefined, { scheduler, partitions: [{ name: 'gpu' }], nodesOnline: !downloads }]) {
              const { findings } = analyse(text, cluster && { cluster });
              assert.deepEqual(
                findings.map(({ id, message }) => `${id}: ${message}`),
                [],
                `${role}\n${text}`,
              );
            }
            const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
            assert.equal(status, 0, stderr);
            count++;
          }
        }
      }
    }
  }
  assert.ok(count > 80);
});

test('what an engine cannot do is said before anything is sent', () => {
  const edm =
    (change: Partial<RunConfig>, profile = LECTURE.profile) =>
    () =>
      jobScripts({ ...LECTURE, profile, config: { ...LECTURE.config, ...change } });
  assert.throws(edm({}, { name: 'rysy' }), /names none: set container, or build an image with/);
  assert.throws(edm({ fid: undefined, fd: { reference: 'r.npz' } }), /write fid instead of fd/);
  assert.throws(edm({ rng: 'cpu' }), /random numbers on the GPU/);
  assert.throws(edm({ gpus: 0 }), /needs a GPU/);
});

test('arrays, times and dependencies in both languages', () => {
  const config: RunConfig = { network: 'x.onnx', tasks: 4, time: '1-02:30:30' };
  const [slurm, lsf] = (['slurm', 'lsf'] as const).map((scheduler) => jobScripts({ ...LECTURE, scheduler, config })[0]);
  assert.match(slurm.text, /^#SBATCH --array=1-4$/m);
  assert.match(slurm.text, /shard runs\/a1b2c3d-cifar-abcdef "\$SLURM_ARRAY_TASK_ID\/\$SLURM_ARRAY_TASK_MAX"$/m);
  assert.match(lsf.text, /^#BSUB -J "a1b2c3d-cifar\[1-4\]"$/m);
  assert.match(lsf.text, /^#BSUB -W 26:31$/m);
  assert.match(lsf.text, /"\$LSB_JOBINDEX\/\$LSB_JOBINDEX_END"$/m);
  assert.deepEqual(waitingFor('slurm', 'fid', '42'), ['--dependency=afterok:42', '--kill-on-invalid-dep=yes']);
  assert.deepEqual(waitingFor('lsf', 'finish', '42'), ['-w', 'ended(42)']);
});

test('a job of LSF works in the folder of its run and keeps its log there, wherever LSF starts it', () => {
  const config: RunConfig = { network: 'x.onnx', tasks: 2, time: 60 };
  const elsewhere = temporaryFolder();
  for (const name of ['plain', "a group's folder"]) {
    const folder = path.join(temporaryFolder(), name);
    mkdirSync(folder);
    const [generate, finish] = jobScripts({ ...LECTURE, scheduler: 'lsf', config, folder }).map(({ text }) => text);
    const read = readScript(generate, { scheduler: 'lsf' });
    assert.equal(read?.option('-o')?.value?.text, `${folder}/${LECTURE.run}/generate-%J_%I.out`);
    assert.equal(readScript(finish)?.option('-o')?.value?.text, `${folder}/${LECTURE.run}/finish-%J.out`);
    const body = `${generate.slice(0, generate.indexOf('# The workbench'))}pwd\n`;
    const run = () => spawnSync('bash', ['-s'], { input: body, cwd: elsewhere, encoding: 'utf8' });
    assert.equal(run().stdout, `${folder}\n`);
    rmSync(folder, { recursive: true });
    const { status, stdout } = run();
    assert.equal(status, 1);
    assert.match(stdout, /^Nothing was run: \S+ cannot enter the folder of this run\n$/);
  }
  for (const name of ['50%', 'a"b', '$HOME'])
    assert.throws(
      () => jobScripts({ ...LECTURE, scheduler: 'lsf', config, folder: `/w/${name}` }),
      /LSF cannot write a log below a folder with [%"$] in its name: set another work_folder$/,
    );
});
