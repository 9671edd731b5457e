import { didYouMean, editDistance } from '../../suggest';
import { older } from '../catalogue/releases';
import { clusterComment } from '../reading/cluster-comment';
import type { OptionUse, Token } from '../reading/directives';
import {
  listed,
  mostGpus,
  mostMinutes,
  nodesOf as nodesOfPartitions,
  partitionsOf,
  type Node,
  type Partition,
} from '../reading/partitions';
import { gresGpus, resourcesOf } from '../reading/resources';
import type { Script } from '../reading/script';
import type { Span } from '../reading/text';
import { largestIndex, lsfMinutesOf, megabytesOf, secondsOf } from '../reading/values';
import { addDirective, replace, type OffsetFix } from './fixes';
import { BOTH, LSF, SLURM, counted, hit, links, type Hit, type Rule } from './rule';

/** Rules that compare a script with what is known of clusters; where nothing is known they are silent. */
export const clusterRules: readonly Rule[] = [
  {
    id: 'unknown-cluster',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A cluster that is not in the list',
    why: 'A script names its cluster in `# edm-workbench: cluster=NAME`; under a name that no list has, the script is checked against no cluster.',
    remedy: 'Name a cluster of `.edm-workbench/clusters.yaml` or of the settings.',
    fixable: true,
    check: function* ({ text, context: { clusters } }) {
      const named = clusters && clusterComment(text.text);
      if (!named || clusters.includes(named.name)) return;
      const known = clusters.length ? `known: ${clusters.slice(0, 8).join(', ')}` : 'none is known';
      yield hit(named, `There is no cluster ${named.name}; ${known}`, closest(named, named.name, clusters));
    },
  },
  {
    id: 'cluster-partition',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'A partition or queue that does not exist',
    why: 'The scheduler refuses the job ("invalid partition specified").',
    remedy: "Choose one of the cluster's partitions.",
    link: links.sbatch,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const names = script.cluster?.partitions.map(({ name }) => name) ?? [];
      for (const use of script.activeOptions) {
        const name = use.option?.name;
        if (name !== '--partition' && name !== '-q') continue;
        const what = use.spelling === '-q' ? 'queue' : 'partition';
        for (const item of items(use))
          if (!names.includes(item.text))
            yield hit(
              item,
              `There is no ${what} ${item.text} on this cluster (${names.slice(0, 8).join(', ')})`,
              closest(item, item.text, names),
            );
      }
    },
  },
  {
    id: 'cluster-queue-users',
    severity: 'error',
    schedulers: LSF,
    effect: 'refused',
    title: 'A queue that you may not use',
    why: 'bsub refuses the job ("User cannot use the queue").',
    remedy: 'Use one of your queues: `bqueues -u YOURSELF` lists them.',
    link: links.bsub,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const use = script.option('-q');
      const mine = script.cluster?.partitions.filter(({ allowed }) => allowed !== false) ?? [];
      for (const item of use ? items(use) : []) {
        const queue = script.cluster?.partitions.find(({ name }) => name === item.text);
        if (queue?.allowed !== false) continue;
        const users = queue.users ? `, only ${queue.users.slice(0, 8).join(', ')} may` : '';
        yield hit(item, `You may not use queue ${queue.name}${users}`, {
          alternatives: mine.slice(0, 5).map(({ name }) => replace(item, name)),
        });
      }
    },
  },
  {
    id: 'cluster-slots',
    severity: 'error',
    schedulers: LSF,
    effect: 'refused',
    title: 'Slots that the queue does not give',
    why: 'bsub refuses the job ("Too many processors requested", "Too few processors requested", "Queue does not have enough per-user job slots").',
    remedy: 'Ask for a number of slots within the limits of the queue, or use another.',
    link: links.bsub,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const value = script.option('-n')?.value;
      const [queue, another] = partitions(script);
      const [, from = '', , to] = /^(\d+)(,(\d+))?$/.exec(value?.text ?? '') ?? [];
      // Where there are several, LSF chooses one that fits.
      if (!value || !queue || another || !from) return;
      const most = Math.min(queue.maxSlots ?? Infinity, queue.userSlots ?? Infinity);
      const least = queue.minSlots ?? 1;
      if (Number(from) > most)
        yield hit(value, `${queue.name} gives a job at most ${counted(most, 'slot')}`, {
          fix: replace(value, String(most)),
        });
      else if (Number(to ?? from) < least)
        yield hit(value, `${queue.name} takes jobs from ${counted(least, 'slot')} on`, {
          fix: replace(value, String(least)),
        });
    },
  },
  {
    id: 'cluster-time',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'More time than the partition allows',
    why: 'Such a job waits forever (PartitionTimeLimit), or is refused where the site enforces the limit.',
    remedy: 'Ask for less, or use another partition.',
    link: links.limits,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const use = script.option('--time', '-W');
      const lsf = use?.option?.name === '-W';
      const text = use?.value?.text ?? '';
      const seconds = lsf ? (lsfMinutesOf(text) ?? 0) * 60 : secondsOf(text);
      const allowed = partitions(script);
      const most = mostMinutes(allowed);
      if (!use?.value || !seconds || seconds <= most * 60) return;
      const limit = lsf ? `${Math.floor(most / 60)}:${String(most % 60).padStart(2, '0')}` : slurmTime(most);
      yield hit(use.value, `${listed(allowed)} allows at most ${limit}`, {
        severity: script.cluster?.enforcePartitionLimits ? 'error' : undefined,
        fix: replace(use.value, limit),
      });
    },
  },
  {
    id: 'cluster-nodes',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'depends',
    title: 'More nodes than the partition has or allows',
    why: 'Such a job waits forever (PartitionNodeLimit), or is refused.',
    remedy: 'Ask for fewer nodes.',
    link: links.limits,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const value = script.option('--nodes')?.value;
      const least = /^\s*(\d+)(k?)/i.exec(value?.text ?? '');
      const wanted = Number(least?.[1]) * (least?.[2] ? 1024 : 1);
      const allowed = partitions(script);
      const limits = allowed.map(({ maxNodes, nodes }) => Math.min(maxNodes ?? Infinity, nodes?.length ?? Infinity));
      const most = Math.max(...limits);
      if (!value || !limits.length || !Number.isFinite(most) || !(wanted > most)) return;
      // A job that asks for more nodes than there are is refused; one above the site's limit waits forever.
      const refused = allowed.every(({ nodes }) => nodes !== undefined && wanted > nodes.length);
      yield hit(value, `${listed(allowed)} gives a job at most ${counted(most, 'node')}`, {
        severity: refused ? 'error' : undefined,
        fix: replace(value, String(most)),
      });
    },
  },
  {
    id: 'cluster-gres',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'GPUs that no node of the partition has',
    why: 'The scheduler refuses the job ("Invalid generic resource (gres) specification", "Requested node configuration is not available").',
    remedy: 'Ask for what a node of the partition has.',
    link: links.gres,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      yield* unknownResources(script);
      const { gpu } = resourcesOf(script);
      if (gpu?.value && mostGpus(nodesOf(script)) !== undefined) yield* missingGpus(script, gpu, gpu.value);
    },
  },
  {
    id: 'cluster-memory',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'More memory than a node has',
    why: 'The scheduler refuses the job ("Requested node configuration is not available").',
    remedy: 'Ask for less.',
    link: links.sbatch,
    fixable: false,
    needsCluster: true,
    check: function* (script) {
      const value = script.option('--mem')?.value;
      const wanted = megabytesOf(value?.text ?? '');
      const most = largest(nodesOf(script).map(({ memoryMegabytes }) => memoryMegabytes));
      if (value && wanted && most !== undefined && wanted > most)
        yield hit(value, `The largest node of ${where(script)} has ${Math.floor(most / 1024)}G (${most} MB)`);
    },
  },
  {
    id: 'cluster-cpus',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'More CPUs than a node has',
    why: 'A task runs on one node, so the scheduler refuses the job ("Requested node configuration is not available").',
    remedy: 'Ask for fewer CPUs per task.',
    link: links.sbatch,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const value = script.option('--cpus-per-task')?.value;
      const most = largest(nodesOf(script).map(({ cpus }) => cpus));
      if (value && most !== undefined && Number(value.text) > most)
        yield hit(value, `The largest node of ${where(script)} has ${most} CPUs`, {
          fix: replace(value, String(most)),
        });
    },
  },
  {
    id: 'cluster-account',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'An account that you may not use',
    why: 'The scheduler refuses the job ("Invalid account or account/partition combination specified").',
    remedy: 'Use one of your accounts.',
    link: links.sbatch,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const value = script.option('--account')?.value;
      const mine = script.cluster?.accounts;
      if (!value) return;
      // Slurm keeps and compares account names in lower case.
      const account = value.text.toLowerCase();
      const isAmong = (names: readonly string[]): boolean => names.some((name) => name.toLowerCase() === account);
      if (mine && !isAmong(mine))
        yield hit(value, `You have no account ${value.text} (${mine.join(', ')})`, closest(value, value.text, mine));
      for (const { name, allowAccounts } of partitions(script))
        if (allowAccounts && !isAmong(allowAccounts))
          yield hit(value, `Partition ${name} is not open to account ${value.text}`);
    },
  },
  {
    id: 'cluster-qos',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'A quality of service that you may not use',
    why: 'The scheduler refuses the job ("Invalid qos specification").',
    remedy: 'Use one that you have.',
    link: links.sbatch,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const value = script.option('--qos')?.value;
      const mine = script.cluster?.qos;
      if (!value) return;
      if (mine && !mine.includes(value.text))
        yield hit(value, `You have no QoS ${value.text} (${mine.join(', ')})`, closest(value, value.text, mine));
      for (const { name, allowQos } of partitions(script))
        if (allowQos && !allowQos.includes(value.text))
          yield hit(value, `Partition ${name} is not open to QoS ${value.text}`);
    },
  },
  {
    id: 'cluster-feature',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'A feature that no node has',
    why: 'The scheduler refuses the job ("Invalid feature specification").',
    remedy: "Use a feature of the cluster's nodes.",
    link: links.sbatch,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const value = script.option('--constraint')?.value;
      const nodes = script.cluster?.nodes ?? [];
      if (!value || nodes.every(({ features }) => features === undefined)) return;
      const known = [...new Set(nodes.flatMap(({ features }) => features ?? []))];
      for (const found of script.text.slice(value).matchAll(/[A-Za-z][\w.:-]*/g)) {
        const [name] = found;
        if (known.includes(name)) continue;
        const place = { start: value.start + found.index, end: value.start + found.index + name.length };
        const others = known.length ? ` (${known.slice(0, 8).join(', ')})` : '';
        yield hit(place, `No node has the feature ${name}${others}`, closest(place, name, known));
      }
    },
  },
  {
    id: 'cluster-array',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: "An array index above the cluster's limit",
    why: 'Indices must be below MaxArraySize; the scheduler refuses the job ("Invalid job array specification").',
    remedy: 'Use smaller indices, or several arrays.',
    link: links.arrays,
    fixable: false,
    needsCluster: true,
    check: function* (script) {
      const value = script.option('--array')?.value;
      const limit = script.cluster?.maxArraySize;
      if (!value || limit === undefined) return;
      const last = largestIndex(value.text);
      if (last >= limit) yield hit(value, `Array index ${last} is not below ${limit}`);
    },
  },
  {
    id: 'cluster-version',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'An option that this Slurm does not have',
    why: 'The scheduler refuses the script ("unrecognized option").',
    remedy: 'Leave the option out on this cluster.',
    link: links.sbatch,
    fixable: false,
    needsCluster: true,
    check: function* (script) {
      const version = script.cluster?.version;
      if (version === undefined) return;
      const tooOld = (release: string | undefined): boolean => release !== undefined && older(version, release);
      const tooNew = (release: string | undefined): boolean => release !== undefined && !older(version, release);
      for (const use of script.activeOptions) {
        if (!use.option) continue;
        const { name, since, until, valueSince, valueUntil } = use.option;
        const problem =
          (tooOld(since) && `${name} exists since Slurm ${since}`) ||
          (tooNew(until) && `${name} was removed in Slurm ${until}`) ||
          (use.value && tooOld(valueSince) && `${name} takes a value since Slurm ${valueSince}`) ||
          (use.value && tooNew(valueUntil) && `${name} takes no value since Slurm ${valueUntil}`);
        if (problem) yield hit(use, `${problem}; this cluster has ${version}`);
      }
    },
  },
];

/** Generic resources that no node of the cluster has. */
function* unknownResources(script: Script): Generator<Hit> {
  const use = script.option('--gres');
  const nodes = script.cluster?.nodes ?? [];
  const names = [...new Set(nodes.flatMap(({ gres = [] }) => gres.map(({ name }) => name)))];
  if (!use || !names.length || /^none$/i.test(use.value?.text ?? '')) return;
  for (const { text, start } of items(use)) {
    const name = text.replace(/^gres[:/]/, '').split(/[:=]/)[0] ?? '';
    const from = start + text.indexOf(name);
    const place = { start: from, end: from + name.length };
    if (!names.includes(name))
      yield hit(
        place,
        `This cluster has no generic resource ${name} (${names.join(', ')})`,
        closest(place, name, names),
      );
  }
}

/** A type of GPU that no node of the partition has, or more GPUs than one of them has. */
function* missingGpus(script: Script, gpu: OptionUse, value: Token): Generator<Hit> {
  const nodes = nodesOf(script);
  const gpus = nodes.flatMap(({ gres = [] }) => gres.filter(({ name }) => name === 'gpu'));
  const types = [...new Set(gpus.map(({ type }) => type ?? ''))].filter(Boolean);
  const type = typeOf(value.text);
  if (type !== undefined && types.length && !types.includes(type)) {
    const from = value.start + script.text.slice(value).indexOf(type);
    const place = { start: from, end: from + type.length };
    const message = `No node of ${where(script)} has GPUs of type ${type} (${types.join(', ')})`;
    yield hit(place, message, closest(place, type, types));
    return;
  }
  const { gpusPerNode } = resourcesOf(script);
  const most = mostGpus(nodes, type) ?? 0;
  const count = gpusPerNode?.count ?? gresGpus(value.text) ?? 1;
  if (gpusPerNode === undefined ? most > 0 : count <= most) return;
  const { cluster } = script;
  const other = cluster?.partitions.find((one) => (mostGpus(nodesOfPartitions(cluster, [one]), type) ?? 0) >= count);
  const fixes: OffsetFix[] = [];
  if (most > 0 && /(?<!\d)\d+(["']?)$/.test(value.text) && gpu.option?.name !== '--gpus-per-task')
    fixes.push(replace(value, value.text.replace(/(?<!\d)\d+$/, String(most)), `Change to ${most}`));
  if (other) fixes.push(choosePartition(script, other.name));
  const [fix, ...alternatives] = fixes;
  const message =
    most === 0
      ? `No node of ${where(script)} has GPUs`
      : `No node of ${where(script)} has ${count} GPUs (at most ${most})`;
  yield hit({ start: gpu.start, end: value.end }, message, { fix, alternatives });
}

/** The largest of some sizes; undefined where there are none or one is not known. */
function largest(sizes: readonly (number | undefined)[]): number | undefined {
  const known = sizes.filter((size) => size !== undefined);
  return known.length > 0 && known.length === sizes.length ? Math.max(...known) : undefined;
}

/** The names of a value that lists several, with their places. */
function items({ value }: OptionUse): (Span & { text: string })[] {
  if (!value) return [];
  const quoted = value.end - value.start - value.text.length;
  return [...value.text.matchAll(/[^,\s]+/g)].map((found) => {
    const start = value.start + Math.floor(quoted / 2) + found.index;
    return { text: found[0], start, end: start + found[0].length };
  });
}

/** The partitions a job may run in: those it names, else the default. */
function partitions(script: Script): Partition[] {
  const use = script.option('--partition', '-q');
  return script.cluster ? partitionsOf(script.cluster, use && items(use).map(({ text }) => text)) : [];
}

/** The nodes of those partitions, where they are known. */
function nodesOf(script: Script): Node[] {
  return script.cluster ? nodesOfPartitions(script.cluster, partitions(script)) : [];
}

function where(script: Script): string {
  return listed(partitions(script));
}

function choosePartition(script: Script, name: string): OffsetFix {
  const value = script.option('--partition')?.value;
  const title = `Use partition ${name}`;
  return value ? replace(value, name, title) : addDirective(script, `#SBATCH --partition=${name}`, title);
}

/** The type in `gpu:a100:2` or `a100:2`; undefined without one, or with several. */
function typeOf(value: string): string | undefined {
  const [first = '', ...more] = value
    .replace(/^gres[:/]/, '')
    .split(',')
    .filter(Boolean);
  const parts = first.split(/[:=]/).filter((part) => part !== 'gpu' && !/^\d*$/.test(part));
  return more.length ? undefined : parts[0];
}

/** The name that was probably meant as a fix, or else the nearest names to choose from. */
function closest(place: Span, written: string, known: readonly string[]): Pick<Hit, 'fix' | 'alternatives'> {
  // Only a clear typing error is corrected without asking.
  const meant = didYouMean(written, known);
  if (meant !== undefined) return { fix: replace(place, meant) };
  const distance = (name: string): number => editDistance(written.toLowerCase(), name.toLowerCase());
  const nearest = [...known].sort((a, b) => distance(a) - distance(b));
  return { alternatives: nearest.slice(0, 5).map((name) => replace(place, name)) };
}

function slurmTime(minutes: number): string {
  const clock = `${String(Math.floor(minutes / 60) % 24).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00`;
  const days = Math.floor(minutes / 1440);
  return days ? `${days}-${clock}` : clock;
}
