/** The hooks for pre-commit, run by pre-commit itself, and the CI recipe of the docs, whose SARIF is looked at. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import Ajv from 'ajv';
import { parse } from 'yaml';
import { missingPackages } from '../../tools/packages.mjs';
import { CLI, git, repository, ROOT, temporaryFolder, type Ran } from './workspace';

const HOOKS = '.pre-commit-hooks.yaml';
const WRONG = '#!/bin/bash\n#SBATCH --account=a\n#SBATCH --tiem=1:00:00\nhostname\n';
const FIXABLE = '#!/bin/bash\n#SBATCH --account=a\n#SBATCH --time=10\nset -e\n#SBATCH --mem=4G\nhostname\n';
const RIGHT = '#!/bin/bash\n#SBATCH --account=a\n#SBATCH --time=1:00:00\nhostname\n';

let environment: NodeJS.ProcessEnv;
before(() => {
  const bin = temporaryFolder();
  const program = path.join(bin, 'edm-workbench');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
  chmodSync(program, 0o755);
  const home = temporaryFolder();
  environment = { ...process.env, PATH: `${bin}:${process.env.PATH}`, HOME: home, PRE_COMMIT_HOME: path.join(home, 'pre-commit') }; // prettier-ignore
});

function run(folder: string, program: string, ...args: string[]): Ran {
  return spawnSync(program, args, { cwd: folder, encoding: 'utf8', env: environment });
}

test('pre-commit runs the hooks', async (t) => {
  const missing = await missingPackages(['pre-commit']);
  if (missing) return t.skip(`no pre-commit: ${missing.missing}; ${missing.remedy}`);
  const source = repository({ [HOOKS]: readFileSync(path.join(ROOT, HOOKS), 'utf8') });
  const config = (hook: string): string =>
    `repos:\n- repo: ${source}\n  rev: ${git(source, 'rev-parse', 'HEAD')}\n  hooks:\n  - id: ${hook}\n`;
  const work = repository({
    '.pre-commit-config.yaml': config('edm-workbench-lint'),
    'jobs/a b.slurm': RIGHT,
    'readme.txt': WRONG,
    'deploy.sh': 'echo hello\n',
    'x.edm.yaml': 'network: embedded:fashion-mnist\nseeds: 0-7\n',
  });
  const hook = (): Ran => run(work, 'pre-commit', 'run', '--all-files', '--verbose');

  await t.test('what is right passes', () => {
    const { status, stdout, stderr } = hook();
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /check batch scripts and run configs\.+Passed/);
  });
  await t.test('what is wrong is shown and ends the commit', () => {
    mkdirSync(path.join(work, '.edm-workbench'));
    writeFileSync(path.join(work, 'wrong.sbatch'), WRONG);
    writeFileSync(path.join(work, 'y.edm.yaml'), 'netwrok: a.onnx\n');
    writeFileSync(path.join(work, '.edm-workbench', 'clusters.yaml'), 'clusters: 1\n');
    git(work, 'add', '--all', '--force');
    const { status, stdout } = hook();
    assert.equal(status, 1);
    for (const name of ['wrong.sbatch', 'y.edm.yaml', '.edm-workbench/clusters.yaml'])
      assert.ok(stdout.includes(`${name}:`), `${name}\n${stdout}`);
    assert.ok(!stdout.includes('readme.txt'), stdout);
  });
  await t.test('the fixes are applied, and the change is for the user to add', () => {
    git(work, 'rm', '--quiet', '--force', 'wrong.sbatch', 'y.edm.yaml', '.edm-workbench/clusters.yaml');
    writeFileSync(path.join(work, '.pre-commit-config.yaml'), config('edm-workbench-fix'));
    writeFileSync(path.join(work, 'late.slurm'), FIXABLE);
    git(work, 'add', '--all');
    const { status, stdout } = hook();
    assert.equal(status, 1, stdout);
    assert.match(stdout, /files were modified by this hook/);
    assert.match(readFileSync(path.join(work, 'late.slurm'), 'utf8'), /--time=10\n#SBATCH --mem=4G\nset -e\n/);
    git(work, 'add', '--all');
    assert.equal(hook().status, 0);
  });
});

interface Workflow {
  jobs: { lint: { steps: { name?: string; run?: string }[] } };
}

/** The step of the recipe that checks, as GitHub runs it. */
function recipe(): string {
  const page = readFileSync(path.join(ROOT, 'docs', 'continuous-integration.md'), 'utf8');
  const block = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text).find((text) => text.includes('upload-sarif')); // prettier-ignore
  const workflow = parse(block ?? '') as Workflow;
  return workflow.jobs.lint.steps.find(({ name }) => name === 'Check')?.run ?? assert.fail('no step');
}
const check = (folder: string): Ran => run(folder, 'bash', '--noprofile', '--norc', '-eo', 'pipefail', '-c', recipe());

/** What SARIF 2.1.0 (OASIS, appendix of its schema) demands of the parts that we write. */
const text = { type: 'object', required: ['text'], properties: { text: { type: 'string', minLength: 1 } } };
const count = { type: 'integer', minimum: 1 };
const result = {
  type: 'object',
  required: ['message', 'ruleId', 'level', 'locations'],
  properties: {
    message: text,
    level: { enum: ['none', 'note', 'warning', 'error'] },
    locations: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['physicalLocation'],
        properties: {
          physicalLocation: {
            type: 'object',
            required: ['artifactLocation', 'region'],
            properties: {
              artifactLocation: { type: 'object', required: ['uri'], properties: { uri: { type: 'string', pattern: '^[^\\s:\\\\]+$' } } },
              region: {
                type: 'object',
                required: ['startLine'],
                additionalProperties: false,
                properties: { startLine: count, startColumn: count, endLine: count, endColumn: count },
              },
            },
          },
        },
      },
    },
  },
}; // prettier-ignore
const driver = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string' },
    rules: { type: 'array', uniqueItems: true, items: { type: 'object', required: ['id'] } },
  },
};
const sarif = new Ajv({ strict: false }).compile({
  type: 'object',
  required: ['version', 'runs'],
  properties: {
    version: { const: '2.1.0' },
    $schema: { type: 'string' },
    runs: {
      type: 'array',
      items: {
        type: 'object',
        required: ['tool', 'results'],
        properties: {
          tool: { type: 'object', required: ['driver'], properties: { driver } },
          results: { type: 'array', items: result },
        },
      },
    },
  },
});

interface Sarif {
  runs: {
    tool: { driver: { rules: { id: string }[] } };
    results: { ruleId: string; locations: { physicalLocation: { artifactLocation: { uri: string } } }[] }[];
  }[];
}

test('the CI recipe writes SARIF for what is under version control, and fails only where it could not check', () => {
  const work = repository({ 'jobs/ä b.slurm': WRONG, 'x.edm.yaml': 'netwrok: a.onnx\n', 'right.sh': RIGHT });
  writeFileSync(path.join(work, 'untracked.slurm'), WRONG);
  const { status, stderr } = check(work);
  assert.equal(status, 0, stderr);
  const read: unknown = JSON.parse(readFileSync(path.join(work, 'findings.sarif'), 'utf8'));
  assert.ok(sarif(read), JSON.stringify(sarif.errors));
  const [{ tool, results }] = (read as Sarif).runs as [Sarif['runs'][number]];
  const uris = results.map(({ locations: [place] }) => place?.physicalLocation.artifactLocation.uri);
  assert.deepEqual([...new Set(uris)].sort(), ['jobs/%C3%A4%20b.slurm', 'x.edm.yaml']);
  const rules = new Set(tool.driver.rules.map(({ id }) => id));
  assert.deepEqual(results.filter(({ ruleId }) => !rules.has(ruleId)), []); // prettier-ignore
  assert.equal(check(repository({ 'readme.md': '#' })).status, 0);
  const broken = repository({ 'a.slurm': RIGHT });
  git(broken, 'rm', '--quiet', '--cached', 'a.slurm');
  git(broken, 'update-index', '--add', '--cacheinfo', `100644,${git(broken, 'hash-object', '-w', 'a.slurm')},gone.slurm`);
  assert.notEqual(check(broken).status, 0);
}); // prettier-ignore
