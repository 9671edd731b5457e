import type { TaskControl } from '../shared/progress';
import type { MetricConfig } from '../shared/schema-types.gen';
import { fetchInput, resolveDetector, resolveInput, type Role } from './input';

export const findInput = (name: string, role: Role, base: string, control: TaskControl = {}): Promise<string> =>
  fetchInput(resolveInput(name, role, base), control);
export const inputName = (name: string): string => resolveInput(name, 'network', '.').name;
export const detectorName = (metric: Pick<MetricConfig, 'detector' | 'reference'>): string =>
  resolveDetector(metric, '.').given;
