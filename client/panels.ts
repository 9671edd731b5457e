import type * as vscode from 'vscode';
import { CALIBRATION } from './calibration-panel';
import type { Context } from './context';
import { HISTORY } from './history-panel';
import { restorePanels } from './panel';
import { QUEUE } from './queue-panel';
import { SAMPLES } from './samples-panel';
import { TRAJECTORY } from './trajectory-panel';

/** Every kind of panel comes back after the window was reloaded. */
export function registerPanels(context: Context): vscode.Disposable[] {
  return [
    restorePanels(context, SAMPLES),
    restorePanels(context, HISTORY),
    restorePanels(context, QUEUE),
    restorePanels(context, TRAJECTORY),
    restorePanels(context, CALIBRATION),
  ];
}
