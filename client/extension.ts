import * as vscode from 'vscode';
import { registerEndNotices, registerStatusItem } from './cluster-status';
import { registerClusterTree } from './cluster-tree';
import { registerCommands } from './commands';
import { Context } from './context';
import { registerDispatch } from './dispatch';
import { runLens } from './run-lens';
import { registerScriptLens } from './script-lens';

/** Registers everything and starts the server without waiting for it. */
export function activate(extension: vscode.ExtensionContext): void {
  const context = new Context(extension);
  extension.subscriptions.push(
    context,
    ...registerCommands(context),
    vscode.languages.registerCodeLensProvider({ pattern: '**/*.edm.yaml' }, runLens),
    ...registerDispatch(context),
    ...registerScriptLens(),
    ...registerClusterTree(context),
    ...registerStatusItem(context),
    registerEndNotices(context),
  );
  void context.server();
}
