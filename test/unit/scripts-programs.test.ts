/** Rules about the programs below the directives: scripts that have the mistake, scripts like them that do not, forks. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { NETWORKS } from '../../server/published/published-networks';
import { misnamedAddress, networkNamed, referenceNamed } from '../../server/published/published-names';
import { readConfig } from '../../server/runs/config';
import { checkFiles } from '../../server/runs/diagnose';
import { programsOf } from '../../server/script-programs';
import { analyse, applyFixes } from '../../server/scripts/analyse';
import type { ScriptContext } from '../../server/scripts/reading/script';

const NEW = new Set(['program-option', 'published-name', 'reference-mismatch', 'class-range', 'published-steps']);
const EDM = 'https://nvlabs-fi-cdn.nvidia.com/edm';
const net = (name: string): string => `${EDM}/pretrained/${name}.pkl`;
const ref = (name: string): string => `${EDM}/fid-refs/${name}.npz`;
const job = (body: string): string => `#!/bin/bash\n#SBATCH --account=lab01\n${body}\n`;
const found = (body: string, context: ScriptContext = {}): string[] =>
  analyse(job(body), context)
    .findings.filter(({ id }) => NEW.has(id))
    .map(({ id, severity }) => `${severity} ${id}`);
const fixed = (body: string, context: ScriptContext = {}): string =>
  applyFixes(job(body), analyse(job(body), context).findings.filter(({ id }) => NEW.has(id))).slice(job('').length - 1).trimEnd(); // prettier-ignore

test('an option that a program does not have: misspelt ones of the original, with the right one', () => {
  const known = `generate.py --outdir=a --network=${net('edm-cifar10-32x32-cond-vp')}`;
  for (const [wrong, right] of [
    [`python ${known} --stpes=18`, `python ${known} --steps=18`],
    [`python ${known} --s_churn=40`, `python ${known} --S_churn=40`],
    [`torchrun --standalone ${known} --sigma-min 0.01`, `torchrun --standalone ${known} --sigma_min 0.01`],
    ['python generate.py --netwrok=a.pkl --outdir=o', 'python generate.py --network=a.pkl --outdir=o'],
    ['python fid.py calc --images=a --ref=b --nmu=5', 'python fid.py calc --images=a --ref=b --num=5'],
    ['python generate_images.py --outdir=o --prseet=x', 'python generate_images.py --outdir=o --preset=x'],
    ['python calculate_metrics.py gen --net=a --ref=b --metrisc=fid', 'python calculate_metrics.py gen --net=a --ref=b --metrics=fid'],
    ['torchrun --standlone --nproc_per_node=1 a.py', 'torchrun --standalone --nproc_per_node=1 a.py'],
    ['torchrun --nproc_pre_node 4 a.py', 'torchrun --nproc_per_node 4 a.py'],
    ['apptainer exec --nv --bnid $PWD a.sif python b.py', 'apptainer exec --nv --bind $PWD a.sif python b.py'],
    ['singularity exec --contianall a.sif python b.py', 'singularity exec --containall a.sif python b.py'],
  ] as const) {
    assert.deepEqual(found(wrong), ['warning program-option'], wrong);
    assert.equal(fixed(wrong), right);
    assert.deepEqual(found(right), [], right);
  }
  assert.deepEqual(found(`python ${known} --seed=1`), ['info program-option'], 'what a fork may well have');
}); // prettier-ignore

test('programs of other people, forks and newer releases are left alone', () => {
  for (const body of [
    'python generate.py --outdir=out --trunc=1 --seeds=2 --network=stylegan3.pkl',
    'python generate.py --outdir=o --network=n.pkl --cfg=1.5 --stpes=18',
    'python train.py --data=d --epochs 90 --bacth 64',
    'python generate.py --stpes=3',
    'torchrun --nproc 4 --nnodes=1 a.py',
    'torchrun --some-new-option=1 a.py',
    'apptainer exec --some-new-option a.sif python b.py',
    'apptainer run a.sif --bnid=x',
    'python generate.py $OPTIONS --outdir=o --network=n.pkl',
    'python dataset_tool.py encode --source=a --dest=b --model-url=c',
    'python fid.py --help',
  ])
    assert.deepEqual(found(body), [], body);
});

test("a program's own code, where it is in the project, says which options it has", () => {
  const click = ['--network', '--outdir', '--steps', '--cfg-scale']
    .map((name) => `@click.option('${name}')`)
    .join('\n');
  const context = { program: (name: string) => (name === 'generate.py' ? click : undefined) };
  const of = (options: string): string => `python generate.py --outdir=o --network=n.pkl ${options}`;
  assert.deepEqual(found(of('--cfg-scale=2'), context), []);
  assert.deepEqual(found(of('--cfg-scael=2'), context), ['warning program-option']);
  assert.deepEqual(found(of('--S_churn=2'), context), ['warning program-option'], 'the fork has no churn');
  assert.deepEqual(found(`cd /other\n${of('--S_churn=2')}`, context), [], 'another checkout may have it');
  const argparse = { program: () => click.replaceAll('@click.option', 'parser.add_argument') };
  assert.deepEqual(found(of('--cfg=2 --S_churn=1'), argparse), [], 'argparse takes abbreviations');
});

test('the code of a program is looked for in the project only', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'programs-'));
  try {
    mkdirSync(path.join(root, 'p', '.git'), { recursive: true });
    mkdirSync(path.join(root, 'p', 'slurm'));
    writeFileSync(path.join(root, 'p', 'generate.py'), 'of the project');
    writeFileSync(path.join(root, 'outside.py'), 'secret');
    symlinkSync(path.join(root, 'outside.py'), path.join(root, 'p', 'link.py'));
    const program = programsOf(path.join(root, 'p', 'slurm', 'a.slurm'));
    assert.equal(program('generate.py'), 'of the project');
    assert.equal(program('./generate.py'), 'of the project');
    for (const name of ['../../outside.py', 'link.py', path.join(root, 'outside.py'), 'none.py', '~/generate.py'])
      assert.equal(program(name), undefined, name);
    assert.equal(programsOf('b.slurm', () => 'open')(path.basename('nowhere.py')), undefined);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('an address at which nothing is published is told, wherever it stands, and only then', () => {
  const vp = net('edm-cifar10-32x32-cond-vp');
  for (const [wrong, right] of [
    [net('edm-cifar10-32x32-cond-pv'), vp],
    [`${EDM}/pretrained/baseline-cifar10-32x32-uncond-vp.pkl`, `${EDM}/pretrained/baseline/baseline-cifar10-32x32-uncond-vp.pkl`],
    [vp.replace('nvidia.com', 'nvidai.com'), vp],
    [vp.replace('pretrained', 'pretraind'), vp],
    [ref('cifar-10-32x32'), ref('cifar10-32x32')],
    [ref('cifar10-32x32').replace('fid-refs', 'pretrained'), ref('cifar10-32x32')],
  ] as const) {
    for (const use of ['python generate.py --outdir=o --network=URL', 'NET="URL"', 'wget -q URL', "curl -O 'URL'"])
      if (!/^python/.test(use) || !wrong.endsWith('npz')) {
        assert.deepEqual(found(use.replace('URL', wrong)), ['warning published-name'], `${use} ${wrong}`);
        assert.equal(fixed(use.replace('URL', wrong)), use.replace('URL', right));
        assert.deepEqual(found(use.replace('URL', right)), []);
      }
  }
  for (const other of [
    'wget https://mirror.example.org/edm/pretrained/edm-cifar10-32x32-cond-pv.pkl',
    `# ${net('edm-cifar10-32x32-cond-pv')}`,
    `wget ${EDM}/pretrained/edm-cifar10-32x32-cond-$ARCH.pkl`,
    'wget https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/ffhq.pkl',
    'wget https://nvlabs-fi-cdn.nvidia.com/edm2/posthoc-reconstructions/edm2-img512-s-2147483-0.085.pkl',
    'wget https://nvlabs-fi-cdn.nvidia.com/edm2/posthoc-reconstructions/edm2-img512-s-2147483-0.215.pkl',
  ])
    assert.deepEqual(found(other), [], other);
  const root = `ROOT=${EDM}/pretrained\npython generate.py --outdir=o --network=$ROOT/edm-cifar10-32x32-cond-pv.pkl`;
  assert.deepEqual(found(root), ['warning published-name']);
  assert.equal(fixed(root), root.replace('cond-pv', 'cond-vp'));
}); // prettier-ignore

test('files and presets that are one slip away from a published name', () => {
  const of = (name: string): string => `python generate.py --outdir=o --network=${name}`;
  assert.deepEqual(found(of('nets/edm-cifar10-32x32-cond-pv.pkl')), ['info published-name']);
  assert.equal(fixed(of('nets/edm-cifar10-32x32-cond-pv.pkl')), of('nets/edm-cifar10-32x32-cond-vp.pkl'));
  for (const own of [
    'edm-cifar10-32x32-cond-vp2.pkl',
    'my-edm-cifar10-32x32-cond-vp.pkl',
    'network-snapshot-200000.pkl',
  ])
    assert.deepEqual(found(of(own)), [], own);
  const preset = 'python generate_images.py --outdir=o --preset=edm2-img512-s-giud-dino';
  assert.deepEqual(found(preset), ['warning published-name']);
  assert.equal(fixed(preset), preset.replace('giud', 'guid'));
  const fork = { program: () => "'--preset' '--outdir' '--net' 'edm2-img512-s-giud-dino'" };
  assert.deepEqual(found(preset, fork), []);
  assert.deepEqual(found('python generate_images.py --outdir=o --preset=ours'), []);
});

const generate = (network: string, more = ''): string => `python generate.py --outdir=out --network=${network}${more}`;
const calc = (reference: string): string => `python fid.py calc --images=./out/ --ref=${reference}`;

test('a reference of another data set: by the folder of the images, also across the scripts of a folder', () => {
  const ffhq = generate(net('edm-ffhq-64x64-uncond-vp'), ' --steps=40');
  const both = (a: string, b: string): string => `${a}\n${b}`;
  assert.deepEqual(found(both(ffhq, calc(ref('cifar10-32x32')))), ['warning reference-mismatch']);
  assert.equal(fixed(both(ffhq, calc('refs/cifar10-32x32.npz'))), both(ffhq, calc('refs/ffhq-64x64.npz')));
  for (const right of ['ffhq-64x64', 'my-statistics'])
    assert.deepEqual(found(both(ffhq, calc(ref(right).replace(EDM, '/data')))), []);
  assert.deepEqual(found(both(ffhq.replace('out ', 'other '), calc(ref('cifar10-32x32')))), [], 'other images');
  const two = both(ffhq, generate('$MINE'));
  assert.deepEqual(found(both(two, calc(ref('cifar10-32x32')))), [], 'images of a network that is not known');
  const script = (network: string): ScriptContext => ({
    siblings: () => [{ path: '/w/generate.slurm', name: 'generate.slurm', text: job(generate(network)) }],
  });
  assert.deepEqual(found(calc(ref('cifar10-32x32')), script(net('edm-ffhq-64x64-uncond-ve'))), ['warning reference-mismatch']);
  assert.deepEqual(found(calc(ref('cifar10-32x32')), script(net('edm-cifar10-32x32-cond-ve'))), []);
  const gen = 'python calculate_metrics.py gen --net=edm2-img512-s-2147483-0.130.pkl --ref=URL';
  assert.deepEqual(found(gen.replace('URL', 'refs/img64.pkl')), ['warning reference-mismatch']);
  assert.deepEqual(found(gen.replace('URL', 'refs/img512.pkl')), []);
  const preset = 'python generate_images.py --preset=edm2-img64-s-fid --outdir=out\npython calculate_metrics.py calc --images=out --ref=img512.pkl';
  assert.deepEqual(found(preset), ['warning reference-mismatch']);
  const baseline = generate(`${EDM}/pretrained/baseline/baseline-imagenet-64x64-cond-adm.pkl`);
  assert.deepEqual(found(both(baseline, calc(ref('imagenet-64x64')))), ['info reference-mismatch']);
  assert.deepEqual(found(both(baseline, calc(ref('imagenet-64x64-baseline')))), []);
}); // prettier-ignore

test('a class that a network does not have; an error only where the file is surely that network', () => {
  const imagenet = net('edm-imagenet-64x64-cond-adm');
  assert.deepEqual(found(generate(imagenet, ' --class=1000')), ['error class-range']);
  assert.deepEqual(found(generate('nets/edm-imagenet-64x64-cond-adm.pkl', ' --class 1000')), ['warning class-range']);
  assert.deepEqual(found(generate(imagenet, ' --class=999')), []);
  assert.deepEqual(found(generate(net('edm-cifar10-32x32-uncond-vp'), ' --class=3')), ['error class-range']);
  assert.deepEqual(found(generate(net('edm-ffhq-64x64-uncond-vp'), ' --class=0')), ['error class-range']);
  assert.deepEqual(found(generate(net('edm-cifar10-32x32-cond-vp'), ' --class=10')), ['error class-range']);
  assert.deepEqual(found(generate(net('edm-cifar10-32x32-cond-vp'), ' --class=$I')), []);
  assert.deepEqual(found(generate('mine.pkl', ' --class=1000')), []);
});

test('the default steps are told where the images are compared with a published reference of another default', () => {
  const at = (more: string): string[] => found(`${generate(net('edm-ffhq-64x64-uncond-vp'), more)}\n${calc(ref('ffhq-64x64'))}`); // prettier-ignore
  assert.deepEqual(at(''), ['info published-steps']);
  assert.deepEqual(at(' --steps=18'), ['info published-steps']);
  for (const more of [' --steps=40', ' --steps=20', ' --solver=euler', ' --steps=$N'])
    assert.deepEqual(at(more), [], more);
  assert.deepEqual(found(generate(net('edm-ffhq-64x64-uncond-vp'))), [], 'nothing is measured');
});

test('the same is found in run configs, without a download', async () => {
  const problems = (text: string): string[] => readConfig(text).problems.map(({ id, severity, replacement }) => `${severity} ${id} ${replacement ?? ''}`.trim()); // prettier-ignore
  const fid = (reference: string): string => `seeds: 0-49999\nfid:\n  reference: ${reference}\n`;
  const ffhq = net('edm-ffhq-64x64-uncond-vp');
  assert.deepEqual(problems(`network: ${net('edm-cifar10-32x32-cond-pv')}\n`), [`warning published-name ${net('edm-cifar10-32x32-cond-vp')}`]); // prettier-ignore
  assert.deepEqual(problems(`network: ${ffhq}\nsteps: 40\n${fid(ref('cifar10-32x32'))}`), [`warning reference-mismatch ${ref('ffhq-64x64')}`]); // prettier-ignore
  assert.deepEqual(problems(`network: ${ffhq}\nsteps: 18\n${fid(ref('ffhq-64x64'))}`), ['info published-steps 40']);
  assert.deepEqual(problems(`network: ${ffhq}\n${fid(ref('ffhq-64x64'))}`), ['info published-steps']);
  assert.deepEqual(problems(`network: ${ffhq}\nsteps: 40\n${fid(ref('ffhq-64x64'))}`), []);
  assert.deepEqual(problems(`network: ${net('edm-imagenet-64x64-cond-adm')}\nclass: 1000\n`), [
    'error class-range 999',
  ]);
  assert.deepEqual(problems(`network: ${ffhq}\nclass: 0\n`), ['error class-range']);

  const base = mkdtempSync(path.join(tmpdir(), 'configs-'));
  try {
    mkdirSync(path.join(base, 'nets'));
    writeFileSync(path.join(base, 'nets', 'snapshot-0200.pkl'), '');
    const meant = async (network: string): Promise<string | undefined> => (await checkFiles({ network }, base))[0]?.replacement; // prettier-ignore
    assert.equal(await meant('nets/snapshot-0300.pkl'), 'nets/snapshot-0200.pkl');
    assert.equal(await meant('edm-cifar10-32x32-cond-vp.pkl'), net('edm-cifar10-32x32-cond-vp'));
    assert.equal(await meant('edm-cifar10-32x32-cond-pv.pkl'), net('edm-cifar10-32x32-cond-vp'));
    assert.equal(await meant('nets/unlike-anything.pkl'), undefined);
  } finally {
    rmSync(base, { recursive: true });
  }
});

test('the table holds together: every address is known as right, every network has its reference', () => {
  for (const { name, address, reference, classes } of NETWORKS) {
    assert.equal(networkNamed(`${name}.pkl`)?.name, name);
    assert.ok(referenceNamed(`${reference}.npz`), name);
    assert.equal(classes === 0, name.includes('uncond'), name);
    if (address !== undefined) assert.equal(misnamedAddress(address), undefined);
  }
  assert.equal(NETWORKS.filter(({ address }) => address?.startsWith(`${EDM}/`)).length, 12);
});
