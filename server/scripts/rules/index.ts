import { clusterRules } from './cluster';
import { commandRules } from './commands';
import { containerRules } from './containers';
import { cpuRules } from './cpus';
import { distributedRules } from './distributed';
import { edmRules } from './edm';
import { environmentRules } from './environment';
import { formRules } from './form';
import { gpuAmountRules } from './gpu-amounts';
import { gpuRules } from './gpus';
import { logRules } from './logs';
import { lsfRules } from './lsf';
import { optionValueRules } from './option-values';
import { optionRules } from './options';
import { parallelRules } from './parallel';
import { pluginRules } from './plugins';
import { programRules } from './programs';
import { publishedRules } from './published';
import type { Rule } from './rule';
import { runtimeRules } from './runtime';
import { signalRules } from './signals';
import { spellingRules } from './spelling';
import { stepRules } from './steps';
import { submissionRules } from './submissions';

/** Every rule, in the order of docs/rules.md. Of findings at the same place, that of the earlier rule comes first. */
export const rules: readonly Rule[] = [
  ...formRules,
  ...spellingRules,
  ...optionValueRules,
  ...lsfRules,
  ...submissionRules,
  ...optionRules,
  ...gpuAmountRules,
  ...pluginRules,
  ...logRules,
  ...gpuRules,
  ...cpuRules,
  ...distributedRules,
  ...parallelRules,
  ...signalRules,
  ...environmentRules,
  ...runtimeRules,
  ...commandRules,
  ...containerRules,
  ...edmRules,
  ...programRules,
  ...publishedRules,
  ...stepRules,
  ...clusterRules,
];

/** A rule by its id. */
export function ruleNamed(id: string): Rule | undefined {
  return rules.find((rule) => rule.id === id);
}
