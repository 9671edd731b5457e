/** The catalogue, compared with what the real sbatch of several versions prints for --help and accepts. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { variables } from '../../server/scripts/catalogue/environment';
import { lsfOptions } from '../../server/scripts/catalogue/lsf-options';
import { matchLongOption, matchLsfOption, optionNamed } from '../../server/scripts/catalogue/options';
import type { OptionSpec } from '../../server/scripts/catalogue/option-spec';
import { slurmOptions } from '../../server/scripts/catalogue/slurm-options';
import { commandOptions } from '../../server/scripts/catalogue/step-options';
import { analyse } from '../../server/scripts/analyse';
import { states, stateNamed } from '../../server/cluster/states';
import type { ClusterSnapshot } from '../../server/shared/protocol';
import type { Recording } from '../cluster/recording';

const help = readFileSync(path.join(__dirname, '..', 'fixtures', 'scripts', 'sbatch-help-22.05.txt'), 'utf8');

/** Options as `--help` lists them: `  -a, --array=indexes`. */
const optionsIn = (text: string): { short?: string; name: string; value?: string }[] =>
  [...text.matchAll(/^ {2}(?:(-\w),? ? ?| {4})(--[a-z][a-z0-9-]*)(\[?=)?/gm)].map(([, short, name = '', value]) => ({
    short,
    name,
    value,
  }));
const listed = optionsIn(help);

test('every option that --help lists is in the catalogue, with its short form and its kind of argument', () => {
  assert.ok(listed.length > 80, `${listed.length} options read from --help`);
  // --help writes an optional value for these; their parser wants one (measured: "requires an argument").
  const required = new Set(['--export', '--wrap', '--container']);
  for (const { short, name, value } of listed) {
    const option = slurmOptions.find((one) => one.name === name);
    assert.ok(option, `${name} is missing`);
    assert.ok((option.since ?? '') <= '22.05', `${name} is in 22.05`);
    if (short) assert.equal(option.short, short, name);
    const argument = option.argument ?? 'required';
    if (required.has(name)) assert.equal(argument, 'required', name);
    else if (['--no-kill', '--get-user-env', '--requeue'].includes(name)) assert.equal(argument, 'optional', name);
    else assert.equal(argument, value === '[=' ? 'optional' : value === '=' ? 'required' : 'none', name);
  }
});

for (const command of ['srun', 'salloc'] as const)
  test(`every option that ${command} --help lists is in the catalogue, with its short form and its kind of argument`, () => {
    const text = readFileSync(path.join(__dirname, '..', 'fixtures', 'scripts', `${command}-help-22.05.txt`), 'utf8');
    const options = optionsIn(text);
    assert.ok(options.length > 70, `${options.length} options read from --help`);
    for (const { short, name, value } of options) {
      const option = commandOptions[command].find((one) => one.name === name);
      assert.ok(option, `${name} is missing`);
      assert.ok((option.since ?? '') <= '22.05', `${name} is in 22.05`);
      if (short) assert.equal(option.short, short, name);
      // --help leaves the argument of these unsaid; their parser was asked.
      const unsaid: Readonly<Record<string, string>> = {
        '--container': 'required',
        '--no-kill': 'optional',
        '--get-user-env': 'optional',
        '--kill-on-bad-exit': 'optional',
        '--overlap': 'optional',
        '--resv-ports': 'optional',
        '--bcast': 'optional',
      };
      const expected = unsaid[name] ?? (value === '[=' ? 'optional' : value === '=' ? 'required' : 'none');
      assert.equal(option.argument ?? 'required', expected, name);
    }
  });

test('sbatch of each recorded version has the options that the catalogue says it has', () => {
  const folder = path.join(__dirname, '..', 'fixtures', 'slurm');
  for (const file of readdirSync(folder)) {
    const version = path.parse(file).name;
    const { options } = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Recording;
    const has = ({ since = '', until = '99' }: OptionSpec): boolean => since <= version && version < until;
    const here = slurmOptions.filter(has);
    for (const { name, argument = 'required', valueSince = '', valueUntil = '99' } of here) {
      const takes = valueSince <= version && version < valueUntil ? argument : 'none';
      assert.equal(options[name], takes, `${name} of ${version}`);
    }
    // What else is taken is an abbreviation.
    for (const name of Object.keys(options).filter((one) => !here.some((option) => option.name === one)))
      assert.equal(here.filter((option) => option.name.startsWith(name)).length, 1, `${name} of ${version}`);
  }
});

test('what a cluster is too old or too new for is an error there', () => {
  const errors = (version: string, option: string): string[] => {
    const cluster: ClusterSnapshot = { scheduler: 'slurm', version, partitions: [] };
    const { findings } = analyse(`#!/bin/bash\n#SBATCH ${option}\ntrue\n`, { cluster });
    return findings.filter(({ id }) => id === 'cluster-version').map(({ message }) => message);
  };
  for (const [option, refusing, taking] of [
    ['--prefer=a100', '20.11.4', '22.05.8'],
    ['--power=level', '24.11.5', '22.05.8'],
    ['--requeue=expedite', '24.11.5', '26.05.5'],
    ['--get-user-env=5', '26.05.5', '24.11.5'],
  ] as const) {
    assert.match(errors(refusing, option).join(), new RegExp(`^${/[^=]*/.exec(option)?.[0]} .* this cluster has ${refusing}$`)); // prettier-ignore
    assert.deepEqual(errors(taking, option), []);
  }
  assert.deepEqual([errors('20.11.4', '--requeue'), errors('26.05.5', '--get-user-env')], [[], []]);
});

test('a script may say to srun what it may not say to sbatch', () => {
  assert.equal(matchLongOption('--pty', 'srun').kind, 'exact');
  assert.equal(matchLongOption('--pty').kind, 'unknown');
  assert.equal(matchLongOption('--array', 'srun').kind, 'unknown');
  assert.equal(matchLongOption('--no-shell', 'salloc').kind, 'exact');
});

test('what the catalogue has beyond --help is known to be undocumented there', () => {
  const names = new Set(listed.map(({ name }) => name));
  const extra = slurmOptions
    .filter(({ name, since = '' }) => since <= '22.05' && !names.has(name))
    .map(({ name }) => name);
  assert.deepEqual(extra.sort(), [
    '--acctg-freq',
    '--batch',
    '--context',
    '--hint',
    '--kill-on-invalid-dep',
    '--mem-bind',
    '--network',
    '--ntasks-per-gpu',
    '--ntasks-per-tres',
    '--open-mode',
    '--prefer',
    '--test-only',
    '--wait-all-nodes',
  ]);
});

test('names are unique, and every option is described', () => {
  for (const options of [slurmOptions, lsfOptions, commandOptions.srun, commandOptions.salloc]) {
    const names = options.flatMap(({ name, short, aliases = [] }) => [name, ...(short ? [short] : []), ...aliases]);
    assert.equal(new Set(names).size, names.length);
    for (const { name, help: text, argument, meta, values } of options) {
      assert.ok(text.length > 20 && text.endsWith('.'), name);
      if (argument !== 'none') assert.ok(meta ?? values, `${name} does not say what its value is`);
    }
  }
});

test('counterparts name options that exist', () => {
  for (const { name, lsf } of slurmOptions)
    for (const [found] of (lsf ?? '').replace(/"[^"]*"/g, '').matchAll(/-[A-Za-z]+/g))
      assert.ok(optionNamed('lsf', found), `${name} -> ${found}`);
  for (const { name, slurm } of lsfOptions)
    for (const [found] of (slurm ?? '').matchAll(/--[a-z-]+/g))
      assert.ok(optionNamed('slurm', found) ?? found === '--pty', `${name} -> ${found}`);
});

test('abbreviations as getopt_long takes them', () => {
  assert.equal(matchLongOption('--part').kind, 'abbreviated');
  assert.equal(matchLongOption('--ntasks').kind, 'exact');
  assert.equal(matchLongOption('--gpu').kind, 'ambiguous');
  assert.equal(matchLongOption('--cpu-per-task').kind, 'unknown');
});

test('misspelt options: the one that was meant is found', () => {
  const meant = (name: string): string | undefined => {
    const match = matchLongOption(name);
    return match.kind === 'unknown' ? match.suggestion?.name : match.kind;
  };
  for (const [written, option] of [
    ['--cpu-per-task', '--cpus-per-task'],
    ['--cpus_per_task', '--cpus-per-task'],
    ['--gress', '--gres'],
    ['--patrition', '--partition'],
    ['--ntask-per-node', '--ntasks-per-node'],
    ['--Mem', '--mem'],
    ['--queue', '--partition'],
    ['--walltime', '--time'],
    ['--N', '--nodes'],
    ['--zzzzzzzz', undefined],
  ] as const)
    assert.equal(meant(written), option, written);
  const lsf = matchLsfOption('-gpus').match;
  assert.equal(lsf.kind === 'unknown' ? lsf.suggestion?.name : lsf.kind, '-gpu');
});

test('every variable that the manuals of sbatch and srun 22.05 say a job has is in the catalogue', () => {
  const manual = readFileSync(path.join(__dirname, '..', 'fixtures', 'scripts', 'variables-22.05.txt'), 'utf8');
  const known = new Set(variables.map(({ name }) => name));
  assert.deepEqual(
    manual
      .trim()
      .split('\n')
      .filter((name) => !known.has(name)),
    [],
  );
});

test('states, reasons and variables are there once', () => {
  const names = states.map(({ scheduler, kind, name }) => `${scheduler} ${kind} ${name}`);
  assert.equal(new Set(names).size, names.length);
  assert.equal(stateNamed('slurm', 'PD')?.name, 'PENDING');
  assert.equal(stateNamed('slurm', 'ReqNodeNotAvail, UnavailableNodes:g1')?.name, 'ReqNodeNotAvail');
  assert.equal(stateNamed('lsf', 'PSUSP')?.remedy, 'bresume JOBID');
  assert.equal(new Set(variables.map(({ name }) => name)).size, variables.length);
});
