/** What can ask the user: the editor, or the terminal. */
import type { HostKeyParams, PromptParams, SecretParams } from '../../shared/protocol';

export interface Prompter {
  /** Answers in the order of the prompts; null where the user gave up. */
  prompt(params: PromptParams): Promise<string[] | null>;
  /** Whether an unknown key is to be trusted permanently. */
  hostKey(params: HostKeyParams): Promise<boolean>;
  /** Reads, stores or forgets a passphrase; null where there is none. */
  secret(params: SecretParams): Promise<string | null>;
  /** Tells what the user must do now, beside this machine: touch a security key. */
  notice?(line: string): void;
}
