import { containerOptions, enginePrograms, type ContainerOption } from '../catalogue/engines';
import { optionOf, optionSpan, writtenValue, type Invocation, type LaunchOption } from '../reading/invocations';
import type { Script } from '../reading/script';
import { megabytesOf, secondsOf } from '../reading/values';
import { replace } from './fixes';
import { enclosing } from './launches';
import { BOTH, SLURM, at, hit, links, related, type Hit, type Rule } from './rule';

const slurmCommands = 'srun sbatch salloc squeue scontrol scancel sacct sinfo sbcast sstat'.split(' ');
/** Commands that ask the scheduler, or log in, each time they run. */
const asking = ['squeue', 'sacct', 'sinfo', 'scontrol', 'sstat', 'bjobs', 'ssh'];
/** More such commands are not looked at: each is compared with all sleeps. */
const mostAsking = 200;
/** Seconds between two questions that sites ask for. */
const politeSeconds = 60;
/** Folders that only the node sees, and that are emptied after the job. */
const nodeLocal =
  /^["']?(?:\/tmp|\/var\/tmp|\/dev\/shm|\/local(?:scratch|_scratch)?|\$\{?(?:SLURM_)?TMPDIR\}?|\$\{?TMP\}?)(?:\/|["']?$)/;
/** Round numbers of seconds that nobody means in minutes. */
const roundSeconds = /^(?:3600|86400|172800|259200|345600|432000|604800)$/;
const checkpointWords = /resum|checkpoint|ckpt|SLURM_RESTART_COUNT|restart|--load|latest|snapshot|continue/i;

/** Rules about what goes wrong while a job runs. */
export const runtimeRules: readonly Rule[] = [
  {
    id: 'slurm-in-container',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A Slurm command inside a container',
    why: "Images have no Slurm: the command is not found. Even if it is, it lacks the cluster's configuration and its key.",
    remedy: 'Turn it round: `srun apptainer exec image.sif program`.',
    link: links.srun,
    fixable: true,
    check: function* (script) {
      const whole = containerOptions.map(({ name }) => script.option(name)).find((use) => use !== undefined);
      for (const invocation of script.running(...slurmCommands)) {
        const { name, program } = invocation;
        if (whole && !/^(?:sbatch|salloc)$/.test(program)) {
          yield hit(name, `With ${whole.spelling} as a directive the whole script runs in the container, and ${program} is not in it`, {
            remedy: `Take ${whole.spelling} out of the directives, and give it to srun.`,
            // CSCS calls it experimental, and has it brought in by hooks on some systems.
            severity: whole.option?.name === '--environment' ? 'info' : undefined,
            related: related(at(whole), 'The container of the job'),
          }); // prettier-ignore
          return;
        }
        const engine = engineOf(script, invocation);
        if (!engine) continue;
        // With nothing but srun's name between, the two change places.
        const moved =
          program === 'srun' &&
          !invocation.stepOptions.length &&
          engine.parent === undefined &&
          engine.program !== 'srun' &&
          engine.command === invocation.command;
        const next = /^\s*/.exec(script.text.text.slice(name.end))?.[0].length ?? 0;
        const how = engine.program === 'srun' ? `srun ${containerOptionOf(engine)?.name ?? ''}` : engine.program;
        yield hit(name, `${program} is not in the image that ${how} runs`, {
          fix: moved
            ? {
                title: 'Put srun before the container',
                edits: [
                  { start: engine.name.start, end: engine.name.start, newText: 'srun ' },
                  { start: name.start, end: name.end + next, newText: '' },
                ],
              }
            : undefined,
        });
      }
    },
  },
  {
    id: 'time-of-seconds',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A time limit of seconds',
    why: 'A bare number means minutes, so `--time=3600` is two and a half days; a limit below a minute ends the job before it has begun.',
    remedy: 'Write hours, minutes and seconds: `--time=01:00:00`.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const value = script.option('--time')?.value;
      if (!value) return;
      const seconds = secondsOf(value.text) ?? 0;
      if (roundSeconds.test(value.text)) {
        const hours = Number(value.text) / 3600;
        yield hit(value, `--time=${value.text} is ${value.text} minutes (${+(Number(value.text) / 1440).toFixed(1)} days)`, {
          fix: replace(value, hours < 24 ? `${String(hours).padStart(2, '0')}:00:00` : `${hours / 24}-00:00:00`),
        }); // prettier-ignore
      } else if (seconds > 0 && seconds < 60) {
        // With hours in front it is written on purpose, if only for a first try.
        const whole = /^(\d+):(\d\d)$/.exec(value.text)?.[2];
        yield hit(value, `--time=${value.text} is ${seconds} seconds`, {
          severity: whole ? undefined : 'info',
          fix: whole ? replace(value, `00:${whole}:00`) : undefined,
        });
      }
    },
  },
  {
    id: 'exclusive-with-mem',
    severity: 'info',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A whole node with part of its memory',
    why: '`--exclusive` gives the job all CPUs of the node, but no more memory than it asks for: the rest is paid for and lies idle.',
    remedy: 'Write `--mem=0` for all memory of the node.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const exclusive = script.option('--exclusive');
      const mem = script.option('--mem');
      if (!exclusive || /^(?:user|mcs)/i.test(exclusive.value?.text ?? '') || !mem?.value || !megabytesOf(mem.value.text)) return; // prettier-ignore
      yield hit(at(mem), `The job has a whole node, but only ${mem.value.text} of its memory`, {
        fix: replace(mem.value, '0', 'Ask for all memory'),
        related: related(at(exclusive), 'The whole node'),
      });
    },
  },
  {
    id: 'requeue-from-start',
    severity: 'info',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A job that begins again from the start',
    why: 'After a requeue the script runs from its first line. Without a checkpoint all work before it is done again, and may overwrite what is there.',
    remedy: 'Let the program resume from its last checkpoint; SLURM_RESTART_COUNT says that it was requeued.',
    link: links.sbatch,
    fixable: false,
    check: function* (script) {
      const requeue = script.option('--requeue');
      if (requeue && !checkpointWords.test(script.text.text.replaceAll('--requeue', '')))
        yield hit(at(requeue), 'Nothing in the script resumes from a checkpoint');
    },
  },
  {
    id: 'polling-loop',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A loop that asks the scheduler, or logs in, all the time',
    why: 'Each question is work for the scheduler that all users share. Sites block accounts that ask every few seconds, and ssh servers refuse them.',
    remedy: 'Ask at most once a minute, or let the scheduler wait: `sbatch --dependency=afterok:ID`, `sbatch --wait`.',
    link: links.sbatch,
    fixable: false,
    check: pollingLoops,
  },
  {
    id: 'output-on-node',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: "Output on the node's own disk",
    why: 'The folder exists on the compute node only, and is often emptied when the job ends: the log or the images are lost.',
    remedy: 'Write to a shared file system, or copy the result there before the job ends.',
    link: links.sbatch,
    fixable: false,
    check: function* (script) {
      for (const { option, value } of script.activeOptions)
        if (option?.type === 'log' && value && nodeLocal.test(value.text))
          yield hit(value, `${value.text} is on the compute node, where you will not find it`);
      if (script.running('cp', 'mv', 'rsync', 'tar', 'zip', 'scp', 'rclone', 'dcp', 'sbcast', 'sgather').length) return;
      for (const option of script.inInvocations(localOutput))
        yield hit(optionSpan(option), 'The images are on the compute node, and nothing copies them away');
    },
  },
];

/** What starts a command in a container: an engine, or a step with a plug-in's option. */
function engineOf(script: Script, invocation: Invocation): Invocation | undefined {
  for (let one = invocation.parent; one; one = one.parent)
    if (enginePrograms.has(one.program) || containerOptionOf(one)) return one;
  const around = enclosing(script, invocation.command, [...enginePrograms]);
  const step = enclosing(script, invocation.command, ['srun']);
  return around ?? (step && containerOptionOf(step) ? step : undefined);
}

function containerOptionOf({ stepOptions }: Invocation): ContainerOption | undefined {
  return containerOptions.find(({ name }) => stepOptions.some(({ option }) => option?.name === name));
}

/** The option that puts images on a disk of the node. */
function localOutput(invocation: Invocation): LaunchOption | undefined {
  if (invocation.program !== 'generate.py' && invocation.program !== 'generate_images.py') return undefined;
  const option = optionOf(invocation, 'outdir');
  return option && nodeLocal.test(writtenValue(invocation, option) ?? '') ? option : undefined;
}

/** Commands in a loop with a sleep of less than a minute beside them, and `watch`. */
function* pollingLoops(script: Script): Generator<Hit> {
  const sleeps = script
    .running('sleep')
    .filter(({ command }) => command.depth > 0)
    .map(({ command, operands }) => ({ at: command.start, depth: command.depth, seconds: Number(operands[0]?.text) }));
  let last = -Infinity;
  for (const { command, name, program } of script.running(...asking).slice(0, mostAsking)) {
    if (command.depth === 0 || name.start < last) continue;
    const sleep = sleeps.find(
      ({ at: place, depth, seconds }) =>
        depth <= command.depth && Math.abs(place - command.start) < 600 && seconds > 0 && seconds < politeSeconds,
    );
    if (!sleep) continue;
    last = sleep.at;
    yield hit(name, `${program} runs every ${sleep.seconds} s in a loop`);
  }
  for (const { operands, name } of script.running('watch'))
    if (operands.some(({ text }) => asking.some((program) => text?.startsWith(program))))
      yield hit(name, 'watch asks the scheduler every 2 seconds');
}
