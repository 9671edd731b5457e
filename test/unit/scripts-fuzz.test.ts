/** Whatever a file contains: no exception, no hang, positions inside the text, fixes that apply. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { analyse, applyFixes, fixAll } from '../../server/scripts/analyse';
import { completionsAt } from '../../server/scripts/completion';
import { convert } from '../../server/scripts/convert';
import { formatDirectives } from '../../server/scripts/format';
import { hoverAt } from '../../server/scripts/hover';
import { symbols } from '../../server/scripts/symbols';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { random } from './scripts-shell-generator';

const fixtures = path.join(__dirname, '..', 'fixtures', 'scripts');
const scripts = ['rules', 'lecture'].flatMap((folder) =>
  readdirSync(path.join(fixtures, folder)).map((file) => readFileSync(path.join(fixtures, folder, file), 'utf8')),
);

/** Asks everything there is to ask about a text, for both schedulers. */
function exercise(text: string): void {
  const lines = text.split(/\r\n|\n|\r/);
  for (const scheduler of [undefined, 'slurm', 'lsf'] as const) {
    const context = scheduler && { scheduler };
    const { findings } = analyse(text, context);
    for (const { start, end, fix } of findings) {
      for (const { line, character } of [
        start,
        end,
        ...(fix?.edits.flatMap(({ range }) => [range.start, range.end]) ?? []),
      ])
        assert.ok(
          line >= 0 && line < lines.length && character >= 0 && character <= (lines[line]?.length ?? 0),
          `${line}:${character}`,
        );
      assert.ok(start.line < end.line || (start.line === end.line && start.character <= end.character));
    }
    applyFixes(text, findings);
    symbols(text, context);
    convert(text, context);
    TextDocument.applyEdits(TextDocument.create('', 'shellscript', 0, text), formatDirectives(text, context));
    const position = { line: Math.floor(lines.length / 2), character: 9 };
    hoverAt(text, position, context);
    completionsAt(text, position, context);
  }
}

test('every prefix of valid and invalid scripts', () => {
  for (const text of scripts) for (let end = 0; end <= text.length; end += 3) exercise(text.slice(0, end));
});

test('random bytes, and scripts with random damage', () => {
  const next = random(1);
  const pick = (from: readonly string[]): string => from[Math.floor(next() * from.length)] ?? '';
  const bits = [
    '#SBATCH ',
    '#BSUB ',
    '--',
    '-',
    '=',
    '"',
    "'",
    '\\',
    '\n',
    '\r\n',
    '\r',
    '\0',
    '\ufeff',
    '\u00a0',
    '$(',
    '${',
    '`',
    '<<EOF\n',
    'EOF',
    '[',
    ']',
    ':',
    ',',
    '%',
    '\ud800',
    '&',
    '|',
    ';',
    '(',
    ')',
    'case x in',
    'esac',
    'hetjob',
    '--gres',
    'gpu:',
    '--time',
    '-R',
    '💥',
    ' ',
  ];
  for (let i = 0; i < 1500; i++) {
    exercise(Array.from({ length: 1 + Math.floor(next() * 40) }, () => pick(bits)).join(''));
    exercise(Array.from({ length: 60 }, () => String.fromCharCode(Math.floor(next() * 256))).join(''));
    const text = pick(scripts);
    const at = Math.floor(next() * text.length);
    exercise(text.slice(0, at) + pick(bits) + text.slice(at + Math.floor(next() * 8)));
  }
});

test('fixing ends for damaged scripts', () => {
  const next = random(2);
  for (let i = 0; i < 100; i++) {
    const text = scripts[Math.floor(next() * scripts.length)] ?? '';
    const at = Math.floor(next() * text.length);
    const damaged = text.slice(0, at) + text.slice(at + 1);
    assert.equal(typeof fixAll(damaged), 'string');
  }
});

test('megabyte lines and deep nesting take no longer than they are long', () => {
  const million = 1 << 20;
  for (const text of [
    `#SBATCH --time=${'1'.repeat(million)}`,
    `#SBATCH ${'--time=1 '.repeat(million / 16)}`,
    `#SBATCH ${'x '.repeat(million / 4)}`,
    `#SBATCH --comment="${'a '.repeat(million / 2)}`,
    `#SBATCH -N1\n${'a'.repeat(million)}`,
    `#SBATCH -N1\nsrun ${'--x '.repeat(million / 8)}`,
    `#SBATCH -N1\n${'srun --gress=gpu:1 a\n'.repeat(million / 32)}`,
    `#SBATCH -N1\nsrun -${'l'.repeat(million)}`,
    `#SBATCH -N1\n${'srun '.repeat(million / 8)}`,
    `#SBATCH -N1\n${'$('.repeat(million / 4)}`,
    `#SBATCH -N1\n${'${a'.repeat(million / 8)}`,
    `#SBATCH -N1\n${'`'.repeat(million / 2)}`,
    `#SBATCH -N1\n${'"$('.repeat(million / 8)}`,
    `#SBATCH -N1\n${'a=('.repeat(million / 8)}`,
    `#SBATCH -N1\n${'(('.repeat(million / 8)}`,
    `#SBATCH -N1\n${'[[ '.repeat(million / 8)}`,
    `#SBATCH -N1\n${'x <<A '.repeat(20_000)}\n${'y\n'.repeat(20_000)}`,
    `#SBATCH -N1\n${'\\ '.repeat(million / 4)}`,
    `#SBATCH -N1\n${'a \\\n'.repeat(million / 8)}`,
    `#SBATCH --gres=${'gpu:1,'.repeat(500)}`,
    `#BSUB -R "${'['.repeat(million / 2)}"`,
    `${'\r'.repeat(million / 4)}#SBATCH -N1`,
    `#SBATCH -N1\n${'N=$N$N\n'.repeat(40)}echo $N`,
    `${'\u00a0'.repeat(million / 4)}\n#SBATCH -N1\u00a0`,
  ]) {
    // Processor time, which a busy machine does not stretch. No benchmark: a bound that only quadratic time breaks.
    const before = process.cpuUsage();
    analyse(text);
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    assert.ok(seconds < 8, `${JSON.stringify(text.slice(0, 40))} took ${seconds.toFixed(1)} s`);
  }
});
