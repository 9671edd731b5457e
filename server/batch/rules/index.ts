import { clusterRules } from './cluster';
import { commandRules } from './commands';
import { formRules } from './form';
import { gpuRules } from './gpus';
import { optionRules } from './options';
import type { Rule } from './rule';

/** Every rule, in the order of docs/rules.md. */
export const rules: readonly Rule[] = [...formRules, ...optionRules, ...gpuRules, ...commandRules, ...clusterRules];

/** A rule by its id. */
export function ruleNamed(id: string): Rule | undefined {
  return rules.find((rule) => rule.id === id);
}
