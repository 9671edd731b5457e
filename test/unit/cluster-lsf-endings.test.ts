/** How jobs of LSF ended, and where they ran: as an engine without TERM_ words told it (recorded), and as IBM documents it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host, RunOutcome } from '../../server/cluster/host';
import { parseJson, parseLong } from '../../server/cluster/lsf/job-table';
import { Lsf } from '../../server/cluster/lsf/lsf';

/** A job as bjobs -l shows it. */
const bjobs = (id: string, stat: string, lines: string): string => `
Job <${id}>, Job Name <x>, User <alice>, Project <default>, Status <${stat}>, Queue <normal>, Command <sleep 200>
Sun Nov 29 23:57:08: Submitted from host <lsfhost>, CWD <$HOME/w>, Output File <x.%J>;
${lines}
------------------------------------------------------------------------------
`;
const STARTED =
  'Sun Nov 29 23:57:11: Started on <lsfhost>, Execution Home </home/alice>, Execution CWD </home/alice/w>;';
const MINUTE = ' RUNLIMIT                \n 1.0 min                 ';
const exited = (time: string, code: number) => `Sun Nov 29 ${time}: Exited with exit code ${code}. The CPU time used is 0.0 seconds.`; // prettier-ignore

const CASES: readonly [title: string, lines: string, state: string, reason?: string][] = [
  ['at its run limit, by SIGUSR2', `${MINUTE}\n${STARTED}\n${exited('23:58:12', 140)}`, 'timeout', 'TERM_RUNLIMIT'],
  ['at its run limit, by SIGINT', `${MINUTE}\n${STARTED}\n${exited('23:58:11', 130)}`, 'timeout', 'TERM_RUNLIMIT'],
  ['at its run limit, by SIGKILL', `${MINUTE}\n${STARTED}\n${exited('23:58:31', 137)}`, 'timeout', 'TERM_RUNLIMIT'],
  ['before its limit, by SIGINT', `${MINUTE}\n${STARTED}\n${exited('23:57:30', 130)}`, 'cancelled', 'EXIT'],
  ['by SIGUSR2 before its limit', `${MINUTE}\n${STARTED}\n${exited('23:57:30', 140)}`, 'failed', 'EXIT'],
  ['by SIGUSR2 without a known limit', `${STARTED}\n${exited('23:57:30', 140)}`, 'timeout', 'TERM_RUNLIMIT'],
  ['killed by something else', `${STARTED}\n${exited('23:57:30', 137)}`, 'failed', 'EXIT'],
  ['its own exit code', `${MINUTE}\n${STARTED}\n${exited('23:58:30', 3)}`, 'failed', 'EXIT'],
  ['killed while it waited', 'Sun Nov 29 23:58:22: Exited', 'cancelled', 'EXIT'],
  ['IBM: owner', `${STARTED}\n${exited('23:57:30', 130)}\nSun Nov 29 23:57:30: Completed <exit>; TERM_OWNER: job killed by owner.`, 'cancelled', 'TERM_OWNER'],
  ['IBM: forced', `${STARTED}\nSun Nov 29 23:57:30: Exited; TERM_FORCE_ADMIN: job killed by root.`, 'cancelled', 'TERM_FORCE_ADMIN'],
  ['IBM: CPU limit', `${STARTED}\n${exited('23:57:30', 152)}\nSun Nov 29 23:57:30: Completed <exit>; TERM_CPULIMIT: job killed after reaching LSF CPU usage limit.`, 'timeout', 'TERM_CPULIMIT'],
  ['IBM: memory', `${STARTED}\n${exited('23:57:30', 130)}\nSun Nov 29 23:57:30: Completed <exit>; TERM_MEMLIMIT: job killed after reaching LSF memory usage limit.`, 'memory', 'TERM_MEMLIMIT'],
  ['IBM: from outside', `${STARTED}\n${exited('23:57:30', 137)}\nSun Nov 29 23:57:30: Completed <exit>; TERM_EXTERNAL_SIGNAL: job killed by a signal external to LSF.`, 'failed', 'TERM_EXTERNAL_SIGNAL'],
]; // prettier-ignore

for (const [title, lines, state, reason] of CASES)
  test(`a job that ended ${title} is ${state}`, () => {
    const [job] = parseLong(bjobs('7', 'EXIT', lines), '/home/alice');
    assert.deepEqual([job.state, job.reason?.name, job.stateName], [state, reason, 'EXIT']);
  });

test('the same from JSON', () => {
  const row = { JOBID: '7', STAT: 'EXIT', USER: 'alice', QUEUE: 'gpu', JOB_NAME: 'x', EXEC_HOST: 'hostA', RUN_TIME: '61 second(s)', RUNTIMELIMIT: '1.0', EXIT_CODE: '140', SUB_CWD: '$HOME/w', EXEC_CWD: '/tmp', OUTPUT_FILE: 'x.%J' }; // prettier-ignore
  const [job] = parseJson(JSON.stringify({ COMMAND: 'bjobs', JOBS: 1, RECORDS: [row] }), '/home/alice') ?? [];
  assert.deepEqual([job.state, job.folder, job.stdout], ['timeout', '/tmp', '/tmp/x.7']);
});

test('where the execution host does not have the folder, job and log are in the folder that it took', () => {
  const lines = 'Sun Nov 29 23:57:38: Started on <lsfhost>, Execution Home </home/alice>, Execution CWD </tmp>;\nSun Nov 29 23:57:41: Done successfully. The CPU time used is 0.0 seconds.'; // prettier-ignore
  const [job] = parseLong(bjobs('11', 'DONE', lines), '/home/alice');
  assert.deepEqual([job.state, job.folder, job.stdout], ['done', '/tmp', '/tmp/x.11']);
  const past = `
Job <11>, Job Name <x>, User <alice>, Project <default>, Command <pwd>
Sun Nov 29 23:57:35: Submitted from host <lsfhost>, to Queue <normal>, CWD <$HOME/gone>, Output File <g.%J>;
Sun Nov 29 23:57:38: Running with execution home </home/alice>, Executi
                     on CWD </tmp>, Execution Pid <249>;
Sun Nov 29 23:57:41: Done successfully. The CPU time used is 0.0 seconds;
`;
  assert.equal(parseLong(past, '/home/alice')[0].stdout, '/tmp/g.11');
});

/** A host on which commands answer from a table: the first whose words begin the command. */
function answering(answers: [words: string, answer: Partial<RunOutcome>][], asked: string[] = []): Host {
  const run = (command: readonly string[]): Promise<RunOutcome> => {
    const text = command.join(' ').replace(/^.*?(?=\bb[a-z]+ )/, '');
    asked.push(text);
    const [, answer] = answers.find(([words]) => text.startsWith(words)) ?? [
      '',
      { code: 255, stderr: 'illegal option' },
    ];
    return Promise.resolve({ code: 0, stdout: '', stderr: '', ...answer });
  };
  return { name: 'a table', run } as unknown as Host;
}

test('what a signal ended is asked of bhist, once for each job', async () => {
  const asked: string[] = [];
  const past = `
Job <6>, Job Name <x>, User <alice>, Project <default>, Command <sleep 200>
Sun Nov 29 23:57:08: Submitted from host <lsfhost>, to Queue <normal>, CWD <$HOME/w>;
Sun Nov 29 23:57:11: Dispatched to <lsfhost>;
Sun Nov 29 23:57:13: Signal <KILL> requested by user or administrator <alice>;
Sun Nov 29 23:57:13: Exited with exit code 143. The CPU time used is 0.0 second
                     s;
`;
  const now = bjobs('6', 'EXIT', `${STARTED}\n${exited('23:57:13', 143)}`) + bjobs('8', 'EXIT', `${STARTED}\n${exited('23:57:13', 137)}`); // prettier-ignore
  const lsf = new Lsf(answering([['bhist -l', { stdout: past }], ['bjobs -a -l', { stdout: now }]], asked), { home: '/home/alice' }); // prettier-ignore
  for (let poll = 0; poll < 2; poll++) {
    const states = (await lsf.queue('mine')).map(({ id, state, reason }) => [id, state, reason?.name]);
    assert.deepEqual(states, [['6', 'cancelled', 'TERM_OWNER'], ['8', 'failed', 'EXIT']]); // prettier-ignore
  }
  assert.equal(asked.filter((command) => command.startsWith('bhist')).length, 1);
});

test('an array is judged by a task that still runs, or else by one that did not succeed', async () => {
  const task = (index: number, stat: string, lines = ''): string => bjobs(`5[${index}]`, stat, lines);
  const whole = (stdout: string) => new Lsf(answering([['bjobs -l', { stdout }]]), { home: '/' }).job('5');
  assert.equal((await whole(task(1, 'DONE') + task(2, 'RUN', STARTED)))?.state, 'running');
  assert.equal((await whole(task(1, 'DONE') + task(2, 'EXIT', `${STARTED}\n${exited('23:57:30', 3)}`)))?.state, 'failed'); // prettier-ignore
});

test('jobs of everybody keep their reasons and limits on an engine without JSON', async () => {
  const waits = ' RUNLIMIT                \n 60.0 min                 \n PENDING REASONS:\n Job slot limit reached;\n';
  const lsf = new Lsf(answering([['bjobs -u all -l', { stdout: bjobs('9', 'PEND', waits) }]]), { home: '/' });
  const [job] = await lsf.queue('all');
  assert.deepEqual([job.limit, job.reason?.text], [3600, 'Job slot limit reached']);
});

test('an operation on an array that is in progress is done', async () => {
  const stderr = 'Job <5>: Operation is in progress\nJob <6>: No matching job found\n';
  const lsf = new Lsf(answering([['bkill', { stderr }]]), { home: '/' });
  const results = await lsf.act('cancel', ['5', '6']);
  assert.deepEqual(results.map(({ ok, message }) => [ok, message]), [[true, 'Being cancelled'], [false, 'Job <6>: No matching job found']]); // prettier-ignore
});
