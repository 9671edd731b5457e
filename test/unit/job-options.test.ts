/** What profiles and run configs ask for a job: checked at its place, and written for either scheduler. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { readProfiles, settingsProfiles } from '../../server/cluster/profiles';
import { CONTAINER_ENGINES, type EngineName } from '../../server/dispatch/container/engines';
import { jobScripts, type ScriptFacts } from '../../server/dispatch/script';
import { askedFor, JOB_KEYS, JOB_OPTIONS } from '../../server/jobs/job-options';
import { readConfig } from '../../server/runs/config';
import { clusterChecks } from '../../server/runs/cluster-checks';
import { analyse } from '../../server/scripts/analyse';
import { optionNamed } from '../../server/scripts/catalogue/options';
import { readScript } from '../../server/scripts/reading/read-script';
import type { ClusterProfile, JobOptions, RunConfig } from '../../server/shared/schema-types.gen';
import { hoverText, proposals } from '../../server/yaml-assist';
import { clustersLanguage } from '../../server/cluster/profiles';
import { ROOT } from '../server/workspace';

const FACTS: ScriptFacts = {
  scheduler: 'slurm',
  profile: { name: 'site', container: '~/edm.sif' },
  config: { network: 'x.pkl', engine: 'edm', fid: { reference: 'r.npz' } },
  label: 'a1b2c3d-cifar',
  folder: '/home/user/edm-workbench/commits/edm/a1b2c3d',
  run: 'runs/a1b2c3d-cifar-abcdef',
  seeds: '0-49999',
  network: 'runs/a1b2c3d-cifar-abcdef/inputs/x.pkl',
  reference: 'runs/a1b2c3d-cifar-abcdef/inputs/r.npz',
  num: 50000,
  workbench: '~/edm-workbench/workbench/0.1.0-abc',
};

const scripts = (
  profile: Partial<ClusterProfile>,
  config: Partial<RunConfig> = {},
  scheduler: ScriptFacts['scheduler'] = 'slurm',
): string[] =>
  jobScripts({
    ...FACTS,
    scheduler,
    profile: { ...FACTS.profile, ...profile },
    config: { ...FACTS.config, ...config },
  }).map(({ text }) => text);
const directives = (text: string): string[] => text.split('\n').filter((line) => /^#(?:SBATCH|BSUB)/.test(line));

const EVERYTHING: JobOptions = {
  partition: ['gpu', 'gpu-long'],
  account: 'proja',
  qos: 'high',
  constraint: 'a100&nvlink',
  mem: '64G',
  cpus: 12,
  gpu_type: 'a100',
  gpus_option: 'gpus-per-node',
  reservation: 'course',
  exclude: ['g3', 'g7'],
  mail: 'user@example.org',
  extra_directives: ['--switches=1', '#SBATCH --requeue'],
};

test('every option becomes its directive of sbatch, in every job of the run', () => {
  const [generate = '', fid = ''] = scripts(EVERYTHING, { gpus: 2 });
  for (const text of [generate, fid]) {
    const lines = directives(text).join('\n');
    for (const wanted of [
      '--partition=gpu,gpu-long',
      '--account=proja',
      '--qos=high',
      '--constraint="a100&nvlink"',
      '--mem=64G',
      '--cpus-per-task=12',
      '--reservation=course',
      '--exclude=g3,g7',
      '--mail-user=user@example.org',
      '--mail-type=END,FAIL',
      '--switches=1',
      '--requeue',
    ])
      // prettier-ignore
      assert.ok(lines.includes(`#SBATCH ${wanted}\n`) || lines.endsWith(`#SBATCH ${wanted}`), `${wanted}\n${lines}`);
  }
  assert.match(generate, /^#SBATCH --gpus-per-node=a100:2$/m);
  assert.match(fid, /^#SBATCH --gpus-per-node=a100:1$/m);
});

test('the same for bsub; what LSF has not is told by its name', () => {
  const { qos, extra_directives, ...both } = EVERYTHING;
  const [text = ''] = scripts(both, { gpus: 2 }, 'lsf');
  for (const line of [
    '-n 12',
    '-q "gpu gpu-long"',
    '-P proja',
    '-gpu "num=2:gmodel=a100"',
    '-U course',
    '-u user@example.org',
    '-N',
    `-R "select[a100 && nvlink && hname!='g3' && hname!='g7'] rusage[mem=64GB] span[hosts=1]"`,
  ])
    // prettier-ignore
    assert.ok(directives(text).includes(`#BSUB ${line}`), `${line}\n${text}`);
  assert.throws(() => scripts({ qos }, {}, 'lsf'), /qos is not on LSF/);
  assert.throws(() => scripts({ constraint: '[rack1*2&rack2*4]' }, {}, 'lsf'), /constraint .* on LSF only names/);
  assert.throws(() => scripts({ exclude: 'g[1-3]' }, {}, 'lsf'), /LSF knows no ranges/);
  assert.throws(() => scripts({ extra_directives }, {}, 'lsf'), /Slurm reads this directive|unknown|no option/i);
  assert.throws(() => scripts({}, { nodes: 2 }, 'lsf'), /nodes: .*srun, which LSF has not/);
  assert.throws(() => scripts({ container_engine: 'pyxis', container: 'x' }, {}, 'lsf'), /pyxis is an option of srun/);
});

test("the run config's options count before those of the engine, these before the profile's; extra directives add up", () => {
  const profile: ClusterProfile = {
    name: 'a',
    partition: 'any',
    qos: 'low',
    mem: '8G',
    extra_directives: ['--requeue'],
    engines: { edm: { partition: 'gpu', qos: 'mid', extra_directives: ['--switches=1'] } },
  };
  const config = { qos: 'high', extra_directives: ['--nice=10'] };
  assert.deepEqual(askedFor(profile, config, 'edm'), {
    mem: '8G',
    partition: 'gpu',
    qos: 'high',
    extra_directives: ['--requeue', '--switches=1', '--nice=10'],
  });
  assert.deepEqual(askedFor(profile, {}, 'workbench'), { mem: '8G', partition: 'any', qos: 'low', extra_directives: ['--requeue'] }); // prettier-ignore
  // What is right alone may contradict together.
  assert.throws(() => scripts({ gpus_option: 'gpus' }, { nodes: 2 }), /leaves open how many GPUs each node gets/);
  assert.throws(
    () => scripts({ extra_directives: ['--gres=nvme:1'] }),
    /extra_directives: --gres=nvme:1: --gres contradicts/,
  );
  assert.match(scripts({ extra_directives: ['--gres=nvme:1'], gpus_option: 'gpus' })[0], /^#SBATCH --gres=nvme:1$/m);
});

/** Text, the id of the problem, and the characters that it is about. */
const WRONG: [line: string, id: string, marked: string][] = [
  ['extra_directives: [--requeue, --swiches=1]', 'unknown-option', '--swiches'],
  ['extra_directives: ["--time=1:00:00"]', 'extra-contradicts', '--time=1:00:00'],
  ["extra_directives: ['#SBATCH --requeue -c 8']", 'extra-contradicts', '-c 8'],
  ['extra_directives: [--test-only]', 'extra-contradicts', '--test-only'],
  ['extra_directives: [--signal=B:USR1@99999]', 'invalid-value', 'B:USR1@99999'],
  ['extra_directives: [hetjob]', 'extra-directive', 'hetjob'],
  ['extra_directives: ["--requeue\\n--hold"]', 'extra-directive', '"--requeue\\n--hold"'],
  ['constraint: "[a&b"', 'job-option', '"[a&b"'],
  ['gpu_type: a 100', 'bad-value', 'a 100'],
  ['mem: lots', 'bad-value', 'lots'],
  ['gpus_option: gres-per-node', 'bad-value', 'gres-per-node'],
];

for (const [line, id, marked] of WRONG)
  test(`${line}: told at "${marked}", in a profile and in a run config`, () => {
    for (const [text, problems] of [
      [`clusters:\n  - name: a\n    host: a\n    ${line}\n`, (text: string) => readProfiles(text).problems],
      [`network: x.pkl\n${line}\n`, (text: string) => readConfig(text).problems],
    ] as const) {
      const [problem] = problems(text);
      assert.ok(problem?.range, text);
      const at = problem.range;
      const lines = text.split('\n');
      assert.equal(lines[at.start.line].slice(at.start.character, at.end.character), marked, problem.message);
      if (id !== 'unknown-option') assert.equal(problem.id, id, problem.message);
    }
  });

test('a misspelt directive has its repair, and a profile for LSF is told what LSF has not', () => {
  const [problem] = readProfiles('clusters:\n  - name: a\n    host: a\n    extra_directives: [--swiches=1]\n').problems;
  assert.equal(problem.replacement, '--switches');
  const lsf = readProfiles(
    'clusters:\n  - {name: a, host: a, scheduler: lsf, qos: high, extra_directives: [-sla gold, -J me]}\n',
  ).problems;
  assert.deepEqual(
    lsf.map(({ id, message }) => `${id}: ${message.slice(0, 22)}`),
    ['job-option: qos is not on LSF. LSF', 'extra-contradicts: -J contradicts what th'],
  );
  // A single dash may be of either; what only one of them knows is accepted.
  assert.deepEqual(readProfiles('clusters:\n  - {name: a, host: a, extra_directives: [-sla gold]}\n').problems, []);
  assert.equal(settingsProfiles([{ name: 'a', host: 'a', extra_directives: ['--hold', '--wait'] }]).problems.length, 1);
  const engines = readProfiles('clusters:\n  - name: a\n    host: a\n    mem: 8G\n    engines:\n      edm:\n        nodes: 2\n        gpus_option: gpus\n'); // prettier-ignore
  assert.deepEqual(
    engines.problems.map(({ range }) => range?.start.line),
    [7],
  );
});

test('engine workbench has tasks in place of nodes; a type without GPUs has no effect', () => {
  const ids = (text: string): string[] => readConfig(`network: x.pkl\n${text}`).problems.map(({ id }) => id);
  assert.deepEqual(ids('nodes: 2\n'), ['nodes-of-workbench']);
  assert.deepEqual(ids('nodes: 2\nengine: edm\n'), []);
  assert.deepEqual(ids('gpu_type: a100\n'), ['no-gpus']);
});

test('a snapshot knows quality of service, features, types of GPUs and the number of nodes', () => {
  const nodes = ['g1', 'g2'].map((name) => ({ name, features: ['a100', 'nvlink'], gres: [{ name: 'gpu', type: 'a100', count: 4 }] })); // prettier-ignore
  const cluster = { scheduler: 'slurm' as const, partitions: [{ name: 'gpu', nodes: ['g1', 'g2'] }], nodes, qos: ['normal', 'high'] }; // prettier-ignore
  const found = (config: Partial<RunConfig>): unknown[] =>
    clusterChecks({ network: 'x.pkl', engine: 'edm', partition: 'gpu', ...config }, cluster).map(({ id, replacement }) => [id, replacement]); // prettier-ignore
  assert.deepEqual(found({ qos: 'high', constraint: 'a100&nvlink', gpu_type: 'a100', nodes: 2 }), []);
  assert.deepEqual(found({ qos: 'hihg' }), [['cluster-qos', 'high']]);
  assert.deepEqual(found({ constraint: 'a100&nvlnk' }), [['cluster-constraint', 'a100&nvlink']]);
  assert.deepEqual(found({ gpu_type: 'a10' }), [['cluster-gpu-type', 'a100']]);
  assert.deepEqual(found({ nodes: 3 }), [['cluster-nodes', '2']]);
  assert.deepEqual(found({ partition: ['gpu', 'cpuu'] }), [['cluster-partition', undefined]]);
  const lsf = clusterChecks({ network: 'x.pkl', engine: 'edm', qos: 'high' }, { scheduler: 'lsf', partitions: [] });
  assert.deepEqual(
    lsf.map(({ id, path: [key] }) => [id, key]),
    [['job-option', 'qos']],
  );
});

test('profiles and run configs have the same options, and each a directive that the catalogue knows', () => {
  const properties = (name: string): Record<string, { pattern?: string }> => {
    const text = readFileSync(path.join(ROOT, 'schemas', `${name}.schema.json`), 'utf8');
    const schema = JSON.parse(text) as { properties: object; definitions: { profile?: { properties: object } } };
    return (schema.definitions.profile ?? schema).properties as Record<string, { pattern?: string }>;
  };
  const [clusters, configs] = [properties('clusters'), properties('run-config')];
  for (const key of JOB_KEYS) assert.ok(clusters[key] && configs[key], key);
  assert.deepEqual(Object.keys(JOB_OPTIONS).sort(), [...JOB_KEYS, 'clusters'].sort());
  for (const [scheduler, texts] of [
    ['slurm', scripts(EVERYTHING)],
    ['lsf', scripts({ ...EVERYTHING, qos: undefined, extra_directives: [] }, {}, 'lsf')],
  ] as const)
    for (const text of texts)
      for (const { spelling } of readScript(text, { scheduler })?.activeOptions ?? [])
        assert.ok(optionNamed(scheduler, spelling), spelling);
});

test('keys are proposed and explained from the schema, within engines too', () => {
  const text = 'clusters:\n  - name: a\n    host: a\n    engines:\n      edm:\n        \n';
  const keys = proposals(clustersLanguage(), text, { line: 5, character: 8 }).map(({ label }) => label);
  assert.ok(keys.includes('gpu_type') && keys.includes('extra_directives') && !keys.includes('host'), keys.join());
  const filled = text.replace('        \n', '        qos: high\n');
  assert.match(hoverText(clustersLanguage(), filled, { line: 5, character: 9 })?.markdown ?? '', /Quality of service/);
});

/** Numbers below 1 in a fixed order (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('no script of any combination of options has a finding, and each is shell', () => {
  const random = randomFrom(20261130);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)];
  const maybe = (key: string, ...values: unknown[]): object => (random() < 0.5 ? {} : { [key]: pick(values) });
  const images: Record<EngineName, string> = { apptainer: '~/edm latest.sif', singularity: '/images/edm.sif', pyxis: '~/edm.sqsh', 'podman-hpc': 'localhost/edm:1', cscs: '~/edm.toml', none: 'unused' }; // prettier-ignore
  let [made, many] = [0, 0];
  for (let round = 0; round < 150; round++) {
    const engine = pick(Object.keys(CONTAINER_ENGINES) as EngineName[]);
    const scheduler = engine === 'pyxis' || engine === 'cscs' ? 'slurm' : pick(['slurm', 'lsf'] as const);
    const nodes = scheduler === 'slurm' ? pick([1, 1, 2, 8]) : 1;
    const profile: ClusterProfile = {
      name: 'site',
      container: images[engine],
      container_engine: engine,
      ...maybe('gpu_vendor', 'nvidia', 'amd'),
      ...maybe('setup', ['module load apptainer'], ['source ~/venv/bin/activate']),
      ...maybe('shell', '/bin/bash', '/usr/bin/env -S bash -l'),
      ...maybe('partition', 'gpu', ['gpu', 'long']),
      ...maybe('account', 'proja'),
      ...maybe('constraint', 'a100', 'a100&nvlink', 'a100|h100'),
      ...maybe('mem', '64G', 32000),
      ...maybe('cpus', 4, 16),
      ...maybe('exclude', 'g7', ['g1', 'g2']),
      ...maybe('mail', 'user@example.org'),
      ...(scheduler === 'slurm' && {
        ...maybe('qos', 'high'),
        ...maybe('extra_directives', ['--switches=1'], ['--hold', '--nice=5']),
      }),
      ...maybe('reservation', 'course'),
    };
    const config: RunConfig = {
      network: 'x.pkl',
      engine: 'edm',
      nodes,
      gpus: pick([1, 2, 4]),
      gpus_option: pick(
        nodes > 1 ? (['gres', 'gpus-per-node'] as const) : (['gres', 'gpus', 'gpus-per-node'] as const),
      ),
      ...maybe('gpu_type', 'a100'),
      ...maybe('fid', { reference: 'r.npz' }),
    };
    const downloads = pick([undefined, `${FACTS.run}/inputs`]);
    for (const chosen of [
      config,
      { ...config, engine: 'workbench', nodes: undefined, tasks: pick([1, 4]), fid: undefined } as RunConfig,
    ])
      for (const { text, role } of jobScripts({ ...FACTS, scheduler, profile, config: chosen, downloads })) {
        const { findings } = analyse(text);
        assert.deepEqual(findings.map(({ id, message }) => `${id}: ${message}`), [], `${role} ${JSON.stringify(profile)}\n${text}`); // prettier-ignore
        made++;
        if (text.includes('--rdzv_endpoint')) many++;
        if (round % 8 > 0) continue;
        const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
        assert.equal(status, 0, `${stderr}\n${text}`);
      }
  }
  assert.ok(made > 500 && many > 30, `${made} ${many}`);
});

test('scripts start in a login shell, unless the profile has another', () => {
  assert.match(scripts({})[0], /^#!\/bin\/bash -l\n#SBATCH/);
  assert.match(scripts({ shell: '/usr/local/bin/bash' })[0], /^#!\/usr\/local\/bin\/bash\n/);
  assert.equal(readProfiles('clusters:\n  - {name: a, host: a, shell: /bin/zsh}\n').problems[0]?.id, 'bad-value');
});
