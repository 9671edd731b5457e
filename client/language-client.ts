/** The library of the Language Server Protocol, in a file of its own: it is read when the server is started, not at activation. */
export { LanguageClient, TransportKind } from 'vscode-languageclient/node';
