import { optionOf, runsUnder, type Invocation } from '../reading/invocations';
import { resourcesOf } from '../reading/resources';
import type { Script } from '../reading/script';
import type { Assignment } from '../reading/shell-command';
import { engines, vendorWords, type GpuVendor } from '../catalogue/engines';
import { insert, replace, type OffsetFix } from './fixes';
import { BOTH, hit, links, type Hit, type Rule } from './rule';

/** Rules about containers: what they see of the node, where they are built, and where they come from. */
export const containerRules: readonly Rule[] = [
  {
    id: 'nv-missing',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A container without --nv in a GPU job',
    why: 'Without `--nv` (NVIDIA), `--rocm` (AMD) or what another engine has for it, the container sees no GPU: PyTorch runs on the CPU, or fails.',
    remedy: "Add the engine's option for GPUs: `--nv` or `--rocm` to apptainer, `--gpu` to podman-hpc.",
    link: links.apptainerGpu,
    fixable: true,
    check: function* (script) {
      if (!resourcesOf(script).gpu) return;
      // A module of the site that prepares containers binds what they need.
      if (script.running('module', 'ml').some(({ operands }) => operands.some(({ raw }) => /bind|container/i.test(raw)))) return; // prettier-ignore
      const vendor = vendorOf(script);
      // The devices of AMD are in /dev, which containers have: an image with its own ROCm needs nothing else.
      if (/rocm[\w.-]{0,99}\.sif\b/i.test(script.text.text)) return;
      for (const { program, flags, variables = [] } of engines)
        if (flags && !sets(script, ...variables))
          for (const invocation of script.running(program)) yield* withoutGpu(invocation, flags, vendor);
    },
  },
  {
    id: 'bind-missing',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A container without --bind',
    why: 'Apptainer mounts the home folder and, at most sites, the current one. Project and scratch file systems are often not mounted, so the program does not find its files.',
    remedy: 'Add `--bind "$PWD"` and whatever else the program reads.',
    link: links.apptainerBind,
    fixable: true,
    check: function* (script) {
      if (sets(script, 'APPTAINER_BIND', 'APPTAINER_BINDPATH', 'SINGULARITY_BIND', 'SINGULARITY_BINDPATH')) return;
      const inside = new Set(
        script.invocations
          .filter(({ program, parent }) => parent && program.endsWith('.py'))
          .map((invocation) => runsUnder(invocation, 'apptainer exec')),
      );
      for (const invocation of script.running('apptainer exec')) {
        if (!inside.has(invocation)) continue;
        if (optionOf(invocation, 'bind', 'B', 'mount', 'home', 'H', 'pwd', 'cwd')) continue;
        const end = subcommandEnd(invocation);
        yield hit(
          { start: invocation.name.start, end },
          'The container mounts only the home folder and, at most sites, the current one',
          { fix: insert(optionOf(invocation, 'nv')?.word.end ?? end, ' --bind "$PWD"', 'Add --bind "$PWD"') },
        );
      }
    },
  },
  {
    id: 'apptainer-tmpdir',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A container build without a temporary folder',
    why: '`apptainer build` unpacks the whole image into APPTAINER_TMPDIR. By default that is /tmp of the node, which is small: the build fails after hours in the queue.',
    remedy: 'Set APPTAINER_TMPDIR to a folder with enough space, and create it.',
    link: links.apptainerBuild,
    fixable: true,
    check: function* (script) {
      const [build] = script.running('apptainer build', 'apptainer pull');
      if (!build || tmpdirOf(script) || script.shell.variables.has('TMPDIR')) return;
      if (build.command.assignments.some(({ name }) => name.endsWith('_TMPDIR'))) return;
      const { offset, indent, eol } = lineOf(script, build.command.start);
      yield hit(
        { start: build.name.start, end: subcommandEnd(build) },
        'APPTAINER_TMPDIR is not set, so the build unpacks into /tmp of the node',
        {
          fix: insert(
            offset,
            `${indent}export APPTAINER_TMPDIR="$HOME/tmp"${eol}${indent}mkdir -p "$APPTAINER_TMPDIR"${eol}`,
            'Set and create APPTAINER_TMPDIR',
          ),
        },
      );
    },
  },
  {
    id: 'apptainer-tmpdir-missing',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A temporary folder that is never created',
    why: 'apptainer does not create APPTAINER_TMPDIR. If the folder is missing, the build fails at once.',
    remedy: 'Add `mkdir -p "$APPTAINER_TMPDIR"`.',
    link: links.apptainerBuild,
    fixable: true,
    check: function* (script) {
      const set = tmpdirOf(script);
      if (!set || !script.running('apptainer build', 'apptainer pull').length) return;
      const folder = set.value.raw.replace(/["']/g, '');
      if (
        script.context.folderExists?.(set.value.text ?? folder) ||
        /^(?:\/tmp|\/var\/tmp|\$\{?TMPDIR\}?|\$\{?SLURM_TMPDIR\}?)$/.test(folder) ||
        folder.includes('mktemp') ||
        creates(script, set, folder)
      )
        return;
      const { end, indent, eol } = lineOf(script, set.start);
      yield hit(set, `${set.name} must exist before apptainer runs, but nothing in the script creates it`, {
        fix: insert(end, `${eol}${indent}mkdir -p "$${set.name}"`, `Add mkdir -p "$${set.name}"`),
      });
    },
  },
  {
    id: 'docker-archive-slashes',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'docker-archive: with the wrong number of slashes',
    why: 'An absolute path takes three slashes, `docker-archive:///home/...`: two belong to the address, the third to the path. With two, the first folder is taken for a host.',
    remedy: 'Write `docker-archive:///absolute/path.tar`.',
    link: links.apptainerDocker,
    fixable: true,
    check: function* (script) {
      if (!script.text.text.includes('-archive:')) return;
      for (const { words } of script.shell.commands)
        for (const word of words) {
          const found = /^(["']?)((?:docker|oci)-archive:)(\/*)(["']?)([^/]?)/.exec(word.raw);
          if (!found) continue;
          const [, , scheme = '', slashes = '', quote = '', next = ''] = found;
          const start = word.start + (found[1]?.length ?? 0) + scheme.length;
          // A variable or ~ stands for an absolute path, which brings its own slash.
          const variable = next === '$' || next === '~' || quote !== '';
          const wanted = variable ? '//' : '///';
          const relative =
            slashes === '' || (slashes === '//' && !variable && !absolute.test(word.raw.slice(start - word.start + 2)));
          if (slashes === wanted || relative || (variable && slashes === '///')) continue;
          yield hit(word, `${scheme}${slashes} has the wrong number of slashes for an absolute path`, {
            fix: replace({ start, end: start + slashes.length }, wanted, `Change to ${scheme}${wanted}`),
          });
        }
    },
  },
];

/** The vendor of the job's GPUs, by the words of the script and of the cluster; undefined where both or none are found. */
function vendorOf({ text, cluster }: Script): GpuVendor | undefined {
  const types = (cluster?.nodes ?? []).flatMap(({ gres = [], features = [] }) => [...gres.map(({ type = '' }) => type), ...features]); // prettier-ignore
  const words = `${text.text}\n${types.join('\n')}`;
  const [amd, nvidia] = [vendorWords.amd.test(words), vendorWords.nvidia.test(words)];
  return amd === nvidia ? undefined : amd ? 'amd' : 'nvidia';
}

function* withoutGpu(
  invocation: Invocation,
  flags: Readonly<Record<GpuVendor, readonly string[]>>,
  vendor: GpuVendor | undefined,
): Generator<Hit> {
  const all = [...flags.nvidia, ...flags.amd].map((name) => name.replace(/^--/, ''));
  if (optionOf(invocation, ...all)) return;
  // Options in a variable may be anything.
  const words = invocation.command.words.filter(({ start }) => start > invocation.name.start);
  if (words.some(({ raw, text }) => text === undefined && /^"?\$\{?\w*(?:NV|ROCM|GPU|OPT|ARG|FLAG)/i.test(raw))) return;
  const end = subcommandEnd(invocation);
  const [nvidia = '', amd = ''] = [flags.nvidia[0], flags.amd[0]];
  const which = nvidia === amd ? nvidia : `${nvidia} (NVIDIA) or ${amd} (AMD)`;
  const [likely, other] = vendor === 'amd' ? [amd, nvidia] : [nvidia, amd];
  const add = (option: string): OffsetFix => insert(end, ` ${option}`, `Add ${option}`);
  yield hit({ start: invocation.name.start, end }, `Without ${which} the container sees no GPU`, {
    ...(/^--(?:device|gpus|runtime)$/.test(likely) ? {} : { fix: add(likely) }),
    alternatives: vendor === undefined && other !== likely ? [add(other)] : [],
  });
}

/** First folders of paths that are almost certainly absolute. */
const absolute = /^(?:home|lu|mnt|scratch|data|work|project|tmp|users|net|gpfs|lustre|opt|var|srv)\//i;

/** Where new options of `apptainer exec` go: after the subcommand. */
function subcommandEnd({ command, name, program }: Invocation): number {
  const subcommand = program.split(' ')[1];
  return command.words.find((word) => word.start > name.start && word.text === subcommand)?.end ?? name.end;
}

function sets(script: Script, ...names: string[]): boolean {
  return names.some((name) => script.shell.variables.has(name));
}

function tmpdirOf(script: Script): Assignment | undefined {
  return script.shell.assignments.findLast(({ name }) => name === 'APPTAINER_TMPDIR' || name === 'SINGULARITY_TMPDIR');
}

/** Whether the script creates the folder that an assignment names. */
function creates(script: Script, { name, value }: Assignment, folder: string): boolean {
  return script
    .running('mkdir', 'install')
    .some(({ operands }) =>
      operands.some(
        (word) =>
          word.uses.includes(name) ||
          word.raw.replace(/["']/g, '').replace(/\/$/, '') === folder.replace(/\/$/, '') ||
          (value.text !== undefined && word.text === value.text),
      ),
    );
}

/** The line at an offset: where a line that belongs before or after it goes, and how it is written. */
function lineOf({ text }: Script, at: number): { offset: number; end: number; indent: string; eol: string } {
  const line = text.lines[text.positionAt(at).line] ?? { offset: 0, text: '', eol: '' };
  return {
    offset: line.offset,
    end: line.offset + line.text.length,
    indent: /^\s*/.exec(line.text)?.[0] ?? '',
    eol: line.eol || '\n',
  };
}
