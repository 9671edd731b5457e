/** Options that sbatch refuses to take together. */
export const exclusions: readonly (readonly [readonly string[], readonly string[]])[] = [
  [['--mem'], ['--mem-per-cpu', '--mem-per-gpu']],
  [['--mem-per-cpu'], ['--mem-per-gpu']],
  [
    ['--ntasks-per-gpu', '--ntasks-per-tres'],
    ['--gpus-per-task', '--gpus-per-socket', '--ntasks-per-node'],
  ],
  [['--core-spec'], ['--thread-spec']],
  [['--bb'], ['--bbf']],
  [['--cpus-per-gpu'], ['--cpus-per-task']],
];

/** The pairs among options that exclude each other. */
export function excluding(names: readonly string[]): (readonly [string, string])[] {
  return exclusions.flatMap(([ones, others]) =>
    ones.flatMap((one) =>
      others.flatMap((other) => (names.includes(one) && names.includes(other) ? [[one, other] as const] : [])),
    ),
  );
}
