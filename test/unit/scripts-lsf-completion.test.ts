/** Completion inside bsub's -R and -gpu: what fits the place, and the text around it stays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { analyse } from '../../server/scripts/analyse';
import { completionsAt } from '../../server/scripts/completion';

/** A script with one directive, and the cursor where `|` stands. */
function at(directive: string): { text: string; position: { line: number; character: number } } {
  const line = `#BSUB ${directive}`;
  return {
    text: `#!/bin/bash\n#BSUB -o job-%J.out\n${line.replace('|', '')}\nnvidia-smi\n`,
    position: { line: 2, character: line.indexOf('|') },
  };
}
function labels(directive: string): string[] {
  const { text, position } = at(directive);
  return completionsAt(text, position).map(({ label }) => label);
}
/** The directive after a proposal is taken; `|` is where the cursor goes on in a snippet. */
function taken(directive: string, label: string): string {
  const { text, position } = at(directive);
  const found = completionsAt(text, position).find((one) => one.label === label);
  assert.ok(found, `${label} in ${directive}`);
  const document = TextDocument.create('', 'shellscript', 0, text);
  const newText = found.insert.replace('$1', '|');
  return (
    TextDocument.applyEdits(document, [{ range: found.range, newText }])
      .split('\n')[2]
      ?.slice(6) ?? ''
  );
}

test('each place has its own words', () => {
  assert.deepEqual(labels('-R "|"'), ['select[]', 'order[]', 'rusage[]', 'span[]', 'same[]', 'cu[]', 'affinity[]']);
  assert.ok(!labels('-R "rusage[mem=1GB] |"').includes('rusage[]'));
  assert.deepEqual(labels('-R "span[|]"'), ['hosts', 'ptile', 'block', 'stripe']);
  assert.deepEqual(labels('-R "span[hosts=|]"'), ['1']);
  assert.ok(labels('-R "rusage[mem=|]"').includes('16GB'));
  assert.ok(!labels('-R "rusage[mem=8GB,|]"').includes('mem'));
  assert.ok(labels('-R "rusage[mem=8GB] affinity[core(2):|]"').includes('cpubind'));
  assert.ok(labels("-R 'rusage[mem=8GB] span[|'").includes('ptile'));
  assert.ok(labels('-R span[|]').includes('hosts'));
  assert.ok(labels('-n 4 -R "rusage[|"').includes('mem'));
  assert.deepEqual(labels('-gpu "num=1:mode=|"'), ['shared', 'exclusive_process']);
  assert.equal(labels('-gpu "|"')[0], 'num');
  assert.ok(!labels('-gpu "num=1:|"').includes('num'));
  // After the value, the options come again.
  assert.ok(labels('-R "rusage[mem=8GB]" |').includes('-gpu'));
});

test('what stands after the cursor stays', () => {
  for (const [directive, label, expected] of [
    ['-R "rusage[|]"', 'mem', '-R "rusage[mem=]"'],
    ['-R "rusage[m|]"', 'mem', '-R "rusage[mem=]"'],
    ['-R "rusage[|=8GB]"', 'mem', '-R "rusage[mem=8GB]"'],
    ['-R "rusage[me|m=8GB] span[hosts=1]"', 'mem', '-R "rusage[mem=8GB] span[hosts=1]"'],
    ['-R "rusage[mem=8|GB] span[hosts=1]"', '16GB', '-R "rusage[mem=16GB] span[hosts=1]"'],
    ['-R "rusage[mem=|8GB] span[hosts=1]"', '16GB', '-R "rusage[mem=16GB] span[hosts=1]"'],
    ['-R "rusage[mem=8GB]|"', 'span[]', '-R "rusage[mem=8GB] span[|]"'],
    ['-R "rus| span[hosts=1]"', 'rusage[]', '-R "rusage[|] span[hosts=1]"'],
    ['-R "rus|[mem=8GB]"', 'rusage[]', '-R "rusage[mem=8GB]"'],
    ['-R "|" -n 4', 'span[]', '-R "span[|]" -n 4'],
    ['-R "affinity[|]"', 'core', '-R "affinity[core(|)]"'],
    ['-gpu "num=1:mo|=shared"', 'mode', '-gpu "num=1:mode=shared"'],
    ['-gpu "num=1:j|:gmem=16G" -n 4', 'j_exclusive', '-gpu "num=1:j_exclusive=:gmem=16G" -n 4'],
    ['-gpu "num=1:mode=sh|:gmem=16G"', 'exclusive_process', '-gpu "num=1:mode=exclusive_process:gmem=16G"'],
  ] as const)
    assert.equal(taken(directive, label), expected, directive);
});

test('a proposal that is complete makes no mistake', () => {
  for (const directive of ['-R "|"', '-R "span[|]"', '-R "rusage[mem=|]"', '-R "cu[pref=|]"', '-gpu "num=1:mode=|"']) {
    const { text, position } = at(directive);
    const document = TextDocument.create('', 'shellscript', 0, text);
    for (const { insert, range, snippet } of completionsAt(text, position)) {
      // Those with a place to go on are complete when it is filled.
      if (snippet || insert.endsWith('=')) continue;
      const made = TextDocument.applyEdits(document, [{ range, newText: insert }]);
      assert.deepEqual(analyse(made).findings.filter(({ severity }) => severity === 'error'), [], made); // prettier-ignore
    }
  }
});
