/** A language server in which something is thrown where nobody waits for it. */
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { startServer, surviveDefects } from '../../server/lsp/server';

const connection = createConnection(ProposedFeatures.all);
surviveDefects(connection);
startServer(connection);
connection.onNotification('test/throw', () => {
  setImmediate(() => {
    throw new RangeError('planted in a callback');
  });
  void Promise.reject(new TypeError('planted in a promise'));
});
