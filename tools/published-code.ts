/**
 * Digests of the code of EDM's and EDM2's networks in every version that was published, for `server/weights/network-code.ts`.
 * The source itself is not kept: it is CC BY-NC-SA 4.0.
 *
 *     npx tsx tools/published-code.ts EDM EDM2 > server/weights/published-code.gen.ts
 *
 * EDM and EDM2 are git clones of NVlabs/edm and NVlabs/edm2; all commits of what is checked out there are read.
 */
import { isPersistent, moduleDigests } from '../server/weights/network-code';
import { pythonStatements } from '../server/weights/python-statements';
import { startSync } from './programs.mjs';

/** Where each repository keeps its networks. */
const FILES = ['training/networks.py', 'training/networks_edm2.py'] as const;

function git(repository: string, ...args: string[]): string {
  const { status, stdout, stderr } = startSync('git', ['-C', repository, ...args], { maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(stderr || `git ${args.join(' ')} failed`);
  return stdout;
}

/** One family as a row of the table. */
function familyOf(repository: string, file: string): string {
  const commits = git(repository, 'log', '--format=%H', '--reverse', 'HEAD', '--', file).trim().split('\n');
  const digests = new Map<string, Set<string>>();
  const acts = new Set<string>();
  const persistent = new Set<string>();
  for (const commit of commits) {
    const source = git(repository, 'show', `${commit}:${file}`);
    const module = moduleDigests(source);
    for (const [name, { digest }] of module.names) digests.set(name, (digests.get(name) ?? new Set()).add(digest));
    for (const digest of module.acts) acts.add(digest);
    for (const one of pythonStatements(source)) if (isPersistent(one)) persistent.add(one.binds[0]!);
  }
  const quoted = (values: Iterable<string>): string => [...values].map((value) => `'${value}'`).join(', ');
  const rows = [...digests].map(([name, list]) => `      ['${name}', [${quoted(list)}]],`);
  return [
    '  {',
    `    file: '${file}',`,
    `    commits: [${quoted(commits.map((commit) => commit.slice(0, 12)))}],`,
    '    digests: new Map<string, readonly string[]>([',
    ...rows,
    '    ]),',
    `    acts: new Set<string>([${quoted(acts)}]),`,
    `    persistent: new Set<string>([${quoted(persistent)}]),`,
    '  },',
  ].join('\n');
}

const repositories = process.argv.slice(2);
if (repositories.length !== FILES.length) throw new Error('give the folders of clones of NVlabs/edm and NVlabs/edm2');
const families = FILES.map((file, i) => familyOf(repositories[i]!, file));
process.stdout.write(`// Made by tools/published-code.ts. Do not edit.
/** Digests of the published code of networks, by the name that it defines; in \`acts\` of what runs by itself. */
export const PUBLISHED_CODE = [
${families.join('\n')}
];
`);
