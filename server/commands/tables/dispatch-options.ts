/** Runs on clusters: their results, containers and batch sizes, and what their jobs call themselves. */
import { CLEANABLE_STATES } from '../../dispatch/cleanable-states';
import type { Builder } from '../../dispatch/container/pipeline';
import type { CommandSpec } from '../spec';
import { CLUSTER, JSON_OUTPUT } from './common-options';

export const DISPATCH_COMMANDS = {
  pull: {
    family: 'dispatches',
    summary: 'Bring back the results of submitted runs that have ended: statistics, grid, manifest and logs',
    arguments: [
      {
        value: 'RUN',
        help: 'Token of a run or its beginning, its run folder, name or commit',
        optional: true,
        otherwise: 'all',
      },
    ],
    options: {
      cluster: { ...CLUSTER, otherwise: "the run's, or the latest run's" },
      images: { help: 'Also all images of RUN' },
      seeds: { value: 'LIST', otherwise: 'no images', help: 'Also the images of these seeds of RUN, e.g. 0-99' },
      json: JSON_OUTPUT,
    },
    examples: [
      'edm-workbench pull',
      'edm-workbench pull 3f9c2a --seeds 0-99',
      'edm-workbench pull runs/1a2b3c4-cifar --images',
    ],
  },
  'cluster calibrate': {
    family: 'dispatches',
    summary: 'Measure the batch size for a config with a short job on a node of the cluster',
    arguments: [{ value: 'CONFIG.edm.yaml', help: 'The run config', completes: 'file' }],
    ask: 'give a run config',
    options: {
      cluster: CLUSTER,
      sizes: {
        value: 'LIST',
        otherwise: '8 to 1024, doubling',
        unit: 'images',
        help: 'Batch sizes to try, e.g. 8,16,32',
      },
      write: { help: 'Write the batch size into the config' },
      json: JSON_OUTPUT,
    },
    examples: ['edm-workbench cluster calibrate garments.edm.yaml --cluster icm --write'],
  },
  'cluster clean': {
    family: 'dispatches',
    summary: 'Show what can go from the work folder of a cluster, and remove it with --yes',
    details: [
      'Runs, work trees of commits without runs, and files and programs that no run needs. What a job uses stays.',
      'Runs that have not been pulled stay, and so do complete ones whose results were not fetched to this repository.',
    ],
    options: {
      cluster: CLUSTER,
      'older-than': {
        value: 'DAYS',
        type: 'integer',
        least: 0,
        default: 30,
        unit: 'days',
        help: 'Only what has not changed since',
      },
      'larger-than': {
        value: 'MB',
        type: 'integer',
        least: 0,
        default: 0,
        unit: 'MB',
        help: 'Only what takes as much',
      },
      state: {
        value: 'LIST',
        suggestions: CLEANABLE_STATES,
        default: 'complete,failed,cancelled',
        help: 'Only runs that ended so; unknown is one too',
      },
      unfetched: { help: 'Also complete runs whose results were not fetched to this repository' },
      yes: { help: 'Remove what is shown' },
      json: JSON_OUTPUT,
    },
    examples: [
      'edm-workbench cluster clean --cluster icm',
      'edm-workbench cluster clean --cluster icm --older-than 90 --yes',
    ],
  },
  'container build': {
    family: 'dispatches',
    summary: 'Make an Apptainer image on a cluster from a Dockerfile here; goes on where it was interrupted',
    options: {
      cluster: CLUSTER,
      file: { value: 'FILE', default: 'Dockerfile', completes: 'file', help: 'The Dockerfile' },
      name: {
        value: 'NAME',
        default: 'edm',
        help: 'Beginning of the image\'s name: letters, digits, ".", "_" and "-"',
      },
      with: {
        value: 'PROGRAM',
        choices: ['docker', 'podman'] as const satisfies readonly Builder[],
        otherwise: 'the first that answers',
        help: 'Program that builds the image here',
      },
      json: JSON_OUTPUT,
    },
    examples: ['edm-workbench container build --cluster icm --file Dockerfile'],
  },
  'container template': {
    family: 'dispatches',
    summary: 'Print a Dockerfile for EDM to start from',
    options: {},
    examples: ['edm-workbench container template > Dockerfile'],
  },
  shard: {
    family: 'dispatches',
    summary: 'Compute one task of a submitted run, as its job script calls it: images and their statistics',
    arguments: [
      { value: 'RUN_FOLDER', help: 'Folder of the run', completes: 'folder' },
      { value: 'K/N', help: 'Share of the seeds: task K of N, e.g. 2/4' },
    ],
    ask: 'give a run folder and a share such as 2/4',
    options: {},
    examples: ['edm-workbench shard runs/0017966-garments 2/4'],
  },
  finish: {
    family: 'dispatches',
    summary: 'End a submitted run, as its job script calls it: merged statistics, distance, grid and manifest',
    arguments: [{ value: 'RUN_FOLDER', help: 'Folder of the run', completes: 'folder' }],
    ask: 'give a run folder',
    options: { json: JSON_OUTPUT },
    examples: ['edm-workbench finish runs/0017966-garments'],
  },
} as const satisfies Record<string, CommandSpec>;
