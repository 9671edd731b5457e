/** The applications that `bsub -a` names: each is a program esub.NAME or epsub.NAME of the site. */

/** One application that many sites have under this name. */
export interface EsubApplication {
  name: string;
  /** Its arguments between parentheses, as documentation has them; absent where it takes none. */
  meta?: string;
  help: string;
  /** Applications of one group set the same thing up: a job has one of them. */
  group?: 'mpi';
}

/** Those that LSF is shipped with or documents, and those that sites document for their users. */
export const esubApplications: readonly EsubApplication[] = [
  { name: 'openmpi', help: 'Starts Open MPI programs through LSF (mpirun.lsf).', group: 'mpi' },
  { name: 'intelmpi', help: 'Starts Intel MPI programs through LSF (mpirun.lsf).', group: 'mpi' },
  { name: 'mpich2', help: 'Starts MPICH2 programs through LSF (mpirun.lsf).', group: 'mpi' },
  { name: 'mpich_gm', help: 'Starts MPICH-GM programs through LSF (mpirun.lsf).', group: 'mpi' },
  { name: 'mpichp4', help: 'Starts MPICH-P4 programs through LSF (mpirun.lsf).', group: 'mpi' },
  { name: 'mvapich', help: 'Starts MVAPICH programs through LSF (mpirun.lsf).', group: 'mpi' },
  { name: 'lammpi', help: 'Starts LAM/MPI programs through LSF (mpirun.lsf).', group: 'mpi' },
  { name: 'poe', help: "Starts programs with IBM's Parallel Operating Environment.", group: 'mpi' },
  { name: 'pvm', help: 'Starts PVM programs.', group: 'mpi' },
  {
    name: 'docker',
    meta: 'image',
    help: 'Runs the job in a Docker container of that image: `-a "docker(pytorch/pytorch:2.4.0)"`. The site decides which registries it takes.',
  },
  {
    name: 'p8aff',
    meta: 'threads_per_task,smt,cpus_per_core,distribution',
    help: 'CPU affinity on POWER8: `-a "p8aff(4,8,1,pack)"`.',
  },
  { name: 'fluent', help: 'Ansys Fluent: licences, checkpoints and its own parallel start.' },
  { name: 'ls_dyna', help: 'LS-DYNA: licences and checkpoints.' },
  { name: 'license', help: "The site's handling of licences." },
  { name: 'dce', help: 'Security by DCE.' },
];
