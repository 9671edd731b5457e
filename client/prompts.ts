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
import { noticeText } from '../server/shared/plain-text';

/** Answers what the server asks while it connects: prompts, host keys, and secrets that the user agreed to save. */
export function answerPrompts(client: LanguageClient, secrets: vscode.SecretStorage): void {
  client.onRequest(promptRequest, askPrompts);
  client.onRequest(hostKeyRequest, confirmHostKey);
  client.onRequest(secretRequest, (params) => handleSecret(secrets, params));
}

/** Shows one input box for each prompt, in the server's own words. Null as soon as one is cancelled. */
async function askPrompts({ cluster, host, instruction, prompts, retry }: PromptParams): Promise<string[] | null> {
  const answers: string[] = [];
  for (const [at, { text, echo }] of prompts.entries()) {
    const title =
      prompts.length > 1
        ? vscode.l10n.t('{0}: {1} asks ({2} of {3})', cluster, host, at + 1, prompts.length)
        : vscode.l10n.t('{0}: {1} asks', cluster, host);
    const answer = await vscode.window.showInputBox({
      title,
      prompt: [retry, instruction, text].flatMap((part) => (part ? noticeText(part) : [])).join(' · '),
      password: !echo,
      // A one-time code is usually read in another window.
      ignoreFocusOut: true,
    });
    if (answer === undefined) return null;
    answers.push(answer);
  }
  return answers;
}

/** Only the user can trust an unknown host key, after comparing its fingerprint. */
async function confirmHostKey({ host, port, algorithm, fingerprint }: HostKeyParams): Promise<boolean> {
  const trust = vscode.l10n.t('Trust and remember');
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t('The host key of {0} is not known yet', port === 22 ? host : `${host}:${port}`),
    {
      modal: true,
      detail: vscode.l10n.t(
        '{0} key, fingerprint\n{1}\n\nCompare it with the fingerprint that the site publishes. If you trust it, it is added to your known_hosts file.',
        noticeText(algorithm),
        noticeText(fingerprint),
      ),
    },
    trust,
  );
  return chosen === trust;
}

/** Reads or deletes one secret, or saves it if the user agrees. */
async function handleSecret(secrets: vscode.SecretStorage, { key, value }: SecretParams): Promise<string | null> {
  if (value === undefined) return (await secrets.get(key)) ?? null;
  if (value === null) await secrets.delete(key);
  else void offerToSave(secrets, key, value);
  return null;
}

/** Connecting does not wait for the answer; without one the secret is not saved. */
async function offerToSave(secrets: vscode.SecretStorage, key: string, value: string): Promise<void> {
  const save = vscode.l10n.t('Save');
  const question = vscode.l10n.t("Save the passphrase of your ssh key in the editor's secret storage?");
  if ((await vscode.window.showInformationMessage(question, save, vscode.l10n.t('Ask every time'))) === save)
    await secrets.store(key, value);
}
