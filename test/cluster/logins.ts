/** Logins for tests: hosts of a user with an ssh configuration of their own, and answers in place of a person. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Host } from '../../server/cluster/host';
import { Hosts } from '../../server/cluster/hosts';
import type { Prompter } from '../../server/cluster/ssh/prompter';
import type { ClusterProfile, PromptParams } from '../../server/shared/protocol';
import type { TestBed } from './bed';

/** What somebody was asked. */
export interface Asked {
  prompts: PromptParams[];
  hostKeys: string[];
  secrets: Map<string, string>;
}

/** A user's hosts: `login` is the jump host, `inner` the cluster behind it. */
export interface Login {
  hosts: Hosts;
  asked: Asked;
  /** Connects, asking what must be asked. */
  host: (extra?: Partial<ClusterProfile>) => Promise<Host>;
}

export interface LoginOptions {
  /** Name of a key of the bed. */
  identity?: string;
  knownHosts?: string;
  /** What is answered to an unknown host key. */
  trust?: boolean;
  /** Lines of ssh's configuration that win over ours. */
  config?: string;
  /** Whether the login is kept by a holder, and shared with other logins of the same settings. */
  isKept?: boolean;
}

/** All logins of one test file. */
export class Logins {
  /** Folder for whatever tests write here. */
  readonly scratch = mkdtempSync(path.join(os.tmpdir(), 'edm-ssh-'));
  readonly log: string[] = [];
  private readonly open: Hosts[] = [];

  constructor(private readonly bed: TestBed) {}

  of(
    user: string,
    answers: (params: PromptParams) => string[] | null = () => null,
    { identity, knownHosts, trust = false, config = '', isKept = false }: LoginOptions = {},
  ): Login {
    const file = path.join(this.scratch, randomBytes(4).toString('hex'));
    const more = ['HashKnownHosts yes', 'ForwardX11 yes'];
    writeFileSync(file, `${config}\n${this.bed.sshConfig(user, { identity, knownHosts, more })}`);
    const asked: Asked = { prompts: [], hostKeys: [], secrets: new Map() };
    const prompter: Prompter = {
      prompt: (params) => Promise.resolve((asked.prompts.push(params), answers(params))),
      hostKey: ({ fingerprint }) => Promise.resolve((asked.hostKeys.push(fingerprint), trust)),
      secret: ({ key, value }) => {
        if (value === undefined) return Promise.resolve(asked.secrets.get(key) ?? null);
        if (value === null) asked.secrets.delete(key);
        else asked.secrets.set(key, value);
        return Promise.resolve(null);
      },
    };
    const log = (line: string): unknown => this.log.push(line);
    const hosts = new Hosts(prompter, log, { file }, isKept ? { tell: log } : undefined);
    this.open.push(hosts);
    return { hosts, asked, host: (extra) => hosts.host({ name: 'bed', host: 'inner', ...extra }, true) };
  }

  close(): void {
    this.open.forEach((hosts) => hosts.close());
    rmSync(this.scratch, { recursive: true, force: true });
  }
}
