/** Starting the server for documents: only for those that it has something to say of. */
import * as vscode from 'vscode';
import type { Context } from './context';

/** The first letters of a directive, as one begins to write it. */
const DIRECTIVE_BEGUN = /^[ \t]*#[ \t]*(?:SB|BS)/m;
/** Names of what is ours: run configs, and the files of a project's `.edm-workbench`. */
const OWN_FILE = /\.edm\.ya?ml$|[\\/]\.edm-workbench[\\/][^\\/]+\.ya?ml$/;

/** Whether the server checks this document; of shell scripts those with directives. */
function isOwn(document: vscode.TextDocument): boolean {
  const { uri, languageId } = document;
  if (uri.scheme !== 'file' && uri.scheme !== 'untitled') return false;
  return OWN_FILE.test(uri.path) || (languageId === 'shellscript' && DIRECTIVE_BEGUN.test(document.getText()));
}

/** Starts the server once a document of ours is open, or a script gets its first directive. */
export function startForDocuments(context: Context): vscode.Disposable {
  const subscriptions: vscode.Disposable[] = [];
  const stop = (): void => subscriptions.splice(0).forEach((one) => void one.dispose());
  const look = (document: vscode.TextDocument): void => {
    if (!isOwn(document)) return;
    stop();
    void context.server();
  };
  subscriptions.push(
    vscode.workspace.onDidOpenTextDocument(look),
    vscode.workspace.onDidChangeTextDocument(({ document }) => look(document)),
  );
  vscode.workspace.textDocuments.forEach(look);
  return { dispose: stop };
}
