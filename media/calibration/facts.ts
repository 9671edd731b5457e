/** Measured batch sizes in words. No DOM. */
import type { Calibration } from '../../server/shared/protocol';
import { runText } from '../../server/shared/calibration-text';
import { dateText } from '../facts';

/** One batch size, measured. */
export type BatchPoint = Calibration['points'][number];

/** Images per second with three digits: a measurement of seconds is not more precise. */
export function rateText({ rate }: BatchPoint): string {
  return Number(rate.toPrecision(3)).toString();
}

/** `5000 of 16000 MiB (31 %)`. */
export function memoryText({ used, total }: NonNullable<BatchPoint['memory']>): string {
  return `${used} of ${total} MiB (${Math.round((100 * used) / total)} %)`;
}

/** `Batch 64: 100 images/s, 5000 of 16000 MiB (31 %)`. */
export function pointText(point: BatchPoint): string {
  return [
    `Batch ${point.batch}: ${rateText(point)} images/s`,
    ...(point.memory ? [memoryText(point.memory)] : []),
  ].join(', ');
}

/** What was measured where and when, as label and value. */
export function calibrationFacts(calibration: Calibration): [label: string, value: string][] {
  const { cluster, config_file, commit, network, engine, gpus, job, time, nfe, run } = calibration;
  return [
    ['Config', config_file],
    ['Commit', commit],
    ['Network', network],
    ['Engine', engine],
    ['GPUs', gpus === 0 ? 'none' : String(gpus)],
    ['Job', `${job} on ${cluster}`],
    ['Measured', `${dateText(time)}${nfe === undefined ? '' : `, at NFE ${nfe}`}`],
    ...(run ? [['This run', runText(run)] as [string, string]] : []),
  ];
}
