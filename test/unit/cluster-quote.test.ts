/** Arguments reach a program unchanged through every shell that accounts have. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { loginShellLine, quoteArgument, quoteCommand } from '../../server/cluster/quote';
import { UserError } from '../../server/errors';

/** Words that shells make something of. */
const TRAPS = [
  ...[
    '',
    ' ',
    "'",
    '"',
    '`id`',
    '$(id)',
    '$HOME',
    '${HOME}',
    '!',
    '!!',
    '!x',
    'a!b',
    '\\',
    '\\\\',
    "\\'",
    '\n',
    'a\nb\n',
  ],
  ...['\t', '\r\n', '*', '?', '[a-z]', '{a,b}', '~', '~root', '#', ';', '&', '|', '<', '>', '(', ')', '^', '%b', '%s'],
  ...[
    '\\n',
    '\\0101',
    '\\c',
    '-n',
    '--',
    '=x',
    'A=b',
    "''",
    "it's",
    'żółć',
    '中文',
    '🙂',
    '\x01\x1b[31m',
    '\x7f',
    '$!',
    '"$@"',
  ],
];

/** Deterministic words of up to 12 pieces out of traps and all of Latin-1 but NUL. */
function words(count: number): string[] {
  let state = 12345;
  const next = (below: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
  const piece = () => (next(2) ? TRAPS[next(TRAPS.length)] : String.fromCharCode(1 + next(255)));
  return Array.from({ length: count }, () => Array.from({ length: next(12) }, piece).join(''));
}

/** The arguments a program got by way of a shell's -c. */
function argumentsThrough(shell: string, line: string): string[] {
  const { stdout, stderr, status } = spawnSync(shell, ['-c', line], { encoding: 'utf8' });
  assert.equal(status, 0, `${shell}: ${stderr}`);
  return stdout.split('\0').slice(0, -1);
}

const printArguments = (all: readonly string[]) => quoteCommand(['printf', '%s\\0', ...all]);

test('sh gives every argument as it was', () => {
  const all = [...TRAPS, ...words(400)];
  assert.deepEqual(argumentsThrough('/bin/sh', printArguments(all)), all);
  for (const trap of TRAPS) assert.deepEqual(argumentsThrough('/bin/sh', printArguments([trap])), [trap]);
});

test('a script as one line of any login shell', (context) => {
  const all = [...TRAPS, ...words(400)];
  const shells = ['/bin/sh', '/bin/bash', '/bin/tcsh', '/usr/bin/fish', '/bin/zsh'].filter((shell) =>
    existsSync(shell),
  );
  context.diagnostic(shells.join(' '));
  for (const shell of shells)
    assert.deepEqual(argumentsThrough(shell, loginShellLine(printArguments(all))), all, shell);
});

test('what no command line can hold is refused in words', () => {
  assert.throws(() => quoteArgument('a\0b'), UserError);
  assert.throws(() => loginShellLine('x'.repeat(130_000)), /is too long: a command line may have 120000/);
});
