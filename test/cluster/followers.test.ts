/** Many followed logs on one held connection: the queue is asked all the same, and few logs are read at once. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Clusters } from '../../server/cluster/clusters';
import type { Host, HostFiles } from '../../server/cluster/host';
import type { Hosts } from '../../server/cluster/hosts';
import { allowClusters } from './allow';
import { TestBed } from './bed';
import { Logins } from './logins';
import { until } from '../until';

const FOLLOWED = 8;

let bed: TestBed;
let logins: Logins;
before(async () => {
  bed = await TestBed.start({ accounting: false });
  logins = new Logins(bed);
  mkdirSync(path.join(logins.scratch, '.edm-workbench'));
});
after(async () => {
  logins?.close();
  await bed?.stop();
});

/** The second ssh of a two-step site has no sftp: there each read of a log is a program of its own. */
for (const [site, profile] of [
  ['over sftp', 'host: inner'],
  ['by a second ssh', 'host: login, via: rysy'],
])
  test(
    `${FOLLOWED} logs ${site}; reading them stands still: three at once, and the queue answers`,
    { timeout: 600_000 },
    async () => {
      writeFileSync(
        path.join(logins.scratch, '.edm-workbench', 'clusters.yaml'),
        `clusters:\n  - {name: bed, ${profile}}\n`,
      );
      await allowClusters(logins.scratch);
      const { hosts } = logins.of('keyonly');
      // The real host, where reading a log stands still, as on a file system that does: each read has a channel of its own.
      const pipe = `/home/keyonly/${site.replaceAll(' ', '-')}`;
      const made = await bed.inCluster(['mkfifo', pipe], 'keyonly');
      assert.equal(made.code, 0, `mkfifo ${pipe}: ${made.stderr}`);
      let [reading, most, still] = [0, 0, true];
      const stall = async (host: Host): Promise<void> => {
        const { code, stderr } = await host.run(['cat', pipe]);
        if (still) problems.push(`cat ended with ${code} while no writer was there: ${stderr}`);
      };
      const problems: string[] = [];
      const stalling = (host: Host): Host => {
        const read: HostFiles['read'] = async (...args) => {
          most = Math.max(most, ++reading);
          try {
            if (still) await stall(host);
            return await host.files.read(...args);
          } finally {
            reading--;
          }
        };
        return Object.create(host, { files: { value: Object.assign(Object.create(host.files) as HostFiles, { read }) } }) as Host; // prettier-ignore
      };
      const stalled = new Map<Host, Host>();
      const host = async (...args: Parameters<typeof hosts.host>): Promise<Host> => {
        const real = await hosts.host(...args);
        stalled.set(real, stalled.get(real) ?? stalling(real));
        return stalled.get(real) as Host;
      };
      const clusters = new Clusters({
        hosts: Object.assign(Object.create(hosts) as Hosts, { host }),
        folders: [logins.scratch],
      });
      await clusters.connect('bed');
      const { scheduler } = await clusters.open('bed');
      const text = '#!/bin/bash\n#SBATCH --mem=10\necho begun; sleep 3000\n';
      const params = { cluster: 'bed', script: 'job.slurm', text, folder: '~' };
      const ids: string[] = [];
      for (let i = 0; i < FOLLOWED; i++) ids.push((await clusters.submit(params)).id);
      const stop = new AbortController();
      const come = new Set<string>();
      const following = ids.map((id) =>
        clusters.follow({ cluster: 'bed', id, stream: 'stdout', follow: id }, () => come.add(id), stop.signal),
      );
      try {
        await until(() => reading, 'reads of logs', (reads) => reads === 3); // prettier-ignore
        // Were there more, these would wait for a channel for ever.
        for (let i = 0; i < 5; i++) assert.ok((await scheduler.queue('mine')).length >= FOLLOWED);
        assert.deepEqual([reading, most, come.size, problems], [3, 3, 0, []]);
        still = false;
        const open = () => bed.inCluster(['sh', '-c', ': <> "$1"', 'sh', pipe]);
        await until(async () => (await open(), come.size === FOLLOWED), 'all logs');
        assert.equal(most, 3);
      } finally {
        stop.abort();
        await scheduler.act('cancel', ids);
        clusters.stop();
      }
      await Promise.all(following);
    },
  );
