/**
 * What stands inside bsub's values. The verdicts are those of IBM's reference of LSF 10.1, and of volclava 2.2 where the
 * source of its parser says the same; forms that the reference shows as examples must be free of findings.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse, applyFixes, fixAll } from '../../server/scripts/analyse';
import { checkArray, lsfNameOf } from '../../server/scripts/reading/lsf-array';
import { checkGpu, gpusOf } from '../../server/scripts/reading/lsf-gpu';
import type { LsfProblem } from '../../server/scripts/reading/lsf-problem';
import { readRequirement } from '../../server/scripts/reading/lsf-requirement';
import type { ClusterSnapshot } from '../../server/shared/schema-types.gen';

const job = (directives: string, body = 'hostname\n'): string =>
  `#!/bin/bash\n#BSUB -o job-%J.out\n${directives
    .split('\n')
    .map((line) => `#BSUB ${line}\n`)
    .join('')}${body}`;
const found = (text: string, cluster?: ClusterSnapshot): string[] =>
  analyse(text, cluster && { cluster }).findings.map(({ id, severity }) => `${severity} ${id}`);
/** Each problem as `severity marked -> replacement`. */
const problems = (value: string, list: readonly LsfProblem[]): string[] =>
  list.map(
    ({ start, end, severity = 'error', replacement }) =>
      `${severity} ${value.slice(start, end)}${replacement === undefined ? '' : ` -> ${replacement}`}`,
  );

test('-R: the examples of the reference have no findings', () => {
  for (const value of [
    'rusage[mem=8GB]',
    'select[mem>1000 && type==any] order[ut] rusage[mem=1]',
    'type==any order[ut] same[model] rusage[mem=1]',
    'swp > 15 && hpux order[ut]',
    'rhel6 || rhel7',
    'hasGPU',
    "select[hname!='host06-x12']",
    'select[defined(bigmem)]',
    'select[!bigmem && mem>20G]',
    'select[maxmem-mem > 3*1000]',
    '2*{select[type==X86_64] rusage[licA=1] span[hosts=1]} + 8*{select[type==any]}',
    '{select[a] rusage[mem=100]} || {select[b] rusage[mem=200]}@10',
    'rusage[mem=500:app_lic_v201=1 || mem=400:app_lic_v15=1]',
    'rusage[mem=20:duration=30:decay=1, lic=1:duration=30]',
    'rusage[mem=(50 20):duration=(10 20):decay=(0 1)]',
    'rusage[mem=4GB/task,ngpus_physical=2]',
    'affinity[core(4)]',
    'affinity[core(2,same=socket,exclusive=(socket,alljobs)):cpubind=socket:distribute=balance]',
    'affinity[core(5,same=numa):cpubind=numa:membind=localonly]',
    'cu[type=rack:pref=maxavail:balance]',
    "span[ptile='!',HP:8,LINUX:2]",
    'span[hosts=-1]',
    'span[stripe]',
    'span[ptile=4] span[hosts=1]',
    'order[-slots:-maxslots]',
    'filter[r1m] select[mem>1]',
  ])
    assert.deepEqual(problems(value, readRequirement(value).problems), [], value);
});

test('-R: what is wrong is marked where it stands, with what was meant', () => {
  for (const [value, ...expected] of [
    ['rusage{mem=8GB}', 'error {mem=8GB} -> [mem=8GB]'],
    ['rusage(mem=8GB)', 'error (mem=8GB) -> [mem=8GB]'],
    ['span[hosts=1] rusage{mem=8 GB}', 'error {mem=8 GB} -> [mem=8 GB]', 'error 8 GB -> 8GB'],
    ['span[host=1]', 'error host -> hosts'],
    ['span[hosts=0]', 'error 0'],
    ['span[hosts=2]', 'warning 2'],
    ['span[hosts:1]', 'error hosts:1 -> hosts=1'],
    ['span[mem=4GB]', 'error mem=4GB'],
    ['rusgae[mem=8GB]', 'error rusgae -> rusage'],
    ['Rusage[mem=8GB]', 'error Rusage -> rusage'],
    ['nonsense[a]', 'error nonsense'],
    ['rusage [mem=8GB]', 'error   -> '],
    ['rusage[mem=8GB', 'error ['],
    ['rusage[mem=8GB span[hosts=1]', 'error ['],
    ['rusage[mem=8GB}', 'error } -> ]'],
    ['rusage mem=8GB', 'error rusage mem=8GB -> rusage[mem=8GB]'],
    ['rusage[mem=8GiB]', 'error 8GiB -> 8GB'],
    ['rusage[mem=10GB/slot]', 'error 10GB/slot -> 10GB/task'],
    ['rusage[mem 8GB]', 'error mem 8GB -> mem=8GB'],
    ['rusage[mem=]', 'error mem='],
    ['rusage[mem>8000]', 'error > -> ='],
    ['rusage[memory=8GB]', 'warning memory -> mem'],
    ['rusage[ptile=4]', 'error ptile=4'],
    ['rusage[mem=8GB:duration=2d]', 'error 2d'],
    ['rusage[]', 'error '],
    ['select[a and b]', 'error and -> &&'],
    ['select[mem>1000 & type==any]', 'warning & -> &&'],
    ['select[type=any]', 'warning = -> =='],
    ['select[mem=>1000]', 'error => -> >='],
    ['select[(mem>1]', 'error (mem>1'],
    ['select[mem>]', 'error >'],
    ['select[mem>1000 type==any]', 'error  ->  &&'],
    ['select[bigmem fast]', 'error fast'],
    ['rusage[mem=8GB] mem>100', 'error mem>100'],
    ['affinity[cores(4)]', 'error cores -> core'],
    ['affinity[core=4]', 'error core=4 -> core(4)'],
    ['affinity[core(4):cpubnd=core]', 'error cpubnd -> cpubind'],
    ['cu[tpye=rack]', 'error tpye -> type'],
    ['cu[pref=maxavial]', 'error maxavial -> maxavail'],
    [']', 'error ]'],
  ] as const)
    assert.deepEqual(problems(value, readRequirement(value).problems), expected, value);
});

test('-gpu: the keys and values of the reference, and what people write for them', () => {
  for (const value of [
    '-',
    'num=2',
    'num=2/task:mode=shared',
    'num=2:mode=exclusive_process:mps=yes,nocvd:j_exclusive=yes:gmem=16G:gmodel=NVIDIAA100:glink=yes',
    'num=2:mps=per_gpu,shared:aff=yes:block=no:gpack=no:gvendor=nvidia',
    "num=2:gtile='!'",
    'num=1:mig=3/2',
  ])
    assert.deepEqual(problems(value, checkGpu(value)), [], value);
  for (const [value, ...expected] of [
    ['4', 'error 4 -> num=4'],
    ['num', 'error num'],
    ['num=two', 'error two'],
    ['num=2/tasks', 'error 2/tasks -> 2/task'],
    ['nums=1', 'error nums -> num'],
    ['gpus=1', 'error gpus -> num'],
    ['num=1,mode=shared', 'error , -> :'],
    ['num=1:mode=exclusive', 'error exclusive -> exclusive_process'],
    ['num=1:j_exclusive=true', 'error true -> yes'],
    ['num=1:mps=maybe', 'error maybe'],
    ['num=1:gmem=16GiB', 'error 16GiB -> 16G'],
    ['num=1:gvendor=Nvidia', 'error Nvidia -> nvidia'],
    ['num=1:num=2', 'warning num=2'],
  ] as const)
    assert.deepEqual(problems(value, checkGpu(value)), expected, value);
  assert.deepEqual(gpusOf('mode=shared:num=2/task'), { count: 2, per: 'task' });
  assert.deepEqual(gpusOf('num=4'), { count: 4, per: 'host' });
  assert.equal(gpusOf('mode=shared'), undefined);
});

test('-J: indices from 1, and the limit after the bracket', () => {
  for (const value of ['gen', 'gen[1-10]', 'gen[1-10]%2', 'gen[1, 2, 5-9:2] %3', 'gen[1-]', 'gen%j'])
    assert.deepEqual(problems(value, checkArray(value)), [], value);
  for (const [value, ...expected] of [
    ['gen[0-9]', 'error 0-9'],
    ['gen[1-10%2]', 'error [1-10%2] -> [1-10]%2'],
    ['gen[10-1]', 'error 10-1'],
    ['gen[1-10:0]', 'error 1-10:0'],
    ['gen[1..10]', 'error 1..10'],
    ['gen[1-10', 'error ['],
    ['gen1-10]', 'error gen1-10]'],
    ['gen[]', 'error []'],
    ['gen[1-10]%0', 'error %0'],
  ] as const)
    assert.deepEqual(problems(value, checkArray(value)), expected, value);
  assert.deepEqual(lsfNameOf('gen[1, 2, 5-9]%3'), { name: 'gen', indices: '1,2,5-9', limit: 3 });
  assert.deepEqual(lsfNameOf('gen'), { name: 'gen' });
});

test('findings are marked inside the quotes, whatever the quotes, and the fix changes only what is wrong', () => {
  for (const [directive, fixed] of [
    ['-R "select[mem>1] rusage{mem=8GB}"', '-R "select[mem>1] rusage[mem=8GB]"'],
    ["-R 'span[host=1]'", "-R 'span[hosts=1]'"],
    ['-R span[host=1]', '-R span[hosts=1]'],
    ['-R"span[host=1]"', '-R"span[hosts=1]"'],
    ['-J "gen[1-10%2]"', '-J "gen[1-10]%2"'],
    ['-gpu "num=1,mode=shared"', '-gpu "num=1:mode=shared"'],
    ['-gpu 2', '-gpu num=2'],
    ['-M 4.5G', '-M 4608MB'],
  ] as const)
    assert.equal(fixAll(job(directive)), job(fixed), directive);
});

test('sizes: -M is whole, -n has its minimum first, -W 48 is minutes', () => {
  assert.deepEqual(found(job('-M 4.5G')), ['error invalid-value']);
  assert.ok(found(job('-M 0')).includes('error invalid-value'));
  for (const right of ['-M 4500MB', '-M 4G', '-M 4GB!', '-n 4,8', '-W 2880', '-W 48:00', '-W 120', '-W 30/host'])
    assert.deepEqual(found(job(right)).filter((one) => !one.includes('lsf-span')), [], right); // prettier-ignore
  assert.deepEqual(found(job('-n 8,4')), ['error invalid-value']);
  assert.deepEqual(found(job('-W 48')), ['warning lsf-time-in-minutes']);
  assert.deepEqual(found(job('-W 04:00:00')), ['error invalid-value']);
});

test('-M below what rusage reserves, in any units', () => {
  for (const wrong of [
    '-M 2GB\n-R "rusage[mem=8GB]"',
    '-M 4000MB\n-R "span[hosts=1] rusage[mem=4GB]"',
    '-M 2G!\n-R "rusage[mem=8G/task]"',
  ])
    // prettier-ignore
    assert.deepEqual(found(job(wrong)), ['warning lsf-limit-below-reservation'], wrong);
  for (const right of [
    '-M 8GB\n-R "rusage[mem=8GB]"',
    '-M 8192MB\n-R "rusage[mem=8GB]"',
    '-M 9GB\n-R "rusage[swp=20GB]"',
  ])
    // prettier-ignore
    assert.deepEqual(found(job(right)), [], right);
  // Without units, the site's settings decide.
  assert.ok(!found(job('-M 2\n-R "rusage[mem=8GB]"')).includes('warning lsf-limit-below-reservation'));
});

test('a word that is not an option: every later option is lost, and the message names them', () => {
  const text = '#!/bin/bash\n#BSUB -J my job\n#BSUB -W 4:00 -q gpu\n#BSUB -o out-%J\nhostname\n';
  const [finding] = analyse(text).findings;
  assert.equal(finding?.id, 'unquoted-space');
  assert.match(finding.message, /drops -W, -q, -o$/);
  // bsub runs the script as it is, without those options: with the fix it is another job.
  assert.equal(fixAll(text), text);
  assert.equal(applyFixes(text, [finding]), text.replace('my job', '"my job"'));
  const requirement = '#!/bin/bash\n#BSUB -o a\n#BSUB -R select[mem>1] rusage[mem=8GB]\nhostname\n';
  const cut = analyse(requirement).findings.find(({ id }) => id === 'unquoted-space');
  assert.equal(cut && applyFixes(requirement, [cut]), requirement.replace('select[mem>1] rusage[mem=8GB]', '"select[mem>1] rusage[mem=8GB]"')); // prettier-ignore
});

test('an option twice: which one counts depends on the engine, so fix all leaves both', () => {
  const text = job('-n 1\n-n 2\n-R "span[hosts=1]"');
  assert.deepEqual(found(text), ['warning repeated-option']);
  assert.equal(fixAll(text), text);
  assert.match(analyse(text).findings[0]?.message ?? '', /depends on the engine/);
});

test('no -o: told, but not for interactive jobs; the log of an array has its index', () => {
  const text = '#!/bin/bash\n#BSUB -J "gen[1-3]"\nhostname\n';
  const { findings } = analyse(text);
  assert.deepEqual(findings.map(({ id, severity }) => [id, severity]), [['lsf-output-missing', 'info']]); // prettier-ignore
  assert.equal(applyFixes(text, findings), text.replace('hostname', '#BSUB -o gen-%J_%I.out\nhostname'));
  for (const directive of ['-I', '-oo a.out', '-Is'])
    assert.deepEqual(found(`#!/bin/bash\n#BSUB ${directive}\nhostname\n`), [], directive);
});

test('units and -gpu where the engine is compatible with LSF but is not LSF', () => {
  const site = (version: string): ClusterSnapshot => ({ scheduler: 'lsf', version, partitions: [] });
  const text = job('-R "rusage[mem=16GB] affinity[core(2)]"\n-M 16GB\n-gpu "num=1"', 'nvidia-smi\n');
  assert.deepEqual(found(text, site('2.2')), Array(4).fill('error lsf-engine'));
  assert.deepEqual(found(text, site('10.1.0.14')), []);
  assert.deepEqual(found(text), []);
});

test('a letter with its value attached is that option, as bsub reads it', () => {
  assert.deepEqual(found('#!/bin/bash\n#BSUB -oo a -qnormal -R"span[hosts=1]" -M2GB -Jabc -n4 -Pteam\nhostname\n'), []);
  assert.deepEqual(found(job('-qgpu')), [], 'and not -gpu');
  assert.deepEqual(found(job('-gpus')), ['warning unknown-option'], 'a job group');
});

test('a long name that bsub does not have is told as what bsub reads, once with all that it costs', () => {
  const told = (directive: string): string[] =>
    analyse(`#!/bin/bash\n#BSUB ${directive}\n#BSUB -o a.%J\nhostname\n`).findings.map(({ severity, message, fix }) => `${severity} ${message}${fix ? ` (${fix.title})` : ''}`); // prettier-ignore
  assert.deepEqual(told('-name job1'), [
    'error bsub reads -name as -n with the value "ame" and "job1" as the command, reads no option after it and drops -o; did you mean -J? (Change to -J)',
  ]);
  assert.deepEqual(told('-name'), [
    'error bsub reads -name as -n with the value "ame"; did you mean -J? (Change to -J)',
  ]);
  assert.deepEqual(told('-queue'), ['warning bsub reads -queue as -q with the value "ueue"; did you mean -q? (Change to -q)']); // prettier-ignore
  assert.deepEqual(told('-jobname a b')[0], 'error There is no option -jobname; did you mean -J? (Change to -J)');
});

test('options that exclude each other, and jsrun with more resource sets than fit', () => {
  assert.deepEqual(found(job('-K\n-Is')), ['error lsf-conflict']);
  assert.deepEqual(found(job('-r\n-rn')), ['error lsf-conflict']);
  assert.deepEqual(found(job('-nnodes 2', 'jsrun -n 16 -r 6 -g 1 ./prog\n')), ['warning jsrun-size']);
  for (const jsrun of ['jsrun -n 12 -r 6 -g 1 ./prog', 'jsrun -n "$SETS" -r 6 ./prog', 'jsrun -n 12 -g 1 ./prog'])
    assert.deepEqual(found(job('-nnodes 2', `${jsrun}\n`)), [], jsrun);
});

test('reading a requirement ends, and takes time only in proportion to its length', () => {
  const before = process.cpuUsage();
  for (const piece of ['[', 'a[', '{', 'rusage[', 'a ', 'mem>1 ', '&', '(', 'span[a=1,', "'", '2*{'])
    for (const length of [10, 4000])
      for (const check of [checkGpu, checkArray, (value: string) => readRequirement(value).problems])
        assert.ok(check(piece.repeat(length / piece.length)).every(({ start, end }) => 0 <= start && start <= end));
  const { user } = process.cpuUsage(before);
  assert.ok(user < 4e6, `${user / 1e6} s`);
});
