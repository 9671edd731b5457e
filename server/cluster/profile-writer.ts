/** Adds a cluster to a workspace's file and leaves the rest as it is. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { isSeq, parseDocument } from 'yaml';
import { messageOf, UserError } from '../errors';
import { writeAtomically } from '../atomic-file';
import type { ClusterProfile } from '../shared/protocol';
import { CLUSTERS_FILE, lineOf, readProfiles } from './profiles';

/** Comment at the top of a new file. */
const HEADING =
  ' Clusters to submit jobs to. Keys: name, host (alias of your ssh configuration), account, partition, ...';

/**
 * Adds a profile to `.edm-workbench/clusters.yaml` in `folder`; comments and order stay.
 * @returns path of the file
 * @throws UserError where the file is broken or has a cluster of that name
 */
export async function addProfile(folder: string, profile: ClusterProfile): Promise<string> {
  const file = path.join(folder, CLUSTERS_FILE);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new UserError(`Cannot read ${file}: ${messageOf(error)}`);
  });
  const document = parseDocument(text.trim() === '' ? 'clusters: []\n' : text);
  if (text.trim() === '') document.commentBefore = HEADING;
  const list = document.get('clusters');
  if (!isSeq(list)) throw new UserError(`${file} has no list "clusters": correct the file first`);
  list.flow = false;
  list.add(document.createNode(profile));
  const written = document.toString();
  const [problem] = readProfiles(written).problems;
  if (problem) throw new UserError(`${file}:${lineOf(problem)}: ${problem.message}. Nothing was written`);
  await mkdir(path.dirname(file), { recursive: true });
  await writeAtomically(file, Buffer.from(written));
  return file;
}
