import * as vscode from 'vscode';

/** Why a scheduler refused a script, as a problem at the line it named, until the script changes. */
export class Refusals implements vscode.Disposable {
  private readonly diagnostics = vscode.languages.createDiagnosticCollection('edm-workbench-scheduler');
  private readonly listener = vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
    if (contentChanges.length > 0) this.clear(document);
  });

  /** Shows a refusal. @param line 0-based; the first line where the scheduler named none */
  set(document: vscode.TextDocument, message: string, line = 0): void {
    const { range, firstNonWhitespaceCharacterIndex } = document.lineAt(Math.min(line, document.lineCount - 1));
    const diagnostic = new vscode.Diagnostic(
      range.with(range.start.with({ character: firstNonWhitespaceCharacterIndex })),
      message,
      vscode.DiagnosticSeverity.Error,
    );
    diagnostic.source = 'EDM Workbench';
    diagnostic.code = 'refused';
    this.diagnostics.set(document.uri, [diagnostic]);
  }

  /** Removes what was shown for a script. */
  clear({ uri }: vscode.TextDocument): void {
    this.diagnostics.delete(uri);
  }

  dispose(): void {
    this.diagnostics.dispose();
    this.listener.dispose();
  }
}
