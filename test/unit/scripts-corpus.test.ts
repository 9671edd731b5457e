/**
 * Compared with the real sbatch: its verdict on every variant was recorded by test/cluster/record-verdicts.ts. What it
 * refuses is reported as an error; what it accepts is not.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { analyse } from '../../server/scripts/analyse';
import { ruleNamed } from '../../server/scripts/rules/index';
import type { ClusterSnapshot } from '../../server/shared/schema-types.gen';
import { variants } from '../cluster/script-variants';

interface Verdict {
  script: string;
  refused: boolean;
  message: string;
}

const fixtures = path.join(__dirname, '..', 'fixtures', 'scripts');
const recorded = JSON.parse(readFileSync(path.join(fixtures, 'verdicts.json'), 'utf8')) as {
  version: string;
  verdicts: Verdict[];
};
const { version, verdicts } = recorded;
const cluster = JSON.parse(readFileSync(path.join(fixtures, 'test-cluster.json'), 'utf8')) as ClusterSnapshot;

/** Refusals that depend on what a snapshot does not hold: files, plugins, other jobs, rights. */
const beyondUs =
  /Access\/permission denied|Invalid --nice value|Invalid accounting frequency requested|Invalid preferred feature|opening file|Could not open user environment|exceeds job's time or other limits/;

/** Scripts on which we differ on purpose. */
const exceptions: Readonly<Record<string, string>> = {
  // 22.05 forgets to begin anew for the second component and takes options of both for a conflict.
  '#!/bin/bash\n#SBATCH --mem=1G\n#SBATCH hetjob\n#SBATCH --mem-per-cpu=1G\nhostname\n': 'a defect of sbatch 22.05',
  // Disk sizes of nodes are not in a snapshot.
  '#!/bin/bash\n#SBATCH --tmp=100\nhostname\n': 'temporary disk',
  '#!/bin/bash\n#SBATCH --tmp=1G \nhostname\n': 'temporary disk',
};

/** Where the catalogue follows 22.05 and knows no version: directives by what other versions do. */
const otherwise: Readonly<Record<string, readonly string[]>> = {
  '24.11 takes any type of GPU for a task': ['-p gpu -n1 --gpus-per-task=x'],
  '20.11 has no gres=none, fewer ways to bind GPUs, and fewer contradictions': [
    '-p gpu --gres=none', '-p gpu --gpus=1 --gpu-bind=per_task:1', '-p gpu --gpus=1 --gpu-bind=none', '--core-spec=1 --thread-spec=1',
    '-p gpu --cpus-per-gpu=2 --cpus-per-task=2 --gpus=1', '--distribution=arbitrary', '--distribution=block:block:block:block',
    '--distribution=block,Packed',
  ],
  'all but 22.05 look at what GPUs are bound by': ['-p gpu --gpus=1 --gpu-bind=nonsense'],
  '24.11 looks whether the jobs of a dependency are there, and whether jobs can be preempted': [
    '--dependency=afterok:1', '--dependency=afterok:1,afterany:2', '--dependency=afterok:1?afterany:2', '--dependency=afternotok:1',
    '--dependency=afterok:1_3', '--dependency=afterok:1_*', '--dependency=AFTEROK:1', '--dependency=afterok:1+5',
    '--signal=R:USR1', '--signal=RB:TERM@10',
  ],
  '24.11 is stricter or laxer': ['--cpu-freq=low-high', '--job-name my\\ job'],
}; // prettier-ignore

const effects = (script: string, snapshot?: ClusterSnapshot): string[] =>
  analyse(script, { scheduler: 'slurm', ...(snapshot && { cluster: snapshot }) })
    .findings.filter(({ severity }) => severity === 'error')
    .map(({ id }) => ruleNamed(id)?.effect ?? 'none');

test('the verdicts are those of the variants, from a real Slurm', () => {
  assert.match(version, /22\.05/);
  assert.deepEqual(
    verdicts.map(({ script }) => script),
    variants,
    'record again: npx tsx test/cluster/record-verdicts.ts',
  );
  assert.ok(verdicts.length >= 200);
});

test('what sbatch accepts is not an error', () => {
  const wrong = verdicts.filter(
    ({ script, refused }) =>
      !refused && [effects(script), effects(script, cluster)].some((found) => found.includes('refused')),
  );
  assert.deepEqual(
    wrong.map(({ script }) => script),
    [],
  );
});

test('what sbatch refuses is an error', () => {
  const missed = verdicts.filter(
    ({ script, refused, message }) =>
      refused &&
      !(script in exceptions) &&
      !beyondUs.test(message) &&
      !effects(script, cluster).some((effect) => effect === 'refused' || effect === 'depends'),
  );
  assert.deepEqual(
    missed.map(({ script, message }) => ({ script, message })),
    [],
  );
});

test('clusters of other versions: what they refuse is an error, what they accept is not, except where that is known', () => {
  const wrong = new Set<string>();
  const files = readdirSync(fixtures).filter((file) => /^verdicts-.*\.json$/.test(file));
  for (const file of files) {
    // Only what 22.05 decides otherwise is there.
    const other = JSON.parse(readFileSync(path.join(fixtures, file), 'utf8')) as typeof recorded;
    const snapshot = { ...cluster, version: /[\d.]+$/.exec(other.version)?.[0] };
    for (const { script, refused, message } of other.verdicts) {
      const said = effects(script, snapshot);
      const error = said.includes('refused') || (refused && said.includes('depends'));
      if (error !== refused && !beyondUs.test(message))
        wrong.add((script.split('\n')[1] ?? '').replace('#SBATCH ', ''));
    }
  }
  assert.ok(files.length >= 3);
  assert.deepEqual([...wrong].sort(), Object.values(otherwise).flat().sort());
});

test('forms of --gres: the verdict of a known version, a warning where the version is between or unknown', () => {
  const said = (value: string, version?: string): string[] =>
    analyse(`#!/bin/bash\n#SBATCH --account=proja -p gpu --gres=${value}\nhostname\n`, {
      cluster: { ...cluster, version },
    })
      .findings.filter(({ id }) => id === 'gres-form')
      .map(({ severity, message, fix }) => `${severity}: ${message} -> ${fix?.edits[0]?.newText}`);
  for (const value of ['gpu=1', 'gres/gpu:1', 'gpu:a100=1', 'gpu:1,', 'gres:gpu:1'])
    for (const version of ['20.11.4', '22.05.8', '24.11.5', '26.05.5', '27.11.0'])
      assert.ok(
        said(value, version).every((finding) => finding.startsWith('error')),
        `${value} ${version}`,
      );
  assert.deepEqual(said('gpu=1', '22.05.8'), [
    'error: Slurm 20.11, 22.05 refuses --gres gpu=1; this cluster has 22.05.8 -> gpu:1',
  ]);
  for (const version of [undefined, '23.11.4'])
    assert.deepEqual(said('gres/gpu:1', version), [
      'warning: Slurm 20.11, 22.05 refuses --gres gres/gpu:1; other releases accept it -> gpu:1',
    ]);
  assert.deepEqual([said('gpu:1,', '20.11.4'), said('gpu:1,', '24.11.5'), said('gpu:1')], [[], [], []]);
});

test('most refusals are seen without a snapshot of the cluster', () => {
  const refused = verdicts.filter((verdict) => verdict.refused);
  const seen = refused.filter(({ script }) =>
    effects(script).some((effect) => effect === 'refused' || effect === 'depends'),
  );
  assert.ok(seen.length / refused.length > 0.9, `${seen.length} of ${refused.length}`);
});
