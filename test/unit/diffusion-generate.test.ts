import assert from 'node:assert/strict';
import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HOST } from '../../server/claim';
import type { Denoiser } from '../../server/diffusion/denoiser';
import { generate, type GenerateOptions, type MadeImages, type Siblings } from '../../server/diffusion/generation';
import { decodePng, encodePng, readPngHeader } from '../../server/images/png';
import { parseSeeds } from '../../server/diffusion/seeds';
import { CancelledError, UserError } from '../../server/errors';
import type { Progress } from '../../server/shared/progress';
import { temporaryFolder } from '../server/workspace';
import { analyticDenoiser } from './diffusion-analytic';

const network = { sha256: 'analytic' };

function options(outdir: string, seeds: string, more: Partial<GenerateOptions> = {}): GenerateOptions {
  return { outdir, seeds: parseSeeds(seeds), steps: 4, network, ...more };
}

/** The tEXt chunks of a PNG file. */
function textOf(file: string): Record<string, string> {
  return readPngHeader(readFileSync(file))?.text ?? {};
}

/** Contents of all PNG files by relative path. */
function imagesIn(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.png'));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name)).toString('base64')]));
}

function isUserError(message: RegExp) {
  return (error: unknown) => error instanceof UserError && message.test(error.message) && !error.message.includes('\n');
}

test('one readable PNG per seed, whatever the batch and whatever else is made with it', async () => {
  const folder = temporaryFolder();
  const churn = { S_churn: 20 };
  const result = await generate([analyticDenoiser()], options(join(folder, 'all'), '0-63', churn));
  assert.deepEqual({ ...result, seconds: 0 }, { written: 64, skipped: 0, notFinite: 0, nfe: 7, seconds: 0 });
  const all = imagesIn(join(folder, 'all'));
  assert.equal(Object.keys(all).length, 64);
  assert.equal(new Set(Object.values(all)).size, 64);

  for (const batch of [1, 7, 64]) {
    const outdir = join(folder, `batch-${batch}`);
    await generate([analyticDenoiser()], options(outdir, '19,10-18', { ...churn, batch }));
    const some = imagesIn(outdir);
    assert.equal(Object.keys(some).length, 10);
    for (const [name, bytes] of Object.entries(some)) assert.equal(bytes, all[name], `${name} at a batch of ${batch}`);
  }
});

test('images carry seed, class and settings', async () => {
  const folder = temporaryFolder();
  await generate([analyticDenoiser({ labelDim: 10 })], options(folder, '0-3', { rho: 5 }));
  const texts = [0, 1, 2, 3].map((seed) => textOf(join(folder, `00000${seed}.png`)));
  // The classes that generate.py draws depend on the number of latents; these are for 3x8x8.
  assert.deepEqual(
    texts.map((text) => text.seed),
    ['0', '1', '2', '3'],
  );
  assert.ok(texts.every((text) => /^\d$/.test(text.class ?? '')));
  assert.equal(texts[0].steps, '4');
  assert.equal(texts[0].rho, '5');
  assert.equal(texts[0].S_max, 'inf');
  assert.equal(texts[0].network_sha256, 'analytic');
  assert.equal(texts[0].rng, 'cpu');
});

test('the class is taken from --class or drawn, and reaches the network', async () => {
  const folder = temporaryFolder();
  const brightness = async (chosen: number) => {
    const outdir = join(folder, String(chosen));
    await generate([analyticDenoiser({ labelDim: 10 })], options(outdir, '0-7', { class: chosen }));
    assert.equal(textOf(join(outdir, '000000.png')).class, String(chosen));
    const values = Object.values(imagesIn(outdir)).map((bytes) => decodePng(Buffer.from(bytes, 'base64'), '').pixels);
    return values.reduce((sum, pixels) => sum + pixels.reduce((a, b) => a + b) / pixels.length, 0) / values.length;
  };
  const [dark, bright] = [await brightness(0), await brightness(9)];
  assert.ok(bright - dark > 30, `${dark} ${bright}`);
});

test('subdirs, grayscale, negative and repeated seeds', async () => {
  const folder = temporaryFolder();
  const calls: number[] = [];
  const denoiser = analyticDenoiser({ channels: 1, onCall: (rows) => calls.push(rows) });
  const result = await generate([denoiser], options(folder, '5,5,1001,-3,5', { subdirs: true }));
  assert.deepEqual([result.written, result.skipped], [3, 0]);
  assert.deepEqual(Object.keys(imagesIn(folder)), ['-01000/-00003.png', '000000/000005.png', '001000/001001.png']);
  assert.deepEqual([...new Set(calls)], [3]);
});

test('nothing happens for options that cannot work', async () => {
  const folder = temporaryFolder();
  const outdir = join(folder, 'out');
  const wrong: [Partial<GenerateOptions>, Parameters<typeof analyticDenoiser>[0], RegExp][] = [
    [{ class: 0 }, {}, /--class 0: the network is unconditional/],
    [{ class: 10 }, { labelDim: 10 }, /--class 10: the network's classes are 0 to 9/],
    [{ class: -1 }, { labelDim: 10 }, /--class -1/],
    [{ batch: 0 }, {}, /--batch 0/],
    [{ steps: 1 }, {}, /--steps 1/],
    [{}, { channels: 2 }, /2 channels/],
  ];
  for (const [more, net, message] of wrong) {
    await assert.rejects(generate([analyticDenoiser(net)], options(outdir, '0-3', more)), isUserError(message));
  }
  assert.deepEqual(readdirSync(folder), []);
});

test('cancelled at any evaluation, a second run completes the folder to the same bytes', async () => {
  const folder = temporaryFolder();
  await generate([analyticDenoiser()], options(join(folder, 'whole'), '0-9', { batch: 3 }));
  const outdir = join(folder, 'resumed');
  const cases: [number, string][] = [
    [1, 'Cancelled: no image was finished'],
    [10, 'Cancelled: 3 finished images are kept; run the same command again to continue'],
    [17, 'Cancelled: 8 finished images are kept; run the same command again to continue'],
  ];
  for (const [stop, message] of cases) {
    const controller = new AbortController();
    let calls = 0;
    const denoiser = analyticDenoiser({ onCall: () => ++calls === stop && controller.abort() });
    const run = generate([denoiser], options(outdir, '0-9', { batch: 3 }), { signal: controller.signal });
    await assert.rejects(run, (error) => error instanceof CancelledError && error.message === message);
    assert.equal(calls, stop);
  }
  assert.equal(Object.keys(imagesIn(outdir)).length, 0 + 3 + (3 + 2));
  const result = await generate([analyticDenoiser()], options(outdir, '0-9', { batch: 3 }));
  assert.deepEqual([result.written, result.skipped], [2, 8]);
  assert.deepEqual(imagesIn(outdir), imagesIn(join(folder, 'whole')));

  const again = await generate(
    [analyticDenoiser({ onCall: () => assert.fail('nothing is left to do') })],
    options(outdir, '0-9'),
  );
  assert.deepEqual([again.written, again.skipped], [0, 10]);
});

test('images of other settings or of unknown origin never mix', async () => {
  const folder = temporaryFolder();
  await generate([analyticDenoiser()], options(folder, '0-1'));
  const before = imagesIn(folder);
  const other: [Partial<GenerateOptions>, RegExp][] = [
    [{ steps: 5 }, /images made with steps 4, not 5; choose another folder/],
    [{ network: { sha256: 'other' } }, /network_sha256 "analytic", not "other"/],
    [{ S_max: 50 }, /S_max "inf", not 50/],
    [{ rng: 'cuda' }, /rng "cpu", not "cuda"/],
    [{ subdirs: true }, /subdirs false, not true/],
  ];
  for (const [more, message] of other) {
    await assert.rejects(generate([analyticDenoiser()], options(folder, '0-3', more)), isUserError(message));
  }
  assert.deepEqual(imagesIn(folder), before);
  // More seeds, and another batch, are the same settings.
  assert.equal((await generate([analyticDenoiser()], options(folder, '0-3', { batch: 1 }))).written, 2);

  const foreign = join(folder, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, '000001.png'), encodePng({ width: 1, height: 1, channels: 1, pixels: Uint8Array.of(0) }));
  await assert.rejects(
    generate([analyticDenoiser()], options(foreign, '0-1')),
    isUserError(/holds 000001\.png but no generation\.json/),
  );
  writeFileSync(join(foreign, 'generation.json'), '{"steps":');
  await assert.rejects(
    generate([analyticDenoiser()], options(foreign, '0-1')),
    isUserError(/generation\.json is damaged/),
  );
});

test('where the batch decides the last bits, every evaluation has the same number of rows', async () => {
  const folder = temporaryFolder();
  const rows = new Set<number>();
  // A network whose answer depends on the number of rows, as that of a CUDA kernel may.
  const plain = analyticDenoiser({ labelDim: 4 });
  const denoiser = {
    ...plain,
    batchDependent: true,
    denoise: async (...[x, sigma, labels, n]: Parameters<typeof plain.denoise>) => {
      rows.add(n);
      return (await plain.denoise(x, sigma, labels, n)).map((value) => value + n / 100);
    },
  };
  await generate([denoiser], options(join(folder, 'all'), '0-20', { batch: 8 }));
  await generate([denoiser], options(join(folder, 'some'), '10-12', { batch: 8 }));
  assert.deepEqual([...rows], [8]);
  const all = imagesIn(join(folder, 'all'));
  for (const [name, bytes] of Object.entries(imagesIn(join(folder, 'some')))) assert.equal(bytes, all[name]);
});

test('images of a diverged network are written and counted', async () => {
  const folder = temporaryFolder();
  const plain = analyticDenoiser();
  const denoise: typeof plain.denoise = async (x, sigma, labels, n) => {
    const denoised = await plain.denoise(x, sigma, labels, n);
    return sigma < 1 ? denoised.fill(NaN, 0, denoised.length / n) : denoised;
  };
  const result = await generate([{ ...plain, denoise }], options(folder, '0-3'));
  assert.deepEqual([result.written, result.notFinite], [4, 1]);
  const file = join(folder, '000000.png');
  assert.ok(decodePng(readFileSync(file), file).pixels.every((value) => value === 0));
});

test('progress counts images, from those that were there', async () => {
  const folder = temporaryFolder();
  await generate([analyticDenoiser()], options(folder, '0-2'));
  const reports: Progress[] = [];
  await generate([analyticDenoiser()], options(folder, '0-9', { batch: 3 }), {
    onProgress: (report) => reports.push(report),
  });
  assert.deepEqual([reports[0].done, reports[0].total], [3, 10]);
  assert.deepEqual([reports.at(-1)?.done, reports.at(-1)?.total], [10, 10]);
  assert.ok(reports.every(({ done }, i) => i === 0 || done >= reports[i - 1].done));
});

test('temporary files of dead processes are removed, those of live ones are not', async () => {
  const folder = temporaryFolder();
  const host = hostname().replace(/[^A-Za-z0-9-]/g, '-');
  const dead = Number(execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }));
  const parts = {
    dead: `.000001.png.${host}.${dead}.part`,
    live: `.000001.png.${host}.${process.ppid}.part`,
    elsewhere: `.000001.png.another-host.${dead}.part`,
    elsewhereOld: `.000002.png.another-host.${dead}.part`,
  };
  for (const name of Object.values(parts)) writeFileSync(join(folder, name), 'half an image');
  const yesterday = Date.now() / 1000 - 86400;
  utimesSync(join(folder, parts.elsewhereOld), yesterday, yesterday);
  await generate([analyticDenoiser()], options(folder, '0-2'));
  const names = readdirSync(folder).filter((name) => name.endsWith('.part'));
  assert.deepEqual(names.sort(), [parts.live, parts.elsewhere].sort());
});

test('a folder that cannot be written is named', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  for (const outdir of [join(folder, 'file'), join(folder, 'file', 'below')]) {
    await assert.rejects(
      generate([analyticDenoiser()], options(outdir, '0-1')),
      isUserError(/Cannot write .*choose another folder/),
    );
  }
});

test('a full disk is one line, keeps finished images, and a re-run goes on', { skip: tmpfsProblem() }, async () => {
  const folder = temporaryFolder();
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', disk]);
  try {
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(64 * 1024));
    const run = () => generate([analyticDenoiser()], options(disk, '0-19'));
    await assert.rejects(run(), isUserError(/Cannot write .*\.png: the disk is full: free some space/));
    const names = readdirSync(disk);
    const finished = imagesIn(disk);
    assert.ok(Object.keys(finished).length > 0 && Object.keys(finished).length < 20);
    assert.ok(!names.some((name) => name.endsWith('.part')));
    for (const [name, bytes] of Object.entries(finished)) decodePng(Buffer.from(bytes, 'base64'), name);

    rmSync(join(disk, 'ballast'));
    const { written, skipped } = await run();
    assert.equal(skipped, Object.keys(finished).length);
    assert.equal(written + skipped, 20);
  } finally {
    execFileSync('umount', [disk]);
  }
});

function tmpfsProblem(): string | false {
  if (process.getuid?.() !== 0) return 'mounting a small disk takes root';
  const probe = temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', probe], { stdio: 'ignore' });
    execFileSync('umount', [probe]);
    return false;
  } catch {
    return 'this system mounts no tmpfs';
  }
}

/** Processes that make the same images, all let go once the last is ready. @param delay ms a call of the network takes */
async function startProcesses(count: number, outdir: string, seeds: string, delay: number): Promise<ChildProcess[]> {
  const program = join(__dirname, 'diffusion-generate-process.ts');
  const children = Array.from({ length: count }, () => fork(program, [outdir, seeds, String(delay)], { silent: true }));
  await Promise.all(children.map((child) => once(child, 'message')));
  for (const child of children) child.send('go');
  return children;
}

async function ended(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const code = await new Promise((resolve) => child.on('close', resolve));
  return `${String(code)} ${output}`;
}

test('two processes share the seeds of one folder: none missing, torn, or made twice', async () => {
  const folder = temporaryFolder();
  await generate([analyticDenoiser()], options(join(folder, 'one'), '0-79'));
  const outdir = join(folder, 'two');
  const results = await Promise.all((await startProcesses(2, outdir, '0-79', 12)).map(ended));
  const written = results.map((result) => {
    const [, own, others] =
      /^0 \{"written":(\d+),"skipped":(\d+),"notFinite":0,"nfe":7/.exec(result) ?? assert.fail(result);
    assert.equal(Number(own) + Number(others), 80);
    return Number(own);
  });
  assert.equal(written[0] + written[1], 80);
  assert.ok(Math.min(...written) > 0, String(written));
  assert.deepEqual(imagesIn(outdir), imagesIn(join(folder, 'one')));
  assert.equal(readdirSync(outdir).length, 80 + 1);
});

test('of two processes one is killed: the other makes its images too', async () => {
  const folder = temporaryFolder();
  await generate([analyticDenoiser()], options(join(folder, 'one'), '0-79'));
  const outdir = join(folder, 'killed');
  const [victim, survivor] = (await startProcesses(2, outdir, '0-79', 12)) as [ChildProcess, ChildProcess];
  const [end, result] = [ended(victim), ended(survivor)];
  while (victim.exitCode === null && countImages(outdir) < 6) await new Promise((resolve) => setTimeout(resolve, 2));
  victim.kill('SIGKILL');
  await end;
  assert.ok(countImages(outdir) < 80, 'killed too late');
  assert.match(await result, /^0 /);
  assert.deepEqual(imagesIn(outdir), imagesIn(join(folder, 'one')));
  // The temporary file it may have been writing goes when the folder is opened next.
  const others = readdirSync(outdir).filter((name) => !name.endsWith('.png') && !name.endsWith('.part'));
  assert.deepEqual(others, ['generation.json']);
});

test('killed again and again, a folder ends up complete', async () => {
  const folder = temporaryFolder();
  await generate([analyticDenoiser()], options(join(folder, 'one'), '0-39'));
  const outdir = join(folder, 'killed');
  for (const progress of [1, 9, 21]) {
    const [child] = (await startProcesses(1, outdir, '0-39', 25)) as [ChildProcess];
    const end = ended(child);
    while (child.exitCode === null && countImages(outdir) < progress)
      await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill('SIGKILL');
    await end;
    assert.ok(countImages(outdir) >= progress && countImages(outdir) < 40, `killed at ${countImages(outdir)} images`);
    for (const [name, bytes] of Object.entries(imagesIn(outdir))) decodePng(Buffer.from(bytes, 'base64'), name);
  }
  assert.match(await ended((await startProcesses(1, outdir, '0-39', 0))[0]), /^0 /);
  assert.deepEqual(imagesIn(outdir), imagesIn(join(folder, 'one')));
  assert.equal(readdirSync(outdir).length, 40 + 1);
});

test('two devices of one process share the seeds; when one fails, the other stops and finished images stay', async () => {
  const folder = temporaryFolder();
  await generate([analyticDenoiser()], options(join(folder, 'one'), '0-127'));
  const calls = [0, 0];
  const device = (i: number, onCall: () => void = () => undefined): Denoiser =>
    analyticDenoiser({ delay: 2, onCall: () => (calls[i]++, onCall()) });
  const shared = join(folder, 'shared');
  const result = await generate([device(0), device(1)], options(shared, '0-127'));
  assert.deepEqual([result.written, result.skipped], [128, 0]);
  assert.ok(Math.min(...calls) > 0, String(calls));
  assert.deepEqual(imagesIn(shared), imagesIn(join(folder, 'one')));

  const broken = join(folder, 'broken');
  const failing = device(1, () => {
    if (calls[1] > 30) throw new UserError('device 1 is out of memory');
  });
  calls.fill(0);
  await assert.rejects(generate([device(0), failing], options(broken, '0-511')), isUserError(/^device 1 is out/));
  const made = countImages(broken);
  assert.ok(made > 0 && made < 512, `${made}`);
  await generate([analyticDenoiser()], options(broken, '0-127'));
  for (const [name, bytes] of Object.entries(imagesIn(join(folder, 'one'))))
    assert.equal(readFileSync(join(broken, name)).toString('base64'), bytes);
});

test('what siblings have made is not looked at, and a wait for them ends with the news', async () => {
  const folder = temporaryFolder();
  let tellMade: (blocks: readonly string[]) => void = () => undefined;
  const told: MadeImages[] = [];
  const siblings: Siblings = { made: (images) => told.push(images), onMade: (listener) => (tellMade = listener) };
  const reports: Progress[] = [];
  // A live process holds the second block: without news this would wait for it for ever.
  mkdirSync(join(folder, '.claims'));
  writeFileSync(join(folder, '.claims', '.seeds1.0.claim'), `${HOST} ${process.ppid}\n`);
  const run = generate([analyticDenoiser()], options(folder, '0-40'), {
    siblings,
    onProgress: (report) => reports.push(report),
  });
  while (told.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(told, [
    { blocks: ['seeds0'], written: 16, notFinite: 0 },
    { blocks: ['seeds2'], written: 9, notFinite: 0 },
  ]);
  tellMade(['seeds1', 'seeds7']);
  const result = await run;
  assert.deepEqual([result.written, result.skipped, countImages(folder)], [25, 16, 25]);
  assert.deepEqual([reports.at(-1)?.done, reports.at(-1)?.total], [41, 41]);
});

function countImages(folder: string): number {
  try {
    return readdirSync(folder).filter((name) => /^\d+\.png$/.test(name)).length;
  } catch {
    return 0;
  }
}
