import { metricName } from '../shared/metric-name';
import type { ModelInfo } from './model-info';

/** A model in one line, without its file's name. Pure. */
export function modelText(info: ModelInfo): string {
  return info.kind === 'denoiser'
    ? `${info.precond}, ${info.architecture}, ${info.img_resolution}x${info.img_resolution}, ${info.parameters} parameters`
    : `detector ${info.name}, ${info.dimension} features; its distance is shown as ${metricName(info)}`;
}
