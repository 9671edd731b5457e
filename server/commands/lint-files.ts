import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { analyse, fixAll } from '../scripts/analyse';
import { encodingProblem, foreignEncoding, WRONG_ENCODING } from '../scripts/encoding';
import { analysePage, isPage } from '../scripts/page';
import { clusterComment } from '../scripts/reading/cluster-comment';
import type { ScriptContext } from '../scripts/reading/script';
import { writeAtomically } from '../atomic-file';
import { CancelledError, messageOf, UserError } from '../errors';
import { readRegularFile } from '../regular-file';
import { plainJson, plainLine } from '../shared/plain-text';
import { programsOf } from '../script-programs';
import { siblingsOf } from '../script-siblings';
import type { ClusterSnapshot } from '../shared/schema-types.gen';

/** One finding in a file, as every report format needs it. Lines and columns count from 1. */
export interface FileFinding {
  file: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
  severity: 'error' | 'warning' | 'info' | 'hint';
  id: string;
  message: string;
}

export interface LintOptions extends Pick<ScriptContext, 'scheduler' | 'cluster'> {
  /** Apply the fixes that keep the job as it is to batch scripts; the file keeps its mode and its line ends. */
  fix?: boolean;
  signal?: AbortSignal;
}

/**
 * A cluster snapshot that was written by `edm-workbench snapshot` or by hand.
 * @throws UserError for a file that cannot be read or is not a snapshot
 */
export async function readSnapshot(file: string): Promise<ClusterSnapshot> {
  try {
    const { checkSnapshot } = await import('./lint-schemas');
    const read = checkSnapshot(JSON.parse(await readFile(file, 'utf8')));
    if (read.valid) return read.value;
    throw new Error(read.problem);
  } catch (error) {
    throw new UserError(`${file} is not a cluster snapshot: ${messageOf(error)}`);
  }
}

/** The largest script or config that is read, in bytes; Slurm itself takes 4 MiB (slurm.conf(5), max_script_size). */
const LARGEST = 16 << 20;

/**
 * Findings of batch scripts, run configs and lists of clusters.
 * @throws UserError for a file that cannot be read; CancelledError
 */
export async function lintFile(file: string, options: LintOptions): Promise<FileFinding[]> {
  const bytes = await readRegularFile(file, { atMost: LARGEST });
  const foreign = foreignEncoding(bytes);
  const text = foreign?.decode(bytes) ?? bytes.toString('utf8');
  if (/\.ya?ml$/i.test(file)) {
    const { yamlProblems } = await import('./lint-schemas');
    const problems = await yamlProblems(file, text, options.signal).catch((error: unknown) => {
      if (options.signal?.aborted) throw new CancelledError();
      throw error;
    });
    if (problems)
      return problems.map(({ range, severity, id, message }) =>
        finding(file, range.start, range.end, severity, id, message),
      );
  }
  const { scheduler, cluster, fix } = options;
  const clusters = clusterComment(text) ? await (await import('./lint-schemas')).namesBeside(file) : undefined;
  const context = { scheduler, cluster, clusters, path: file, siblings: siblingsOf(file), program: programsOf(file) };
  if (fix && !foreign && !Buffer.from(text).equals(bytes)) {
    throw new UserError(
      `${file} is not UTF-8, so that no fix can be applied to it: convert it, e.g. with iconv, and try again`,
    );
  }
  const page = isPage(file);
  const script = fix && !page ? fixAll(text, context) : text;
  const isConverted = fix === true && foreign !== undefined && !page;
  if (script !== text || isConverted) await writeAtomically(file, Buffer.from(script), (await stat(file)).mode);
  const findings = page ? analysePage(text, context) : analyse(script, context).findings;
  const told = findings.map(({ start, end, severity, id, message, remedy }) =>
    finding(file, start, end, severity, id, remedy ? `${message}. ${remedy}` : message),
  );
  return foreign && !isConverted && !page ? [encodingFinding(file, foreign.name), ...told] : told;
}

/** That a script is not in UTF-8, at its start. */
function encodingFinding(file: string, name: string): FileFinding {
  const start = { line: 0, character: 0 };
  const { message, remedy } = encodingProblem(name);
  return finding(file, start, start, 'error', WRONG_ENCODING, `${message}. ${remedy}`);
}

interface Position {
  line: number;
  character: number;
}

function finding(
  file: string,
  start: Position,
  end: Position,
  severity: FileFinding['severity'],
  id: string,
  message: string,
): FileFinding {
  return {
    file,
    line: start.line + 1,
    column: start.character + 1,
    endLine: end.line + 1,
    endColumn: end.character + 1,
    severity,
    id,
    message,
  };
}

/** Report formats of `lint --format`. */
export const LINT_FORMATS = {
  text: (findings: readonly FileFinding[]) =>
    findings.map((f) => plainLine(`${f.file}:${f.line}:${f.column}: ${f.severity}: ${f.message} [${f.id}]`)).join('\n'),
  json: (findings: readonly FileFinding[]) => plainJson(findings, 2),
  sarif,
};

const SARIF_LEVEL = { error: 'error', warning: 'warning', info: 'note', hint: 'note' } as const;

/** SARIF 2.1.0, as code-scanning systems read it. */
function sarif(findings: readonly FileFinding[]): string {
  const rules = [...new Set(findings.map((f) => f.id))].sort();
  return plainJson(
    {
      $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
      version: '2.1.0',
      runs: [
        {
          tool: { driver: { name: 'EDM Workbench', rules: rules.map((id) => ({ id })) } },
          results: findings.map((f) => ({
            ruleId: f.id,
            level: SARIF_LEVEL[f.severity],
            message: { text: f.message },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: encodeURI(f.file.split(path.sep).join('/')) },
                  region: { startLine: f.line, startColumn: f.column, endLine: f.endLine, endColumn: f.endColumn },
                },
              },
            ],
          })),
        },
      ],
    },
    2,
  );
}
