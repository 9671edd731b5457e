/** After an edit only what changed is read again; the result is the same as reading everything. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { analyse } from '../../server/scripts/analyse';
import { commonEnds, rereadRegions } from '../../server/scripts/reading/edited-code';
import { Region } from '../../server/scripts/reading/region';
import { commandBefore, readRegions, readShell, shellOf } from '../../server/scripts/reading/shell';
import { readScript, readScripts } from '../../server/scripts/reading/read-script';
import { ShellCode } from '../../server/scripts/reading/shell-code';
import type { ClusterSnapshot } from '../../server/shared/schema-types.gen';
import { generatedShell, random } from './scripts-shell-generator';

const fixtures = path.join(__dirname, '..', 'fixtures', 'scripts');
const scripts = ['rules', 'lecture'].flatMap((folder) =>
  readdirSync(path.join(fixtures, folder)).map((file) => readFileSync(path.join(fixtures, folder, file), 'utf8')),
);
const cluster = JSON.parse(readFileSync(path.join(fixtures, 'test-cluster.json'), 'utf8')) as ClusterSnapshot;

/** Lines of their own, and pieces that open and close what goes over many lines. */
const lines = [
  'N=4\n',
  'export COMMIT=$(git rev-parse --short HEAD)\n',
  'for SEED in 0 1; do\n',
  'done\n',
  'if true; then\n',
  'fi\n',
  'case $N in\n',
  'a) b;;\n',
  'esac\n',
  'cat <<EOF\n',
  'EOF\n',
  'bash <<X\nsrun -n $N hostname\nX\n',
  'srun --nodes=2 --ntasks=$N torchrun --nproc_per_node=$N generate.py --outdir=out-$N --seeds=0-9 &\n',
  'apptainer exec --bind "$PWD" edm.sif python generate.py --outdir=out --network=edm-cifar10-32x32-uncond-vp.pkl\n',
  'fid.py calc --images=out --ref=imagenet-64x64.npz --num=10 --nmu 3\n',
  'srun bash -c "torchrun --master_port=29500 train.py --workers=8"\n',
  'wandb login --key=hf_abcdefghijklmnopqrstuvwxyz0123\n',
  'MASTER_ADDR=localhost\n',
  'unset N\n',
  '#SBATCH --gres=gpu:4\n',
  '#SBATCH --constraint=rocm\n',
  'f (\n',
  ')\n',
];
const pieces = [
  '"',
  "'",
  '`',
  '$(',
  ')',
  '${',
  '}',
  '\\',
  '\\\n',
  '\n',
  '\r\n',
  '\r',
  '#',
  ' ',
  ';',
  '&',
  '|',
  '<<E\n',
  'x',
  'N=',
  '$N',
  '(',
  '{',
];

/** A script of several regions, and versions of it that one edit each makes. */
function versionsOf(seed: number, count: number): string[] {
  const next = random(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)];
  const parts = ['#!/bin/bash\n#SBATCH --gres=gpu:2\n#SBATCH --nodes=1\n'];
  for (let length = 0; length < 12_000;) {
    const part = next() < 0.4 ? pick(scripts) : next() < 0.3 ? generatedShell(Math.floor(next() * 1e6)) : Array.from({ length: 10 }, () => pick(lines)).join(''); // prettier-ignore
    parts.push(part, '\n');
    length += part.length;
  }
  let text = parts.join('');
  const versions = [text];
  while (versions.length < count) {
    // Mostly near the last edit, as people do.
    const line = text.lastIndexOf('\n', Math.floor(next() * text.length)) + 1;
    const at = next() < 0.5 ? line : Math.floor(next() * (text.length + 1));
    const removed = next() < 0.4 ? 0 : next() < 0.8 ? Math.floor(next() * 60) : Math.floor(next() * 4000);
    const added = next() < 0.2 ? '' : at === line ? pick(lines) : pick(pieces);
    // Now and then it is taken back.
    text = next() < 0.1 ? pick(versions.slice(-3)) : text.slice(0, at) + added + text.slice(at + removed);
    versions.push(text);
  }
  return versions;
}

/** Everything that rules see of code. */
function seen(regions: readonly Region[]): unknown {
  const invocations = regions.flatMap(({ invocations: all }) => all);
  return {
    ...shellOf(regions),
    invocations: invocations.map(({ program, name, parent, command, options, operands, stepOptions }) => ({ program, name, parent: parent?.name, command, options, operands, stepOptions })),
  }; // prettier-ignore
}

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

test(`code that is read after each edit is what reading all of it gives (SEED=${seed})`, () => {
  for (let round = 0; round < 8; round++) {
    const [first = '', ...versions] = versionsOf(seed + round, 40);
    let earlier = { text: first, regions: readRegions(first) };
    seen(earlier.regions);
    versions.forEach((text, index) => {
      const regions = rereadRegions(earlier, text);
      assert.deepEqual(seen(regions), seen(readRegions(text)), `seed ${seed + round}, version ${index + 1}`);
      assert.deepEqual(
        regions.map(({ start, before }) => ({ start, before })),
        [...regions].sort((a, b) => a.start - b.start).map(({ start, before }) => ({ start, before })),
      );
      earlier = { text, regions };
    });
  }
});

test(`findings after each edit are those of the whole script (SEED=${seed})`, () => {
  // The texts read last are kept: others take their place, which have little in common.
  const forget = (): void => {
    for (const name of 'abcd') analyse(`#SBATCH --ntasks=1\n${`${name}\n`.repeat(50)}`);
  };
  for (let round = 0; round < 4; round++) {
    const versions = versionsOf(seed + round, 25);
    const code = '"--outdir" "--seeds" "--network" "--batch"';
    const context =
      round % 2 ? { cluster, program: (name: string) => (name === 'generate.py' ? code : undefined) } : {};
    const after = versions.map((text) => JSON.stringify(analyse(text, context)));
    versions.forEach((text, index) => {
      forget();
      assert.equal(after[index], JSON.stringify(analyse(text, context)), `seed ${seed + round}, version ${index}`);
    });
  }
});

test('an edit leaves what is before and after it as it was read', () => {
  const line = (n: number): string => `srun python train.py --epochs=${n}\n`;
  const text = Array.from({ length: 2000 }, (_, n) => line(n)).join('');
  const before = readRegions(text);
  const commands = new Set(shellOf(before).commands);
  const edited = text.replace(line(1000), line(123456));
  const after = shellOf(rereadRegions({ text, regions: before }, edited)).commands;
  const anew = after.filter((command) => !commands.has(command)).length;
  assert.ok(anew > 0 && anew < 200, `${anew} of ${after.length} commands were read anew`);
});

test('a variable that changes is read anew as far as it is used', () => {
  const body = 'srun -n $N hostname\n'.repeat(300);
  const rest = 'true\n'.repeat(3000);
  const text = `N=4\n${body}${rest}`;
  const regions = readRegions(text);
  const known = new Set(shellOf(regions).commands);
  const after = shellOf(rereadRegions({ text, regions }, text.replace('N=4', 'N=8'))).commands;
  assert.ok(after.slice(1, 301).every(({ words }) => words[2]?.text === '8'));
  assert.ok(after.filter((command) => known.has(command)).length > 2000);
});

test('a version whose code was taken over is read anew when it is asked again', () => {
  const text = `#!/bin/bash\n#SBATCH --ntasks=1\n${'srun hostname\n'.repeat(400)}`;
  const earlier = new ShellCode(text);
  const before = JSON.stringify(earlier.shell);
  const later = new ShellCode(`#!/bin/bash\n# more\n${text.slice(12)}`, earlier);
  assert.notEqual(JSON.stringify(later.shell), before);
  assert.equal(JSON.stringify(earlier.shell), before);
  assert.equal(earlier.invocations.length, 800);
});

test('a script that is read beside another leaves that as it is', () => {
  const text = `#!/bin/bash\n#SBATCH --ntasks=1\n${'srun hostname\n'.repeat(400)}`;
  const own = readScripts(text)?.script;
  const commands = own?.shell.commands;
  readScript(`#!/bin/bash\n# longer\n${text.slice(12)}`);
  assert.equal(own?.shell.commands, commands);
  assert.equal(commands?.[0]?.start, text.indexOf('srun'));
});

test(`the command before an offset is the last one of the text up to it (SEED=${seed})`, () => {
  const next = random(seed);
  for (let round = 0; round < 10; round++) {
    const [text = ''] = versionsOf(seed + round, 1);
    const regions = readRegions(text);
    for (let n = 0; n < 60; n++) {
      const offset = Math.floor(next() * text.length);
      const whole = readShell(text.slice(0, offset)).commands.pop();
      const found = commandBefore(text, regions, offset);
      // Where a line has ended since, there is none to complete.
      if (found === undefined && whole) assert.match(text.slice(whole.end, offset), /[\r\n]/);
      else assert.deepEqual(found, whole, `seed ${seed + round}, offset ${offset}`);
    }
  }
});

test('what two texts have in common never overlaps', () => {
  const long = 'ab'.repeat(5000);
  assert.deepEqual(commonEnds('aaa', 'aa'), { prefix: 2, suffix: 0 });
  assert.deepEqual(commonEnds(long, `${long}c`), { prefix: 10_000, suffix: 0 });
  assert.deepEqual(commonEnds(long, `c${long}`), { prefix: 0, suffix: 10_000 });
  assert.deepEqual(commonEnds(`${long}x${long}`, `${long}yz${long}`), { prefix: 10_000, suffix: 10_000 });
});
