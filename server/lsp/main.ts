/** The language server as a program: over --stdio or node-ipc, as the arguments say. */
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { startServer, surviveDefects } from './server';

const connection = createConnection(ProposedFeatures.all);
surviveDefects(connection);
startServer(connection);
