import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import {
  hostKeyRequest,
  promptRequest,
  secretRequest,
  type HostKeyParams,
  type PromptParams,
  type SecretParams,
} from '../server/shared/protocol';
import { plainText } from './plain-text';

/** Answers what the server asks while it connects: prompts, host keys, and secrets that the user let us keep. */
export function answerPrompts(client: LanguageClient, secrets: vscode.SecretStorage): void {
  client.onRequest(promptRequest, ask);
  client.onRequest(hostKeyRequest, confirmHostKey);
  client.onRequest(secretRequest, (params) => secret(secrets, params));
}

/** One input box for each prompt, with the server's own words. Null as soon as one is cancelled. */
async function ask({ cluster, host, instruction, prompts, retry }: PromptParams): Promise<string[] | null> {
  const answers: string[] = [];
  for (const [at, { text, echo }] of prompts.entries()) {
    const title =
      prompts.length > 1
        ? vscode.l10n.t('{0}: {1} asks ({2} of {3})', cluster, host, at + 1, prompts.length)
        : vscode.l10n.t('{0}: {1} asks', cluster, host);
    const answer = await vscode.window.showInputBox({
      title,
      prompt: [retry, instruction, text].flatMap((part) => (part ? plainText(part) : [])).join(' · '),
      password: !echo,
      // A one-time code is fetched from another window.
      ignoreFocusOut: true,
    });
    if (answer === undefined) return null;
    answers.push(answer);
  }
  return answers;
}

/** An unknown machine is trusted by the user alone, who compares its fingerprint. */
async function confirmHostKey({ host, port, algorithm, fingerprint }: HostKeyParams): Promise<boolean> {
  const trust = vscode.l10n.t('Trust and remember');
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t('The host key of {0} is not known yet', port === 22 ? host : `${host}:${port}`),
    {
      modal: true,
      detail: vscode.l10n.t(
        '{0} key, fingerprint\n{1}\n\nCompare it with what the site publishes. It is then written into your known_hosts file.',
        algorithm,
        fingerprint,
      ),
    },
    trust,
  );
  return chosen === trust;
}

/** Reads or forgets one secret, or stores it if the user says so. */
async function secret(secrets: vscode.SecretStorage, { key, value }: SecretParams): Promise<string | null> {
  if (value === undefined) return (await secrets.get(key)) ?? null;
  if (value === null) await secrets.delete(key);
  else void offerToKeep(secrets, key, value);
  return null;
}

/** Connecting goes on meanwhile: no answer is a no. */
async function offerToKeep(secrets: vscode.SecretStorage, key: string, value: string): Promise<void> {
  const keep = vscode.l10n.t('Keep it');
  const question = vscode.l10n.t('Keep the passphrase of your ssh key in the secret storage of the editor?');
  if ((await vscode.window.showInformationMessage(question, keep, vscode.l10n.t('Ask again'))) === keep)
    await secrets.store(key, value);
}
