/** Proposals for the value of an option: the cluster's first, then its fixed values, then typical ones. */
import type { ClusterSnapshot } from '../shared/schema-types.gen';
import type { OptionSpec, ValueType } from './catalogue/option-spec';
import { patterns } from './catalogue/patterns';
import { inValue, type Completion, type RangeFrom } from './proposal';
import type { Script } from './reading/script';

/** What the option takes at the cursor. @param typed what stands there already, from column `start` on */
export function values(
  option: OptionSpec,
  typed: string,
  start: number,
  from: RangeFrom,
  script: Script | undefined,
): Completion[] {
  const quoted = /^["']/.test(typed) ? 1 : 0;
  const comma = ['mail-type', 'list', 'gres'].includes(option.type) ? typed.lastIndexOf(',') + 1 : 0;
  const range = from(start + Math.max(quoted, comma), inValue);
  const proposal = (label: string, detail?: string): Completion => ({
    label,
    kind: 'value',
    insert: label,
    range,
    ...(detail !== undefined && { detail }),
  });
  if (option.type === 'log') {
    const percent = typed.lastIndexOf('%');
    if (percent >= 0 && percent >= typed.length - 2)
      return patterns
        .filter(({ scheduler }) => scheduler === (option.name.startsWith('--') ? 'slurm' : 'lsf'))
        .map(({ letter, help, example }) => ({
          label: `%${letter}`,
          kind: 'value',
          insert: `%${letter}`,
          range: from(start + percent, /^%?\w?/),
          detail: example,
          documentation: help,
        }));
  }
  const known = script?.cluster ? clusterValues(option, script.cluster) : [];
  return [
    ...known.map(({ label, detail }) => proposal(label, detail)),
    ...(option.values ?? []).map((value) => proposal(value)),
    ...(known.length ? [] : (examples[option.type] ?? []).map(([value, detail]) => proposal(value, detail))),
  ];
}

/** Values that the cluster has, with what is free. */
function clusterValues(option: OptionSpec, cluster: ClusterSnapshot): { label: string; detail?: string }[] {
  const nodes = cluster.nodes ?? [];
  switch (option.name) {
    case '--partition':
    case '-q':
      return cluster.partitions.map(({ name, maxMinutes, default: standard }) => ({
        label: name,
        detail: [standard ? 'default' : '', maxMinutes === undefined ? '' : `up to ${+(maxMinutes / 60).toFixed(1)} h`]
          .filter(Boolean)
          .join(', '),
      }));
    case '--account':
    case '-P':
      return (cluster.accounts ?? []).map((label) => ({
        label,
        detail: label === cluster.defaultAccount ? 'default' : '',
      }));
    case '--qos':
      return (cluster.qos ?? []).map((label) => ({ label }));
    case '--constraint':
    case '--prefer':
      return [...new Set(nodes.flatMap(({ features }) => features ?? []))].map((label) => ({
        label,
        detail: `${nodes.filter(({ features }) => features?.includes(label)).length} nodes`,
      }));
    case '--nodelist':
    case '--exclude':
    case '-m':
      return nodes.map(({ name, state }) => ({ label: name, ...(state !== undefined && { detail: state }) }));
    case '--gres': {
      const kinds = new Map<string, { free: number; most: number }>();
      for (const { gres = [] } of nodes)
        for (const { name, type, count, used = 0 } of gres) {
          const label = type ? `${name}:${type}` : name;
          const kind = kinds.get(label) ?? { free: 0, most: 0 };
          kinds.set(label, { free: kind.free + count - used, most: Math.max(kind.most, count) });
        }
      // More than eight would only lengthen the list.
      return [...kinds].flatMap(([label, { free, most }]) =>
        Array.from({ length: Math.min(most, 8) }, (_, i) => ({
          label: `${label}:${i + 1}`,
          detail: `${free} free, at most ${most} on a node`,
        })),
      );
    }
    default:
      return [];
  }
}

/** Typical values of some types, with what they mean. */
const examples: Readonly<Partial<Record<ValueType, readonly (readonly [value: string, meaning: string])[]>>> = {
  time: [
    ['00:30:00', 'half an hour'],
    ['04:00:00', 'four hours'],
    ['1-00:00:00', 'one day'],
    ['2-00:00:00', 'two days'],
  ],
  memory: [
    ['16G', ''],
    ['32G', ''],
    ['64G', ''],
    ['0', 'all memory of the node'],
  ],
  gres: [
    ['gpu:1', 'one GPU per node'],
    ['gpu:2', ''],
    ['gpu:4', ''],
  ],
  gpus: [
    ['1', ''],
    ['2', ''],
    ['4', ''],
  ],
  dependency: [
    ['afterok:', 'after that job succeeds'],
    ['afterany:', 'after that job ends'],
    ['afternotok:', 'after that job fails'],
    ['singleton', 'one job of this name at a time'],
  ],
  distribution: [
    ['block', ''],
    ['cyclic', ''],
    ['block:cyclic', ''],
    ['plane=', ''],
  ],
  signal: [['B:USR1@300', 'to the script, 5 minutes before the time limit']],
  'lsf-time': [
    ['0:30', 'half an hour'],
    ['4:00', 'four hours'],
    ['24:00', 'one day'],
    ['48:00', 'two days'],
  ],
  'lsf-gpu': [
    ['num=1:mode=exclusive_process', ''],
    ['num=2:mode=exclusive_process', ''],
  ],
  'lsf-resources': [
    ['rusage[mem=16GB]', 'reserves memory'],
    ['span[hosts=1]', 'all slots on one host'],
    ['span[ptile=4]', 'four slots per host'],
    ['select[]', 'chooses hosts'],
  ],
};
