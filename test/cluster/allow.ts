/** Allowing a test's file of clusters, as its user would, in a state folder that is nobody's. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { allow } from '../../server/cluster/allowance';
import { loadProfiles } from '../../server/cluster/profiles';

let state: string | undefined;

/** The state folder of this test process, and of all that it starts. */
export function ownState(): string {
  if (state === undefined) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'edm-state-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    process.env.XDG_STATE_HOME = state = folder;
  }
  return state;
}

/** Allows what the file of a workspace folder names now. */
export async function allowClusters(folder: string): Promise<void> {
  ownState();
  const { workspace, problems } = await loadProfiles({ folder, environment: {} });
  if (!workspace) throw new Error(`${folder} names no clusters: ${problems.join('; ')}`);
  await allow(workspace);
}
