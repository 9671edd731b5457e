import type { OptionSpec } from './option-spec';

/** A plug-in of a site (SPANK) that adds options to sbatch, srun and salloc. */
interface Plugin {
  /** As a message names it. */
  name: string;
  options: readonly Omit<OptionSpec, 'plugin'>[];
}

const flag = (name: string, help: string): OptionSpec => ({ name, argument: 'none', type: 'flag', help });
const valued = (name: string, meta: string, help: string, more: Partial<OptionSpec> = {}): OptionSpec => ({
  name,
  type: 'text',
  meta,
  help,
  ...more,
});

const plugins: readonly Plugin[] = [
  {
    name: 'pyxis (enroot)',
    options: [
      valued(
        '--container-image',
        '[user@][registry#]image[:tag]|path',
        'The image in which the job or step runs: a name in a registry, or the path of a squashfs file (`./edm.sqsh`).',
      ),
      valued(
        '--container-mounts',
        'src:dst[:flags],...',
        'Folders of the node that the container sees, for example `$PWD:/work`.',
      ),
      valued('--container-workdir', 'path', 'Working directory in the container.'),
      valued(
        '--container-name',
        'name',
        'Keeps the unpacked container under this name, so that later steps use it again.',
      ),
      valued('--container-save', 'path', 'Saves the container as a squashfs file when the step ends.'),
      valued('--container-env', 'names', 'Variables whose values outside win over those in the image.'),
      flag('--container-mount-home', 'Mounts the home folder.'),
      flag('--no-container-mount-home', 'Does not mount the home folder.'),
      flag('--container-remap-root', 'The user is root in the container.'),
      flag('--no-container-remap-root', 'The user stays the same in the container.'),
      flag('--container-entrypoint', "Runs the image's entry point."),
      flag('--no-container-entrypoint', "Does not run the image's entry point."),
      flag('--container-entrypoint-log', 'Shows what the entry point prints.'),
      flag('--container-writable', 'The container can be written to.'),
      flag('--container-readonly', 'The container cannot be written to.'),
    ],
  },
  {
    name: 'the container engine of CSCS',
    options: [
      valued('--environment', 'name|file.toml', 'The environment definition (EDF) in which the job or step runs.'),
    ],
  },
  {
    name: 'uenv (CSCS)',
    options: [
      valued('--uenv', 'name[:mount],...', 'The user environments (squashfs images) that are mounted.'),
      valued('--view', 'name,...', 'The views of the user environments that are loaded.'),
      valued('--repo', 'path', 'Where the user environments are kept.'),
    ],
  },
  {
    name: 'Shifter',
    options: [
      valued('--image', '[docker:]name[:tag]', 'The image in which `shifter` starts programs.'),
      valued('--volume', 'src:dst[:flags];...', 'Folders of the node that the container sees.', { short: '-V' }),
      valued('--module', 'name,...', 'Modules of Shifter: `gpu`, `mpich`, `none`.'),
      valued('--imagetype', 'type', 'Type of the image.'),
      flag('--ccm', 'Starts an ssh server in the container.'),
    ],
  },
  {
    name: 'nvmps (MPCDF)',
    options: [flag('--nvmps', "Starts NVIDIA's multi-process service, so that several processes share a GPU.")],
  },
  {
    name: 'singularity-exec',
    options: [
      valued('--singularity-container', 'path', 'The image in which the job runs.'),
      valued('--singularity-bind', 'src:dst,...', 'Folders of the node that the container sees.'),
      valued('--singularity-args', 'options', 'Further options of singularity.'),
      flag('--singularity-no-bind-defaults', 'Mounts none of the folders that the site mounts.'),
    ],
  },
  {
    name: 'EAR (energy-aware runtime)',
    options: [
      valued('--ear', 'on|off', 'Switches EAR on or off for the job.'),
      valued('--ear-policy', 'name', 'How EAR chooses frequencies.'),
      valued('--ear-policy-th', 'value', 'Threshold of the policy.'),
      valued('--ear-cpufreq', 'kHz', 'Starting frequency.'),
      valued('--ear-user-db', 'file', 'Where the measurements go.'),
      valued('--ear-tag', 'tag', 'Energy tag.'),
      valued('--ear-verbose', 'level', 'How much EAR reports.'),
    ],
  },
  {
    name: 'the site of JSC',
    options: [
      flag('--cuda-mps', "Starts NVIDIA's multi-process service."),
      flag('--disable-perfparanoid', 'Allows hardware counters.'),
      flag('--disable-turbomode', 'Keeps the frequency of the CPUs fixed.'),
    ],
  },
  {
    name: 'perf (NERSC)',
    options: [valued('--perf', 'generic|likwid|vtune|...', 'Prepares the nodes for a profiler.')],
  },
  { name: 'Auks', options: [valued('--auks', 'yes|no|done', 'Whether the Kerberos credential is handed to the job.')] },
];

/** The options of plug-ins by their names. Which of them there are depends on the site: `sbatch --help` lists them. */
export const pluginOptions: ReadonlyMap<string, OptionSpec> = new Map(
  plugins.flatMap(({ name, options }) => options.map((option) => [option.name, { ...option, plugin: name }] as const)),
);
