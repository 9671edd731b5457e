import type { Range } from 'vscode-languageserver-textdocument';
import { enginePrograms, imagePrograms } from './catalogue/engines';
import { readScript } from './reading/read-script';
import type { ScriptContext } from './reading/script';

/** An entry of a script's outline. */
interface ScriptSymbol extends Range {
  name: string;
  detail: string;
  kind: 'directive' | 'program';
}

/** Programs worth an entry. */
const shown = /^(?:srun|torchrun|accelerate launch|deepspeed|mpirun|mpiexec|python|jsrun|blaunch|.*\.py)$/;

/** The directives and the programs of a script, in order. */
export function symbols(text: string, context?: ScriptContext): ScriptSymbol[] {
  const script = readScript(text, context);
  if (!script) return [];
  const directives = script.activeOptions.map((use): ScriptSymbol => ({
    name: use.option?.name ?? use.spelling,
    detail: use.value?.text ?? '',
    kind: 'directive',
    ...script.text.range({ start: use.start, end: use.value?.line === use.line ? use.value.end : use.end }),
  }));
  const programs = script.invocations
    .filter(({ program }) => shown.test(program) || enginePrograms.has(program) || imagePrograms.has(program))
    .map(({ program, name, operands, command }): ScriptSymbol => ({
      name: program,
      detail: operands[0]?.text ?? '',
      kind: 'program',
      ...script.text.range({ start: name.start, end: Math.max(name.end, command.end) }),
    }));
  return [...directives, ...programs];
}
