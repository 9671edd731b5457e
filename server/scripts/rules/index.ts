import { clusterRules } from './cluster';
import { commandRules } from './commands';
import { formRules } from './form';
import { gpuRules } from './gpus';
import { logRules } from './logs';
import { optionRules } from './options';
import type { Rule } from './rule';
import { spellingRules } from './spelling';
import { stepRules } from './steps';

/** Every rule, in the order of docs/rules.md. */
export const rules: readonly Rule[] = [
  ...formRules,
  ...spellingRules,
  ...optionRules,
  ...logRules,
  ...gpuRules,
  ...commandRules,
  ...stepRules,
  ...clusterRules,
];

/** A rule by its id. */
export function ruleNamed(id: string): Rule | undefined {
  return rules.find((rule) => rule.id === id);
}
