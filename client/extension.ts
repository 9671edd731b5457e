import * as vscode from 'vscode';
import { registerCommands } from './commands';
import { Context } from './context';
import { runLens } from './run-lens';

/** Registers everything and starts the server without waiting for it. */
export function activate(extension: vscode.ExtensionContext): void {
  const context = new Context(extension);
  extension.subscriptions.push(
    context,
    ...registerCommands(context),
    vscode.languages.registerCodeLensProvider({ pattern: '**/*.edm.yaml' }, runLens),
  );
  void context.server();
}
