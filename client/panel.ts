/** Where every panel opens: its page and its policy, its messages, and one panel for each subject. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { isMessage, type Handlers, type Message } from '../server/shared/panel-protocol';
import type { Context } from './context';
import { errorText, isCancelled } from './errors';

/** The bundles in `dist/media`: a script and a style sheet for each kind of panel. */
type PanelName = 'samples' | 'history' | 'queue' | 'trajectory' | 'calibration';

/**
 * A kind of panel. `Subject` is all that one panel needs to be filled, and survives JSON: whoever has a `WebviewPanel` and
 * a subject can fill it, a new panel or one that the editor restored.
 */
export interface PanelKind<Subject, To extends Message, From extends Message> {
  name: PanelName;
  /** Title of the tab. */
  title(subject: Subject): string;
  /** Subjects with the same key share one panel. Left out: every subject gets a panel of its own. */
  key?(subject: Subject): string;
  /** True where a panel with another key is closed first. */
  single?: boolean;
  /** Folders whose images the page may show. */
  folders?(subject: Subject): readonly vscode.Uri[];
  /** True where the page also shows images that come with its messages, as `data:` addresses. */
  inlineImages?: boolean;
  /** Connects a page with what it shows; called once for each panel, before its page is built. */
  connect(context: Context, page: Page<To>, subject: Subject): PanelView<Subject, From>;
}

/** A panel as its view sees it. */
interface Page<To extends Message> {
  readonly panel: vscode.WebviewPanel;
  /** Sends a message. Nothing is sent before the page has said `ready`: it then asks for everything it shows. */
  readonly post: (message: To) => void;
  /** Does what may fail. A failure is told by the view's `fail`; a cancelled request is not told. */
  readonly attempt: (work: () => Promise<void> | void) => void;
  /** Disposes of these together with the panel. */
  readonly own: (...disposables: readonly vscode.Disposable[]) => void;
}

/** What a panel does with its messages. */
interface PanelView<Subject, From extends Message> {
  /** `ready` comes first, and again whenever the page is built again after it was hidden. */
  handlers: Handlers<From>;
  /** The panel was asked for again, with a subject of the same key; it has been revealed. */
  show?(subject: Subject): void;
  /** Tells of a failure; a notification when left out. */
  fail?: (message: string) => void;
}

interface OpenPanel {
  name: PanelName;
  panel: vscode.WebviewPanel;
  view: { show?(subject: unknown): void };
}

/** The open panels whose kind has a key. */
const openPanels = new Map<string, OpenPanel>();

/** Shows a subject: in the panel that has it already, else in a new one. */
export function openPanel<Subject, To extends Message, From extends Message>(
  context: Context,
  kind: PanelKind<Subject, To, From>,
  subject: Subject,
  column = vscode.ViewColumn.Active,
): void {
  const open = openPanels.get(idOf(kind, subject));
  if (open) {
    open.panel.reveal();
    open.view.show?.(subject);
    return;
  }
  if (kind.single) for (const { name, panel } of openPanels.values()) if (name === kind.name) panel.dispose();
  const panel = vscode.window.createWebviewPanel(`edmWorkbench.${kind.name}`, kind.title(subject), column);
  fillPanel(context, kind, panel, subject);
}

/** Gives a panel its page, and answers it until the panel is closed. */
function fillPanel<Subject, To extends Message, From extends Message>(
  context: Context,
  kind: PanelKind<Subject, To, From>,
  panel: vscode.WebviewPanel,
  subject: Subject,
): void {
  const owned: vscode.Disposable[] = [];
  let ready = false;
  const page: Page<To> = {
    panel,
    post: (message) => {
      if (ready) void panel.webview.postMessage(message);
    },
    attempt: (work) =>
      void (async () => work())().catch((error: unknown) => {
        if (!isCancelled(error)) fail(errorText(error));
      }),
    own: (...disposables) => void owned.push(...disposables),
  };
  const view = kind.connect(context, page, subject);
  const fail = view.fail ?? ((message: string) => void vscode.window.showErrorMessage(message));
  const id = idOf(kind, subject);
  if (kind.key) openPanels.set(id, { name: kind.name, panel, view });
  panel.webview.options = {
    enableScripts: true,
    localResourceRoots: [mediaFolder(context), ...(kind.folders?.(subject) ?? [])],
  };
  panel.webview.onDidReceiveMessage((message: unknown) => {
    if (!isMessage(message) || !Object.hasOwn(view.handlers, message.type)) return;
    if (message.type === 'ready') ready = true;
    const handler = (view.handlers as Record<string, (message: unknown) => Promise<void> | void>)[message.type];
    page.attempt(() => handler?.(message));
  });
  panel.onDidDispose(() => {
    if (openPanels.get(id)?.panel === panel) openPanels.delete(id);
    for (const one of owned) one.dispose();
  });
  panel.webview.html = pageHtml(panel, mediaFolder(context), kind);
}

/** Tells one panel from all others of all kinds. */
function idOf<Subject>(kind: Pick<PanelKind<Subject, Message, Message>, 'name' | 'key'>, subject: Subject): string {
  return `${kind.name} ${kind.key?.(subject) ?? ''}`;
}

/** Where the bundles of the panels are. */
function mediaFolder({ extension }: Context): vscode.Uri {
  return vscode.Uri.joinPath(extension.extensionUri, 'dist', 'media');
}

/**
 * The page of a panel: one script with a fresh nonce, one style sheet, and images from `localResourceRoots`. The policy
 * forbids everything else; what the panel shows arrives as messages.
 */
function pageHtml(
  { webview, title }: vscode.WebviewPanel,
  media: vscode.Uri,
  { name, inlineImages }: { name: PanelName; inlineImages?: boolean },
): string {
  const nonce = randomBytes(18).toString('base64');
  const file = (ending: string): string => webview.asWebviewUri(vscode.Uri.joinPath(media, name + ending)).toString();
  const images = inlineImages ? `${webview.cspSource} data:` : webview.cspSource;
  const policy = `default-src 'none'; img-src ${images}; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${file('.css')}">
<title>${title.replace(/[&<>"]/g, '')}</title>
</head>
<body>
<script nonce="${nonce}" src="${file('.js')}"></script>
</body>
</html>`;
}
