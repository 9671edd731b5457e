/** npm, called by our own tools: what it inherits, and what is read from its output. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { npm, npmFailure, npmPhases, withoutNpm } from '../../tools/npm.mjs';
import { ROOT, temporaryFolder } from '../server/workspace';

test('the outer npm hands on nothing about itself, its script or its project', () => {
  const outer = {
    PATH: '/usr/bin',
    HOME: '/home/me',
    INIT_CWD: '/home/me/project',
    NODE: '/usr/bin/node',
    npm_node_execpath: '/usr/bin/node',
    npm_command: 'test',
    npm_execpath: '/usr/lib/node_modules/npm/bin/npm-cli.js',
    npm_lifecycle_event: 'test',
    npm_package_json: '/home/me/project/package.json',
    npm_package_engines_node: '>=20.15',
    npm_config_user_agent: 'npm/11.19.1 node/v20.20.2 linux x64 workspaces/false',
    npm_config_ignore_scripts: 'true',
    npm_config_loglevel: 'silent',
    npm_config_local_prefix: '/home/me/project',
    npm_config_node_gyp: '/usr/lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js',
    npm_config_noproxy: '',
    NPM_CONFIG_USER_AGENT: 'mine',
  };
  assert.deepEqual(withoutNpm(outer), { PATH: '/usr/bin', HOME: '/home/me' });
});

test('what a user set, and how the registry is reached, stays', () => {
  const set = {
    NPM_CONFIG_FUND: 'true', // npm itself writes lower case only
    npm_config_registry: 'https://registry.example/',
    npm_config_https_proxy: 'http://proxy.example:3128',
    npm_config_cache: '/big/disk/npm',
    npm_config_userconfig: '/home/me/.npmrc',
    'npm_config_//registry.example/:_authToken': 'secret', // npm never exports these
    'npm_config_@lab:registry': 'https://lab.example/',
    NODE: '/opt/my-node',
  };
  assert.deepEqual(withoutNpm({ ...set, npm_node_execpath: '/usr/bin/node' }), set);
  assert.deepEqual(withoutNpm({ NODE: '/opt/my-node', EDITOR: 'vi' }), { NODE: '/opt/my-node', EDITOR: 'vi' });
});

test('an npm inside an npm describes itself, not the outer one', () => {
  const folder = temporaryFolder();
  const inner = path.join(folder, 'inner');
  mkdirSync(inner);
  const show = `node -p "[process.env.npm_package_name, process.env.npm_config_user_agent, process.env.npm_config_ignore_scripts]"`;
  writeFileSync(path.join(inner, 'package.json'), JSON.stringify({ name: 'inner', scripts: { show } }));
  const tool = `
    import { spawnSync } from 'node:child_process';
    import { withoutNpm } from ${JSON.stringify(path.join(ROOT, 'tools', 'npm.mjs'))};
    const env = process.argv[2] === 'cleaned' ? withoutNpm(process.env) : process.env;
    const { stdout, stderr } = spawnSync('npm', ['run', '--silent', 'show'], { cwd: 'inner', encoding: 'utf8', env });
    console.log(stdout + stderr);`;
  writeFileSync(path.join(folder, 'tool.mjs'), tool);
  writeFileSync(path.join(folder, '.npmrc'), 'ignore-scripts=true\n');
  const scripts = { inherited: 'node tool.mjs inherited', cleaned: 'node tool.mjs cleaned' };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'outer', scripts }));
  const run = (script: string) =>
    spawnSync('npm', ['run', '--silent', script, '--user-agent=npm/0 node/v1'], {
      cwd: folder,
      encoding: 'utf8',
      env: withoutNpm(process.env),
    }).stdout;
  const inherited = run('inherited');
  assert.match(inherited, /'inner'/);
  assert.match(inherited, /npm\/0 node\/v1/); // the fault: this is what an install script gets to see
  assert.match(inherited, /'true'/);
  const cleaned = run('cleaned');
  assert.match(cleaned, /'inner'/);
  assert.ok(cleaned.includes(`node/${process.version}`), cleaned);
  assert.ok(!cleaned.includes("'true'"), cleaned);
});

const SCRIPT_FAILED = `npm http fetch GET 200 https://registry.example/bad 12ms
npm info run bad@1.0.0 postinstall node_modules/bad sh ./postinstall.sh
npm info run bad@1.0.0 postinstall { code: 1, signal: null }
npm error code 1
npm error path /tmp/x/node_modules/bad
npm error command failed
npm error command sh -c sh ./postinstall.sh
npm error some stdout
npm error ERROR: bad currently requires node v24.
npm error We have detected node v20
npm error A complete log of this run can be found in: /home/me/.npm/_logs/2026-01-01T00_00_00_000Z-debug-0.log
`;

test("a failed install is told by the failed script's own words and npm's log", () => {
  const { cause, lines, log } = npmFailure(SCRIPT_FAILED);
  assert.equal(cause, 'ERROR: bad currently requires node v24.');
  assert.deepEqual(lines.slice(-3), ['some stdout', cause, 'We have detected node v20']);
  assert.equal(log, '/home/me/.npm/_logs/2026-01-01T00_00_00_000Z-debug-0.log');
  const old = npmFailure('npm ERR! code EACCES\nnpm ERR! syscall mkdir\nnpm ERR! Error: EACCES: permission denied');
  assert.deepEqual([old.cause, old.log], ['Error: EACCES: permission denied', undefined]);
  assert.equal(npmFailure('sh: npm: not found').cause, 'sh: npm: not found');
  assert.equal(npmFailure('').cause, 'npm gave no reason');
});

test('what npm is doing is read from its output', () => {
  const phaseOf = npmPhases();
  assert.deepEqual(
    SCRIPT_FAILED.split('\n')
      .slice(0, 4)
      .map((line) => phaseOf(line)),
    [
      'downloading packages (1 so far)',
      'running the postinstall script of bad@1.0.0',
      'finishing install scripts',
      undefined,
    ],
  );
  assert.equal(
    npmPhases()('npm http cache ms@https://registry.example/ms.tgz 0ms (cache hit)'),
    'downloading packages (1 so far)',
  );
});

test('a registry that does not answer is the reason given, with a log that exists', async () => {
  const cwd = temporaryFolder();
  writeFileSync(path.join(cwd, 'package.json'), '{"private": true}');
  const env = {
    npm_config_registry: 'http://127.0.0.1:9/',
    npm_config_fetch_retries: '0',
    npm_config_cache: path.join(cwd, 'c'),
  };
  await assert.rejects(npm(['install', 'ms'], { cwd, what: 'Installing ms', env }), (error: Error) => {
    assert.match(error.message, /^npm install ms failed: .*ECONNREFUSED 127\.0\.0\.1:9 \(npm's log: (.*)\)$/);
    const [, log = ''] = /npm's log: (.*)\)$/.exec(error.message) ?? [];
    return existsSync(log);
  });
});
