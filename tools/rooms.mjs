/**
 * The rooms of the house and the walls between them. One list: the lint rule, the house test and the table in
 * ARCHITECTURE.md are made from it. `node tools/rooms.mjs` writes the table.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Room
 * @property {string} name as messages and the table say it
 * @property {string} place its folder, relative to the project; of the ground floor, the files directly in it
 * @property {string} is what a newcomer finds there
 * @property {readonly string[]} may names of the rooms that it may import
 * @property {readonly string[]} [packages] of `GUARDED_PACKAGES`, those that it may import
 */

/** Rooms that everything in server/ may stand on. */
const GROUND = ['ground', 'shared'];

/** Packages that only some rooms may import: native, heavy, or bound to one side. @type {readonly string[]} */
export const GUARDED_PACKAGES = [
  'vscode',
  'vscode-languageclient',
  'vscode-languageserver',
  'onnxruntime-node',
  'ssh2',
  'pngjs',
];

/** Top floor first: a room imports only rooms below it. @type {readonly Room[]} */
export const ROOMS = [
  {
    name: 'client',
    place: 'client',
    is: "the extension host's side: commands, trees, panels. Knows VS Code, never ONNX, SSH or a file format",
    may: ['shared'],
    packages: ['vscode', 'vscode-languageclient'],
  },
  { name: 'media', place: 'media', is: 'what runs in the webviews: DOM only', may: ['shared'] },
  {
    name: 'commands',
    place: 'server/commands',
    is: 'the CLI, one file a family of commands; session.ts is the login that they share',
    may: [
      'dispatch',
      'runs',
      'cluster',
      'scripts',
      'reading',
      'history',
      'compute',
      'models',
      'diffusion',
      'fid',
      'download',
      ...GROUND,
    ],
  },
  {
    name: 'lsp',
    place: 'server/lsp',
    is: 'the language server: startServer(connection), documents, settings, requests',
    may: ['dispatch', 'runs', 'cluster', 'scripts', 'rules', 'reading', 'history', ...GROUND],
    packages: ['vscode-languageserver'],
  },
  {
    name: 'dispatch',
    place: 'server/dispatch',
    is: 'one run on a cluster: commit, staging, scripts, tracking, results',
    may: ['runs', 'cluster', 'jobs', 'reading', 'history', 'diffusion', 'images', 'download', ...GROUND],
  },
  {
    name: 'runs',
    place: 'server/runs',
    is: 'run configs: reading and checks, plan, run folder, manifest, execution here',
    may: [
      'compute',
      'models',
      'fid',
      'diffusion',
      'images',
      'numpy',
      'jobs',
      'reading',
      'history',
      'published',
      'download',
      ...GROUND,
    ],
  },
  {
    name: 'cluster',
    place: 'server/cluster',
    is: 'hosts (ssh, this machine), schedulers (slurm, lsf), queue, logs; states and reasons as data',
    may: ['jobs', 'reading', ...GROUND],
    packages: ['ssh2'],
  },
  {
    name: 'jobs',
    place: 'server/jobs',
    is: 'what profiles and run configs can ask for a job, in the words of each scheduler; pure',
    may: ['scripts', 'reading', 'catalogue', ...GROUND],
  },
  {
    name: 'scripts',
    place: 'server/scripts',
    is: 'batch scripts as a language: analysis, completion, hover, conversion, format, templates. Pure',
    may: ['rules', 'reading', 'catalogue', 'published', ...GROUND],
  },
  {
    name: 'rules',
    place: 'server/scripts/rules',
    is: 'what is wrong with a script: one entry in a table for each rule',
    may: ['reading', 'catalogue', 'published', ...GROUND],
  },
  {
    name: 'reading',
    place: 'server/scripts/reading',
    is: 'a script read: directives, words, shell, values, resources',
    may: ['catalogue', 'published', ...GROUND],
  },
  {
    name: 'catalogue',
    place: 'server/scripts/catalogue',
    is: 'the options of sbatch, srun, salloc, bsub, launchers and EDM, and the variables of jobs, as data',
    may: ['published', ...GROUND],
  },
  {
    name: 'compute',
    place: 'server/compute',
    is: 'processes that compute and their tasks; the only room that loads ONNX Runtime',
    may: ['models', 'weights', 'diffusion', 'fid', 'images', 'linalg', ...GROUND],
    packages: ['onnxruntime-node'],
  },
  {
    name: 'models',
    place: 'server/models',
    is: 'ONNX graphs: networks, detectors, Winograd form, metadata, import',
    may: ['weights', ...GROUND],
  },
  {
    name: 'diffusion',
    place: 'server/diffusion',
    is: 'noise schedules, samplers, random numbers, generation',
    may: ['images', 'numpy', ...GROUND],
  },
  {
    name: 'fid',
    place: 'server/fid',
    is: 'feature statistics, distances between them, further metrics',
    may: ['images', 'numpy', 'linalg', 'weights', ...GROUND],
  },
  {
    name: 'weights',
    place: 'server/weights',
    is: "reading other people's files: pickle, torch, safetensors. Executes nothing",
    may: GROUND,
  },
  {
    name: 'images',
    place: 'server/images',
    is: 'PNG and JPEG, sets of images, grids',
    may: ['numpy', ...GROUND],
    packages: ['pngjs'],
  },
  { name: 'numpy', place: 'server/numpy', is: "npy, npz, numpy's random numbers", may: GROUND },
  { name: 'linalg', place: 'server/linalg', is: 'dense float64 matrices', may: GROUND },
  {
    name: 'history',
    place: 'server/history',
    is: 'records of results, next to published figures',
    may: ['published', ...GROUND],
  },
  {
    name: 'published',
    place: 'server/published',
    is: "networks and references that EDM's authors publish, their figures, and what contradicts them; data",
    may: GROUND,
  },
  { name: 'download', place: 'server/download', is: 'files from https addresses, kept in a cache', may: GROUND },
  {
    name: 'ground',
    place: 'server',
    is: 'what every room of the server stands on: errors, git, atomic files, claims, digests, schemas',
    may: GROUND,
  },
  {
    name: 'shared',
    place: 'server/shared',
    is: 'the page between the sides: protocol, panel messages, defaults, numbers in words, types of the schemas',
    may: [],
  },
];

/** Files that stand above all rooms and wire them together. */
export const ENTRIES = ['server/cli.ts', 'server/all-commands.ts', 'server/lint-alone.ts'];

/**
 * The room of a file; undefined for what has no walls (entries, tests, tools).
 * @param {string} file relative to the project, with forward slashes
 * @returns {Room | undefined}
 */
export function roomOf(file) {
  if (ENTRIES.includes(file)) return undefined;
  const inside = ROOMS.filter(({ place }) => file.startsWith(`${place}/`));
  return inside.sort((a, b) => b.place.length - a.place.length)[0];
}

/**
 * How imports of one room are written in files of another, as a regular expression.
 * @param {Room} other
 * @param {Room} room
 */
function pathsInto({ name, place }, room) {
  // media/ has folders of its own that are called like rooms of the server: from there the whole path counts.
  if (!room.place.startsWith('server')) return String.raw`^(?:\.\./)+${place}/${name === 'ground' ? '[^/]+$' : ''}`;
  // No two rooms of the server share a folder's name; its ground floor has none, and every room of it may stand there.
  if (name === 'ground') return '^$';
  const nested = ROOMS.filter((one) => one.place.startsWith(`${place}/`)).map((one) => path.posix.basename(one.place));
  const own = nested.length > 0 ? `(?!(?:${nested.join('|')})/)` : '';
  return String.raw`^\.{1,2}/(?:.*/)?${path.posix.basename(place)}/${own}`;
}

/** The rule `no-restricted-imports` for each room, as parts of a flat ESLint configuration. */
export function wallRules() {
  return ROOMS.map((room) => {
    const forbidden = ROOMS.filter(({ name }) => name !== room.name && !room.may.includes(name));
    const message = `A wall: ${room.name} may import ${room.may.join(', ') || 'nothing'} (tools/rooms.mjs).`;
    const nested = ROOMS.filter(({ place }) => place.startsWith(`${room.place}/`));
    return {
      files: [`${room.place}/**/*.ts`],
      ignores: [...nested.map(({ place }) => `${place}/**`), ...ENTRIES],
      rules: {
        'no-restricted-imports': /** @type {['error', { paths: object[], patterns: object[] }]} */ ([
          'error',
          {
            paths: GUARDED_PACKAGES.filter((name) => !room.packages?.includes(name)).map((name) => ({ name, message })),
            patterns: forbidden.map((other) => ({ regex: pathsInto(other, room), message })),
          },
        ]),
      },
    };
  });
}

/** The table of ARCHITECTURE.md. */
export function roomsTable() {
  const rows = ROOMS.map(({ name, place, is, may }) => {
    const below = may.filter((other) => !GROUND.includes(other));
    const imports = [...below, ...(may.includes('ground') ? ['*'] : may.includes('shared') ? ['shared'] : [])];
    return `| \`${place}/\`${name === 'ground' ? ' (files)' : ''} | ${is} | ${imports.join(', ') || 'nothing'} |`;
  });
  return ['| Room | What it is | May import (* = ground and shared) |', '| --- | --- | --- |', ...rows].join('\n');
}

const PAGE = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'ARCHITECTURE.md');
/** Between these marks the page holds the table; its rows stay one line each. */
export const MARKS = /** @type {const} */ (['<!-- prettier-ignore-start -->', '<!-- prettier-ignore-end -->']);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = readFileSync(PAGE, 'utf8');
  const [from, to] = [text.indexOf(MARKS[0]) + MARKS[0].length, text.indexOf(MARKS[1])];
  writeFileSync(PAGE, `${text.slice(0, from)}\n\n${roomsTable()}\n\n${text.slice(to)}`);
}
