/** The schedulers whose batch scripts and queues are understood. */
export type SchedulerName = 'slurm' | 'lsf';
