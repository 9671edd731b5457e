import type * as vscode from 'vscode';
import { registerEndNotices, registerStatusItem } from './cluster-status';
import { registerClusterTree } from './cluster-tree';
import { registerCommands } from './commands';
import { Context } from './context';
import { registerDispatches } from './dispatch';
import { registerLenses } from './lenses';
import { registerPanels } from './panels';

/** Registers everything and starts the server without waiting for it. */
export function activate(extension: vscode.ExtensionContext): void {
  const context = new Context(extension);
  extension.subscriptions.push(
    context,
    ...registerCommands(context),
    ...registerLenses(),
    ...registerPanels(context),
    ...registerDispatches(context),
    ...registerClusterTree(context),
    ...registerStatusItem(context),
    registerEndNotices(context),
  );
  void context.server();
}
