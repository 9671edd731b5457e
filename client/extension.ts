import type * as vscode from 'vscode';
import { registerEndNotices, registerStatusItem } from './cluster-status';
import { registerClusterTree } from './cluster-tree';
import { registerCommands } from './commands';
import { Context } from './context';
import { registerDispatches } from './dispatch';
import { registerLenses } from './lenses';
import { startForDocuments } from './own-documents';
import { registerPanels } from './panels';

/** Registers everything. The server is started by what needs it: a document of ours, a view, a command, a run under way. */
export function activate(extension: vscode.ExtensionContext): void {
  const context = new Context(extension);
  extension.subscriptions.push(
    context,
    ...registerCommands(context),
    ...registerLenses(context),
    ...registerPanels(context),
    ...registerDispatches(context),
    ...registerClusterTree(context),
    ...registerStatusItem(context),
    registerEndNotices(context),
    startForDocuments(context),
  );
}
