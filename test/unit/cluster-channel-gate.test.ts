import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { ChannelGate } from '../../server/cluster/ssh/channel-gate';

test('one at a time, in their order; who gives up takes no place from the others', async () => {
  const gate = new ChannelGate(1);
  const { signal } = new AbortController();
  const entered: string[] = [];
  const enter = (name: string, by = signal): Promise<() => void> =>
    gate.enter(by).then((leave) => (entered.push(name), leave));
  const leaveFirst = await enter('first');
  const second = enter('second');
  const given = new AbortController();
  const third = enter('third', given.signal);
  const fourth = enter('fourth');
  given.abort();
  await assert.rejects(third, { name: 'CancelledError' });
  leaveFirst();
  (await second)();
  (await fourth)();
  assert.deepEqual(entered, ['first', 'second', 'fourth']);
  assert.equal(getEventListeners(signal, 'abort').length, 0, 'nothing stays on a signal that lives for hours');
});
