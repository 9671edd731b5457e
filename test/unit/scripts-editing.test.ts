import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse } from '../../server/scripts/analyse';
import { completionsAt } from '../../server/scripts/completion';
import { convert } from '../../server/scripts/convert';
import { formatDirectives } from '../../server/scripts/format';
import { hoverAt } from '../../server/scripts/hover';
import { symbols } from '../../server/scripts/symbols';
import { templates, templateText } from '../../server/scripts/templates';
import type { ClusterSnapshot } from '../../server/shared/schema-types.gen';
import { TextDocument, type TextEdit } from 'vscode-languageserver-textdocument';

const applyEdits = (text: string, edits: TextEdit[]): string =>
  TextDocument.applyEdits(TextDocument.create('', 'shellscript', 0, text), edits);
const at = (text: string): { text: string; position: { line: number; character: number } } => {
  const offset = text.indexOf('|');
  const before = text.slice(0, offset).split('\n');
  return {
    text: text.slice(0, offset) + text.slice(offset + 1),
    position: { line: before.length - 1, character: before.at(-1)?.length ?? 0 },
  };
};
const labels = (marked: string, cluster?: ClusterSnapshot): string[] => {
  const { text, position } = at(marked);
  return completionsAt(text, position, cluster && { cluster }).map(({ label }) => label);
};
const hovered = (marked: string): string | undefined => {
  const { text, position } = at(marked);
  return hoverAt(text, position)?.markdown;
};
const cluster: ClusterSnapshot = {
  scheduler: 'slurm',
  partitions: [
    { name: 'cpu', default: true },
    { name: 'gpu', maxMinutes: 240 },
  ],
  nodes: [{ name: 'g1', features: ['nvlink'], gres: [{ name: 'gpu', type: 'a100', count: 2, used: 1 }] }],
  accounts: ['proja'],
};

test('completion: directives, options, values', () => {
  assert.deepEqual(labels('#!/bin/bash\n#S|'), ['#SBATCH', ...templates.map(({ title }) => title)]);
  assert.deepEqual(labels('#!/bin/bash\n#SBATCH --nodes=1\n#S|'), ['#SBATCH']);
  const options = labels('#!/bin/bash\n#SBATCH --job-name=x\n#SBATCH |');
  assert.equal(options[0], '--account');
  assert.equal(options.at(-1), '--job-name', 'what is there already comes last');
  assert.ok(labels('#!/bin/bash\n#BSUB |').includes('-gpu'));
  assert.ok(labels('#!/bin/bash\n#SBATCH --mail-type=END,|').includes('FAIL'));
  assert.ok(labels('#!/bin/bash\n#SBATCH --output=x-%|').includes('%j'));
  assert.ok(labels('#!/bin/bash\n#SBATCH -m |').includes('block'));
  assert.deepEqual(labels('#!/bin/bash\n#SBATCH -N1\necho $SLURM_ARRAY_TASK_I|'), ['SLURM_ARRAY_TASK_ID']);
  assert.deepEqual(labels('#!/bin/bash\nec|ho'), []);
});

test('completion: what the cluster has, with what is free', () => {
  assert.deepEqual(labels('#!/bin/bash\n#SBATCH -p |', cluster), ['cpu', 'gpu']);
  assert.deepEqual(labels('#!/bin/bash\n#SBATCH --gres=|', cluster), ['gpu:a100:1', 'gpu:a100:2']);
  assert.deepEqual(labels('#!/bin/bash\n#SBATCH --constraint=|', cluster), ['nvlink']);
  assert.deepEqual(labels('#!/bin/bash\n#SBATCH --account=|', cluster), ['proja']);
  const { text, position } = at('#!/bin/bash\n#SBATCH --gres=|');
  assert.equal(completionsAt(text, position, { cluster })[0]?.detail, '1 free, at most 2 on a node');
});

test('completion and hover among the options of srun, through continued lines, and not after its program', () => {
  const body = (line: string): string => `#!/bin/bash\n#SBATCH -N1\n${line}\n`;
  assert.ok(labels(body('srun --cpu-b|')).includes('--cpu-bind'));
  assert.ok(labels(body('srun -n 1 \\\n  --g|')).includes('--gres'));
  assert.ok(labels(body('srun |')).includes('--pty'));
  assert.ok(!labels(body('srun |')).includes('--array'));
  assert.ok(labels(body('salloc |')).includes('--no-shell'));
  assert.deepEqual(labels(body('srun --gres=|'), cluster), ['gpu:a100:1', 'gpu:a100:2']);
  assert.deepEqual(labels(body('srun -n 1 ./run --|')), []);
  assert.deepEqual(labels(body('echo --|')), []);
  assert.match(hovered(body('srun --lab|el ./run')) ?? '', /number of its task/);
  assert.match(hovered(body('srun --time=9|0 ./run')) ?? '', /1 hour 30 minutes/);
  assert.equal(hovered(body('srun ./run --lab|el')), undefined);
});

test('completion replaces what was typed', () => {
  const { text, position } = at('#!/bin/bash\n#SBATCH --ti|');
  const time = completionsAt(text, position).find(({ label }) => label === '--time');
  assert.equal(time && applyEdits(text, [{ range: time.range, newText: '--time' }]), '#!/bin/bash\n#SBATCH --time');
});

test('hover: options, values in words, patterns, variables', () => {
  assert.match(hovered('#!/bin/bash\n#SBATCH --ti|me=90') ?? '', /Wall-clock limit/);
  assert.match(hovered('#!/bin/bash\n#SBATCH -t|90') ?? '', /Wall-clock limit/);
  assert.match(hovered('#!/bin/bash\n#SBATCH --time=9|0') ?? '', /1 hour 30 minutes/);
  assert.match(hovered('#!/bin/bash\n#SBATCH --time=1-1|2') ?? '', /1 day 12 hours/);
  assert.match(hovered('#!/bin/bash\n#SBATCH --mem=2|048') ?? '', /2 GiB/);
  assert.match(hovered('#!/bin/bash\n#BSUB -W 48:|00') ?? '', /2 days/);
  assert.match(hovered('#!/bin/bash\n#SBATCH --output=x-%|j.out') ?? '', /Job id/);
  assert.match(hovered('#!/bin/bash\n#SBATCH -N1\necho $SLURM_JOB|_ID') ?? '', /Id of the job/);
  assert.equal(hovered('#!/bin/bash\n#SBATCH -N1\nec|ho'), undefined);
  assert.equal(hovered('#!/bin/bash\nec|ho $SLURM_JOB_ID'), undefined);
});

test('symbols: directives and programs', () => {
  assert.deepEqual(
    symbols('#!/bin/bash\n#SBATCH -t 10 --gres=gpu:2\nsrun torchrun \\\n a.py\n').map(({ name, detail, kind }) => [
      name,
      detail,
      kind,
    ]),
    [
      ['--time', '10', 'directive'],
      ['--gres', 'gpu:2', 'directive'],
      ['srun', '', 'program'],
      ['torchrun', '', 'program'],
      ['a.py', '', 'program'],
    ],
  );
});

test('formatting: one spelling, remarks kept, lines with mistakes left alone', () => {
  const format = (text: string): string => applyEdits(text, formatDirectives(text));
  const before =
    '#!/bin/bash\n#SBATCH  -t 10\n#SBATCH -N1   --gres gpu:2 # two\n#SBATCH --job-name="my job"\n#SBATCH -HQ\n#SBATCH --nonsense 1\n#SBATCH hetjob\n#SBATCH --exclusive\n';
  assert.equal(
    format(before),
    '#!/bin/bash\n#SBATCH --time=10\n#SBATCH --nodes=1 --gres=gpu:2  # two\n#SBATCH --job-name="my job"\n#SBATCH -HQ\n#SBATCH --nonsense 1\n#SBATCH hetjob\n#SBATCH --exclusive\n',
  );
  assert.equal(format(format(before)), format(before));
});

test('conversion: Slurm to LSF', () => {
  const converted = convert(
    '#!/bin/bash\n#SBATCH -J gen\n#SBATCH -A proj\n#SBATCH -p gpu,long\n#SBATCH -N 2 --ntasks-per-node=1\n#SBATCH --cpus-per-task=4\n#SBATCH --gres=gpu:2\n#SBATCH --mem=16G\n#SBATCH --time=1-00:00:30\n#SBATCH --array=1-9%3\n#SBATCH -o %x-%A_%a.out\n#SBATCH --dependency=afterok:7:8\n#SBATCH --switches=1\n\necho $SLURM_JOB_ID $SLURM_PROCID\nsrun a\n',
  );
  assert.equal(
    converted?.text,
    '#!/bin/bash\n#BSUB -J "gen[1-9]%3"\n#BSUB -n 8\n#BSUB -R "span[ptile=4] rusage[mem=16GB]"\n#BSUB -gpu "num=2"\n#BSUB -P proj\n#BSUB -q "gpu long"\n#BSUB -W 24:01\n#BSUB -o gen-%J_%I.out\n#BSUB -w \'done(7) && done(8)\'\n\necho $LSB_JOBID $SLURM_PROCID\nsrun a\n',
  );
  assert.deepEqual(
    converted.notes.map(({ line, what }) => [line, what]),
    [
      [7, '--mem=16G'],
      [12, '--switches=1'],
      [14, 'SLURM_PROCID'],
      [15, 'srun'],
    ],
  );
});

test('conversion: LSF to Slurm', () => {
  const converted = convert(
    '#!/bin/bash\n#BSUB -J "gen[1-9]%3"\n#BSUB -q "gpu long"\n#BSUB -n 4\n#BSUB -R "span[hosts=1] rusage[mem=16GB]"\n#BSUB -gpu "num=2"\n#BSUB -W 90\n#BSUB -o x-%J_%I.out\n#BSUB -B\n#BSUB -N\n#BSUB -sla gold\n\necho $LSB_JOBINDEX\n',
  );
  assert.equal(
    converted?.text,
    '#!/bin/bash\n#SBATCH --job-name=gen\n#SBATCH --array=1-9%3\n#SBATCH --nodes=1\n#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=4\n#SBATCH --mem=16G\n#SBATCH --gres=gpu:2\n#SBATCH --partition=gpu,long\n#SBATCH --time=01:30:00\n#SBATCH --output=x-%A_%a.out\n#SBATCH --open-mode=append\n#SBATCH --mail-type=BEGIN,END\n\necho $SLURM_ARRAY_TASK_ID\n',
  );
  assert.deepEqual(
    converted.notes.map(({ what }) => what),
    // Memory is per host here and per slot at some sites.
    ['-n 4', '-R "span[hosts=1] rusage[mem=16GB]"', '-sla gold'],
  );
});

test('templates are clean, and so is their conversion', () => {
  assert.equal(templates.length, 16);
  assert.equal(new Set(templates.map(({ id }) => id)).size, 16);
  for (const template of templates) {
    const text = templateText(template);
    assert.doesNotMatch(text, /\$\{\d|\\\$|@/);
    // Whether the site has the plug-in is not known here.
    const plugin = /--(?:container-image|environment)=/.test(text) ? ['info plugin-option'] : [];
    assert.deepEqual(
      analyse(text).findings.map(({ severity, id }) => `${severity} ${id}`),
      plugin,
      text,
    );
    const converted = convert(text);
    assert.deepEqual(
      analyse(converted?.text ?? '').findings.filter(({ severity }) => severity === 'error'),
      [],
      converted?.text,
    );
  }
});

test('a file without directives is left alone', () => {
  for (const text of ['', '#!/bin/bash\necho hi\n', '# Note --verbose is set\n', 'echo "#SBATCH --x"\n']) {
    assert.deepEqual(analyse(text), { scheduler: undefined, findings: [] });
    assert.deepEqual(symbols(text), []);
    assert.equal(convert(text), undefined);
  }
});
