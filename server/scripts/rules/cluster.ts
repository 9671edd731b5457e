import { gresGpus, resourcesOf } from '../reading/resources';
import { arrayElements, lsfMinutesOf, megabytesOf, secondsOf } from '../reading/values';
import { didYouMean, editDistance } from '../../suggest';
import {
  listed,
  mostGpus,
  mostMinutes,
  nodesOf as nodesOfPartitions,
  partitionsOf,
  type Node,
  type Partition,
} from '../reading/partitions';
import { older } from '../catalogue/releases';
import type { OptionUse } from '../reading/directives';
import type { BatchScript } from '../reading/script';
import { BOTH, SLURM, links, type OffsetFix, type Rule } from './rule';

/** Rules that hold a script against a snapshot of its cluster; without one they are silent. */
export const clusterRules: readonly Rule[] = [
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
      for (const use of named(script, '--partition', '-q'))
        for (const { text, start, end } of items(use))
          if (!names.includes(text))
            yield {
              start,
              end,
              message: `There is no ${use.spelling === '-q' ? 'queue' : 'partition'} ${text} on this cluster (${names.slice(0, 8).join(', ')})`,
              ...closest(text, names, start, end),
            };
    },
  },
  {
    id: 'cluster-time',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'More time than the partition allows',
    why: 'Such a job waits for ever (PartitionTimeLimit), or is refused where the site enforces the limit.',
    remedy: 'Ask for less, or use another partition.',
    link: links.limits,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const use = script.option('--time', '-W');
      const seconds =
        use?.option?.name === '-W'
          ? (lsfMinutesOf(use.value?.text ?? '') ?? 0) * 60
          : secondsOf(use?.value?.text ?? '');
      const allowed = partitions(script);
      const most = mostMinutes(allowed);
      if (!use?.value || !seconds || seconds <= most * 60) return;
      const limit =
        use.option?.name === '-W' ? `${Math.floor(most / 60)}:${String(most % 60).padStart(2, '0')}` : slurmTime(most);
      yield {
        start: use.value.start,
        end: use.value.end,
        message: `${listed(allowed)} allows at most ${limit}`,
        ...(script.cluster?.enforcePartitionLimits && { severity: 'error' as const }),
        fix: { title: `Change to ${limit}`, edits: [{ start: use.value.start, end: use.value.end, newText: limit }] },
      };
    },
  },
  {
    id: 'cluster-nodes',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'depends',
    title: 'More nodes than the partition has or allows',
    why: 'Such a job waits for ever (PartitionNodeLimit), or is refused.',
    remedy: 'Ask for fewer nodes.',
    link: links.limits,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const use = script.option('--nodes');
      const least = /^\s*(\d+)(k?)/i.exec(use?.value?.text ?? '');
      const wanted = Number(least?.[1]) * (least?.[2] ? 1024 : 1);
      const allowed = partitions(script);
      const limits = allowed.map(({ maxNodes, nodes }) => Math.min(maxNodes ?? Infinity, nodes?.length ?? Infinity));
      const most = Math.max(...limits);
      if (use?.value && limits.length && Number.isFinite(most) && wanted > most)
        yield {
          start: use.value.start,
          end: use.value.end,
          message: `${listed(allowed)} gives a job at most ${most} node${most === 1 ? '' : 's'}`,
          // More than there are is refused; more than the site allows waits for ever.
          ...(allowed.every(({ nodes }) => nodes !== undefined && wanted > nodes.length) && {
            severity: 'error' as const,
          }),
          fix: {
            title: `Change to ${most}`,
            edits: [{ start: use.value.start, end: use.value.end, newText: String(most) }],
          },
        };
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
      const use = script.option('--gres');
      const names = [
        ...new Set((script.cluster?.nodes ?? []).flatMap(({ gres = [] }) => gres.map(({ name }) => name))),
      ];
      for (const { text, start } of use && names.length && !/^none$/i.test(use.value?.text ?? '') ? items(use) : []) {
        const name = text.replace(/^gres[:/]/, '').split(/[:=]/)[0] ?? '';
        const at = start + text.indexOf(name);
        if (!names.includes(name))
          yield {
            start: at,
            end: at + name.length,
            message: `This cluster has no generic resource ${name} (${names.join(', ')})`,
            ...closest(name, names, at, at + name.length),
          };
      }
      const { gpusPerNode, gpu } = resourcesOf(script);
      const nodes = nodesOf(script);
      if (!gpu?.value || mostGpus(nodes) === undefined) return;
      const value = gpu.value;
      const types = [
        ...new Set(
          nodes.flatMap(({ gres = [] }) => gres.filter(({ name }) => name === 'gpu').map(({ type }) => type ?? '')),
        ),
      ].filter(Boolean);
      const type = typeOf(value.text);
      if (type !== undefined && types.length && !types.includes(type)) {
        const at = value.start + script.text.text.slice(value.start, value.end).indexOf(type);
        yield {
          start: at,
          end: at + type.length,
          message: `No node of ${where(script)} has GPUs of type ${type} (${types.join(', ')})`,
          ...closest(type, types, at, at + type.length),
        };
        return;
      }
      const most = mostGpus(nodes, type) ?? 0;
      const count = gpusPerNode?.count ?? gresGpus(value.text) ?? 1;
      if (gpusPerNode === undefined ? most > 0 : count <= most) return;
      const { cluster } = script;
      const other = cluster?.partitions.find(
        (one) => (mostGpus(nodesOfPartitions(cluster, [one]), type) ?? 0) >= count,
      );
      const fixes: OffsetFix[] = [];
      if (most > 0 && /\d+(["']?)$/.test(value.text) && gpu.option?.name !== '--gpus-per-task')
        fixes.push({
          title: `Change to ${most}`,
          edits: [{ start: value.start, end: value.end, newText: value.text.replace(/\d+$/, String(most)) }],
        });
      if (other) fixes.push(choosePartition(script, other.name));
      const [fix, ...alternatives] = fixes;
      yield {
        start: gpu.start,
        end: value.end,
        message:
          most === 0
            ? `No node of ${where(script)} has GPUs`
            : `No node of ${where(script)} has ${count} GPUs (at most ${most})`,
        ...(fix && { fix, alternatives }),
      };
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
      const use = script.option('--mem');
      const wanted = megabytesOf(use?.value?.text ?? '');
      const sizes = nodesOf(script).map(({ memoryMegabytes }) => memoryMegabytes);
      if (!use?.value || !wanted || !sizes.length || sizes.some((size) => size === undefined)) return;
      const most = Math.max(...sizes.map((size) => size ?? 0));
      if (wanted > most)
        yield {
          start: use.value.start,
          end: use.value.end,
          message: `The largest node of ${where(script)} has ${Math.floor(most / 1024)}G (${most} MB)`,
        };
    },
  },
  {
    id: 'cluster-cpus',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'More CPUs than a node has',
    why: 'A task runs on one node: the scheduler refuses the job ("Requested node configuration is not available").',
    remedy: 'Ask for fewer CPUs per task.',
    link: links.sbatch,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const use = script.option('--cpus-per-task');
      const sizes = nodesOf(script).map(({ cpus }) => cpus);
      if (!use?.value || !sizes.length || sizes.some((size) => size === undefined)) return;
      const most = Math.max(...sizes.map((size) => size ?? 0));
      if (Number(use.value.text) > most)
        yield {
          start: use.value.start,
          end: use.value.end,
          message: `The largest node of ${where(script)} has ${most} CPUs`,
          fix: {
            title: `Change to ${most}`,
            edits: [{ start: use.value.start, end: use.value.end, newText: String(most) }],
          },
        };
    },
  },
  {
    id: 'cluster-account',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'An account that is not yours',
    why: 'The scheduler refuses the job ("Invalid account or account/partition combination specified").',
    remedy: 'Use one of your accounts.',
    link: links.sbatch,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const { cluster } = script;
      const use = script.option('--account');
      if (!use?.value) return;
      const { start, end } = use.value;
      // Slurm keeps and compares account names in lower case.
      const account = use.value.text.toLowerCase();
      if (cluster?.accounts && !cluster.accounts.some((name) => name.toLowerCase() === account))
        yield {
          start,
          end,
          message: `You have no account ${use.value.text} (${cluster.accounts.join(', ')})`,
          ...closest(use.value.text, cluster.accounts, start, end),
        };
      for (const { name, allowAccounts } of partitions(script))
        if (allowAccounts && !allowAccounts.some((allowed) => allowed.toLowerCase() === account))
          yield { start, end, message: `Partition ${name} is not open to account ${use.value.text}` };
    },
  },
  {
    id: 'cluster-qos',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'A quality of service that is not yours',
    why: 'The scheduler refuses the job ("Invalid qos specification").',
    remedy: 'Use one of yours.',
    link: links.sbatch,
    fixable: true,
    needsCluster: true,
    check: function* (script) {
      const use = script.option('--qos');
      if (!use?.value) return;
      const { text, start, end } = use.value;
      const mine = script.cluster?.qos;
      if (mine && !mine.includes(text))
        yield {
          start,
          end,
          message: `There is no QoS ${text} for you (${mine.join(', ')})`,
          ...closest(text, mine, start, end),
        };
      for (const { name, allowQos } of partitions(script))
        if (allowQos && !allowQos.includes(text))
          yield { start, end, message: `Partition ${name} is not open to QoS ${text}` };
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
      const use = script.option('--constraint');
      const known = [...new Set((script.cluster?.nodes ?? []).flatMap(({ features }) => features ?? []))];
      if (!use?.value || !script.cluster?.nodes?.some(({ features }) => features !== undefined)) return;
      const raw = script.text.text.slice(use.value.start, use.value.end);
      for (const found of raw.matchAll(/[A-Za-z][\w.:-]*/g)) {
        if (known.includes(found[0])) continue;
        const start = use.value.start + found.index;
        const end = start + found[0].length;
        yield {
          start,
          end,
          message: `No node has the feature ${found[0]}${known.length ? ` (${known.slice(0, 8).join(', ')})` : ''}`,
          ...closest(found[0], known, start, end),
        };
      }
    },
  },
  {
    id: 'cluster-array',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: "An array index beyond the cluster's limit",
    why: 'Indices must stay below MaxArraySize; the scheduler refuses the job ("Invalid job array specification").',
    remedy: 'Use smaller indices, or several arrays.',
    link: links.arrays,
    fixable: false,
    needsCluster: true,
    check: function* (script) {
      const use = script.option('--array');
      const limit = script.cluster?.maxArraySize;
      if (!use?.value || limit === undefined) return;
      const { last } = arrayElements(use.value.text);
      if (last >= limit)
        yield { start: use.value.start, end: use.value.end, message: `Array index ${last} is not below ${limit}` };
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
      for (const { option, value, start, end, late } of script.directives.options) {
        if (late || !option) continue;
        const { name, since, until, valueSince, valueUntil } = option;
        const tooOld = (release: string | undefined): boolean => release !== undefined && older(version, release);
        const tooNew = (release: string | undefined): boolean => release !== undefined && !older(version, release);
        const problem =
          (tooOld(since) && `${name} is there since Slurm ${since}`) ||
          (tooNew(until) && `${name} was removed in Slurm ${until}`) ||
          (value && tooOld(valueSince) && `${name} takes a value since Slurm ${valueSince}`) ||
          (value && tooNew(valueUntil) && `${name} takes no value since Slurm ${valueUntil}`);
        if (problem) yield { start, end, message: `${problem}; this cluster has ${version}` };
      }
    },
  },
];

function named(script: BatchScript, ...names: string[]): OptionUse[] {
  return script.directives.options.filter(
    ({ option, late }) => !late && option !== undefined && names.includes(option.name),
  );
}

/** The names of a value that lists several, with their places. */
function items({ value }: OptionUse): { text: string; start: number; end: number }[] {
  if (!value) return [];
  const quoted = value.end - value.start - value.text.length;
  return [...value.text.matchAll(/[^,\s]+/g)].map((found) => {
    const start = value.start + Math.floor(quoted / 2) + found.index;
    return { text: found[0], start, end: start + found[0].length };
  });
}

/** The partitions a job may run in: those it names, else the default. */
function partitions(script: BatchScript): Partition[] {
  const use = script.option('--partition', '-q');
  return script.cluster ? partitionsOf(script.cluster, use && items(use).map(({ text }) => text)) : [];
}

/** The nodes of those partitions, where they say. */
function nodesOf(script: BatchScript): Node[] {
  return script.cluster ? nodesOfPartitions(script.cluster, partitions(script)) : [];
}

function where(script: BatchScript): string {
  return listed(partitions(script));
}

function choosePartition(script: BatchScript, name: string): OffsetFix {
  const use = script.option('--partition');
  const { offset, before, after } = script.directiveInsertion;
  return {
    title: `Use partition ${name}`,
    edits: use?.value
      ? [{ start: use.value.start, end: use.value.end, newText: name }]
      : [{ start: offset, end: offset, newText: `${before}#SBATCH --partition=${name}${after}` }],
  };
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

function closest(
  written: string,
  known: readonly string[],
  start: number,
  end: number,
): { fix?: OffsetFix; alternatives?: OffsetFix[] } {
  const fixTo = (name: string): OffsetFix => ({ title: `Change to ${name}`, edits: [{ start, end, newText: name }] });
  // Only a slip of the pen is put right without asking; anything else is a choice.
  const meant = didYouMean(written, known);
  if (meant !== undefined) return { fix: fixTo(meant) };
  const distance = (name: string): number => editDistance(written.toLowerCase(), name.toLowerCase());
  const nearest = [...known].sort((a, b) => distance(a) - distance(b));
  return { alternatives: nearest.slice(0, 5).map(fixTo) };
}

function slurmTime(minutes: number): string {
  const clock = `${String(Math.floor(minutes / 60) % 24).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00`;
  const days = Math.floor(minutes / 1440);
  return days ? `${days}-${clock}` : clock;
}
