/** Completion and hover among the options of launchers and programs below the directives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completionsAt } from '../../server/scripts/completion';
import type { Completion } from '../../server/scripts/proposal';
import { programs } from '../../server/scripts/catalogue/programs';
import { hoverAt } from '../../server/scripts/hover';
import type { ScriptContext } from '../../server/scripts/reading/script';

/** A script with this body, and the position of `|` in it. */
function at(body: string): { text: string; position: { line: number; character: number }; after: string } {
  const marked = `#!/bin/bash\n#SBATCH -N1\n${body}\n`;
  const offset = marked.indexOf('|');
  const before = marked.slice(0, offset).split('\n');
  const after = marked.slice(offset + 1);
  return { text: marked.slice(0, offset) + after, position: { line: before.length - 1, character: before.at(-1)?.length ?? 0 }, after }; // prettier-ignore
}
const completions = (body: string, context?: ScriptContext): Completion[] => {
  const { text, position } = at(body);
  return completionsAt(text, position, context);
};
const labels = (body: string, context?: ScriptContext): string[] =>
  completions(body, context).map(({ label }) => label);
const hovered = (body: string, context?: ScriptContext): string => {
  const { text, position } = at(body);
  return hoverAt(text, position, context)?.markdown ?? '';
};

test('completion: the options of the innermost program', () => {
  for (const [body, wanted, not] of [
    ['apptainer exec |', '--nv', '--array'],
    ['singularity exec --nv --|', '--bind', '--steps'],
    ['srun apptainer exec --nv \\\n  --wr|', '--writable-tmpfs', '--cpu-bind'],
    ['torchrun --standalone --|', '--nproc_per_node', '--nv'],
    ['python -m torch.distributed.run --|', '--rdzv_endpoint', '--nv'],
    ['accelerate launch --|', '--num_processes', '--nv'],
    ['apptainer exec --nv a.sif torchrun --nproc_per_node=1 generate.py --|', '--S_churn', '--standalone'],
    ['python fid.py calc --|', '--ref', '--dest'],
    ['python fid.py ref --|', '--dest', '--ref'],
    ['python calculate_metrics.py gen --|', '--net', '--images'],
    ['python generate_images.py --outdir=o |', '--preset', '--network'],
    ['python train_edm2.py --|', '--batch-gpu', '--arch'],
    ['python train.py --outdir=o --|', '--arch', '--preset'],
    ['python dataset_tool.py --|', '--transform', '--model-url'],
    ['python dataset_tool.py encode --|', '--model-url', '--transform'],
    ['python reconstruct_phema.py --|', '--outstd', '--net'],
  ]) {
    const found = labels(body ?? '');
    assert.ok(found.includes(wanted ?? ''), `${body}: ${found.slice(0, 5).join()}`);
    assert.ok(!found.includes(not ?? ''), body);
  }
  assert.deepEqual(labels('python fid.py |'), ['calc', 'ref']);
  assert.deepEqual(labels('python calculate_metrics.py c|'), ['calc', 'gen', 'ref']);
  for (const none of ['apptainer exec a.sif |', 'torchrun a.py --|', 'python train.py --epochs=3 --|', 'echo --|', 'python generate.py a|'])
    assert.deepEqual(labels(none), [], none);
  const [first] = labels('python generate.py --|');
  assert.equal(first, '--network', 'required ones first');
  assert.equal(labels('python generate.py --network=a --|').at(-1), '--network', 'what is there comes last');
}); // prettier-ignore

test('completion: values, with what stands after the cursor left alone', () => {
  assert.deepEqual(labels('python generate.py --solver=|'), ['heun', 'euler']);
  assert.deepEqual(labels('python generate.py --solver |'), ['heun', 'euler']);
  assert.ok(labels('python generate_images.py --preset=edm2-|').includes('edm2-img512-s-guid-fid'));
  assert.ok(labels('python train_edm2.py --preset=|').includes('edm2-img64-xs'));
  assert.ok(labels('python generate.py --network=|').some((label) => label.endsWith('/edm-ffhq-64x64-uncond-vp.pkl')));
  assert.ok(labels('python fid.py calc --ref "|').some((label) => label.endsWith('/fid-refs/cifar10-32x32.npz')));
  assert.deepEqual(labels('python generate.py --network=./|'), []);
  assert.ok(labels('torchrun --rdzv_backend=|').includes('c10d'));
  assert.ok(labels('python generate.py --seeds=|').includes('0-49999'));
  const [one] = completions('python generate.py --solver=e| --steps=18');
  assert.deepEqual([one?.range.start.character, one?.range.end.character], [28, 29]);
  const [seen] = completions('python generate.py --ou|t=a --network=b').filter(({ label }) => label === '--outdir');
  assert.deepEqual([seen?.insert, seen?.range.start.character, seen?.range.end.character], ['--outdir', 19, 24]);
});

test("completion and hover heed the program's own code where it is in the project", () => {
  const program = (): string => "'--network' '--outdir' '--steps' '--cfg-scale'";
  const found = labels('python generate.py --|', { program });
  assert.deepEqual(found.sort(), ['--cfg-scale', '--network', '--outdir', '--steps']);
  assert.equal(hovered('python generate.py --S_ch|urn=4', { program }), '');
  assert.match(hovered('python generate.py --st|eps=4 --cfg-scale=2', { program }), /sampling steps/);
});

test('hover: options of every program', () => {
  assert.match(hovered('apptainer exec --n|v a.sif b'), /NVIDIA GPUs/);
  assert.match(hovered('singularity run --ro|cm a.sif'), /AMD GPUs/);
  assert.match(hovered('apptainer exec -|B $PWD a.sif b'), /Folders of the node/);
  assert.match(hovered('torchrun --stand|alone a.py'), /One node on its own/);
  assert.match(hovered('torchrun --nproc-per-|node=2 a.py'), /Processes on each node/);
  assert.match(hovered('torchrun --rdzv_end|point=a:1 a.py'), /first node of the job/);
  assert.match(hovered('torchr|un a.py'), /one for each GPU/);
  assert.match(hovered('python fid.py calc --nu|m=5'), /random subset/);
  assert.match(hovered('python train.py --outdir=o --ar|ch=adm'), /DDPM\+\+/);
  assert.equal(hovered('python train.py --epochs=9 --l|r=1'), '', "somebody else's program");
  assert.equal(hovered('apptainer run a.sif --n|v'), '', 'an option of what runs in the image');
});

test('hover: steps, networks, references, seeds, batches, classes and presets in numbers', () => {
  const root = 'https://nvlabs-fi-cdn.nvidia.com/edm';
  assert.match(hovered('python generate.py --steps=1|8'), /NFE 35\*\*/);
  assert.match(hovered('python generate.py --steps=1|8 --solver=euler'), /NFE 18\*\*/);
  assert.match(hovered(`python generate.py --steps=1|8 --network=${root}/pretrained/edm-ffhq-64x64-uncond-vp.pkl`), /paper takes 40 .*NFE 79/);
  assert.match(hovered('python generate_images.py --preset=edm2-img512-s-guid-fid --steps=3|2'), /NFE 63[^]*guiding network/);
  const network = hovered(`python generate.py --network=${root}/pretrained/edm-ffhq-64x64-un|cond-vp.pkl`);
  assert.match(network, /FFHQ at 64x64, unconditional[^]*FID \*\*2\.39\*\* at NFE 79[^]*fid-refs\/ffhq-64x64\.npz[^]*--steps=40/);
  assert.match(hovered('NET=nets/edm-imagenet-64x64-cond-adm.pkl\npython generate.py --network=$N|ET'), /1000 classes[^]*1\.36[^]*--S_churn=40/);
  assert.match(hovered('python fid.py calc --ref=refs/cifar10-32|x32.npz'), /CIFAR-10 at 32x32[^]*edm-cifar10-32x32-cond-vp/);
  assert.match(hovered('python generate.py --seeds=0-|49999'), /\*\*50,000 images\*\*/);
  assert.match(hovered('python generate.py --seeds=1,2,5-10,|2'), /\*\*8 images\*\*: of 9 seeds/);
  assert.match(hovered('python generate.py'.concat(' --batch=12|8 --seeds=0-49999')), /At most 128 images at once\*\*\. 50,000 seeds make 391 batches of up to 128/);
  assert.match(hovered('torchrun --nproc_per_node=4 generate.py --batch=12|8 --seeds=0-999'), /each of 4 processes: 512 together\. 1,000 seeds make 8 batches of up to 125/);
  assert.match(hovered('torchrun --nproc_per_node=8 train.py --outdir=o --data=d --batch=51|2'), /512 images in a training step\*\*, over all GPUs together: 64 images on each of 8 GPUs/);
  assert.match(hovered('python generate.py --network=edm-cifar10-32x32-cond-vp.pkl --class=|3'), /Class 3 of the 10 classes/);
  assert.match(hovered('python generate_images.py --preset=edm2-img64-s|-autog-fid'), /FID \*\*1\.01\*\*[^]*--guidance=1\.7/);
  assert.match(hovered('python train_edm2.py --preset=edm2-img64-x|l'), /--channels=384/);
  assert.match(hovered('torchrun --nnodes=2 --nproc_per_node=|4 a.py'), /4 processes on each node\*\*, 8 on 2 nodes/);
}); // prettier-ignore

test('every option that is shown has a help of its own', () => {
  for (const { program, options, subcommands = {} } of programs.values())
    for (const option of [...options, ...Object.values(subcommands).flatMap((one) => one.options)])
      assert.ok(option.isHidden === true || option.help.endsWith('.') || option.help.endsWith('`.'), `${program} ${option.name}`); // prettier-ignore
});
