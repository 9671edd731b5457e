import { metricName } from '../shared/metric-name';
import type { DenoiserInfo, ModelInfo } from './model-info';
import { codeNotes } from './network-acceptance';

/** What is to be known of a network's code. */
function codeText(info: DenoiserInfo): string {
  return codeNotes(info)
    .map((note) => `. ${note}`)
    .join('');
}

/** A model in one line, without its file's name. Pure. */
export function modelText(info: ModelInfo): string {
  return info.kind === 'denoiser'
    ? `${info.precond}, ${info.architecture}, ${info.img_resolution}x${info.img_resolution}, ${info.parameters} parameters${codeText(info)}`
    : `detector ${info.name}, ${info.dimension} features; its distance is shown as ${metricName(info)}`;
}
