/** Runs of a config on this machine, and what is recorded of them. */
import type { CommandSpec } from '../spec';
import { SENTENCE_STYLES } from '../../shared/result-sentence';
import { SOLVERS } from '../../shared/sampler-options';
import { DEVICES, JSON_OUTPUT } from './common-options';

export const RUN_COMMANDS = {
  run: {
    family: 'runs',
    summary: 'Generate, measure and record what a run config says',
    details: [
      'A run is one folder, runs/<commit>-<name>[-dirty]/; its numbers are added to .edm-workbench/history.jsonl.',
      'Run it again after an interruption: finished images are kept.',
    ],
    arguments: [{ value: 'CONFIG.edm.yaml', help: 'The run config', completes: 'file' }],
    ask: 'give a run config',
    options: { json: JSON_OUTPUT },
    examples: ['edm-workbench run garments.edm.yaml'],
  },
  history: {
    family: 'runs',
    summary: 'Print all recorded results of the repository',
    arguments: [
      {
        value: 'FOLDER',
        help: 'A folder of the repository',
        optional: true,
        otherwise: 'this one',
        completes: 'folder',
      },
    ],
    options: {
      record: { value: 'NAME', otherwise: 'all', help: "Only records of this id, commit (their beginnings) or run's name" },
      filter: { value: 'FILTER', otherwise: 'all', help: 'Words, and conditions such as steps<18, solver:heun, time>=2026-11' },
      sentence: { value: 'STYLE', choices: SENTENCE_STYLES, otherwise: 'a line for people', help: 'A sentence with all that the number depends on' },
      json: JSON_OUTPUT,
    }, // prettier-ignore
    examples: [
      'edm-workbench history',
      "edm-workbench history --filter 'nfe<=8'",
      'edm-workbench history --record 3f2a1b0 --sentence latex',
    ],
  },
  'schedule search': {
    family: 'runs',
    summary: "Find noise levels for a config's network and solver with few evaluations; writes a config",
    details: [
      'Levels are chosen to bring images near those of a fine teacher, and tried on other seeds. Nearer is not yet a lower FD.',
      'To know the distance: run both configs, then fid compare of the two runs.',
    ],
    arguments: [
      { value: 'CONFIG.edm.yaml', help: 'The run config whose network, solver and class are used', completes: 'file' },
    ],
    ask: 'give a run config',
    options: {
      nfe: { value: 'N', type: 'integer', least: 2, required: true, unit: 'evaluations', help: 'Network evaluations per image' },
      solver: { value: 'NAME', choices: SOLVERS, otherwise: "the config's", help: 'Solver, in place of the one of the config' },
      seeds: { value: 'LIST', default: '1000000-1000063', help: 'Seeds to learn from' },
      trial_seeds: { value: 'LIST', default: '2000000-2000063', help: 'Other seeds, to try the result on' },
      rounds: { value: 'N', type: 'integer', least: 0, default: 2, help: 'Rounds in which single levels are moved' },
      out: { value: 'NEW.edm.yaml', short: 'o', completes: 'file', otherwise: 'CONFIG-nfeN.edm.yaml', help: 'The config to write; must not be there' },
      device: { value: 'DEVICE', choices: DEVICES, otherwise: "the config's", help: 'Device, in place of the one of the config' },
      json: JSON_OUTPUT,
    }, // prettier-ignore
    examples: [
      'edm-workbench schedule search garments.edm.yaml --nfe 6 --solver dpmpp-2m',
      'edm-workbench schedule search garments.edm.yaml --nfe 8 --json',
    ],
  },
} as const satisfies Record<string, CommandSpec>;
