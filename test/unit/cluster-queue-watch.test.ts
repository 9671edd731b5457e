import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endedWithin } from '../../server/cluster/command-scheduler';
import { historyReach } from '../../server/cluster/ended-jobs';
import { pauseSeconds, QueueWatch, type Clock } from '../../server/cluster/queue';
import type { Job, JobState, QueueState } from '../../server/shared/protocol';

/** A clock that moves when it is told to. */
class HandClock implements Clock {
  time = Date.parse('2026-11-24T08:00:00Z');
  private timers: { at: number; run: () => void }[] = [];
  now(): number {
    return this.time;
  }
  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.time + milliseconds, run };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((other) => other !== timer));
  }
  async pass(seconds: number): Promise<void> {
    const end = this.time + seconds * 1000;
    for (;;) {
      const [next] = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.time = Math.max(this.time, next.at);
      next.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.time = end;
  }
}

const job = (id: string, state: JobState, over: Partial<Job> = {}): Job => ({ id, name: 'x', user: 'me', partition: 'p', state, stateName: state, ...over }); // prettier-ignore

function bench(): { clock: HandClock; watch: QueueWatch; mine: Job[]; past: Job[]; states: QueueState[]; asked: number[]; down: { now: boolean } } {
  const clock = new HandClock();
  const [mine, past, states, asked]: [Job[], Job[], QueueState[], number[]] = [[], [], [], []];
  const down = { now: false };
  const scheduler = {
    queue: (whose: 'mine' | 'all') => {
      asked.push(clock.now() / 1000);
      if (down.now) return Promise.reject(new Error('no answer'));
      return Promise.resolve(whose === 'mine' ? [...mine] : mine.filter(({ state }) => state === 'running'));
    },
    history: () => Promise.resolve({ jobs: [...past] }),
    load: () => Promise.resolve([]),
    now: () => Promise.resolve(new Date(clock.now())),
  };
  const watch = new QueueWatch(scheduler, { cluster: 'c', user: 'me', floorSeconds: 15, clock, onState: (state) => states.push(state) }); // prettier-ignore
  return { clock, watch, mine, past, states, asked, down };
} // prettier-ignore

test('how long until the next question', () => {
  const calm = { unfinished: false, unchanged: 0, failures: 0 };
  assert.equal(pauseSeconds(15, { ...calm, attention: 'visible' }), 15);
  assert.equal(pauseSeconds(15, { ...calm, attention: 'visible', unchanged: 99 }), 30);
  assert.equal(pauseSeconds(15, { ...calm, attention: 'hidden' }), 60);
  assert.equal(pauseSeconds(15, { ...calm, attention: 'none' }), undefined);
  assert.equal(pauseSeconds(15, { ...calm, attention: 'none', unfinished: true }), 60);
  assert.equal(pauseSeconds(15, { ...calm, attention: 'visible', failures: 2 }), 60);
  assert.equal(pauseSeconds(300, { ...calm, attention: 'hidden', failures: 9 }), 1200, 'never below the floor');
});

test('never more often than the floor, whoever wants to know', async () => {
  const { clock, watch, asked } = bench();
  watch.watch('visible', 'mine');
  for (let second = 0; second < 60; second++) {
    watch.refresh();
    watch.watch('visible', second % 2 ? 'all' : 'mine');
    await clock.pass(1);
  }
  const polls = [...new Set(asked)];
  assert.ok(polls.length >= 4, String(polls.length));
  polls.slice(1).forEach((at, i) => assert.ok(at - polls[i] >= 15, `${at - polls[i]} s`));
});

test('an end is told once: seen in the queue, found in history, or given up', async () => {
  const { clock, watch, mine, past, states } = bench();
  mine.push(job('1', 'running', { stdout: '/log' }), job('2', 'running'), job('3', 'running'), job('9', 'done'), job('4_[0-9]', 'queued', { array: { id: '4', tasks: '0-9' } })); // prettier-ignore
  watch.watch('visible', 'mine');
  await clock.pass(1);
  assert.deepEqual(states.at(-1)?.ended, [], 'what had ended before is no news');
  assert.deepEqual(states.at(-1)?.finished.map(({ id }) => id), ['9']); // prettier-ignore
  mine.splice(0, mine.length, job('1', 'failed'), job('4_[1-9]', 'queued', { array: { id: '4', tasks: '1-9' } }), job('5', 'done')); // prettier-ignore
  past.push(job('2', 'timeout'));
  await clock.pass(90);
  const told = states.flatMap(({ ended }) => ended);
  assert.deepEqual(told.map(({ id, state }) => `${id} ${state}`).sort(), [
    '1 failed',
    '2 timeout',
    '3 unknown',
    '5 done',
  ]);
  assert.equal(told.find(({ id }) => id === '1')?.stdout, '/log', 'what was known of it stays');
});

test('nobody looks: asked only while a job of mine goes on', async () => {
  const { clock, watch, mine, asked } = bench();
  mine.push(job('1', 'running'));
  watch.watch('visible', 'mine');
  await clock.pass(1);
  watch.watch('none', 'mine');
  await clock.pass(60);
  assert.equal(asked.length, 2);
  mine.splice(0, 1, job('1', 'done'));
  await clock.pass(60);
  const then = asked.length;
  await clock.pass(3600);
  assert.equal(asked.length, then);
});

test('a clock that is set back by days does not stop the questions', async () => {
  const { clock, watch, asked, mine } = bench();
  mine.push(job('1', 'running'));
  watch.watch('visible', 'mine');
  await clock.pass(1);
  clock.time -= 10 * 86400_000;
  watch.refresh();
  await clock.pass(20);
  assert.equal(asked.length, 2);
});

test('a problem is said, the last jobs stay, and the next answer clears it', async () => {
  const { clock, watch, mine, states, asked, down } = bench();
  mine.push(job('1', 'running'));
  watch.watch('visible', 'mine');
  await clock.pass(1);
  down.now = true;
  await clock.pass(200);
  assert.equal(states.at(-1)?.problem, 'no answer');
  assert.equal(states.at(-1)?.jobs.length, 1);
  assert.ok(asked.length <= 5, `asked ${asked.length} times: backs off`);
  down.now = false;
  watch.refresh();
  await clock.pass(20);
  assert.equal(states.at(-1)?.problem, undefined);
  assert.deepEqual(states.flatMap(({ ended }) => ended), []); // prettier-ignore
});

test('a scheduler that hangs is told of after ten seconds, and waited for', async () => {
  const clock = new HandClock();
  const states: QueueState[] = [];
  let answer: (jobs: Job[]) => void = () => undefined;
  const scheduler = {
    queue: () => new Promise<Job[]>((resolve) => (answer = resolve)),
    history: () => Promise.resolve({ jobs: [] }),
    load: () => Promise.resolve([]),
    now: () => Promise.resolve(new Date(clock.now())),
  };
  const watch = new QueueWatch(scheduler, { cluster: 'c', user: 'me', floorSeconds: 15, clock, onState: (state) => states.push(state) }); // prettier-ignore
  watch.watch('visible', 'mine');
  await clock.pass(9);
  assert.equal(states.length, 0);
  await clock.pass(2);
  assert.deepEqual(states.map(({ taken, problem }) => [taken, problem]), [['', 'The scheduler has not answered for 10 s']]); // prettier-ignore
  answer([job('1', 'running')]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([states.length, states.at(-1)?.problem, states.at(-1)?.jobs.length], [2, undefined, 1]);
});

test('whoever looks sees within a minute that the scheduler answers again; else it is asked less often', async () => {
  const { clock, watch, states, asked, down } = bench();
  down.now = true;
  watch.watch('visible', 'mine');
  await clock.pass(600);
  assert.equal(states.at(-1)?.taken, '', 'nothing is known before the first answer');
  assert.equal(states.at(-1)?.problem, 'no answer');
  down.now = false;
  await clock.pass(61);
  assert.equal(states.at(-1)?.problem, undefined);
  watch.watch('hidden', 'mine');
  down.now = true;
  await clock.pass(3600);
  const before = asked.length;
  await clock.pass(3600);
  assert.equal(asked.length - before, 6);
});

const DAY = 86_400_000;

/** A history of one job every hour for so many days, and what is asked of it. */
function historyOf(days: number, clock: HandClock) {
  const asked: [from: string, until: string | undefined][] = [];
  const all = Array.from({ length: 24 * days }, (_, hour) => job(String(10_000 - hour), 'done', { ended: new Date(clock.time - (hour + 0.5) * 3600_000).toISOString() })); // prettier-ignore
  const answer = { note: undefined as string | undefined };
  const scheduler = {
    queue: () => Promise.resolve([]),
    load: () => Promise.resolve([]),
    now: () => Promise.resolve(new Date(clock.now())),
    history: (since: Date, until?: Date) => {
      asked.push([since.toISOString(), until?.toISOString()]);
      if (answer.note !== undefined) return Promise.resolve({ jobs: [], note: answer.note, unanswered: true as const });
      return Promise.resolve({ jobs: all.filter((one) => endedWithin(one, since, until)) });
    },
  };
  const states: QueueState[] = [];
  const past = () => states.at(-1)?.past;
  const finished = () => states.at(-1)?.finished.map(({ id }) => Number(id)) ?? [];
  const watched = (reach: { days: number; jobs: number }) => new QueueWatch(scheduler, { cluster: 'c', user: 'me', floorSeconds: 60, clock, reach: () => Promise.resolve(reach), onState: (state) => states.push(state) }); // prettier-ignore
  return { asked, answer, states, past, finished, watched };
}

test('the history comes page by page, each asked for once and not before the floor, and none is news', async () => {
  const clock = new HandClock();
  const start = clock.time;
  const { asked, states, past, finished, watched } = historyOf(3, clock);
  const watch = watched({ days: 1, jobs: 20 });
  watch.watch('visible', 'mine');
  await clock.pass(1);
  assert.equal(finished().length, 20, 'a page has 20 jobs');
  assert.equal(past()?.since, new Date(start - 19.5 * 3600_000).toISOString(), 'what was cut off is not called known');
  watch.older();
  assert.equal(past()?.asking, true);
  await clock.pass(30);
  assert.equal(asked.length, 1, 'not before the floor');
  await clock.pass(31);
  assert.equal(asked.length, 2);
  assert.equal(past()?.asking, undefined);
  assert.equal(past()?.page?.jobs, 20);
  await clock.pass(600);
  assert.equal(asked.length, 2, 'only on request');
  for (let page = 0; page < 2; page++) {
    watch.older();
    await clock.pass(61);
  }
  assert.deepEqual(finished(), Array.from({ length: 72 }, (_, hour) => 10_000 - hour), 'each once, newest first'); // prettier-ignore
  assert.deepEqual(states.flatMap(({ ended }) => ended), []); // prettier-ignore
});

test('an empty page is told, and the next one reaches twice as far back', async () => {
  const clock = new HandClock();
  const { asked, past, finished, watched } = historyOf(1, clock);
  const watch = watched({ days: 1, jobs: 200 });
  watch.watch('visible', 'mine');
  await clock.pass(1);
  assert.equal(finished().length, 24);
  for (const days of [1, 2, 4]) {
    watch.older();
    await clock.pass(61);
    const [from = '', until = ''] = asked.at(-1) ?? [];
    assert.equal(Math.round((Date.parse(until) - Date.parse(from)) / DAY), days);
    assert.equal(past()?.page?.jobs, 0);
  }
});

test('a scheduler that does not say what ended: how far back is not known, and the first page is asked for again', async () => {
  const clock = new HandClock();
  const { answer, past, finished, watched } = historyOf(1, clock);
  answer.note = 'Only jobs that ended in the last minutes are known: this cluster has no accounting';
  const watch = watched({ days: 1, jobs: 200 });
  watch.watch('visible', 'mine');
  await clock.pass(1);
  assert.deepEqual(past(), { note: answer.note });
  answer.note = undefined;
  watch.older();
  await clock.pass(61);
  assert.equal(finished().length, 24);
  assert.equal(past()?.note, undefined);
  assert.notEqual(past()?.since, undefined);
});

test('the settings of the history: whole numbers in range, or the default', () => {
  assert.deepEqual(historyReach({ historyDays: 7, historyJobs: 500 }), { days: 7, jobs: 500 });
  for (const settings of [
    undefined,
    null,
    {},
    { historyDays: 0, historyJobs: 1e9 },
    { historyDays: '7', historyJobs: 1.5 },
  ])
    assert.deepEqual(historyReach(settings), { days: 1, jobs: 200 });
});
