import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnostics, NOTHING_KNOWN } from '../../server/lsp/documents';
import { clusterChecks } from '../../server/runs/cluster-checks';
import type { ClusterSnapshot, RunConfig } from '../../server/shared/schema-types.gen';
import { TextDocument } from 'vscode-languageserver-textdocument';

const CLUSTER: ClusterSnapshot = {
  name: 'rysy',
  scheduler: 'slurm',
  partitions: [
    { name: 'cpu', default: true, nodes: ['c1'] },
    { name: 'gpu', maxMinutes: 2880, nodes: ['g1', 'g2'] },
    { name: 'unseen' },
  ],
  nodes: [
    { name: 'c1', gres: [] },
    { name: 'g1', gres: [{ name: 'gpu', type: 'v100', count: 4 }] },
    { name: 'g2', gres: [{ name: 'gpu', type: 'v100', count: 2 }, { name: 'gpu', type: 'a100', count: 4 }] }, // prettier-ignore
  ],
  accounts: ['g99-4302'],
};
const NETWORK = 'embedded:fashion-mnist';

const CASES: [config: Omit<RunConfig, 'network'>, findings: [id: string, replacement?: string][]][] = [
  [{}, []],
  [{ partition: 'gpu', gpus: 6, time: '2-00:00:00', account: 'G99-4302' }, []],
  [{ partition: 'gpu', gpus: 7 }, [['cluster-gpus', '6']]],
  [{ gpus: 1 }, [['cluster-gpus', '0']]],
  [{ gpus: 0 }, []],
  [{ partition: 'cpu,gpu', gpus: 4 }, []],
  [{ partition: 'unseen', gpus: 64, time: 1e6 }, []],
  [{ partition: 'cpu,unseen', gpus: 64 }, []],
  [{ partition: 'gpuu', gpus: 64 }, [['cluster-partition', 'gpu']]],
  [{ partition: 'cpu,elsewhere' }, [['cluster-partition']]],
  [{ partition: 'gpu', time: 2881 }, [['cluster-time', '2880']]],
  [{ partition: 'cpu,gpu', time: 2881 }, []],
  [{ account: 'g99-4303' }, [['cluster-account', 'g99-4302']]],
];

for (const [config, expected] of CASES) {
  test(`${JSON.stringify(config)}: ${expected.map(([id]) => id).join() || 'nothing'}`, () => {
    const found = clusterChecks({ network: NETWORK, ...config }, CLUSTER);
    assert.deepEqual(
      found.map(({ id, replacement }) => (replacement === undefined ? [id] : [id, replacement])),
      expected,
    );
  });
}

test('without accounts, nodes or a snapshot nothing is said; a limit that the site enforces is an error', () => {
  const all = { network: NETWORK, partition: 'gpu', gpus: 99, time: 1e5, account: 'x' };
  const bare: ClusterSnapshot = { scheduler: 'slurm', partitions: [{ name: 'gpu' }] };
  assert.deepEqual(clusterChecks(all, bare), []);
  const [time] = clusterChecks({ network: NETWORK, partition: 'gpu', time: 1e5 }, { ...CLUSTER, enforcePartitionLimits: true }); // prettier-ignore
  assert.equal(time.severity, 'error');
});

test("LSF: the queue's users and slots, and the time that a run without a time asks for", () => {
  const lsf: ClusterSnapshot = {
    scheduler: 'lsf',
    enforcePartitionLimits: true,
    partitions: [
      { name: 'normal', default: true, allowed: true, maxMinutes: 240, defaultMinutes: 60 },
      { name: 'long', allowed: true },
      { name: 'gpu', allowed: true, minSlots: 2, maxSlots: 8, maxMinutes: 1440 },
      { name: 'mine', allowed: true, userSlots: 2 },
      { name: 'staff', allowed: false, users: ['bob', 'admins/'] },
    ],
  };
  const told = (config: Omit<RunConfig, 'network'>) => clusterChecks({ network: NETWORK, ...config }, lsf).map(({ id, severity, message, path: [key] }) => [id, severity, key, message]); // prettier-ignore
  assert.deepEqual(told({}), [
    ['cluster-time', 'error', 'network', 'normal allows at most 240 minutes: give time, as a run without it asks for 24:00:00'],
  ]); // prettier-ignore
  assert.deepEqual(told({ time: 240 }), []);
  assert.deepEqual(told({ partition: 'long' }), []);
  assert.deepEqual(told({ partition: 'gpu', engine: 'edm', gpus: 2 }), []);
  const ids = (config: Omit<RunConfig, 'network'>) => told(config).map(([id, , key]) => `${id} ${key}`);
  assert.deepEqual(ids({ partition: 'gpu', engine: 'edm', gpus: 3 }), ['cluster-slots partition']);
  assert.deepEqual(ids({ partition: 'gpu' }), ['cluster-slots partition'], 'the job that finishes has one slot');
  assert.deepEqual(ids({ partition: 'mine' }), ['cluster-slots partition']);
  assert.match(
    String(told({ partition: 'staff' })[0]?.[3]),
    /may not use staff \(only bob, admins\/ may\): choose one of normal, long/,
  );
  // Slurm's partitions too: without a time of its own, the run asks for a day.
  const slurm: ClusterSnapshot = { scheduler: 'slurm', partitions: [{ name: 'short', default: true, maxMinutes: 60 }] };
  assert.deepEqual(clusterChecks({ network: NETWORK }, slurm).map(({ id, severity }) => [id, severity]), [['cluster-time', 'warning']]); // prettier-ignore
});

test('in the editor: at the value, for the cluster that the config names', () => {
  const text = `network: ${NETWORK}\ncluster: rysy\npartition: gpu\ngpus: 9\n`;
  const document = TextDocument.create('file:///a.edm.yaml', 'yaml', 1, text);
  const asked: (string | undefined)[] = [];
  const known = { ...NOTHING_KNOWN, cluster: (name: string | undefined) => (asked.push(name), CLUSTER) };
  const [found, ...rest] = diagnostics(document, known);
  assert.deepEqual([asked, rest], [['rysy'], []]);
  assert.deepEqual([found.code, found.range.start, found.data], ['cluster-gpus', { line: 3, character: 6 }, { replacement: '6' }]); // prettier-ignore
  assert.deepEqual(diagnostics(document, NOTHING_KNOWN), []);
});
