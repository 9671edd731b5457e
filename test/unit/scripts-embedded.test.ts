/** Scripts within scripts: never mixed with the outer one, and checked in place where they are batch scripts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse, applyFixes, fixAll } from '../../server/scripts/analyse';
import { readScript } from '../../server/scripts/reading/read-script';

/** Findings as `line:column severity id`, counted from 1, with the text they mark. */
function found(text: string): string[] {
  const lines = text.split('\n');
  return analyse(text).findings.map(
    ({ id, severity, start, end }) =>
      `${start.line + 1} ${severity} ${id} "${(lines[start.line] ?? '').slice(start.character, end.line === start.line ? end.character : undefined)}"`,
  );
}

const outer = '#!/bin/bash\n#SBATCH --account=a\n#SBATCH --time=06:00:00\n';
const inner = '#!/bin/bash\n#SBATCH --account=a\n#SBATCH --time=1:00:00\nhostname\n';

/** Ways to write a script within a script. */
const ways = [
  ['a here-document', `cat > job.sh <<EOF\n${inner}EOF\n`],
  ['a quoted here-document', `cat > job.sh <<'EOF'\n${inner}EOF\n`],
  [
    'a here-document with tabs',
    `if true; then\n\tcat > job.sh <<-EOF\n\t${inner.replace(/\n(?=.)/g, '\n\t')}\tEOF\nfi\n`,
  ],
  ['sbatch from a here-document', `sbatch <<EOF\n${inner}EOF\n`],
  ['a command substitution', `JOB=$(sbatch --parsable <<EOF\n${inner}# it's a remark )\nEOF\n)\necho $JOB\n`],
  ['a quoted command substitution', `JOB="$(sbatch --parsable <<EOF\n${inner}EOF\n)"\n`],
  ['double quotes', `echo "${inner}" > job.sh\n`],
  ['single quotes', `printf '%s' '${inner}' > job.sh\n`],
  ['bash -c', `bash -c '\n#SBATCH --time=1:00:00\nhostname'\n`],
  ['--wrap', `sbatch --wrap="\n#SBATCH --time=1:00:00\nhostname"\n`],
  ['ssh', `ssh host '\n#SBATCH --time=1:00:00\nhostname'\n`],
  ['text for another program', `python - <<EOF\nx = 1\n#SBATCH --time=1:00:00\nEOF\n`],
  ['a variable', `SCRIPT="${inner}"\n`],
] as const;

for (const [what, body] of ways)
  test(`${what}: its directives are not the outer script's, whether it has any or not`, () => {
    for (const head of [outer, '#!/bin/bash\n']) {
      assert.deepEqual(
        found(head + body).filter((one) => !one.includes('hint') && !one.includes('info')),
        [],
      );
      assert.equal(fixAll(head + body), head + body);
      const options = readScript(head + body)?.activeOptions.map(({ value }) => value?.text);
      assert.deepEqual(options, head === outer ? ['a', '06:00:00'] : undefined);
    }
  });

test('an inner script has its own findings in place, and its own fixes', () => {
  const text = `${outer}for s in 18 40; do\ncat > job_$s.sh <<EOF\n#!/bin/bash\n#SBATCH --account=a\n#SBATCH --tiem=1:00:00\n#SBATCH --array=1, 2\n#SBATCH --job-name=fid_$s\n#SBATCH --nodes=$NODES\ncd /tmp\n#SBATCH --mem=4G\nEOF\nsbatch job_$s.sh\ndone\n`;
  assert.deepEqual(found(text), [
    '8 error unknown-option "--tiem"',
    '9 error unquoted-space "2"',
    '13 error late-directive "#SBATCH --mem=4G"',
  ]);
  const fixed = fixAll(text);
  assert.match(fixed, /^#SBATCH --array=1,2$/m);
  assert.match(fixed, /#SBATCH --nodes=\$NODES\n#SBATCH --mem=4G\ncd \/tmp\nEOF/);
});

test('what is filled in later is not judged, what is escaped is', () => {
  const script = (directive: string): string => `#!/bin/bash\nsbatch <<EOF\n#!/bin/bash\n#SBATCH --account=a\n${directive}\nhostname\nEOF\n`; // prettier-ignore
  for (const directive of [
    '#SBATCH --time=$HOURS:00:00',
    '#SBATCH --mem=${MEM}',
    '#SBATCH --nodes=$(wc -l < hosts)',
    '#SBATCH $OPTIONS',
    '#SBATCH --ntasks=`nproc`',
    '#SBATCH --job-name=$1 --output=$OUT/%j.log',
  ])
    assert.deepEqual(found(script(directive)), [], directive);
  assert.deepEqual(found(script('#SBATCH --output=\\$HOME-x.log')), ['5 warning variable-in-directive "\\$HOME"']);
});

test('new text in an inner script is written so that the inner script gets it', () => {
  const text = `#!/bin/bash\nsbatch <<EOF\n#!/bin/bash\n#SBATCH --account=a\n#SBATCH --cpus-per-task=4\nsrun ./prog\nEOF\n`;
  const { findings } = analyse(text);
  const srun = findings.filter(({ id }) => id === 'srun-cpus-per-task');
  assert.match(applyFixes(text, srun), /\nsrun --cpus-per-task=\\\$SLURM_CPUS_PER_TASK \.\/prog\n/);
  const quoted = text.replace('<<EOF', "<<'EOF'");
  assert.match(
    applyFixes(
      quoted,
      analyse(quoted).findings.filter(({ id }) => id === 'srun-cpus-per-task'),
    ),
    /\nsrun --cpus-per-task=\$SLURM_CPUS_PER_TASK \.\/prog\n/,
  );
});

test('a program in another language: its strings are texts, its code is not shell code', () => {
  const text = `#!/usr/bin/env python3\n#SBATCH --account=a\nimport os\nscript = """#!/bin/bash\n#SBATCH --account=a --time=1:00:00\nhostname\n"""\nos.system("srun --nonsense x &")\n`;
  assert.deepEqual(found(text), []);
});

test('switched off by a comment of the outer script', () => {
  const text = `#!/bin/bash\n# edm-workbench: disable=unknown-option\nsbatch <<EOF\n#!/bin/bash\n#SBATCH --account=a\n#SBATCH --tiem=1\nEOF\n`;
  assert.deepEqual(found(text), []);
});

test('what the outer program replaces later is not judged, where the script is its own it is', () => {
  for (const value of ['__SLURM_TIME__', '{{time}}', '@TIME@']) {
    const directives = `#!/bin/bash\n#SBATCH --account=a\n#SBATCH --time=${value}\nhostname\n`;
    const generator = `#!/bin/bash\ncat > job.sh <<'EOF'\n${directives}EOF\nsed -i "s/x/y/" job.sh\nsbatch job.sh\n`;
    assert.deepEqual(found(generator), []);
    assert.deepEqual(found(directives), [`3 error invalid-value "${value}"`]);
  }
  const wrong = '#!/bin/bash\n#SBATCH --account=a\n#SBATCH --time=soon\nhostname\n';
  assert.deepEqual(found(`#!/bin/bash\ncat > job.sh <<'EOF'\n${wrong}EOF\n`), ['5 error invalid-value "soon"']);
});

test('a template is told once', () => {
  const directives = ['--time <%= resources$walltime %>', '--ntasks={{n_tasks}}', '--mem={{ mem }}', '--nodes=one'];
  const text = `#!/bin/bash\n#SBATCH --account=a\n${directives.map((one) => `#SBATCH ${one}\n`).join('')}hostname\n`;
  assert.deepEqual(found(text), ['3 error invalid-value "<%="', '6 error invalid-value "one"']);
  assert.equal(fixAll(text), text);
});

test('whatever form a template has, it is told once, and what is wrong beside it is told too', () => {
  const forms = ['XXXextra1XXX', '{time}', '{run.time:>2}', '%(time)s', '<walltime>', '@time@', '__TIME__', '[TIME]', 'XX:XX:XX'];
  for (const form of [...forms, '####_time']) {
    const text = `#!/bin/bash\n#SBATCH --account=a\n#SBATCH --time=${form}\n#SBATCH --ntasks=${form}\n#SBATCH --nodes=one\nsrun --ntasks=${form.replace(/[<>()]/g, 'XXX')} hostname\n`;
    assert.deepEqual(found(text).map((one) => one.replace(/ ".*/, '')), ['3 error invalid-value', '5 error invalid-value'], form);
    assert.equal(fixAll(text), text);
  }
  // Not to be filled in: what LSF writes in brackets and braces, and ordinary mistakes.
  for (const [one, other] of [
    ['-R "select[gpu"', '-R "rusage[mem=4Q]"'],
    ['-n ${N}', '-W soon'],
  ])
    assert.equal(analyse(`#!/bin/bash\n#BSUB -o a\n#BSUB ${one}\n#BSUB ${other}\ntrue\n`).findings.filter(({ severity }) => severity === 'error').length, 2, one);
}); // prettier-ignore

test('a command with a name to be filled in is not judged', () => {
  const text = (folder: string): string =>
    `#!/bin/bash\n#SBATCH --account=a\n#SBATCH --gres=gpu:1\nsrun singularity exec -B ${folder}:/data \\\n  --nv a.simg python a.py\nsrun apptainer exec -B $PWD a.sif python a.py\n`;
  assert.deepEqual(found(text('<DATA_DIR>')).map((one) => one.slice(0, 16)), ['6 warning nv-mis']);
  assert.deepEqual(found(text('/d')).map((one) => one.slice(0, 16)), ['6 info nv-missin']);
}); // prettier-ignore

test('directives below a line that a program fills in with more of them are told once, and stay where they are', () => {
  const text = '#!/bin/bash\n@more@\n#SBATCH --account=a\n#SBATCH --time=10\nhostname\n';
  assert.deepEqual(found(text), ['3 error late-directive "#SBATCH --account=a"']);
  assert.equal(fixAll(text), text);
  assert.equal(found(text.replace('@more@', 'more')).length, 2);
});
