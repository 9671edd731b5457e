import * as vscode from 'vscode';

/** The first directive of a batch script, as its scheduler spells it. */
const DIRECTIVE = /^(?:#SBATCH|[ \t]*#[ \t]*(BSUB))\b/m;

/** The scheduler a text has directives of; undefined for any other shell script. */
function schedulerOf(text: string): 'slurm' | 'lsf' | undefined {
  const found = DIRECTIVE.exec(text);
  return found ? (found[1] ? 'lsf' : 'slurm') : undefined;
}

/** "Submit", "Dry run" and "Convert" above a batch script. A shell file without directives shows nothing. */
class ScriptLens implements vscode.CodeLensProvider {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;

  /** The setting was switched. */
  refresh(): void {
    this.changed.fire();
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!vscode.workspace.getConfiguration('edmWorkbench', document).get('batch.codeLens', true)) return [];
    const scheduler = schedulerOf(document.getText());
    if (!scheduler) return [];
    const top = new vscode.Range(0, 0, 0, 0);
    const lens = (title: string, command: string): vscode.CodeLens =>
      new vscode.CodeLens(top, { title, command, arguments: [document.uri] });
    return [
      lens(`$(cloud-upload) ${vscode.l10n.t('Submit')}`, 'edmWorkbench.submit'),
      lens(`$(beaker) ${vscode.l10n.t('Dry run')}`, 'edmWorkbench.dryRun'),
      lens(
        `$(arrow-swap) ${scheduler === 'slurm' ? vscode.l10n.t('Convert to LSF') : vscode.l10n.t('Convert to Slurm')}`,
        'edmWorkbench.convertScript',
      ),
    ];
  }
}

/** Registers the lenses; the setting `edmWorkbench.batch.codeLens` turns them off at once. */
export function registerScriptLens(): vscode.Disposable[] {
  const lens = new ScriptLens();
  return [
    vscode.languages.registerCodeLensProvider({ language: 'shellscript' }, lens),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('edmWorkbench.batch.codeLens')) lens.refresh();
    }),
  ];
}
