/** Runs of a config on this machine, and what is recorded of them. */
import type { CommandSpec } from '../spec';
import { JSON_OUTPUT } from './common-options';

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
    options: { json: JSON_OUTPUT },
    examples: ['edm-workbench history', 'edm-workbench history --json'],
  },
} as const satisfies Record<string, CommandSpec>;
