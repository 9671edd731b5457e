/** `bsub FILE`, which runs the file as a command and reads none of its #BSUB lines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse, applyFixes, fixAll } from '../../server/scripts/analyse';
import { analysePage } from '../../server/scripts/page';
import type { ScriptContext } from '../../server/scripts/reading/script';

const job = '#!/bin/bash\n#BSUB -o a-%J.out\n#BSUB -n 4\n';
const siblings: ScriptContext['siblings'] = () => [
  { path: '/p/job.sh', name: 'job.sh', text: `${job}hostname\n` },
  { path: '/p/tool.sh', name: 'tool.sh', text: '#!/bin/bash\nhostname\n' },
];
/** Each finding as `severity marked -> line after the fix`. */
function found(text: string, context: ScriptContext = { siblings }): string[] {
  return analyse(text, context)
    .findings.filter(({ id }) => id === 'lsf-command-file')
    .map((finding) => {
      const { severity, start, end, fix } = finding;
      const marked = text.split('\n')[start.line]?.slice(start.character, end.character) ?? '';
      return `${severity} ${marked}${fix ? ` -> ${applyFixes(text, [finding]).split('\n')[start.line]?.trim() ?? ''}` : ''}`;
    });
}

test('a script that bsub runs as a command is told, also where the call has options, a shell or a loop', () => {
  for (const [call, ...expected] of [
    ['bsub job.sh', 'warning bsub job.sh -> bsub < job.sh'],
    ['bsub -n 4 -q gpu ./job.sh', 'warning bsub -n 4 -q gpu ./job.sh -> bsub -n 4 -q gpu < ./job.sh'],
    ['bsub bash job.sh', 'warning bsub bash job.sh -> bsub < job.sh'],
    ['for i in 1 2; do bsub -J "a$i" job.sh; done', 'warning bsub -J "a$i" job.sh -> for i in 1 2; do bsub -J "a$i" < job.sh; done'],
    ['bsub train.lsf', 'warning bsub train.lsf -> bsub < train.lsf'],
    ['bsub "$DIR/train.lsf"', 'warning bsub "$DIR/train.lsf" -> bsub < "$DIR/train.lsf"'],
    // With `<` a script gets no arguments.
    ['bsub job.sh 7', 'warning bsub job.sh'],
    ['bsub other.sh', 'info bsub other.sh -> bsub < other.sh'],
  ] as const) {
    assert.deepEqual(found(`#!/bin/bash\n${call}\n`), expected, call);
    assert.deepEqual(found(`${job}${call}\n`), expected, `${call} in a job`);
  }
}); // prettier-ignore

test('what bsub is meant to run, and what it reads, is not told', () => {
  for (const call of [
    'bsub < job.sh',
    'bsub -n 4 < train.lsf',
    'bsub tool.sh',
    'bsub -n 4 ./program input.lsf',
    'bsub -n 4 ./other.sh',
    'bsub python train.py',
    'bsub bash -c "echo"',
    'cat job.sh | bsub',
    'bsub $OPTIONS job.sh',
    'LSB_BSUB_PARSE_SCRIPT=Y bsub job.sh',
    'echo "bsub train.lsf"',
    'bsub <<EOF\n#BSUB -n 1\nhostname\nEOF',
  ])
    assert.deepEqual(found(`#!/bin/bash\n${call}\n`), [], call);
  assert.deepEqual(found('#!/bin/bash\nexport LSB_BSUB_PARSE_SCRIPT=Y\nbsub job.sh\n'), []);
  assert.deepEqual(found('#!/bin/bash\nbsub job.sh # edm-workbench: disable=lsf-command-file\n'), []);
  assert.deepEqual(found('import os\nos.system("bsub job.lsf")\n'), []);
});

test('a script that writes what it submits, and one that submits itself', () => {
  const writes = (directive: string): string => `#!/bin/bash\ncat > gen.sh <<EOF\n#!/bin/bash\n${directive}\ntrue\nEOF\nbsub gen.sh\n`;
  assert.deepEqual(found(writes('#BSUB -n 1')), ['warning bsub gen.sh -> bsub < gen.sh']);
  assert.deepEqual(found(writes('# nothing')), []);
  assert.deepEqual(found(`${job}bsub $0\n`), ['warning bsub $0 -> bsub < $0']);
  assert.deepEqual(found(`${job}# Submit with: bsub chain.sh\nhostname\n`, { path: '/p/chain.sh' }), [
    'warning bsub chain.sh -> # Submit with: bsub < chain.sh',
  ]);
  assert.deepEqual(found(`${job}# Submit with: bsub < chain.sh\nhostname\n`, { path: '/p/chain.sh' }), []);
  assert.deepEqual(found(`${job}# as bsub other.sh does\nhostname\n`, { path: '/p/chain.sh' }), []);
}); // prettier-ignore

test('the fix is offered, and not part of fix-all: the job has other options after it', () => {
  const text = '#!/bin/bash\nbsub job.sh\n';
  assert.equal(fixAll(text, { siblings }), text);
});

test('the code of a page in Markdown is looked at: calls, and whole scripts at their places', () => {
  const page = [
    '# How to run',
    'Call `bsub job.sh`, or #BSUB as you like.',
    '```bash',
    'bsub job.sh',
    '```',
    '```console',
    '$ bsub -n 2 \\',
    '> job.sh',
    'Job <1> is submitted. bsub job.sh',
    '```',
    '```python',
    'bsub = "bsub job.sh"',
    '```',
    '~~~',
    '#SBATCH --mem=1Q',
    '~~~',
    '```sh',
    '#!/bin/bash',
    '#SBATCH --account=a',
    '#SBATCH --memm=1G',
    '```',
    '',
  ].join('\r\n');
  const findings = analysePage(page, { siblings });
  assert.deepEqual(
    findings.map(({ id, start }) => `${start.line} ${id}`),
    ['3 lsf-command-file', '6 lsf-command-file', '19 unknown-option'],
  );
  assert.match(applyFixes(page, findings.slice(0, 1)), /```bash\r\nbsub < job\.sh\r\n```/);
  assert.match(applyFixes(page, findings.slice(1, 2)), /> < job\.sh\r\nJob/);
});
