/**
 * The options of `apptainer exec`, `run` and `shell`, which SingularityCE shares but for a few. After their own help
 * (Apptainer 1.4, SingularityCE 4.1).
 */
import { flag, valued, type Program, type ProgramOption } from './program-option';

/** What most scripts need; proposed first. */
const usual: readonly ProgramOption[] = [
  flag('--nv', "The container sees NVIDIA GPUs: the driver's libraries and devices of the node are bound into it."),
  flag('--rocm', "The container sees AMD GPUs: the ROCm libraries and devices of the node are bound into it."),
  valued('--bind', 'src[:dest[:ro]]', "Folders of the node that the container sees, several with commas. Without `dest`, in the same place. The working folder, `$HOME` and `/tmp` are there anyway on most sites.", { aliases: ['-B'] }),
  valued('--env', 'NAME=value', 'Variables for the program in the container, several with commas.'),
  valued('--env-file', 'file', 'Variables for the program in the container, one `NAME=value` a line.'),
  valued('--pwd', 'dir', 'Folder in the container in which the program starts. Newer releases call it `--cwd`.'),
  valued('--cwd', 'dir', 'Folder in the container in which the program starts (Apptainer 1.2, SingularityCE 4.0 or newer).'),
  flag('--cleanenv', "Passes none of the job's variables on, `CUDA_VISIBLE_DEVICES` and Slurm's included; those of `--env` only.", { aliases: ['-e'] }),
  flag('--contain', 'Mounts neither `$HOME` nor `/tmp` of the node: they are empty in the container, and in memory.', { aliases: ['-c'] }),
  flag('--containall', 'As `--contain`, and with processes, shared memory and variables of its own. PyTorch then finds neither other processes nor `/dev/shm` of the node.', { aliases: ['-C'] }),
  flag('--writable-tmpfs', 'Lets programs write into the image; what they write is in memory and is gone at the end.'),
  valued('--overlay', 'path', 'A file or folder into which what programs write to the image goes, and stays.', { aliases: ['-o'] }),
  flag('--no-home', 'Does not mount `$HOME`, unless it is the working folder: keeps packages in `~/.local` out of the container.'),
]; // prettier-ignore

const further: readonly ProgramOption[] = [
  valued('--home', 'src[:dest]', 'Another folder as `$HOME`.', { aliases: ['-H'] }),
  valued('--workdir', 'dir', 'Folder of the node for `/tmp`, `/var/tmp` and `$HOME` with `--contain`.', { aliases: ['-W'] }),
  valued('--scratch', 'dir', 'A folder in the container that is on a temporary one of the node.', { aliases: ['-S'] }),
  valued('--mount', 'spec', 'One mount, such as `type=bind,source=/opt,destination=/hostopt`.'),
  valued('--no-mount', 'names', 'Switches off mounts that the site has set: `home`, `tmp`, `cwd`, `bind-paths` or a path.'),
  valued('--fusemount', 'spec', 'Mounts a FUSE file system in the container.'),
  valued('--app', 'name', 'An application (SCIF) in the image.'),
  flag('--nvccli', "GPUs by NVIDIA's `nvidia-container-cli`, which must be on the node."),
  flag('--fakeroot', 'The program seems to be root in the container.', { aliases: ['-f'] }),
  flag('--compat', 'As Docker does it: `--containall --no-init --no-umask --no-eval --writable-tmpfs`.'),
  flag('--writable', 'Writes into the image itself, which must be a folder (sandbox).', { aliases: ['-w'] }),
  flag('--ipc', 'Shared memory of its own.', { aliases: ['-i'] }),
  flag('--pid', 'Processes of its own.', { aliases: ['-p'] }),
  flag('--net', 'A network of its own; by default a bridge.', { aliases: ['-n'] }),
  flag('--uts', 'A host name of its own.'),
  flag('--userns', 'A user namespace.', { aliases: ['-u'] }),
  flag('--underlay', 'Adds mount points without an overlay.'),
  flag('--unsquash', 'Unpacks the image into a temporary folder first.'),
  flag('--no-init', 'No init process with `--pid`.'),
  flag('--no-eval', 'Does not let the shell expand variables of the image.'),
  flag('--no-umask', 'The umask is 0022, whatever yours is.'),
  flag('--disable-cache', 'Neither uses nor makes a cache of images.'),
  valued('--hostname', 'name', 'Host name in the container.'),
  valued('--dns', 'addresses', 'DNS servers, with commas.'),
  valued('--network', 'name', "Kind of the network with `--net`, with commas."),
  valued('--network-args', 'args', 'For the plug-ins of the network.'),
  valued('--security', 'spec', 'SELinux, AppArmor or seccomp.'),
  valued('--add-caps', 'list', 'Capabilities that are added.'),
  valued('--drop-caps', 'list', 'Capabilities that are dropped.'),
  flag('--keep-privs', 'Root keeps its privileges.'),
  flag('--no-privs', 'Root has no privileges.'),
  flag('--allow-setuid', 'Allows setuid programs (root only).'),
  valued('--apply-cgroups', 'file', 'Limits from a file.'),
  valued('--cpus', 'number', 'CPUs that the container may use. In a job, Slurm has set that.'),
  valued('--cpu-shares', 'number', 'Share of CPU time.'),
  valued('--cpuset-cpus', 'list', 'CPUs of the node that may be used.'),
  valued('--cpuset-mems', 'list', 'Memory nodes that may be used.'),
  valued('--memory', 'bytes', 'Limit of memory. In a job, Slurm has set that.'),
  valued('--memory-reservation', 'bytes', 'Soft limit of memory.'),
  valued('--memory-swap', 'bytes', 'Limit of swap; -1 is none.'),
  flag('--oom-kill-disable', 'Nothing is killed where memory ends.'),
  valued('--pids-limit', 'number', 'Most processes; -1 is no limit.'),
  valued('--blkio-weight', 'number', 'Weight of input and output, 10 to 1000.'),
  valued('--blkio-weight-device', 'spec', 'The same for one device.'),
  valued('--dmtcp-launch', 'name', 'Saves the state with DMTCP.'),
  valued('--dmtcp-restart', 'name', 'Goes on from a state of DMTCP.'),
  flag('--passphrase', 'Asks for the passphrase of an encrypted image.'),
  valued('--pem-path', 'file', 'Key of an encrypted image.'),
  flag('--no-https', 'Uses http with the registry.'),
  flag('--docker-login', 'Asks for a login to a Docker registry.'),
  valued('--docker-host', 'address', "Docker's daemon."),
  valued('--docker-username', 'name', 'Login of a Docker registry.'),
  valued('--docker-password', 'text', 'Login of a Docker registry.'),
  valued('--authfile', 'file', 'File with the logins of registries.'),
]; // prettier-ignore

/** Names that are taken, but that nobody should begin to use, or that only one of the two has. */
const hidden: readonly ProgramOption[] = [
  ...['--boot', '--no-nv', '--no-rocm', '--nohttps', '--vm', '--vm-err', '--syos', '--ignore-subuid', '--ignore-fakeroot-command', '--ignore-userns', '--oci', '--no-oci', '--no-compat', '--no-pid', '--no-setgroups', '--no-tmp-sandbox', '--tmp-sandbox', '--sif-fuse', '--keep-layers', '--sharens', '--quiet', '--help', '-h'].map((name) => flag(name, '', { isHidden: true })),
  ...['--vm-ram', '--vm-cpu', '--vm-ip', '--containlibs', '--tmpdir', '--shell', '-s', '--device', '--cdi-dirs', '--netns-path', '--proot', '--platform', '--runscript-timeout', '--arch', '--shm-size'].map((name) => valued(name, 'value', '', { isHidden: true })),
]; // prettier-ignore

const link = 'https://apptainer.org/docs/user/latest/cli/apptainer_exec.html';
const options = [...usual, ...further, ...hidden];
const program = (name: string, help: string): Program => ({
  program: `apptainer ${name}`,
  of: 'Apptainer and SingularityCE',
  help,
  link,
  options,
  spelling: 'exact',
});

/** The commands that run something in an image. */
export const apptainerPrograms: readonly Program[] = [
  program('exec', 'Runs a program in a container.'),
  program('run', "Runs the image's own program (its runscript)."),
  program('shell', 'A shell in a container.'),
];
