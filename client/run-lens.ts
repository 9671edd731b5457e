import * as vscode from 'vscode';

/** "Run" and "History" above a run config. */
export const runLens: vscode.CodeLensProvider = {
  provideCodeLenses(document) {
    const top = new vscode.Range(0, 0, 0, 0);
    return [
      new vscode.CodeLens(top, {
        title: `$(play) ${vscode.l10n.t('Run')}`,
        command: 'edmWorkbench.runConfig',
        arguments: [document.uri],
      }),
      new vscode.CodeLens(top, { title: `$(graph) ${vscode.l10n.t('History')}`, command: 'edmWorkbench.showHistory' }),
    ];
  },
};
