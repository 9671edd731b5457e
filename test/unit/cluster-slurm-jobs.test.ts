import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DELIMITER, parseAccounting, sacctFields } from '../../server/cluster/slurm/accounting';
import { FIELD_END, parseQueue, RECORD_END, squeueFormat } from '../../server/cluster/slurm/job-table';
import { expandLogPath, misleadsLogs } from '../../server/cluster/slurm/log-path';
import { parseLoad, snapshotOf } from '../../server/cluster/slurm/partitions';
import { reasonInWords } from '../../server/cluster/slurm/reasons';
import { refusedLine } from '../../server/cluster/slurm/refusals';
import { submittedId } from '../../server/cluster/slurm/slurm';
import {
  gpusOfTres,
  jobState,
  parseDuration,
  parseExit,
  parseGres,
  parseTime,
} from '../../server/cluster/slurm/values';

/** One row in the order of `squeueFormat('lean')`. */
const lean = (id: string, over: Record<string, string> = {}): string => {
  const row: Record<string, string> = {
    JobArrayID: id, ArrayJobID: id.split('_')[0], ArrayTaskID: /_\[?([^\]]*)/.exec(id)?.[1] ?? 'N/A', State: 'RUNNING', Reason: 'None',
    TimeUsed: '58:05', TimeLimit: '1-00:00:00', NumCPUs: '4', NumNodes: '1', 'tres-alloc': 'cpu=4,mem=8G,node=1,billing=4,gres/gpu=2',
    NodeList: 'g1', SubmitTime: '2026-11-24T08:40:40', StartTime: '2026-11-24T08:40:41', UserName: 'alice', Account: 'proja', Partition: 'gpu',
    Name: 'fid', ...over,
  }; // prettier-ignore
  const names = squeueFormat('lean')
    .split(',')
    .map((field) => field.slice(0, field.indexOf(':')));
  return names.map((name) => `${row[name]}${name === 'Name' ? RECORD_END : FIELD_END}`).join('') + '\n';
};

test('durations, times, exits and resources as Slurm writes them', () => {
  for (const [text, seconds] of [['1-06:31:21', 109881], ['13-07:04:02', 1148642], ['58:05', 3485], ['0:02', 2], ['10:00:00', 36000], ['UNLIMITED', undefined], ['INVALID', undefined]] as const)
    assert.equal(parseDuration(text), seconds, text); // prettier-ignore
  assert.equal(parseTime('2026-11-24T08:40:40'), '2026-11-24T08:40:40Z');
  assert.equal(parseTime('Unknown'), undefined);
  // squeue before 23.11 prints wait(2)'s status, sacct and later ones code:signal.
  assert.deepEqual([parseExit('768'), parseExit('15'), parseExit('3:0'), parseExit('0:9'), parseExit('')], [{ exitCode: 3 }, { signal: 15 }, { exitCode: 3 }, { signal: 9 }, {}]); // prettier-ignore
  assert.equal(gpusOfTres('cpu=1,gres/gpu:a100=2,gres/gpu:h100=1'), 3);
  assert.equal(gpusOfTres('cpu=1,gres/gpu=2,gres/gpu:a100=2'), 2);
  assert.deepEqual(parseGres('gpu:a100:4(S:0-1),mps:2K'), [{ name: 'gpu', type: 'a100', count: 4 }, { name: 'mps', count: 2048 }]); // prettier-ignore
  assert.deepEqual(parseGres('gpu:a100:2(IDX:0,2)'), [{ name: 'gpu', type: 'a100', count: 2 }]);
  assert.deepEqual(parseGres('(null)'), []);
  assert.deepEqual(['PENDING', 'CANCELLED by 60001', 'NODE_FAIL', 'NEW_STATE'].map((name) => jobState(name, '')), ['queued', 'cancelled', 'failed', 'unknown']); // prettier-ignore
  assert.equal(jobState('PENDING', 'JobHeldUser'), 'held');
});

test('rows of squeue, with a banner above and whatever a name may have in it', () => {
  const text =
    'Welcome to the cluster\n' +
    lean('135531') +
    lean('42_[8-49%4]', { State: 'PENDING', Reason: 'AssocGrpCPUMinutesLimit', NodeList: '', StartTime: 'N/A', Name: 'we ird|na\nme; $(x)' }); // prettier-ignore
  const [running, waiting] = parseQueue(text, 'lean');
  assert.deepEqual(
    { id: running.id, state: running.state, elapsed: running.elapsed, limit: running.limit, gpus: running.gpus, started: running.started, array: running.array },
    { id: '135531', state: 'running', elapsed: 3485, limit: 86400, gpus: 2, started: '2026-11-24T08:40:41Z', array: undefined },
  ); // prettier-ignore
  assert.deepEqual(waiting.array, { id: '42', tasks: '8-49%4' });
  assert.equal(waiting.name, 'we ird|na\nme; $(x)');
  assert.match(waiting.reason?.remedy ?? '', /another account/);
  assert.equal(waiting.elapsed, undefined);
});

test('every reason that Slurm can print is told in words', () => {
  const alone =
    'Prolog Priority Dependency Resources PartitionNodeLimit PartitionTimeLimit PartitionDown PartitionInactive JobHeldAdmin JobHeldUser BeginTime Licenses AssociationJobLimit AssociationResourceLimit AssociationTimeLimit Reservation ReqNodeNotAvail FrontEndDown SchedDefer NodeDown BadConstraints SystemFailure JobLaunchFailure NonZeroExitCode RaisedSignal TimeLimit InactiveLimit InvalidAccount InvalidQOS QOSUsageThreshold QOSJobLimit QOSResourceLimit QOSTimeLimit Cleaning QOSNotAllowed AccountNotAllowed DependencyNeverSatisfied JobHoldMaxRequeue JobArrayTaskLimit BurstBufferResources BurstBufferStageIn BurstBufferOperation PowerNotAvail PowerReserved DeadLine PartitionConfig AccountingPolicy FedJobLock OutOfMemory MaxMemPerLimit ReservationDeleted ReservationInvalid Constraints';
  const limits =
    'AssocGrpCpuLimit AssocGrpCPUMinutesLimit AssocGrpCPURunMinutesLimit AssocGrpJobsLimit AssocGrpMemLimit AssocGrpNodeLimit AssocGrpSubmitJobsLimit AssocGrpWallLimit AssocMaxJobsLimit AssocMaxCpuPerJobLimit AssocMaxCpuMinutesPerJobLimit AssocMaxNodePerJobLimit AssocMaxWallDurationPerJobLimit AssocMaxSubmitJobLimit QOSGrpJobsLimit QOSGrpSubmitJobsLimit QOSMaxCpuPerJobLimit QOSMaxJobsPerUserLimit QOSMaxSubmitJobPerUserLimit QOSMinCpuNotSatisfied AssocMaxCpuPerNode MaxJobsPerAccount MaxSubmitJobsPerAccount QOSMinMemory QOSMinNode QOSGrpMemoryRunMinutes AssocGrpMemMinutes AssocGrpUnknownRunMinutes';
  const families = ['GRES', 'License', 'BB', 'Billing', 'Energy', 'Unknown'].flatMap((what) => [
    ...['', 'Minutes', 'RunMinutes'].flatMap((of) => [`AssocGrp${what}${of}`, `QOSGrp${what}${of}`]),
    ...[`AssocMax${what}PerJob`, `AssocMax${what}MinutesPerJob`, `QOSMax${what}PerUser`, `Max${what}PerAccount`, `QOSMin${what}`, `QOSMax${what}PerNode`],
  ]); // prettier-ignore
  for (const name of [...`${alone} ${limits}`.split(' '), ...families])
    assert.ok((reasonInWords(name)?.text ?? name) !== name, name);
  assert.match(reasonInWords('ReqNodeNotAvail, UnavailableNodes:c1')?.text ?? '', /node/i);
  assert.match(reasonInWords('AssocGrpGRESMinutes')?.text ?? '', /budget of your account is used up \(GPUs/);
  assert.match(reasonInWords('QOSMaxGRESPerJob')?.remedy ?? '', /--qos/);
  assert.equal(reasonInWords('NoSuchReason'), undefined);
});

test('10,000 rows cost in proportion to 1,000', () => {
  const text = (rows: number): string => Array.from({ length: rows }, (_, i) => lean(String(i))).join('');
  // CPU time of the same number of rows, so that whatever else runs here counts for neither.
  const best = (input: string, times: number): number =>
    Math.min(...Array.from({ length: 7 }, () => {
      const start = process.cpuUsage();
      for (let i = 0; i < times; i++) parseQueue(input, 'lean');
      const { user, system } = process.cpuUsage(start);
      return user + system;
    })); // prettier-ignore
  const [small, large] = [text(1000), text(10_000)];
  assert.equal(parseQueue(large, 'lean').length, 10_000);
  best(small, 10);
  const ratio = best(large, 1) / best(small, 10);
  assert.ok(ratio < 4, `as many rows in one table took ${ratio.toFixed(1)} times as long`);
});

test('rows of sacct: names and submit lines with line ends, fields by version', () => {
  const fields = sacctFields('22.05.8');
  assert.ok(fields.includes('SubmitLine') && !sacctFields('20.11.9').includes('SubmitLine'));
  assert.ok(sacctFields('24.11.3').includes('StdOut') && !fields.includes('StdOut'));
  const row = (id: string, over: Record<string, string>): string => {
    const values: Record<string, string> = { JobID: id, JobIDRaw: id.split('_')[0], State: 'COMPLETED', ExitCode: '0:0', User: 'alice', Account: 'proja', Partition: 'gpu', Submit: '2026-11-24T08:40:40', Start: '2026-11-24T08:40:41', End: '2026-11-24T08:50:41', Elapsed: '00:10:00', Timelimit: '00:10:00', AllocTRES: 'billing=1,cpu=1,gres/gpu=2', ReqTRES: '', NNodes: '1', NodeList: 'g1', Reason: 'None', WorkDir: '/home/alice', Comment: '', JobName: 'fid', SubmitLine: 'sbatch x', ...over }; // prettier-ignore
    return fields.map((field) => values[field]).join(DELIMITER) + '\n';
  };
  const jobs = parseAccounting(
    row('7', { State: 'CANCELLED by 60001', SubmitLine: 'sbatch --comment=edm:abcdefghijkmnpqr a\nb' }) +
      row('8_3', { State: 'OUT_OF_MEMORY', ExitCode: '0:125', JobName: 'a\n9\nb' }),
    fields,
  );
  assert.deepEqual(jobs.map(({ id, state, token, name }) => ({ id, state, token, name })), [
    { id: '7', state: 'cancelled', token: 'abcdefghijkmnpqr', name: 'fid' },
    { id: '8_3', state: 'memory', token: undefined, name: 'a\n9\nb' },
  ]); // prettier-ignore
  assert.deepEqual(jobs[1].array, { id: '8', tasks: '3' });
});

test('file name patterns as the real sbatch expands them', () => {
  // Recorded from 22.05.8: jobs 10 and 11_3 (raw 13) of the test bed.
  const values = { job: '10', name: 'na me', user: 'alice', node: 'c2' };
  assert.equal(
    expandLogPath('A%A a%a J%J j%j N%N n%n s%s t%t u%u x%x 5%5j p%% end.out', '/home/alice', values),
    '/home/alice/A10 a4294967294 J10 j10 Nc2 n0 sbatch t0 ualice xna me 500010 p% end.out',
  );
  assert.equal(
    expandLogPath('/x/%A %a%3a %4j', '/h', { ...values, job: '13', array: '11', task: '3' }),
    '/x/11 3003 0013',
  );
  assert.equal(expandLogPath('b\\%j.out', '/h', values), '/h/b%j.out');
  assert.equal(expandLogPath('c\\\\\\d\\\\\\\\e\\', '/h', values), '/h/c\\d\\\\e');
  assert.equal(expandLogPath('%N.out', '/h', { ...values, node: undefined }), undefined);
  assert.equal(expandLogPath('%12 %5z %z %5%b %3%j %', '/h', values), '/h/2 5z %z 5%b 310 %');
  assert.deepEqual(['/100%', '/a/%z', '/%j', '/%%', '/a\\b'].map(misleadsLogs), [false, false, true, true, true]);
});

test('the id stands on its own line among noise', () => {
  assert.equal(submittedId('sbatch: warning: can be 5 minutes late\n42;cluster\n'), '42');
  assert.equal(submittedId('Loading module 7\nSubmitted batch job 135531\n'), '135531');
  assert.equal(submittedId('job 7 of 9\n'), undefined);
});

test('refusals are mapped to the directive that caused them', () => {
  const script = '#!/bin/bash\n#SBATCH --account=a\n#SBATCH -p gpu\n#SBATCH --gres=gpu:9 --time=1\n#SBATCH --account=b\n#SBATCH --nosuch=1\nhostname\n'; // prettier-ignore
  for (const [words, line] of [
    ['Invalid account or account/partition combination specified', 4],
    ['invalid partition specified: gpu', 2],
    ['Requested node configuration is not available', 3],
    ["unrecognized option '--nosuch=1'", 5],
    ['Invalid --time specification', 3],
    ['Slurm temporarily unable to accept job', undefined],
  ] as const)
    assert.equal(refusedLine(words, script), line, words);
});

test('a snapshot from scontrol and sacctmgr; a node that is down gives nothing', () => {
  const snapshot = snapshotOf(
    {
      version: '22.05.8',
      partitions: 'PartitionName=gpu AllowAccounts=proja,tiny AllowQos=ALL Default=YES MaxNodes=2 MaxTime=04:00:00 State=UP\n',
      nodes: 'NodeName=g1 CPUAlloc=2 CPUEfctv=14 CPUTot=16 AvailableFeatures=a100,nvlink Gres=gpu:a100:4 RealMemory=64000 MemSpecLimit=1000 State=MIXED Partitions=gpu AllocTRES=cpu=2,gres/gpu=3 Reason=x Gres=no\n',
      config: 'ClusterName             = testcluster\nEnforcePartLimits       = ALL\nMaxArraySize            = 1001\nAccountingStorageEnforce = associations,limits\nTaskPlugin = task/affinity,task/cgroup\nSelectType = select/cons_tres\n',
      help: {
        sbatch: '  -A, --account=name   charge\n      --get-user-env   load\nOptions provided by plugins:\n      --container-image=IMAGE   [pyxis]\n',
        srun: '  -n, --ntasks=n\n  see --help',
      },
      associations: 'proja||normal,high|\ntiny||normal|low\n',
      defaultAccount: 'proja\n',
    },
    'now',
  ); // prettier-ignore
  assert.deepEqual(snapshot.partitions, [{ name: 'gpu', default: true, up: true, maxMinutes: 240, maxNodes: 2, allowAccounts: ['proja', 'tiny'], nodes: ['g1'] }]); // prettier-ignore
  assert.deepEqual(snapshot.nodes?.[0], { name: 'g1', cpus: 14, memoryMegabytes: 63000, features: ['a100', 'nvlink'], gres: [{ name: 'gpu', type: 'a100', count: 4, used: 3 }], state: 'MIXED', cpusUsed: 2 }); // prettier-ignore
  assert.deepEqual(snapshot.submitOptions, { sbatch: ['--account', '--get-user-env', '--container-image'], srun: ['--ntasks'], added: [{ name: '--container-image', value: 'IMAGE', plugin: 'pyxis' }] }); // prettier-ignore
  assert.deepEqual([snapshot.accountNeeded, snapshot.taskPlugin, snapshot.selectType], [true, 'task/affinity,task/cgroup', 'select/cons_tres']); // prettier-ignore
  assert.deepEqual([snapshot.accounts, snapshot.qos, snapshot.enforcePartitionLimits], [['proja', 'tiny'], ['normal', 'high', 'low'], true]); // prettier-ignore
  const row = (...values: string[]): string => values.join(FIELD_END) + RECORD_END + '\n';
  assert.deepEqual(parseLoad(row('g1', 'gpu', '2/14/0/16', 'gpu:a100:4', 'gpu:a100:3(IDX:0-2)') + row('g2', 'gpu', '0/0/16/16', 'gpu:a100:4', 'gpu:a100:0')), [{ partition: 'gpu', cpus: [2, 16], gpus: [3, 4] }]); // prettier-ignore
});
