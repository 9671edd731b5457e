/** Space on a cluster: quotas where a site has them, else what is free on the file system of the work folder. */
import { askOn, placeOn, type Cluster } from '../cluster/cluster';

/** One limit: bytes that are used, and how many there may be. */
export interface Space {
  /** File system, in the words of the program that told. */
  of: string;
  kind: 'quota' | 'disk';
  used: number;
  limit: number;
}

/** From this share on a person is told even where nobody asked. */
const NEARLY_FULL = 0.9;

// `lfs quota` and `quota` print the same columns: file system, blocks of 1 KiB, soft and hard limit.
const ASK = `folder=$1
while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
if command -v lfs >/dev/null 2>&1; then lfs quota -q -u "$(id -un)" "$folder" 2>/dev/null | sed 's/^/quota /'; fi
if command -v quota >/dev/null 2>&1; then quota -w 2>/dev/null | sed 's/^/quota /'; fi
df -Pk "$folder" 2>/dev/null | tail -n 1 | sed 's/^/disk /'
exit 0`;

/** What limits the work folder; empty where nothing says. */
export async function spaceOn(cluster: Cluster): Promise<Space[]> {
  return readSpace((await askOn(cluster, ['sh', '-c', ASK, 'sh', placeOn(cluster)])) ?? '');
}

/** Reads the answer. A quota of 0 is none; of soft and hard limit the lower one counts. */
export function readSpace(text: string): Space[] {
  return text.split('\n').flatMap((line): Space[] => {
    const [kind, of = '', first = '', second = '', third = ''] = line.trim().split(/\s+/);
    const [one, two, three] = [first, second, third].map((word) =>
      /^\d+\*?$/.test(word) ? parseInt(word, 10) * 1024 : NaN,
    );
    if (one === undefined || two === undefined || three === undefined || Number.isNaN(one + two + three)) return [];
    // df: size, used, free. Of the size root may have a part.
    if (kind === 'disk') return two + three > 0 ? [{ of, kind, used: two, limit: two + three }] : [];
    const limits = [two, three].filter((limit) => limit > 0);
    return kind === 'quota' && limits.length > 0 ? [{ of, kind, used: one, limit: Math.min(...limits) }] : [];
  });
}

/** `1.5 GB`. */
export function bytesText(bytes: number): string {
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A limit in a sentence without a full stop. */
export function spaceText({ of, kind, used, limit }: Space): string {
  const share = `${bytesText(used)} of ${bytesText(limit)} used`;
  return kind === 'quota' ? `Quota on ${of}: ${share}` : `Disk ${of}: ${share}`;
}

/** What nearly fills its limit, as advice. */
export function nearlyFull(spaces: readonly Space[], cluster: string): string[] {
  return spaces
    .filter(({ used, limit }) => used >= NEARLY_FULL * limit)
    .map((space) => `${spaceText(space)}: "edm-workbench cluster clean --cluster ${cluster}" shows what can go`);
}
