/** Where every panel opens, or comes back after a reload: its page and its policy, its messages, one panel for each subject. */
import { randomBytes } from 'node:crypto';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { isMessage, type Handlers, type Message, type SubjectMessage } from '../server/shared/panel-protocol';
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
  /**
   * The subject that a page stored before the window was reloaded, checked: it may come from another version, or be damaged.
   * @returns undefined for anything that is not one
   */
  restore(stored: unknown): Subject | undefined;
  /** Folders whose images the page may show. */
  folders?(subject: Subject): readonly vscode.Uri[];
  /** True where the page also shows images that come with its messages, as `data:` addresses. */
  inlineImages?: boolean;
  /** Connects a page with what it shows; called once for each panel, before its page is built. */
  connect(context: Context, page: Page<Subject, To>, subject: Subject): PanelView<Subject, From>;
}

/** A panel as its view sees it. */
interface Page<Subject, To extends Message> {
  readonly panel: vscode.WebviewPanel;
  /** Sends a message. Nothing is sent before the page has said `ready`: it then asks for everything it shows. */
  readonly post: (message: To) => void;
  /** The panel shows something else from now on: that is what comes back after a reload. */
  readonly become: (subject: Subject) => void;
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
  const panel = vscode.window.createWebviewPanel(viewType(kind), kind.title(subject), column);
  fillPanel(context, kind, panel, subject);
}

/**
 * Brings the panels of a kind back after the window was reloaded. One whose subject cannot be read says so; in a workspace
 * that is not trusted it waits for trust, as showing it may start git or reach a cluster.
 */
export function restorePanels<Subject, To extends Message, From extends Message>(
  context: Context,
  kind: PanelKind<Subject, To, From>,
): vscode.Disposable {
  return vscode.window.registerWebviewPanelSerializer(viewType(kind), {
    deserializeWebviewPanel(panel, stored: unknown) {
      const subject = kind.restore((stored as { subject?: unknown } | null | undefined)?.subject);
      if (subject === undefined)
        showNotice(context, kind, panel, vscode.l10n.t('What was shown here is not known any more. Open it again.'));
      else if (kind.key && openPanels.has(idOf(kind, subject))) panel.dispose();
      else if (vscode.workspace.isTrusted) fillPanel(context, kind, panel, subject);
      else {
        const text = vscode.l10n.t('This workspace is not trusted. Trust it, and what was shown here comes back.');
        showNotice(context, kind, panel, text);
        const granted = vscode.workspace.onDidGrantWorkspaceTrust(() => fillPanel(context, kind, panel, subject));
        panel.onDidDispose(() => void granted.dispose());
      }
      return Promise.resolve();
    },
  });
}

/** A folder out of what a page stored; undefined for anything that is not `{ folder }` with an absolute path. */
export function storedFolder(stored: unknown): { folder: string } | undefined {
  const { folder } = (stored ?? {}) as { folder?: unknown };
  return typeof folder === 'string' && path.isAbsolute(folder) ? { folder } : undefined;
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
  let current = subject;
  const post = (message: To | SubjectMessage): void => {
    if (ready) void panel.webview.postMessage(message);
  };
  const page: Page<Subject, To> = {
    panel,
    post,
    become: (other) => {
      current = other;
      panel.title = kind.title(other);
      post({ type: 'subject', subject: current });
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
  if (kind.key) openPanels.set(id, { panel, view });
  panel.title = kind.title(subject);
  panel.webview.options = {
    enableScripts: true,
    localResourceRoots: [mediaFolder(context), ...(kind.folders?.(subject) ?? [])],
  };
  panel.webview.onDidReceiveMessage((message: unknown) => {
    if (!isMessage(message) || !Object.hasOwn(view.handlers, message.type)) return;
    if (message.type === 'ready') {
      ready = true;
      post({ type: 'subject', subject: current });
    }
    const handler = (view.handlers as Record<string, (message: unknown) => Promise<void> | void>)[message.type];
    page.attempt(() => handler?.(message));
  });
  panel.onDidDispose(() => {
    if (openPanels.get(id)?.panel === panel) openPanels.delete(id);
    for (const one of owned) one.dispose();
  });
  const nonce = randomBytes(18).toString('base64');
  const script = mediaFile(context, panel, kind, '.js');
  panel.webview.html = pageHtml(context, panel, kind, {
    script: `'nonce-${nonce}'`,
    body: `<script nonce="${nonce}" src="${script}"></script>`,
  });
}

/** Gives a panel a page of one line. */
function showNotice(context: Context, kind: Looks, panel: vscode.WebviewPanel, text: string): void {
  panel.webview.options = { localResourceRoots: [mediaFolder(context)] };
  panel.webview.html = pageHtml(context, panel, kind, {
    script: "'none'",
    body: `<p class="empty" role="status">${plainHtml(text)}</p>`,
  });
}

/** How VS Code names a kind of panel; package.json's activation events name the same. */
function viewType({ name }: Looks): string {
  return `edmWorkbench.${name}`;
}

/** Tells one panel from all others of all kinds. */
function idOf<Subject>(kind: Pick<PanelKind<Subject, Message, Message>, 'name' | 'key'>, subject: Subject): string {
  return `${kind.name} ${kind.key?.(subject) ?? ''}`;
}

/** Where the bundles of the panels are. */
function mediaFolder({ extension }: Context): vscode.Uri {
  return vscode.Uri.joinPath(extension.extensionUri, 'dist', 'media');
}

/** What of a kind decides how its page looks. */
type Looks = Pick<PanelKind<unknown, Message, Message>, 'name' | 'inlineImages'>;

function mediaFile(context: Context, { webview }: vscode.WebviewPanel, { name }: Looks, ending: string): string {
  return webview.asWebviewUri(vscode.Uri.joinPath(mediaFolder(context), name + ending)).toString();
}

/**
 * The page of a panel: at most one script, one style sheet, and images from `localResourceRoots`. The policy forbids
 * everything else; what the panel shows arrives as messages.
 */
function pageHtml(
  context: Context,
  panel: vscode.WebviewPanel,
  kind: Looks,
  { script, body }: { script: string; body: string },
): string {
  const { cspSource } = panel.webview;
  const images = kind.inlineImages ? `${cspSource} data:` : cspSource;
  const policy = `default-src 'none'; img-src ${images}; style-src ${cspSource}; script-src ${script}`;
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${mediaFile(context, panel, kind, '.css')}">
<title>${plainHtml(panel.title)}</title>
</head>
<body>
${body}
</body>
</html>`;
}

/** Text that cannot become markup. */
function plainHtml(text: string): string {
  return text.replace(/[&<>"]/g, '');
}
