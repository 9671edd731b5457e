/** What the completion scripts offer, asked of real shells. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { missingPackages } from '../../tools/packages.mjs';
import { until } from '../until';
import { cli, temporaryFolder } from './workspace';

/** What is typed after the program's name, and the words offered for its end. */
const CASES: [typed: string, offered: string[]][] = [
  ['gen', ['generate']],
  ['--ver', ['--version']],
  ['fid ', ['calc', 'compare', 'merge', 'ref']],
  ['schedule ', ['search']],
  ['fid calc --dev', ['--device']],
  ['fid calc --device ', ['auto', 'cpu', 'cuda']],
  ['generate --solver e', ['euler', 'euler-ancestral']],
  ['generate --network emb', ['embedded:fashion-mnist']],
  ['generate --outdir ', ['folder']],
  ['submit --dirty=k', ['keep']],
  ['completion ', ['bash', 'fish', 'zsh']],
  ['lint a.slurm --format ', ['json', 'sarif', 'text']],
  ['run c', ['config.edm.yaml']],
  ['import net.pkl -o m', ['model.onnx']],
  ['container build --with p', ['podman']],
  ['cluster ', ['calibrate', 'clean']],
  ['shard ', ['folder']],
  ['queue --cl', ['--cluster']],
];

let folder: string;
/** The script of a shell, in a file. */
const scriptOf = (shell: string): string => path.join(folder, `.completion.${shell}`);

before(() => {
  folder = temporaryFolder();
  mkdirSync(path.join(folder, 'folder'));
  for (const name of ['config.edm.yaml', 'model.onnx']) writeFileSync(path.join(folder, name), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { status, stdout, stderr } = cli(folder, 'completion', shell);
    assert.equal(status, 0, stderr);
    writeFileSync(scriptOf(shell), stdout);
  }
});

/** Words without what each shell adds in its own way: the "=" after an option or the option before it, the "/" of a folder. */
function plain(words: readonly string[]): string[] {
  const stripped = words.filter(Boolean).map((word) => word.replace(/^--\w+=(?=.)/, '').replace(/[=/]$/, ''));
  return [...new Set(stripped)].sort();
}

/** Standard output of a shell. */
function shell(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  return stdout;
}

function bashOffers(line: string): string[] {
  const ask =
    'source "$1"; complete -p edm-workbench >/dev/null || exit 3; COMP_LINE=$2 COMP_POINT=${#2}; ' +
    '_edm_workbench; printf "%s\\n" "${COMPREPLY[@]}"';
  return shell('bash', '--norc', '-c', ask, 'bash', scriptOf('bash'), line).split('\n');
}

test('bash', async (t) => {
  for (const [typed, offered] of CASES)
    await t.test(typed, () => assert.deepEqual(plain(bashOffers(`edm-workbench ${typed}`)), offered));
  await t.test('after a colon, where bash begins a new word', () =>
    assert.deepEqual(plain(bashOffers('edm-workbench fid calc --ref embedded:fas')), ['fashion-mnist']),
  );
});

test('fish', async (t) => {
  const missing = await missingPackages(['fish']);
  if (missing) return t.skip(`no fish: ${missing.missing}; ${missing.remedy}`);
  for (const [typed, offered] of CASES)
    await t.test(typed, () => {
      const ask = 'source $argv[1]; complete -C $argv[2]';
      const found = shell('fish', '--no-config', '-c', ask, scriptOf('fish'), `edm-workbench ${typed}`);
      assert.deepEqual(plain(found.split('\n').map((one) => one.split('\t')[0])), offered);
    });
});

/** ^X completes and writes every match to $OFFERED, then DONE. */
const ZSHRC = `
autoload -Uz compinit && compinit -u -D
source "$SCRIPT"
compadd() {
  # Calls with -O, -A or -D only ask which words match: they offer nothing.
  if (( ! \${@[(I)-[OAD]]} )); then
    local -a hits
    builtin compadd -O hits "$@"
    print -rl -- $hits >>$OFFERED
  fi
  builtin compadd "$@"
}
offer() { zle complete-word; print -- DONE >>$OFFERED; BUFFER= }
zle -N offer
bindkey '^X' offer
PS1=
precmd() { print -- READY >>$OFFERED }
`;

test('zsh', async (t) => {
  const missing = await missingPackages(['zsh']);
  if (missing) return t.skip(`no zsh: ${missing.missing}; ${missing.remedy}`);
  const [home, out] = [temporaryFolder(), path.join(temporaryFolder(), 'offered')];
  writeFileSync(out, '');
  writeFileSync(path.join(home, '.zshrc'), ZSHRC);
  const child = spawn('script', ['-qefc', 'exec zsh -i', '/dev/null'], {
    cwd: folder,
    env: { ...process.env, ZDOTDIR: home, SCRIPT: scriptOf('zsh'), OFFERED: out, TERM: 'vt100' },
  });
  t.after(() => child.kill());
  let screen = '';
  child.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  const has = (word: string) => (): boolean => readFileSync(out, 'utf8').includes(`${word}\n`);
  await until(has('READY'), 'a prompt of zsh').catch((error: Error) => assert.fail(`${error.message}\n${screen}`));
  for (const [typed, offered] of CASES)
    await t.test(typed, async () => {
      writeFileSync(out, '');
      child.stdin.write(`edm-workbench ${typed}\x18`);
      await until(has('DONE'), 'the end of completing');
      const found = readFileSync(out, 'utf8').split('\n');
      assert.deepEqual(plain(found.filter((word) => word !== 'DONE')), offered, screen.slice(-2000));
    });
});
