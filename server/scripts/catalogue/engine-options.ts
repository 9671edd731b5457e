/**
 * The options of container engines beside Apptainer that jobs use; each engine has many more. After their own
 * documentation (Podman 5, podman-hpc 1.1, Charliecloud 0.38, enroot 3.5, Shifter 23).
 */
import { flag, valued, type Program, type ProgramOption } from './program-option';

const folders = 'Folders of the node that the container sees: `"$PWD:/work"`. Without it, it sees none of them.';

const podman: readonly ProgramOption[] = [
  valued('--volume', 'src:dest[:ro]', folders, { aliases: ['-v'] }),
  valued('--mount', 'spec', 'One mount, such as `type=bind,source=/data,target=/data`.'),
  valued('--workdir', 'dir', 'Folder in the container in which the program starts.', { aliases: ['-w'] }),
  valued('--env', 'NAME[=value]', "A variable for the program; without a value, the job's own.", { aliases: ['-e'] }),
  valued('--env-file', 'file', 'Variables for the program, one `NAME=value` a line.'),
  flag('--rm', 'Removes the container when it ends; without it, its changes stay on the disk.'),
  valued('--shm-size', 'size', 'Size of /dev/shm, which data loaders of PyTorch use: 64m is too small for several workers.'),
  valued('--ipc', 'mode', '`host`: shared memory of the node, for data loaders and NCCL.'),
  valued('--network', 'mode', '`host`: the network of the node, which several nodes need to find each other.', { aliases: ['--net'] }),
  valued('--userns', 'mode', '`keep-id`: files belong to you in the container as outside.'),
  valued('--entrypoint', 'program', "Another program in place of the image's entry point."),
  valued('--name', 'name', 'Name of the container.'),
]; // prettier-ignore

const hpc: readonly ProgramOption[] = [
  flag('--gpu', "The container sees the GPUs of the node, with the driver's libraries."),
  flag('--mpi', "Brings the site's MPI in (Cray MPICH)."),
  flag('--cuda-mpi', "Brings the site's MPI with GPU support in."),
  flag('--nccl', "Brings the site's NCCL in, for several nodes."),
  flag('--openmpi-pmix', 'Open MPI programs are started by srun --mpi=pmix.'),
];

const program = (name: string, of: string, help: string, link: string, options: readonly ProgramOption[]): Program => ({
  program: name,
  of,
  help,
  link,
  options,
  spelling: 'exact',
  isPartial: true,
});

/** The engines whose options are explained and proposed. */
export const enginePrograms: readonly Program[] = [
  program('podman-hpc run', 'podman-hpc', 'Runs a program in a container of an image that `podman-hpc migrate` has made one for all nodes.', 'https://docs.nersc.gov/development/containers/podman-hpc/overview/', [...hpc, ...podman]),
  program('podman run', 'Podman', 'Runs a program in a container.', 'https://docs.podman.io/en/latest/markdown/podman-run.1.html', [
    valued('--device', 'device', '`nvidia.com/gpu=all`: the container sees the GPUs (CDI). AMD: `/dev/kfd` and `/dev/dri`.'),
    ...podman,
  ]),
  program('docker run', 'Docker', 'Runs a program in a container; most clusters have no Docker.', 'https://docs.docker.com/reference/cli/docker/container/run/', [
    valued('--gpus', 'all|n', 'The container sees GPUs of the node.'),
    ...podman,
  ]),
  program('ch-run', 'Charliecloud', 'Runs a program in an image: a folder or a squashfs file. NVIDIA libraries come into a folder by `ch-fromhost --nvidia`.', 'https://hpc.github.io/charliecloud/ch-run.html', [
    valued('--bind', 'src[:dest]', `${folders} The image must have the folder, unless it is writable.`, { aliases: ['-b'] }),
    valued('--cd', 'dir', 'Folder in the container in which the program starts.', { aliases: ['-c'] }),
    flag('--write', 'Lets programs write into the image, which must be a folder.', { aliases: ['-w'] }),
    flag('--write-fake', 'Lets programs write; what they write is in memory and is gone at the end.', { aliases: ['-W'] }),
    valued('--set-env', 'NAME=value|file', 'Variables for the program; alone, those of the image.'),
    valued('--unset-env', 'pattern', 'Variables of the job that the program does not get.'),
    flag('--private-tmp', 'A /tmp of its own.', { aliases: ['-t'] }),
    flag('--join', 'All tasks of a node share one container, which MPI needs.', { aliases: ['-j'] }),
  ]),
  program('enroot start', 'enroot', 'Runs a program in a container that `enroot create` has unpacked, or in a squashfs file.', 'https://github.com/NVIDIA/enroot/blob/master/doc/cmd/start.md', [
    valued('--mount', 'src:dest', folders, { aliases: ['-m'] }),
    valued('--env', 'NAME[=value]', 'A variable for the program.', { aliases: ['-e'] }),
    flag('--rw', 'Lets programs write into the image.', { aliases: ['-w'] }),
    flag('--root', 'The program is root in the container.', { aliases: ['-r'] }),
    valued('--rc', 'file', "A script in place of the image's entry point."),
  ]),
  program('shifter', 'Shifter', 'Runs a program in the image of the job (`#SBATCH --image`), with all file systems of the site.', 'https://docs.nersc.gov/development/containers/shifter/how-to-use/', [
    valued('--image', 'name', 'The image, where the job names none.', { aliases: ['-i'] }),
    valued('--volume', 'src:dest', 'Folders of the node at another place in the container.', { aliases: ['-V'] }),
    valued('--module', 'names', '`gpu`, `mpich`, `cuda-mpich`, `nccl-2.18`: what the site brings into the container.', { aliases: ['-m'] }),
    valued('--env', 'NAME=value', 'A variable for the program.', { aliases: ['-e'] }),
    flag('--clearenv', "Passes none of the job's variables on."),
  ]),
]; // prettier-ignore
