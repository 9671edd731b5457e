/** What can be done with a run config or a batch script, above its first line. */
import * as vscode from 'vscode';
import type { Clusters } from './clusters';
import type { Context } from './context';

/** An action above a document. */
interface Action {
  icon: string;
  title: string;
  command: string;
}

/** The actions of a run config on this machine. */
const CONFIG_ACTIONS: readonly Action[] = [
  { icon: 'play', title: 'Run', command: 'edmWorkbench.runConfig' },
  { icon: 'graph', title: 'History', command: 'edmWorkbench.showHistory' },
];
/** Those that need a cluster. */
const CLUSTER_ACTIONS: readonly Action[] = [
  { icon: 'cloud-upload', title: 'Submit to cluster', command: 'edmWorkbench.dispatch' },
  { icon: 'file-code', title: 'Show script', command: 'edmWorkbench.previewDispatch' },
  { icon: 'beaker', title: 'Calibrate', command: 'edmWorkbench.calibrateOnCluster' },
  { icon: 'cloud-download', title: 'Results', command: 'edmWorkbench.pull' },
];

/** Who has no cluster sees nothing of clusters. */
class ConfigLenses implements vscode.CodeLensProvider {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;
  private known = false;
  private asked = false;

  constructor(private readonly clusters: Clusters) {
    clusters.onDidChange(() => this.look());
  }

  provideCodeLenses({ uri }: vscode.TextDocument): vscode.CodeLens[] {
    this.ask();
    const actions = this.known ? [...CONFIG_ACTIONS, ...CLUSTER_ACTIONS] : CONFIG_ACTIONS;
    return actions.map(({ icon, title, command }) => makeLens(icon, vscode.l10n.t(title), command, uri));
  }

  /** Asks once which clusters there are, as nothing else may have; an untrusted workspace names none. */
  private ask(): void {
    if (this.asked || !vscode.workspace.isTrusted) return;
    this.asked = true;
    // A list that cannot be read is told where it is shown.
    void this.clusters.load().catch(() => undefined);
  }

  private look(): void {
    const known = this.clusters.all().length > 0;
    if (known === this.known) return;
    this.known = known;
    this.changed.fire();
  }
}

/** The first directive of a batch script, as its scheduler spells it. */
const DIRECTIVE = /^(?:#SBATCH|[ \t]*#[ \t]*(BSUB))\b/m;

/** The scheduler whose directives a text has; undefined for any other shell script. */
function schedulerOf(text: string): 'slurm' | 'lsf' | undefined {
  const found = DIRECTIVE.exec(text);
  return found ? (found[1] ? 'lsf' : 'slurm') : undefined;
}

/** Nothing is shown above a shell file without directives. */
class ScriptLenses implements vscode.CodeLensProvider {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;

  /** Asks the editor to draw the lenses again. */
  refresh(): void {
    this.changed.fire();
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!vscode.workspace.getConfiguration('edmWorkbench', document).get('batch.codeLens', true)) return [];
    const scheduler = schedulerOf(document.getText());
    if (!scheduler) return [];
    const convert = scheduler === 'slurm' ? vscode.l10n.t('Convert to LSF') : vscode.l10n.t('Convert to Slurm');
    return [
      makeLens('cloud-upload', vscode.l10n.t('Submit'), 'edmWorkbench.submit', document.uri),
      makeLens('beaker', vscode.l10n.t('Dry run'), 'edmWorkbench.dryRun', document.uri),
      makeLens('arrow-swap', convert, 'edmWorkbench.convertScript', document.uri),
    ];
  }
}

function makeLens(icon: string, title: string, command: string, uri: vscode.Uri): vscode.CodeLens {
  return new vscode.CodeLens(new vscode.Range(0, 0, 0, 0), { title: `$(${icon}) ${title}`, command, arguments: [uri] });
}

/** Registers the lenses; the setting `edmWorkbench.batch.codeLens` switches those of scripts on and off at once. */
export function registerLenses({ clusters }: Context): vscode.Disposable[] {
  const scripts = new ScriptLenses();
  return [
    vscode.languages.registerCodeLensProvider({ pattern: '**/*.edm.yaml' }, new ConfigLenses(clusters)),
    vscode.languages.registerCodeLensProvider({ language: 'shellscript' }, scripts),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('edmWorkbench.batch.codeLens')) scripts.refresh();
    }),
  ];
}
