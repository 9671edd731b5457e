/** Scripts and configs checked, this machine examined, and what editors and shells need. */
import type { CommandSpec } from '../spec';
import { JSON_OUTPUT } from './common-options';

export const CHECK_COMMANDS = {
  lint: {
    family: 'checks',
    summary: 'Check scripts, run configs and clusters.yaml; exit status 0 clean, 1 errors found, 2 could not run',
    arguments: [
      {
        value: 'FILE',
        help: 'A batch script, a run config *.edm.yaml, or .edm-workbench/clusters.yaml',
        many: true,
        completes: 'file',
      },
    ],
    ask: 'give the files to check',
    options: {
      scheduler: {
        value: 'NAME',
        choices: ['slurm', 'lsf'],
        otherwise: 'from the directives',
        help: 'Scheduler that the scripts are for',
      },
      snapshot: {
        value: 'CLUSTER.json',
        completes: 'file',
        otherwise: 'no cluster',
        help: 'Check also against a cluster, as "snapshot" wrote it',
      },
      format: { value: 'FORMAT', choices: ['text', 'json', 'sarif'], default: 'text', help: 'Format of the findings' },
      fix: { help: 'Apply the fixes that keep the job as it is' },
    },
    examples: ['edm-workbench lint train.slurm', 'edm-workbench lint --snapshot icm.json --format sarif jobs/*.slurm'],
  },
  doctor: {
    family: 'checks',
    summary: 'Say what is here, what is missing and what to do',
    options: { json: JSON_OUTPUT },
    examples: ['edm-workbench doctor'],
  },
  lsp: {
    family: 'checks',
    summary: 'Start the language server, for any editor',
    options: { stdio: { help: 'Talk over stdin and stdout' } },
    examples: ['edm-workbench lsp --stdio'],
    passesOn: true,
  },
  completion: {
    family: 'checks',
    summary: 'Print the completion of commands, options and values for a shell',
    arguments: [{ value: 'SHELL', help: 'The shell', choices: ['bash', 'zsh', 'fish'] }],
    ask: 'name the shell, one of bash, zsh, fish',
    options: {},
    examples: [
      'source <(edm-workbench completion bash)   # in ~/.bashrc',
      'source <(edm-workbench completion zsh)    # in ~/.zshrc, after compinit',
      'edm-workbench completion fish > ~/.config/fish/completions/edm-workbench.fish',
    ],
  },
} as const satisfies Record<string, CommandSpec>;
