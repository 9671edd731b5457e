/** What there is to say about launchers and programs below the directives, their options and the values of these. */
import { nfe } from '../shared/defaults';
import { countOf } from '../shared/number-text';
import { networkText, presetText, referenceText, trainingPresetText } from '../published/published-text';
import { networkNamed } from '../published/published-names';
import { EDM2_PRESETS } from '../published/edm2-presets';
import type { Meaning, Program, ProgramOption } from './catalogue/program-option';
import { optionOf, runsUnder, spellingOf, spellingSpan, valueSpan } from './reading/invocations';
import {
  isLikely,
  knownProgram,
  localOptions,
  optionMeant,
  valueOf,
  type KnownProgram,
} from './reading/known-programs';
import { networkOf } from './reading/sampling-runs';
import type { Script } from './reading/script';
import type { Span } from './reading/text';
import { seedCount, seedsListed } from './reading/values';

/** The text for what is at an offset of a script's commands; undefined where nothing is known of it. */
export function programHover(script: Script, offset: number): (Span & { markdown: string }) | undefined {
  for (const invocation of script.invocations) {
    const { command, name } = invocation;
    if (offset < command.start || offset > command.end) continue;
    const known = knownProgram(invocation);
    if (!known) continue;
    const isAt = ({ start, end }: Span): boolean => start <= offset && offset <= end;
    if (isAt(name)) return isLikely(script, known) ? { ...name, markdown: describeProgram(known) } : undefined;
    for (const given of known.given) {
      const spelled = spellingSpan(given);
      const value = valueSpan(given);
      if (!isAt(spelled) && !(value && isAt(value))) continue;
      const option = optionMeant(known, spellingOf(given));
      if (!option || option.isHidden || !isLikely(script, known, given) || !isLocal(script, known, option))
        return undefined;
      if (isAt(spelled)) return { ...spelled, markdown: describeProgramOption(known.program, option) };
      if (!value || option.meta === undefined) return undefined;
      const says = given.value === undefined ? undefined : valueText(known, option.meaning, given.value);
      const texts = [says, describeProgramOption(known.program, option)];
      return { ...value, markdown: texts.filter((text) => text !== undefined).join('\n\n---\n\n') };
    }
  }
  return undefined;
}

/** Whether the program's own code, where it is here, still has an option. */
function isLocal(script: Script, known: KnownProgram, option: ProgramOption): boolean {
  const local = localOptions(script, known);
  return !local || [option.name, ...(option.aliases ?? [])].some((name) => local.names.has(name));
}

function describeProgram({ program, subcommand }: KnownProgram): string {
  const part = subcommand === undefined ? undefined : program.subcommands?.[subcommand];
  const title = part ? `${program.program} ${subcommand}` : program.program;
  const commands = part || !program.subcommands ? '' : `Subcommands: ${Object.keys(program.subcommands).map((one) => `\`${one}\``).join(', ')}.`; // prettier-ignore
  return [`\`${title}\` (${program.of})`, part?.help ?? program.help, commands, `[Documentation](${program.link})`].filter(Boolean).join('\n\n'); // prettier-ignore
}

/** An option in Markdown: its forms, its help, its values and its default. */
export function describeProgramOption({ program, of }: Program, option: ProgramOption): string {
  const { name, aliases = [], meta, values, help, isRequired } = option;
  const form = meta === undefined ? name : `${name}=${meta}`;
  const others = aliases.map((alias) => `, \`${alias}\``).join('');
  const notes = [
    values && values.length <= 12 ? `Values: ${values.map((value) => `\`${value}\``).join(', ')}.` : '',
    option.default === undefined ? '' : `Default: \`${option.default}\`.`,
    isRequired ? 'Required.' : '',
  ].filter(Boolean);
  return [`\`${form}\`${others} (${program}, ${of})`, help, notes.join(' ')].filter(Boolean).join('\n\n');
}

type Say = (value: string, known: KnownProgram) => string | undefined;

/** What a value means in its command, by the meaning of its option. */
const SAYINGS: Readonly<Record<Meaning, Say>> = {
  network: networkText,
  reference: referenceText,
  preset: presetText,
  'training-preset': trainingPresetText,
  steps: stepsText,
  seeds: (value) => {
    const [images, seeds] = [seedCount(value), seedsListed(value)];
    if (images === undefined || seeds === undefined) return undefined;
    return seeds === images ? `**${countOf(images, 'image')}**` : `**${countOf(images, 'image')}**: of ${countOf(seeds, 'seed')}, some stand several times.`; // prettier-ignore
  },
  batch: batchText,
  'total-batch': (value, known) => {
    const [batch, processes] = [imagesOf(value), processesOf(known)];
    if (batch === undefined) return undefined;
    const share = processes && processes > 1 && batch % processes === 0 ? `: ${countOf(batch / processes, 'image')} on each of ${processes} GPUs` : ''; // prettier-ignore
    return `**${countOf(batch, 'image')} in a training step**, over all GPUs together${share}.`;
  },
  class: (value, known) => {
    const network = networkNamed(networkOf(known) ?? '');
    return network && (network.classes === 0 ? `${network.name} is unconditional: it takes no class.` : `Class ${value} of the ${countOf(network.classes, 'class', 'classes')} of ${network.name} (0 to ${network.classes - 1}).`); // prettier-ignore
  },
  processes: (value, known) => {
    const [each, nodes] = [Number(value), Number(valueOf(known, 'nnodes') ?? '1')];
    if (!Number.isInteger(each) || !Number.isInteger(nodes)) return undefined;
    return `**${countOf(each, 'process', 'processes')} on each node**${nodes > 1 ? `, ${each * nodes} on ${nodes} nodes` : ''}`; // prettier-ignore
  },
};

function valueText(known: KnownProgram, meaning: Meaning | undefined, value: string): string | undefined {
  return meaning === undefined ? undefined : SAYINGS[meaning](value, known);
}

function stepsText(value: string, known: KnownProgram): string | undefined {
  const steps = Number(value);
  if (!/^\d+$/.test(value) || steps < 1) return undefined;
  if (steps === 1) return 'One step divides by zero: the images are black.';
  const isEuler = valueOf(known, 'solver') === 'euler';
  const evaluations = nfe(steps, isEuler ? 'euler' : 'heun');
  const how = isEuler ? 'Euler evaluates the network once in each step' : `2 · ${steps} - 1: Heun evaluates the network twice in each step but the last`; // prettier-ignore
  const published = networkNamed(networkOf(known) ?? '');
  const paper = published?.sampling;
  return [
    `**NFE ${evaluations}**: ${countOf(evaluations, 'evaluation')} of the network for each image. ${how}.`,
    isGuided(known) ? `The guiding network is evaluated as often.` : '',
    paper && published ? `The paper takes ${paper.steps} for ${published.name} (NFE ${nfe(paper.steps)}).` : '',
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** Whether a second network guides: as EDM2's generate_images.py decides it. */
function isGuided(known: KnownProgram): boolean {
  const preset = EDM2_PRESETS.get(valueOf(known, 'preset') ?? '');
  const guidance = Number(valueOf(known, 'guidance') ?? preset?.guidance ?? 1);
  const gnet = optionOf(known.invocation, 'gnet') ?? preset?.gnet;
  return gnet !== undefined && guidance !== 1;
}

/** As generate.py divides its seeds: into nearly equal batches, as many for each process. */
function batchText(value: string, known: KnownProgram): string | undefined {
  const batch = Number(value);
  const processes = processesOf(known);
  if (!/^\d+$/.test(value) || batch < 1 || processes === undefined) return undefined;
  const most = `**At most ${countOf(batch, 'image')} at once**${processes > 1 ? ` on each of ${processes} processes: ${batch * processes} together` : ''}.`; // prettier-ignore
  const given = optionOf(known.invocation, 'seeds');
  const written = given ? given.value : known.options.find(({ name }) => name === '--seeds')?.default;
  const seeds = written === undefined ? undefined : seedsListed(written);
  if (!seeds) return most;
  const batches = (Math.floor((seeds - 1) / (batch * processes)) + 1) * processes;
  return `${most} ${countOf(seeds, 'seed')} make ${countOf(batches, 'batch', 'batches')} of up to ${Math.ceil(seeds / batches)}.`; // prettier-ignore
}

/** Processes that a program runs in, over all nodes; undefined where the script does not tell. */
function processesOf({ invocation }: KnownProgram): number | undefined {
  const torchrun = runsUnder(invocation, 'torchrun');
  if (!torchrun) return runsUnder(invocation, /^(?:srun|mpirun|mpiexec|accelerate launch|jsrun)$/) ? undefined : 1;
  const counts = ['nproc-per-node', 'nnodes'].map((name) => {
    const option = optionOf(torchrun, name);
    return option ? Number(option.value ?? NaN) : 1;
  });
  const processes = counts.reduce((product, count) => product * count, 1);
  return Number.isInteger(processes) && processes > 0 ? processes : undefined;
}

/** A number of images, with the suffixes that train_edm2.py takes. */
function imagesOf(value: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+)(Ki|Mi|Gi)?$/.exec(value) ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * 2 ** (10 * ['', 'Ki', 'Mi', 'Gi'].indexOf(unit));
}
