import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

type PanelName = 'samples' | 'history' | 'queue' | 'trajectory' | 'calibration';

/** Where the bundles of the panels lie. */
export function mediaRoot(extension: vscode.ExtensionContext): vscode.Uri {
  return vscode.Uri.joinPath(extension.extensionUri, 'dist', 'media');
}

/**
 * The page of a panel: one script with a fresh nonce, one style sheet, and images from `localResourceRoots`. Everything
 * else is forbidden by the policy; what the panel shows arrives as messages.
 */
export function panelHtml(
  webview: vscode.Webview,
  extension: vscode.ExtensionContext,
  name: PanelName,
  title: string,
): string {
  const nonce = randomBytes(18).toString('base64');
  const file = (extensionName: string): string =>
    webview.asWebviewUri(vscode.Uri.joinPath(mediaRoot(extension), `${name}.${extensionName}`)).toString();
  // Pictures of a trajectory are in no file: they come with its numbers.
  const images = name === 'trajectory' ? `${webview.cspSource} data:` : webview.cspSource;
  const policy = `default-src 'none'; img-src ${images}; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${file('css')}">
<title>${title.replace(/[&<>"]/g, '')}</title>
</head>
<body>
<script nonce="${nonce}" src="${file('js')}"></script>
</body>
</html>`;
}

/** True for an object with a string `type`: the least that a message from a panel must be. */
export function isMessage(value: unknown): value is { type: string } {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}
