/**
 * Held against the real sbatch: its verdict on every variant was recorded by test/cluster/record-verdicts.ts. What it
 * refuses we report as an error; what it takes we do not.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { analyse, ruleNamed, type ClusterSnapshot } from '../../server/batch';
import { variants } from '../cluster/batch-variants';

interface Verdict {
  script: string;
  refused: boolean;
  message: string;
}

const fixtures = path.join(__dirname, '..', 'fixtures', 'batch');
const { version, verdicts } = JSON.parse(readFileSync(path.join(fixtures, 'verdicts.json'), 'utf8')) as {
  version: string;
  verdicts: Verdict[];
};
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

test('what sbatch takes is no error', () => {
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

test('most refusals are seen without a snapshot of the cluster', () => {
  const refused = verdicts.filter((verdict) => verdict.refused);
  const seen = refused.filter(({ script }) =>
    effects(script).some((effect) => effect === 'refused' || effect === 'depends'),
  );
  assert.ok(seen.length / refused.length > 0.9, `${seen.length} of ${refused.length}`);
});
