/**
 * Where variables are named and what encloses what: by examples, and with tree-sitter-bash as the judge over every
 * script of the fixtures and many that are generated.
 */
import { Language, Parser, type Node } from '@vscode/tree-sitter-wasm';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { readStructure } from '../../server/scripts/reading/structure';
import { templates, templateText } from '../../server/scripts/templates';
import { variants } from '../cluster/script-variants';
import { generatedShell } from './scripts-shell-generator';

let parser: Parser;
before(async () => {
  await Parser.init();
  const wasm = path.join(path.dirname(require.resolve('@vscode/tree-sitter-wasm')), 'tree-sitter-bash.wasm');
  parser = new Parser();
  parser.setLanguage(await Language.load(readFileSync(wasm)));
});

/** Names with their kind, `=` for a definition and `$` for a use, in the order of the text. */
const named = (text: string): string =>
  [...readStructure(text).names]
    .sort((a, b) => a.start - b.start)
    .map(({ name, kind }) => (kind === 'definition' ? '=' : '$') + name)
    .join(' ');

test('variables: definitions, uses, and what only looks like them', () => {
  for (const [code, expected] of [
    ['A=1; echo $A "${A}" ${A:-$B}', '=A $A $A $A $B'],
    ["echo '$A' \"'$B'\" \\$C $'$D' # $E", '$B'],
    ['export A=1 B C="$D"', '=A $B =C $D'],
    ['for i in $A; do echo $i; done', '=i $A $i'],
    ['for ((i=0; i<n; i++)); do :; done', '=i $i $n =i'],
    ['read -r -p "name $P" A B <<< "$C"', '$P =A =B $C'],
    ['read -ra LIST', '=LIST'],
    ['mapfile -t -n 3 A < "$B"', '=A $B'],
    ['printf -v A %s $B', '=A $B'],
    ['local A B=$C; declare -x D', '=A =B $C =D'],
    ['declare -f A; export -f B; unset -f C; unset D', '$D'],
    ['A=(1 $B [2]="$C" # $D\n 3)\necho ${A[i]} ${#A[@]}', '=A $B $C $A $i $A'],
    ['echo ${A:=1} ${#B} ${!C} ${D/$E/"$F"}', '=A $B $C $D $E $F'],
    ['((n += 1)); echo $((2*x + 0x1F + 16#ff)) $((y))', '=n $x $y'],
    ['[[ $A == b* && n -gt 3 && -v C ]] && echo $D', '$A $n $C $D'],
    ['case $A in a|$B) C=1;; (d) echo $D;; esac; echo $E', '$A $B =C $D $E'],
    ['cat <<EOF\n$A "\'$B\'" \\$C $(echo $D)\nEOF\necho $E', '$A $B $D $E'],
    ["cat <<'EOF'\n$A\nEOF\ncat <<-\\X\n\t$B\n\tX\necho $C", '$C'],
    ['X=$(cat <<EOF\n$A )\nEOF\n) echo $B', '=X $A $B'],
    ['echo `echo $A \\`echo $B\\`` $C', '$A $B $C'],
    ['A=1 B=2 run "$C" > $D 2>> "$E"', '=A =B $C $D $E'],
    ['let A=B+1 "C += 2"', '=A $B =C'],
    ['f() { local X=$1; echo $X; }; function g { Y=2; }', '=X $X =Y'],
    ['getopts ab: OPT; test -v Z; [ -v W ]', '=OPT $Z $W'],
    ['echo "a $(case x in (b) echo ")$A";; esac) $B"', '$A $B'],
    ['diff <(echo $A) >(cat $B)', '$A $B'],
  ] as const)
    assert.equal(named(code), expected, code);
});

test('blocks: what opens and closes, nested', () => {
  const text = `f() {
  if true; then
    for i in 1 2; do
      cat <<EOF
\${X}
EOF
    done
  fi
}
case $1 in
  a) while :; do break; done ;;
esac
( cd x
  ls )
function g
{
  :
}
`;
  const { blocks } = readStructure(text);
  const lines = blocks
    .map(({ kind, start, end }) => [kind, ...[start, end].map((at) => text.slice(0, at).split('\n').length)].join(' '))
    .sort();
  assert.deepEqual(lines, ['case 10 12', 'document 4 6', 'function 1 9', 'function 15 18', 'group 13 14', 'if 2 8', 'loop 11 11', 'loop 3 7']); // prettier-ignore
});

test('what is given to programs, sourced and evaluated', () => {
  const text = 'export A=1\ndeclare -x B\nC=1 run\nD=1\nsource ./env.sh x\n. "$E"\neval "$F"\n';
  const { exported, sources, evaluations } = readStructure(text);
  assert.deepEqual([...exported].sort(), ['A', 'B', 'C']);
  assert.deepEqual(
    sources.map(({ start, end }) => text.slice(start, end)),
    ['./env.sh', '"$E"'],
  );
  assert.equal(evaluations.length, 1);
});

test('it never fails and takes linear time', () => {
  for (const open of [
    '${',
    '$(',
    '$((',
    '"',
    "'",
    '`',
    'case x in ',
    '<<A\n',
    'if ',
    '((',
    '[[ ',
    'A=(',
    '"${A:-',
    '{ ',
  ])
    for (const text of [open, open.repeat(20_000), `${open}\n`.repeat(20_000), `echo $A ${open}`.repeat(5_000)]) {
      const started = performance.now();
      readStructure(text);
      assert.ok(performance.now() - started < 2_000, `${open} took ${performance.now() - started} ms`);
    }
});

/** Where tree-sitter sees names; undefined where it finds the script faulty. */
function judged(text: string): string[] | undefined {
  const tree = parser.parse(text);
  assert.ok(tree);
  const { hasError } = tree.rootNode;
  const found = hasError ? undefined : tree.rootNode.descendantsOfType('variable_name').filter((node) => node !== null);
  const names = found?.filter(isName).map(({ startIndex, text: name }) => `${startIndex} ${name}`);
  tree.delete();
  return names;
}

/** It calls special parameters and indices of arrays variables too, and the functions that `unset -f` names. */
function isName({ text, parent }: Node): boolean {
  return /^[A-Za-z_]\w*$/.test(text) && !parent?.text.startsWith('unset -f');
}

const fixtures = path.join(__dirname, '..', 'fixtures', 'scripts');
const files = ['rules', 'lecture'].flatMap((folder) =>
  readdirSync(path.join(fixtures, folder)).map((file) => readFileSync(path.join(fixtures, folder, file), 'utf8')),
);

test('the judge sees the same names in the same places', () => {
  const generated = Array.from({ length: 400 }, (_, seed) => generatedShell(seed));
  const scripts = [...files, ...templates.map(templateText), ...variants, ...generated];
  let compared = 0;
  let seen = 0;
  for (const text of scripts.filter((one) => !/[\r\0\ufeff]|^#!.*python/.test(one))) {
    const expected = judged(text);
    if (!expected) continue;
    compared++;
    const names = readStructure(text).names;
    const places = names.map(({ start, name }) => `${start} ${name}`);
    assert.deepEqual(
      expected.filter((place) => !places.includes(place)),
      [],
      text,
    );
    // To it, what `read` and others name is a word like any other, and indices are numbers.
    const expanded = places.filter((_, i) => /\$\{?$/.test(text.slice(0, names[i]?.start)));
    assert.deepEqual(
      expanded.filter((place) => !expected.includes(place)),
      [],
      text,
    );
    seen += expected.length;
  }
  assert.ok(seen > 1000, `${seen} names`);
  assert.ok(compared > 0.85 * scripts.length, `${compared} of ${scripts.length} compared`);
});
