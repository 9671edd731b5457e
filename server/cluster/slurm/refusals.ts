/** Which directive a refusal of sbatch is about. Its messages are those of slurm_errno.c and of its option parser. */
import { readScript } from '../../scripts/reading/read-script';

/** A message of a refusal, and the options that can cause it. */
interface Refusal {
  pattern: RegExp;
  /** The most likely cause first: the first that the script has is marked. */
  options: readonly string[];
}

const SIZE = [
  '--gres', '--gpus', '--gpus-per-node', '--gpus-per-task', '--constraint', '--nodelist', '--mem', '--mem-per-cpu', '--mem-per-gpu',
  '--cpus-per-task', '--ntasks-per-node', '--ntasks', '--nodes',
]; // prettier-ignore
const GPUS = ['--gres', '--gpus', '--gpus-per-node', '--gpus-per-task', '--gpus-per-socket', '--tres-per-task'];

export const REFUSALS: readonly Refusal[] = [
  { pattern: /account\/partition combination|Invalid account|association/i, options: ['--account', '--partition'] },
  { pattern: /invalid partition|partition name|nodes not in this partition|permitted to use this partition|partition not available|Partition in DOWN/i, options: ['--partition'] },
  { pattern: /generic resource|GRES|\bTRES\b/i, options: GPUS },
  { pattern: /time limit is invalid|Invalid time limit|--time\b/i, options: ['--time'] },
  { pattern: /time-min/i, options: ['--time-min'] },
  { pattern: /qos/i, options: ['--qos', '--time', '--account'] },
  { pattern: /violates accounting/i, options: ['--time', '--qos', '--account'] },
  { pattern: /preferred feature/i, options: ['--prefer'] },
  { pattern: /feature specification/i, options: ['--constraint'] },
  { pattern: /dependency/i, options: ['--dependency'] },
  { pattern: /job array/i, options: ['--array'] },
  { pattern: /wckey/i, options: ['--wckey'] },
  { pattern: /license/i, options: ['--licenses'] },
  { pattern: /reservation/i, options: ['--reservation'] },
  { pattern: /invalid node name/i, options: ['--nodelist', '--exclude'] },
  { pattern: /node count|Required node not available/i, options: ['--nodes', '--nodelist'] },
  { pattern: /CPU count/i, options: ['--cpus-per-task', '--ntasks', '--ntasks-per-node'] },
  { pattern: /task count/i, options: ['--ntasks', '--ntasks-per-node'] },
  { pattern: /memory/i, options: ['--mem', '--mem-per-cpu', '--mem-per-gpu'] },
  { pattern: /more processors|more tasks|threads per core/i, options: ['--ntasks', '--cpus-per-task', '--ntasks-per-node', '--nodes'] },
  { pattern: /node configuration is not available/i, options: SIZE },
  { pattern: /burst buffer/i, options: ['--bb', '--bbf'] },
  { pattern: /switch/i, options: ['--switches'] },
]; // prettier-ignore

/**
 * The line of a script that made sbatch say this.
 * @returns 0-based; undefined where the message names none, or no directive is the cause
 */
export function refusedLine(message: string, script: string): number | undefined {
  const lines = script.split('\n');
  if (/DOS line breaks/.test(message)) return at(lines.findIndex((line) => line.endsWith('\r')));
  if (/does not look like a batch script|No such file|empty/i.test(message)) return 0;
  const directive = /directive found in batch script: (.+)/.exec(message)?.[1]?.trim();
  if (directive) return at(lines.findIndex((line) => line.startsWith('#SBATCH') && line.includes(directive)));
  // getopt's messages have the spelling of the script.
  const spelling =
    /(?:unrecognized option|option) '(--?[\w-]+)/.exec(message)?.[1] ??
    /invalid option -- '(.)'/.exec(message)?.[1]?.replace(/^/, '-');
  const read = readScript(script, { scheduler: 'slurm' });
  if (!read) return undefined;
  const used = read.directives.options.filter(({ late }) => !late);
  if (spelling) return used.find((use) => use.spelling === spelling || use.spelling.startsWith(spelling))?.line;
  const lineOf = (names: readonly string[]): number | undefined => {
    for (const name of names) {
      // The last use is the one that counts.
      const use = used.filter(({ option }) => option?.name === name).pop();
      if (use) return use.line;
    }
    return undefined;
  };
  // `Invalid --begin specification`, `Invalid numeric value "x" for --nodes`, `sbatch: error: --nice ...`.
  const named = [...message.matchAll(/--[a-z][a-z-]*/g)].map(([name]) => name);
  const exact = lineOf(named);
  if (exact !== undefined) return exact;
  for (const { pattern, options } of REFUSALS) {
    const line = pattern.test(message) ? lineOf(options) : undefined;
    if (line !== undefined) return line;
  }
  return undefined;
}

const at = (index: number): number | undefined => (index < 0 ? undefined : index);
