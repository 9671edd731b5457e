/** Files that people have: half precision, things beside the network, forks, state dicts. Made by torch 1.13. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { PNG } from 'pngjs';
import { importedModel } from '../../server/compute/imported-model';
import { runTask } from '../../server/compute/run-task';
import { UserError } from '../../server/errors';
import { fileDigest } from '../../server/file-digest';
import { readModelInfo } from '../../server/models/model-file';
import type { DenoiserInfo } from '../../server/models/model-info';
import { importModel } from '../../server/models/model-import';
import { modelText } from '../../server/models/model-text';
import { readNetworkSource } from '../../server/models/network-source';
import { planRun, type RunPlan } from '../../server/runs/plan';
import { parseNetworkConfig } from '../../server/weights/network-config';
import { openSafetensors } from '../../server/weights/safetensors';
import { fixture, inScratch } from './network-fixtures';
import { randomWeights, writeSafetensors } from './synthetic-weights';

const NETWORKS = path.join(__dirname, '../fixtures/networks');
const network = (name: string): string => path.join(NETWORKS, name);
const FORK = network('fork-forward.pkl');

const bytes = (...parts: (number | string | Buffer)[]): Buffer =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === 'number' ? Buffer.of(part) : typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
    ),
  );
const text = (value: string): Buffer => bytes(0x8c, value.length, value);
/** A dict of values that are pickled already. */
const dict = (entries: Record<string, Buffer>): Buffer =>
  bytes('}(', ...Object.entries(entries).flatMap(([key, value]) => [text(key), value]), 'u');
/** An object of EDM's persistent classes. */
const persistent = (class_name: string, state: Buffer): Buffer =>
  bytes(
    'ctorch_utils.persistence\n_reconstruct_persistent_obj\n',
    dict({ class_name: text(class_name), state }),
    Buffer.of(0x85),
    'R',
  );
const TRUE = Buffer.of(0x88);
const FOUR = Buffer.of(0x4b, 4);

function pickle(name: string, value: Buffer): string {
  const file = inScratch(name);
  writeFileSync(file, bytes(0x80, 4, value, '.'));
  return file;
}

async function refused(file: string, message: RegExp, accept?: string): Promise<void> {
  await assert.rejects(importModel(file, inScratch('refused.onnx'), { accept }), (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    assert.ok(error.message.includes(path.basename(file)) && !error.message.includes('\n'), error.message);
    return true;
  });
}

/** Images of seeds 0 to 2 with the options of the recorded ones. @returns what was noted */
async function compareImages(model: string, expected: string): Promise<string[]> {
  const outdir = inScratch(`images-${path.basename(model)}`);
  const options = { outdir, seeds: '0-2', steps: 4, sigma_max: 3 };
  const signal = new AbortController().signal;
  const nothing = (): void => undefined;
  const link = { onProgress: nothing, opened: nothing, siblings: { made: nothing, onMade: nothing } };
  const result = await runTask({ kind: 'generate', network: model, device: 'cpu', options }, link, signal);
  for (const seed of ['000000', '000001', '000002']) {
    const own = PNG.sync.read(readFileSync(path.join(outdir, `${seed}.png`)));
    const original = PNG.sync.read(readFileSync(path.join(NETWORKS, expected, `${seed}.png`)));
    assert.deepEqual(own.data, original.data, `${expected} ${seed}`);
  }
  return 'notes' in result ? result.notes : [];
}

const READABLE: [file: string, images: string][] = [
  ['ema-half', 'ema-half'],
  ['ema-bf16', 'ema-bf16'],
  ['ema-double', 'ema-double'],
  ['ema-and-tensor', 'ema-and-'],
  ['ema-and-numpy', 'ema-and-'],
  ['ema-and-path-dtype', 'ema-and-'],
  ['ema-and-date', 'ema-and-'],
];
for (const [name, images] of READABLE) {
  test(`${name}.pkl: imported, with the images of the original`, async () => {
    const model = inScratch(`${name}.onnx`);
    const info = await importModel(network(`${name}.pkl`), model);
    // Their source was taken out, which is said at the import and with the images.
    assert.match(modelText(info), /carries no source/);
    assert.match((await compareImages(model, images)).join(), /carries no source/);
  });
}

test('a fork is refused by name, accepted for this file alone, and told for ever', async () => {
  const digest = await fileDigest(FORK);
  const { sources, sha256, verdict } = await readNetworkSource(FORK);
  assert.equal(sha256, digest);
  assert.match(sources.join(), /a fork of the network module/);
  assert.match(verdict, /not what NVIDIA published: its source has none of its classes/);

  await refused(FORK, new RegExp(`not what NVIDIA published.*engine: edm.*--show-source.*--accept-source ${digest}`));
  const other = await fileDigest(network('ema-half.pkl'));
  await refused(
    FORK,
    new RegExp(`accepted in another file \\(sha256 ${other}\\), this one has sha256 ${digest}`),
    other,
  );
  await refused(network('ema-half.pkl'), /accepted in another file/, digest);

  const model = inScratch('fork.onnx');
  await importModel(FORK, model, { accept: digest.toUpperCase() });
  const info = (await readModelInfo(model)) as DenoiserInfo;
  assert.equal(info.code, 'accepted');
  assert.deepEqual(info.code_differs, ['its source has none of its classes']);
  assert.match(modelText(info), /not what NVIDIA published.*was accepted/);
});

test('what was accepted once is refused without the word, and an ONNX file goes with its own', async () => {
  process.env.XDG_CACHE_HOME = inScratch('cache');
  const digest = await fileDigest(FORK);
  const model = await importedModel(FORK, 'fork.pkl', {}, digest);
  await assert.rejects(importedModel(FORK, 'fork.pkl'), /not what NVIDIA published/);
  await assert.rejects(importedModel(FORK, 'fork.pkl', {}, '0'.repeat(64)), /accepted in another file/);
  assert.equal(await importedModel(model, 'model.onnx', {}, digest), model);
  await assert.rejects(importedModel(model, 'model.onnx', {}, '0'.repeat(64)), /accepted in another file/);
});

test('a plan keeps for its records that code was accepted, and another file is refused', async () => {
  process.env.XDG_CACHE_HOME = inScratch('cache');
  const digest = await fileDigest(FORK);
  const commit = {
    commit: 'a'.repeat(40),
    short: 'aaaaaaa',
    dirty: false,
    branch: 'main',
    subject: '',
    author: '',
    date: '',
  };
  const plan = (accept_source?: string): Promise<RunPlan> =>
    planRun({
      name: 'fork',
      root: NETWORKS,
      file: path.join(NETWORKS, 'fork.edm.yaml'),
      configFile: 'fork.edm.yaml',
      config: { network: 'fork-forward.pkl', accept_source },
      text: '',
      outputs: [],
      code: commit,
    });
  assert.deepEqual((await plan(digest)).network.identity.accepted_code, ['its source has none of its classes']);
  await assert.rejects(plan(), /not what NVIDIA published/);
  await assert.rejects(plan('0'.repeat(64)), /accepted in another file/);
});

test('a source of the same length in the place of one that was taken out is noticed', async () => {
  const file = inScratch('changed.pkl');
  const content = readFileSync(network('ema-half.pkl')).toString('latin1');
  writeFileSync(file, Buffer.from(content.replace('source removed', 'class Net: pas'), 'latin1'));
  await refused(file, /not what NVIDIA published/);
});

test('what a file is that holds no network, and what to give instead', async () => {
  const tensor = bytes(
    'ctorch._utils\n_rebuild_tensor_v2\n(',
    storage(),
    'K',
    0,
    'K',
    1,
    0x85,
    'K',
    1,
    0x85,
    0x89,
    'NtR',
  );
  const dicts = (...names: string[]): Buffer => dict(Object.fromEntries(names.map((name) => [name, tensor])));
  const files: [name: string, content: Buffer, message: RegExp][] = [
    ['edm.pt', dicts('model.enc.8x8_conv.weight', 'model.map_layer0.weight'), /state dict of an EDM network.*snapshot/],
    ['inner.pt', dict({ ema: dicts('enc.8x8_conv.weight') }), /state dict of an EDM network/],
    ['edm2.pt', dict({ state: dict({ net: dicts('unet.enc.64x64_conv.weight') }) }), /state dict of an EDM2 network/],
    ['optimizer.pt', dict({ optimizer_state: dict({ state: dicts('x') }) }), /state of a training.*snapshot/],
    ['kd.pth', dict({ model: dicts('inner_model.u_net.x'), model_ema: dicts('inner_model.x') }), /k-diffusion/],
    ['sd.ckpt', dict({ state_dict: dicts('model.diffusion_model.input_blocks.0.0.weight') }), /Stable Diffusion/],
    ['diffusers.bin', dicts('conv_in.weight', 'down_blocks.0.x', 'mid_block.x', 'up_blocks.0.x'), /UNet of diffusers/],
    ['module.pt', dict({ state_dict: dicts('module.model.dec.8x8_up.x') }), /state dict of an EDM network/],
    ['adm.pt', dicts('input_blocks.0.0.weight', 'output_blocks.0.0.weight'), /guided-diffusion/],
  ];
  for (const [name, content, message] of files) await refused(pickle(name, content), message);
  const file = inScratch('diffusion_pytorch_model.safetensors');
  const one = { shape: [1], values: Float32Array.of(1) };
  writeSafetensors(file, new Map(['down_blocks.0.x', 'mid_block.x'].map((name) => [name, one])), {});
  await refused(file, /UNet of diffusers/);
  await refused(network('state-dict.pt'), /is the state dict of an EDM network.*give the network-snapshot/);
});

/** An empty storage as a legacy stream of torch. */
function storage(): Buffer {
  const magic = bytes(0x80, 2, 0x8a, 10, Buffer.from('6cfc9c46f9206aa85019', 'hex'), '.');
  const version = bytes(0x80, 2, 'M', 0xe9, 3, '.');
  const system = bytes(0x80, 2, '}', text('little_endian'), TRUE, 's.');
  const id = bytes('(', text('storage'), 'ctorch\nFloatStorage\n', text('0'), text('cpu'), 'K', 1, 'Nt');
  const data = bytes(1, Buffer.alloc(7), Buffer.alloc(4));
  const stream = bytes(magic, version, system, 0x80, 2, id, 'Q.', 0x80, 2, ']', text('0'), 'a.', data);
  return bytes('ctorch.storage\n_load_from_bytes\n', 0x43, stream.length, stream, 0x85, 'R');
}

test('networks under EDM names that are sampled otherwise or computed otherwise', async () => {
  const net = (state: Record<string, Buffer>): Buffer => persistent('EDMPrecond', dict(state));
  const loss = persistent('EDMLoss', dict({ pfgmpp: TRUE, D: FOUR }));
  await refused(pickle('pfgm.pkl', dict({ ema: net({ pfgm: TRUE }) })), /PFGM\+\+ network:.*its own code/);
  await refused(pickle('pfgmpp.pkl', dict({ ema: net({}), loss_fn: loss })), /PFGM\+\+ network \(D = 4\)/);
  await refused(pickle('edm2.pkl', dict({ ema: persistent('Precond', dict({})) })), /is an EDM2 network/);
  const modules = dict({ model: bytes('ctorch.nn.modules.activation\nSiLU\n)', 0x81) });
  await refused(pickle('silu.pkl', dict({ ema: net({ _modules: modules }) })), /at model a torch\.nn.*SiLU/);
  assert.throws(
    () => parseNetworkConfig({ class_name: 'EDMPrecond', img_resolution: 8, img_channels: 3, shift: 1 }, 'x.pkl'),
    /x\.pkl: its network was made with the argument shift, which/,
  );
});

test('a file that names what would do something is refused wherever it does', async () => {
  for (const [module, name] of [
    ['os', 'system'],
    ['training.dataset', 'os.system'],
    ['torch.nn.modules.module', 'torch.hub'],
    ['numpy', 'load'],
    ['torch', 'load'],
    ['builtins', 'getattr'],
    ['pathlib', 'os.remove'],
  ] as const) {
    const harm = bytes(text(module), text(name), 0x93, text('x'), 0x85, 'R');
    const file = pickle('harm.pkl', dict({ note: harm, ema: persistent('EDMPrecond', dict({})) }));
    await refused(file, /refused to load .*Nothing in the file was executed/);
  }
});

test('things of other libraries lie beside a network in every form', async () => {
  const beside = {
    counts: bytes('ccollections\ndefaultdict\ncbuiltins\nint\n', 0x85, 'R', text('a'), FOUR, 's'),
    queue: bytes('ccollections\ndeque\n)RK', 1, 'a'),
    size: bytes('ctorch\nSize\n(K', 1, 'K', 2, 't', 0x85, 'R'),
    type: bytes('ctorch\nfloat16\n'),
    options: bytes('cargparse\nNamespace\n)', 0x81, dict({ lr: FOUR }), 'b'),
    new: bytes('ctraining.settings\nSettings\n)}', 0x92),
  };
  const file = pickle('beside.pkl', dict({ ...beside, ema: persistent('Something', dict({})) }));
  await refused(file, /class Something is not an EDM network/);
});

test('networks of other channels are refused when they are imported', async () => {
  const file = inScratch('latent.safetensors');
  const config = { class_name: 'EDMPrecond', model_type: 'SongUNet', img_resolution: 8, img_channels: 4, model_channels: 16, channel_mult: [1], num_blocks: 1, attn_resolutions: [] }; // prettier-ignore
  writeSafetensors(file, randomWeights(config), { config: JSON.stringify(config) });
  await refused(file, /latents of 4 channels, which need a decoder/);
});

test('safetensors in half, bfloat16 and double', () => {
  const file = inScratch('types.safetensors');
  const data = bytes(Buffer.from([0, 0x3c, 1, 0]), Buffer.from([0x80, 0x3f, 0x01, 0xc2]), Buffer.alloc(8));
  data.writeDoubleLE(Math.PI, 8);
  const entry = (dtype: string, shape: number[], from: number, to: number): object => ({ dtype, shape, data_offsets: [from, to] }); // prettier-ignore
  const header = Buffer.from(
    JSON.stringify({
      half: entry('F16', [2], 0, 4),
      brain: entry('BF16', [2], 4, 8),
      double: entry('F64', [1], 8, 16),
      __metadata__: { config: '{}' },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(file, bytes(length, header, data));
  const weights = openSafetensors(file);
  const { tensors } = weights;
  assert.deepEqual([...tensors.get('half')!.load()], [1, 2 ** -24]);
  assert.deepEqual([...tensors.get('brain')!.load()], [1, -32.25]);
  assert.deepEqual([...tensors.get('double')!.load()], [Math.fround(Math.PI)]);
  weights.close();
});

test('the networks of this house carry no source, and are imported as before', async () => {
  const { verdict } = await readNetworkSource(fixture('vp-ddpmpp-u-r8.pkl'));
  assert.match(verdict, /carries no source/);
});

test('layers that keep other settings than EDM gives them are named', async () => {
  const file = inScratch('heads.pkl');
  const content = readFileSync(network('ema-half.pkl'));
  // The first norm's num_groups, a BININT1 after its name and a memo.
  const at = content.indexOf(bytes(text('num_groups'), 0x94, 'K'));
  assert.ok(at > 0);
  content[at + text('num_groups').length + 2]++;
  writeFileSync(file, content);
  await refused(file, /layer model\.enc\.8x8_block0\.norm0 has num_groups \d+, and EDM's code gives it \d+/);
});
