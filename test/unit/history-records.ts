import type { HistoryRecord } from '../../server/shared/protocol';

/** A plausible history record; parts can be replaced. */
export function makeRecord(change: Partial<HistoryRecord> = {}): HistoryRecord {
  return {
    version: 1,
    id: 'id',
    time: '2026-11-20T14:03:00Z',
    name: 'baseline',
    run: 'runs/aaaaaaa-baseline',
    code: makeCode('a', '2026-11-20T10:00:00Z'),
    network: { name: 'fashion-mnist', sha256: 'n'.repeat(64), training_commit: '0123456789' },
    sampler: { steps: 18, nfe: 35, rng: 'cpu' },
    seeds: '0-999',
    metric: 'FD (fashion-mnist)',
    value: 2.91,
    num: 1000,
    detector: { name: 'fashion-mnist', sha256: 'd'.repeat(64), dimension: 64, published: false },
    reference: { name: 'fashion-mnist', sha256: 'r'.repeat(64), num: 60000 },
    device: 'cpu',
    seconds: { generate: 83.2, measure: 4.2 },
    ...change,
  };
}

/** A commit whose hash repeats one letter. */
export function makeCode(letter: string, date: string): HistoryRecord['code'] {
  const commit = letter.repeat(40);
  const subject = `Commit ${letter}`;
  return { commit, short: commit.slice(0, 7), dirty: false, branch: 'main', subject, author: 'Author', date };
}
