import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import {
  createProtocolConnection,
  DidOpenTextDocumentNotification,
  HoverRequest,
  InitializedNotification,
  InitializeRequest,
  LogMessageNotification,
} from 'vscode-languageserver-protocol/node';

test('the server logs what is thrown where nobody waits for it, and goes on answering', async () => {
  const program = path.join(__dirname, 'lsp-defect-process.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const connection = createProtocolConnection(child.stdout, child.stdin);
  connection.listen();
  try {
    const parameters = { processId: process.pid, rootUri: null, capabilities: {}, workspaceFolders: null };
    await connection.sendRequest(InitializeRequest.type, parameters);
    await connection.sendNotification(InitializedNotification.type, {});
    const logged: string[] = [];
    const both = new Promise<void>((resolve) =>
      connection.onNotification(LogMessageNotification.type, ({ message }) => {
        if (message.includes('planted') && logged.push(message) === 2) resolve();
      }),
    );
    await connection.sendNotification('test/throw');
    await both;
    assert.ok(logged.some((line) => line.includes('Defect: RangeError: planted in a callback')));
    assert.ok(logged.some((line) => line.includes('Defect: TypeError: planted in a promise')));
    const uri = 'untitled:a.edm.yaml';
    const textDocument = { uri, languageId: 'yaml', version: 1, text: 'steps: 4\n' };
    await connection.sendNotification(DidOpenTextDocumentNotification.type, { textDocument });
    const position = { line: 0, character: 2 };
    assert.ok(await connection.sendRequest(HoverRequest.type, { textDocument: { uri }, position }));
    assert.equal(child.exitCode, null);
  } finally {
    connection.dispose();
    child.kill();
  }
});
