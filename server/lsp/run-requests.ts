/** Runs on this machine, their history and samples, and scripts as whole texts. Nothing is decided here. */
import { existsSync } from 'node:fs';
import type { Connection } from 'vscode-languageserver/node';
import { UserError } from '../errors';
import { examine } from '../runs/doctor';
import { repositoryRoot } from '../git';
import { publishedTexts } from '../history/published-fids';
import { historyFile, readHistory } from '../history/history-store';
import { executeRun } from '../runs/execute';
import { listRuns } from '../runs/run-list';
import { listSamples, sampleDetails } from '../runs/samples';
import { generateInto, importInto, measureImages } from '../runs/single';
import { denoisingTrajectory } from '../runs/trajectory';
import { convert } from '../scripts/convert';
import { templates } from '../scripts/templates';
import * as protocol from '../shared/protocol';
import type { Requests } from './requests';

/** Registers all of it. */
export function registerRunRequests(connection: Connection, requests: Requests): void {
  requests.on(protocol.runRequest, ({ config }, control) => executeRun(config, control));
  requests.on(protocol.generateRequest, generateInto);
  requests.on(protocol.trajectoryRequest, denoisingTrajectory);
  requests.on(protocol.importRequest, importInto);
  requests.on(protocol.measureRequest, measureImages);
  requests.on(protocol.historyRequest, async ({ folder }) => {
    if (!existsSync(folder)) throw new UserError(`${folder} is not there any more: it was deleted or moved`);
    const root = await repositoryRoot(folder);
    const history = await readHistory(root);
    return { root, file: historyFile(root), ...history, published: publishedTexts(history.records) };
  });
  requests.on(protocol.runsRequest, ({ folders, found }) => listRuns(folders, found));
  requests.on(protocol.samplesRequest, ({ folder }) => listSamples(folder));
  requests.on(protocol.sampleDetailsRequest, ({ folder, files }) => sampleDetails(folder, files));
  requests.on(protocol.doctorRequest, ({ folder }) => examine(folder));
  requests.on(protocol.convertRequest, ({ text }) => convert(text) ?? null);
  connection.onRequest(protocol.templatesRequest, () => templates);
}
