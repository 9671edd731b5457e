/**
 * The lists among bsub's values: `order[]` and `same[]` of -R, and the applications of -a. The verdicts are those of IBM's
 * reference of LSF 10.1; what its pages show as examples must be free of findings.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse, fixAll } from '../../server/scripts/analyse';
import { completionsAt } from '../../server/scripts/completion';
import { convert } from '../../server/scripts/convert';
import { hoverAt } from '../../server/scripts/hover';

const script = (directive: string): string => `#!/bin/bash\n#BSUB -o job-%J.out\n#BSUB ${directive}\nhostname\n`;
/** Each finding as `severity marked -> replacement`. */
function found(directive: string): string[] {
  const text = script(directive);
  return analyse(text)
    .findings.filter(({ id }) => id === 'lsf-requirement' || id === 'lsf-application')
    .map(({ severity, start, end, fix }) => {
      const marked = text.split('\n')[start.line]?.slice(start.character, end.character) ?? '';
      return `${severity} ${marked}${fix ? ` -> ${fix.edits[0]?.newText ?? ''}` : ''}`;
    });
}
function labels(directive: string): string[] {
  const line = `#BSUB ${directive}`;
  const text = script(directive.replace('|', ''));
  return completionsAt(text, { line: 2, character: line.indexOf('|') }).map(({ label }) => label);
}

test('order[] and same[] as the reference has them have no findings', () => {
  for (const value of ['order[ut]', 'order[r1m:-swp]', 'order[-slots:-maxslots]', 'order[!-slots:maxslots]', 'same[type]'])
    assert.deepEqual(found(`-R "${value}"`), [], value);
  // A site has resources of its own.
  for (const value of ['order[local_ssd:model2]', 'same[rack:type:model]', 'order[-free_gpus]'])
    assert.deepEqual(found(`-R "${value}"`), [], value);
}); // prettier-ignore

test('what order[] and same[] do not take is marked where it stands', () => {
  for (const [value, ...expected] of [
    ['order[-!slots]', 'error -! -> !-'],
    ['order[mem,ut]', 'error mem,ut -> mem:ut'],
    ['order[mem ut]', 'error mem ut -> mem:ut'],
    ['order[+mem]', 'error + -> '],
    ['order[--mem]', 'error --'],
    ['order[mem>4000]', 'error >4000'],
    ['order[mem:!ut]', 'warning !'],
    ['order[memory]', 'warning memory -> mem'],
    ['order[MEM]', 'warning MEM -> mem'],
    ['order[type:mem]', 'warning type'],
    ['same[-model]', 'error - -> '],
    ['same[type==X86_64]', 'error ==X86_64'],
    ['same[type,model]', 'error type,model -> type:model'],
    ['same[mem]', 'warning mem'],
    ['same[modle]', 'warning modle -> model'],
  ] as const)
    assert.deepEqual(found(`-R "${value}"`), expected, value);
});

test('completion in order[] and same[] offers each resource once, also after a sign', () => {
  assert.ok(labels('-R "order[|]"').includes('ut'));
  assert.ok(labels('-R "order[-|]"').includes('slots'));
  assert.ok(labels('-R "order[mem:!-sl|]"').includes('slots'));
  assert.ok(!labels('-R "order[mem:|]"').includes('mem'));
  assert.ok(!labels('-R "order[|:mem]"').includes('mem'));
  assert.ok(!labels('-R "order[|]"').includes('type'));
  assert.deepEqual(labels('-R "same[type:|]"').includes('type'), false);
  assert.ok(labels('-R "same[|]"').includes('model'));
});

test('-a takes names with spaces between and arguments in parentheses', () => {
  for (const value of ['openmpi', '"license fluent"', '"docker(ubuntu:24.04)"', '"a(b,c) d"', '"p8aff(4,8,1,pack)"', "'docker(a/b:c)'"])
    assert.deepEqual(found(`-a ${value}`), [], value);
  for (const [value, ...expected] of [
    ['"license,fluent"', 'error , ->  '],
    ['esub.fluent', 'error esub.fluent -> fluent'],
    ['"docker (ubuntu)"', 'error   -> '],
    ['"docker(ubuntu"', 'error ('],
    ['"(ubuntu)"', 'error '],
    ['"docker(ubuntu)x"', 'error x'],
    ['"flu.ent"', 'error flu.ent'],
    ['user', 'error user'],
    ['openmip', 'info openmip -> openmpi'],
    ['"openmpi intelmpi"', 'warning intelmpi'],
    ['"fluent fluent"', 'warning fluent'],
  ] as const)
    assert.deepEqual(found(`-a ${value}`), expected, value);
  assert.ok(fixAll(script('-a "license, fluent"')).includes('-a "license fluent"'));
}); // prettier-ignore

test('-a is completed, explained and converted', () => {
  assert.ok(labels('-a "|"').includes('docker'));
  assert.ok(labels('-a "license fl|"').includes('fluent'));
  assert.ok(!labels('-a "fluent |"').includes('fluent'));
  assert.deepEqual(labels('-a "docker(|)"'), []);
  assert.match(hoverAt(script('-a "license docker(x)"'), { line: 2, character: 23 })?.markdown ?? '', /Docker container/);
  const notes = convert(script('-a "openmpi docker(a/b:c)"'))?.notes ?? [];
  assert.match(notes.map(({ why }) => why).join('\n'), /openmpi is not needed[^]*--container-image=a\/b:c/);
}); // prettier-ignore
