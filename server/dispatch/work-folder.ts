/** What lies in the work folder of a cluster: runs, work trees, files and programs that were sent, with size and age. */
import { placeOn, runOn, type Cluster } from '../cluster/cluster';
import { PLAN_FILE } from '../runs/plan-file';
import { FACTS_FILE } from './edm-result';

/** One thing there. */
export interface Item {
  kind: 'run' | 'commit' | 'file' | 'program';
  /** Relative to the work folder. */
  path: string;
  bytes: number;
  /** When anything in it changed last, in seconds since 1970 by the clock there. */
  modified: number;
  /** Of a run: what its manifest says. */
  status?: string;
}

/** Everything there, and which run needs which file: paths of plans and folders of files. */
export interface WorkFolder {
  /** Absolute path. */
  folder: string;
  /** Seconds since 1970 by the clock there. */
  now: number;
  items: Item[];
  /** Paths of files (`files/...`) by the run that names them. */
  uses: { run: string; file: string }[];
}

// A run is a folder with a plan or facts that the workbench wrote, and never the top of a work tree.
const LIST = `cd "$1" 2>/dev/null || exit 0
item() {
  newest=$(find "$2" -printf '%T@\\n' 2>/dev/null | sort -n | tail -n 1)
  status=$(sed -n 's/^ *"status": *"\\([a-z]*\\)",*$/\\1/p' "$2/run.json" 2>/dev/null | head -n 1)
  printf 'item %s %s %s %s %s\\n' "$1" "$(du -sk "$2" | cut -f 1)" "\${newest%.*}" "\${status:--}" "$2"
}
date '+now %s'
find commits -mindepth 5 -maxdepth 12 -type f \\( -name ${PLAN_FILE} -o -name ${FACTS_FILE} \\) 2>/dev/null | while IFS= read -r file; do
  run=\${file%/*}
  [ -d "$run/images" ] && item run "$run"
  grep -o 'files/[0-9a-f]\\{16\\}' "$file" 2>/dev/null | sort -u | while read -r used; do echo "use $used $run"; done
done
for tree in commits/*/*; do [ -d "$tree" ] && item commit "$tree"; done
for file in files/*; do [ -d "$file" ] && item file "$file"; done
for program in workbench/*; do [ -d "$program" ] && item program "$program"; done
exit 0`;

const KINDS: readonly Item['kind'][] = ['run', 'commit', 'file', 'program'];
/** What paths of items look like; another one is not ours. */
const PATHS: Readonly<Record<Item['kind'], RegExp>> = {
  run: /^commits\/[\w.-]+\/[0-9a-f]{40,64}(?:\/[\w.-]+)+$/,
  commit: /^commits\/[\w.-]+\/[0-9a-f]{40,64}$/,
  file: /^files\/[0-9a-f]{16}$/,
  program: /^workbench\/[\w.-]+$/,
};

/** Whether a path is that of an item, and leads nowhere else. */
export function isItemPath(kind: Item['kind'], path: string): boolean {
  return PATHS[kind].test(path) && !path.split('/').some((part) => /^\.+$/.test(part));
}

/** Looks through the work folder. @throws UserError where that cannot be read */
export async function readWorkFolder(cluster: Cluster): Promise<WorkFolder> {
  const folder = placeOn(cluster);
  const listed = await runOn(cluster, 'Looking through the work folder', ['sh', '-c', LIST, 'sh', folder]);
  const found: WorkFolder = { folder, now: 0, items: [], uses: [] };
  for (const line of listed.split('\n')) {
    const [word, ...rest] = line.split(' ');
    if (word === 'now') found.now = Number(rest[0]);
    if (word === 'use') found.uses.push({ file: rest[0] ?? '', run: rest.slice(1).join(' ') });
    if (word !== 'item') continue;
    const [named, kilobytes, modified, status = '-', ...path] = rest;
    const kind = KINDS.find((one) => one === named);
    if (kind === undefined || !isItemPath(kind, path.join(' '))) continue;
    const item: Item = { kind, path: path.join(' '), bytes: Number(kilobytes) * 1024, modified: Number(modified) };
    found.items.push(status === '-' ? item : { ...item, status });
  }
  return found;
}
