/** The manifest of a run of engine edm: generate.py and fid.py write images and a number, but no manifest. */
import { askOn, type Cluster } from '../cluster/cluster';
import { cacheKey } from '../download/download-cache';
import { detectorRecord } from '../detector-identity';
import { recordId } from '../history/history-store';
import { DEFAULT_STEPS, nfe } from '../shared/defaults';
import { UserError } from '../errors';
import type { Job } from '../shared/protocol';
import { samplerOptions } from '../runs/sampler-options';
import { jsonOf } from '../runs/folder';
import type {
  ContainerRecord,
  Dispatch,
  HistoryRecord,
  RunConfig,
  RunManifest,
  SamplerRecord,
} from '../shared/schema-types.gen';
import { containerIn } from './container/identity';
import { DETECTOR_URL, digestOf, type Draft, type JobInput } from './draft';
import { readRemoteJson } from './remote-json';

/** What fid.py measures with. */
const FID_DETECTOR = { name: 'inception-2015-12-05', dimension: 2048, published: true } as const;

/** File in the run folder with what was known when the run was sent. */
export const FACTS_FILE = 'edm.json';

/** An input by name and content. The content of an address is known once the cluster has fetched it. */
interface Fact {
  name: string;
  sha256?: string;
}

interface Facts {
  config: RunConfig;
  network: Fact;
  reference?: Fact;
  detector?: Fact;
  container?: ContainerRecord;
}

/** Text of the file. @param container that the programs run in */
export async function factsText({ config, inputs }: Draft, container?: ContainerRecord): Promise<string> {
  const fact = async (input: JobInput | undefined): Promise<Fact | undefined> =>
    input && { name: input.name, sha256: await digestOf(input) };
  const { network, reference, detector } = inputs;
  const facts = {
    config,
    network: await fact(network),
    reference: await fact(reference),
    detector: await fact(detector),
    ...(container && { container }),
  };
  return `${jsonOf(facts)}\n`;
}

/**
 * The manifest of a finished run, with its record where there is a number.
 * @param jobs in the order of the dispatch's
 */
export async function edmManifest(
  cluster: Cluster,
  dispatch: Dispatch,
  jobs: readonly (Job | undefined)[],
  distance: number | undefined,
): Promise<RunManifest> {
  const facts = await readFacts(cluster, dispatch);
  const kept = `${dispatch.folder}/${dispatch.run}/inputs`;
  const network = await identified(cluster, facts.network, kept);
  const { name, code, seeds, images, fingerprint, token, config_file, created, run } = dispatch;
  const { config } = facts;
  const container = containerIn(facts.container);
  const records: HistoryRecord[] = [];
  if (distance !== undefined && facts.reference && config.fid) {
    const detector = await identified(cluster, facts.detector ?? { name: DETECTOR_URL }, kept);
    const seconds = (role: string): number => jobs[dispatch.jobs.findIndex((job) => job.role === role)]?.elapsed ?? 0;
    const record: Omit<HistoryRecord, 'id'> = {
      version: 1,
      time: new Date().toISOString(),
      name,
      run,
      code,
      network,
      sampler: samplerRecord(config),
      seeds,
      ...(config.class === undefined ? {} : { class: config.class }),
      metric: 'FID',
      value: distance,
      num: config.fid.num ?? images,
      detector: detectorRecord({ ...FID_DETECTOR, sha256: detector.sha256 }),
      reference: await identified(cluster, facts.reference, kept),
      device: 'cuda',
      cluster: dispatch.cluster,
      ...(container && { container }),
      seconds: { generate: seconds('generate'), measure: seconds('fid') },
    };
    records.push({ ...record, id: recordId(record) });
  }
  return {
    version: 1,
    name,
    status: 'complete',
    started: created,
    finished: new Date().toISOString(),
    config_file,
    config: { ...config },
    code,
    network,
    seeds,
    images,
    fingerprint,
    cluster: dispatch.cluster,
    ...(container && { container }),
    dispatch: token,
    results: records,
  };
}

/** What was known when the run was sent. @throws UserError where the file there is something else */
async function readFacts(cluster: Cluster, dispatch: Dispatch): Promise<Facts> {
  const infinite = (_key: string, value: unknown): unknown => (value === '.inf' ? Infinity : value);
  const file = `${dispatch.folder}/${dispatch.run}/${FACTS_FILE}`;
  const facts = (await readRemoteJson(cluster, file, infinite)) as Facts | undefined;
  if (!facts?.config || !facts.network)
    throw new UserError(
      `${file} on ${cluster.profile.name} is not what was written there: the run cannot be recorded`,
      1,
    );
  return facts;
}

/** The sampler of generate.py, which draws random numbers on the GPU. */
function samplerRecord(config: RunConfig): SamplerRecord {
  const { steps = DEFAULT_STEPS, ...given } = samplerOptions(config);
  const finite = Object.entries(given).filter(([, value]) => value !== Infinity);
  return {
    ...(Object.fromEntries(finite) as Partial<SamplerRecord>),
    steps,
    nfe: nfe(steps, given.solver),
    rng: 'cuda',
  };
}

/** Looks for a file of dnnlib's cache: in the run folder, where the container does not see the home folder, and there. */
const CACHED = `for f in "$2"/downloads/"$1"_* "\${DNNLIB_CACHE_DIR:-$HOME/.cache/dnnlib}"/downloads/"$1"_*; do
  [ -f "$f" ] && sha256sum <"$f" && exit
done
exit 1`;

/** Name and content; for an address, the content of dnnlib's copy there. @param kept the run folder's inputs */
async function identified(
  cluster: Cluster,
  { name, sha256 }: Fact,
  kept: string,
): Promise<{ name: string; sha256: string }> {
  if (sha256 !== undefined) return { name, sha256 };
  const said = await askOn(cluster, ['sh', '-c', CACHED, 'sh', cacheKey(name), kept]);
  const short = name.slice(name.lastIndexOf('/') + 1);
  return { name: short, sha256: /^[0-9a-f]{64}/.exec(said ?? '')?.[0] ?? 'unknown' };
}
