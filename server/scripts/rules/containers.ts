import { optionOf, type Invocation } from '../reading/invocations';
import { resourcesOf } from '../reading/resources';
import type { Script } from '../reading/script';
import type { Assignment, ShellCommand } from '../reading/shell-command';
import {
  builders,
  containerOptions,
  engines,
  vendorWords,
  type Builder,
  type FolderAccess,
  type GpuVendor,
} from '../catalogue/engines';
import { insert, type OffsetFix } from './fixes';
import { alsoIn, SharedChanges } from './shared-names';
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
      const blind = script.inInvocations(withoutFlags);
      if (!blind.length) return;
      const vendor = vendorOf(script);
      // The devices of AMD are in /dev, which containers have: an image with its own ROCm needs nothing else.
      if (script.inLines(namesRocmImage).length) return;
      // Who gives one container the GPUs knows what the others do: a server, a question, a conversion.
      const severity = blind.some(hasOpenOptions) || script.inInvocations(withFlags).length ? 'info' : undefined;
      for (const { program, flags, variables = [] } of engines)
        if (flags && !sets(script, ...variables))
          for (const invocation of blind.filter((one) => one.program === program)) yield* withoutGpu(invocation, flags, vendor, severity); // prettier-ignore
    },
  },
  {
    id: 'bind-missing',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A container that does not see the files',
    why: 'Apptainer mounts the home folder and, at most sites, the current one; pyxis, podman-hpc, Charliecloud and others mount nothing that they are not told. The program then does not find its files.',
    remedy:
      "Add the current folder and whatever else the program reads with the engine's option: `--bind`, `-v`, `--container-mounts`.",
    link: links.apptainerBind,
    fixable: true,
    check: function* (script) {
      for (const { engine, folders, isStep } of script.inInvocations(inBareContainers).flat()) {
        if (sets(script, ...folders.variables)) continue;
        if (isStep && script.option(...folders.options.map((one) => `--${one}`))) continue;
        const end = subcommandEnd(engine);
        const { add } = folders;
        const at = optionOf(engine, 'nv')?.word.end ?? end;
        yield hit({ start: engine.name.start, end }, `The container sees ${folders.seen}`, {
          fix: add === undefined ? undefined : insert(at, ` ${add}`, `Add ${add}`),
        });
      }
    },
  },
  {
    id: 'apptainer-tmpdir',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A container build without a temporary folder',
    why: '`apptainer build` unpacks the whole image into APPTAINER_TMPDIR, `enroot import` into ENROOT_TEMP_PATH, `ch-image` into CH_IMAGE_STORAGE. By default that is on the disk of the node, which may be small: the build then fails after hours in the queue.',
    remedy: 'Set the variable to a folder with enough space, and create it.',
    link: links.apptainerBuild,
    fixable: true,
    check: function* (script) {
      for (const builder of builders) {
        const [build] = script.running(builder.program).filter((one) => builds(one, builder));
        if (!build || sets(script, ...builder.variables)) continue;
        if (build.command.assignments.some(({ name }) => builder.variables.includes(name))) continue;
        const [variable = ''] = builder.variables;
        const { offset, indent, eol } = lineOf(script, build.command.start);
        yield hit(
          { start: build.name.start, end: subcommandEnd(build) },
          `${variable} is not set, so the build unpacks into ${builder.folder} of the node`,
          {
            // How large an image from a registry or a recipe is, nobody knows here; one that was saved whole is large.
            severity: build.operands.some(({ raw }) => /-archive:|-daemon:/.test(raw)) ? undefined : 'info',
            fix: insert(
              offset,
              `${indent}export ${variable}="$HOME/tmp"${eol}${indent}mkdir -p "$${variable}"${eol}`,
              `Set and create ${variable}`,
            ),
          },
        );
        return;
      }
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
      const changes = new SharedChanges(script);
      for (const { words } of script.inCommands(withArchive))
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
          const from = start - scheme.length;
          const written = script.text.slice({ start: from, end: word.end - (found[1] && word.raw.endsWith(found[1]) ? 1 : 0) }); // prettier-ignore
          if (!changes.isFirst(written)) continue;
          const corrected = `${scheme}${wanted}${written.slice(scheme.length + slashes.length)}`;
          const { others, fix } = changes.change(written, corrected, `Change to ${scheme}${wanted}`, from);
          const message = `${scheme}${slashes} has the wrong number of slashes for an absolute path${alsoIn(others)}`;
          yield hit(word, message, { fix });
        }
    },
  },
];

/** The vendor of the job's GPUs, by the words of the script and of the cluster; undefined where both or none are found. */
function vendorOf(script: Script): GpuVendor | undefined {
  const types = (script.cluster?.nodes ?? []).flatMap(({ gres = [], features = [] }) => [...gres.map(({ type = '' }) => type), ...features]); // prettier-ignore
  const written = types.join('\n');
  const amd = vendorWords.amd.test(written) || script.inLines(namesAmd).length > 0;
  const nvidia = vendorWords.nvidia.test(written) || script.inLines(namesNvidia).length > 0;
  return amd === nvidia ? undefined : amd ? 'amd' : 'nvidia';
}

/** A container that is told of no folder. */
interface BareContainer {
  /** The engine, or the step with a plug-in's option. */
  engine: Invocation;
  folders: FolderAccess;
  isStep: boolean;
}

/** The containers around a Python program that do not see the folder which it is in. */
function inBareContainers(invocation: Invocation): BareContainer[] | undefined {
  if (!invocation.parent || !invocation.program.endsWith('.py')) return undefined;
  // An absolute path is one within the image, where the engine shows no other.
  const isAbsolute = /^["']?\//.test(invocation.name.raw);
  const found: BareContainer[] = [];
  for (let engine: Invocation | undefined = invocation.parent; engine; engine = engine.parent) {
    const access = accessOf(engine);
    if (!access || (isAbsolute && !access.folders.isMostlySeen)) continue;
    if (optionOf(engine, ...access.folders.options) || hasOpenOptions(engine)) continue;
    found.push({ engine, ...access });
  }
  return found.length ? found : undefined;
}

function accessOf(invocation: Invocation): Omit<BareContainer, 'engine'> | undefined {
  const own = folderAccess.get(invocation.program);
  if (own) return { folders: own, isStep: false };
  if (invocation.program !== 'srun') return undefined;
  const folders = containerOptions.find((one) => one.folders && optionOf(invocation, one.name.slice(2)))?.folders;
  return folders && { folders, isStep: true };
}

const folderAccess = new Map(engines.map(({ program, folders }) => [program, folders]));

/** Whether a build is one that unpacks, into a folder that its own options do not name. */
function builds({ operands, command }: Invocation, { operands: some, options = [] }: Builder): boolean {
  const isOne = !some || some.includes(operands.find(({ text }) => some.includes(text ?? ''))?.text ?? '');
  return isOne && !command.words.some(({ raw }) => options.some((name) => raw === name || raw.startsWith(`${name}=`)));
}

/** Whether a variable may hold further options of a command: those may be anything. */
function hasOpenOptions({ command, name }: Invocation): boolean {
  return command.words.some(({ start, raw, text }) => start > name.start && text === undefined && /^"?\$\{?\w*(?:NV|ROCM|GPU|OPT|ARG|FLAG|BIND|MOUNT|VOL)/i.test(raw)); // prettier-ignore
}

const namesAmd = (text: string): true | undefined => vendorWords.amd.test(text) || undefined;
const namesNvidia = (text: string): true | undefined => vendorWords.nvidia.test(text) || undefined;
const rocmImage = /rocm[\w.-]{0,99}\.sif\b/i;
const namesRocmImage = (text: string): true | undefined => rocmImage.test(text) || undefined;

const withArchive = (command: ShellCommand): ShellCommand | undefined =>
  command.words.some(({ raw }) => raw.includes('-archive:')) ? command : undefined;

/** For each engine, the names of its options for GPUs. */
const gpuOptions = new Map(
  engines.map(({ program, flags }) => [program, [...(flags?.nvidia ?? []), ...(flags?.amd ?? [])].map((name) => name.replace(/^--/, ''))]),
); // prettier-ignore

/** An engine that has options for GPUs, without one of them. */
function withoutFlags(invocation: Invocation): Invocation | undefined {
  const names = gpuOptions.get(invocation.program);
  return names?.length && !optionOf(invocation, ...names) ? invocation : undefined;
}

/** An engine that has options for GPUs, with one of them. */
function withFlags(invocation: Invocation): true | undefined {
  const names = gpuOptions.get(invocation.program);
  return names?.length && optionOf(invocation, ...names) ? true : undefined;
}

function* withoutGpu(
  invocation: Invocation,
  flags: Readonly<Record<GpuVendor, readonly string[]>>,
  vendor: GpuVendor | undefined,
  severity: Hit['severity'],
): Generator<Hit> {
  if (hasOpenOptions(invocation)) return;
  const end = subcommandEnd(invocation);
  const [nvidia = '', amd = ''] = [flags.nvidia[0], flags.amd[0]];
  const which = nvidia === amd ? nvidia : `${nvidia} (NVIDIA) or ${amd} (AMD)`;
  const [likely, other] = vendor === 'amd' ? [amd, nvidia] : [nvidia, amd];
  const add = (option: string): OffsetFix => insert(end, ` ${option}`, `Add ${option}`);
  yield hit({ start: invocation.name.start, end }, `Without ${which} the container sees no GPU`, {
    severity,
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
