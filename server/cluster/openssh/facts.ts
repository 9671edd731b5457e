/** What has to be known of a host before it is decided by what it is connected to. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ConfigurationFiles, SshSettings } from '../ssh/configuration';
import { knownHostName, KnownHosts } from '../ssh/known-hosts';
import type { TransportFacts } from '../transport-reasons';
import { ownMasterSocket } from './login';
import { SshConfiguration, type SshProgram } from './ssh-program';

/** Milliseconds for which an agent, or a look for tickets, may take. */
const PATIENCE = 5000;

/** Looks at one host. @param ssh undefined where there is none: then no ControlMaster of it can be open */
export async function factsOf(
  settings: SshSettings,
  ssh: SshProgram | undefined,
  files: ConfigurationFiles = {},
): Promise<TransportFacts> {
  const { alias, identityFiles, ignored, ignoredOfSite, identitiesOnly, agent } = settings;
  const mayBeOpen = settings.withoutEffect.some((line) => /^ControlPath[\s=]+(?!"?none"?\s*$)/i.test(line));
  const [keys, types, hasTicket, master] = await Promise.all([
    Promise.all(identityFiles.map(keyOf)),
    ssh && agent !== undefined && !identitiesOnly ? agentTypes(ssh, agent) : [],
    hasKerberosTicket(files.environment),
    ssh && mayBeOpen ? openMaster(ssh, settings, files) : undefined,
  ]);
  const { hostKeyAlias, hostName, port, knownHosts } = settings;
  const authority = new KnownHosts(knownHosts).authority(
    knownHostName(hostKeyAlias ?? hostName, hostKeyAlias ? 22 : port),
  );
  return {
    alias,
    // What both say is the user's own.
    own: ignored.filter((line) => !ignoredOfSite.includes(line) || ignored.indexOf(line) < ignored.lastIndexOf(line)),
    site: ignoredOfSite,
    keys,
    agent: types,
    hasTicket,
    ...(master !== undefined && { master }),
    ...(authority !== undefined && { authority }),
  };
}

async function keyOf(file: string): Promise<TransportFacts['keys'][number]> {
  const publicHalf = await readFile(`${file}.pub`, 'utf8').catch(() => undefined);
  const text = publicHalf ?? (await readFile(file, 'utf8').catch(() => ''));
  const type = typeOfPublic(text) ?? typeOfPrivate(text);
  return { file, hasCertificate: existsSync(`${file}-cert.pub`), ...(type !== undefined && { type }) };
}

const typeOfPublic = (text: string): string | undefined => /^((?:sk-)?(?:ssh|ecdsa)-\S+)\s/.exec(text)?.[1];

/** The type that an unencrypted part of OpenSSH's own format names. */
function typeOfPrivate(text: string): string | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text)?.[1];
  const bytes = body === undefined ? '' : Buffer.from(body, 'base64').toString('latin1', 0, 512);
  return /(?:sk-)?(?:ssh|ecdsa)-[a-z0-9-]+(?:-v01)?(?:@openssh\.com)?/.exec(bytes)?.[0];
}

/** Types of the keys that an agent has, as `ssh-add -L` lists them. */
async function agentTypes(ssh: SshProgram, agent: string): Promise<string[]> {
  const lines = await outputOf(path.join(path.dirname(ssh.path), 'ssh-add'), ['-L'], { SSH_AUTH_SOCK: agent });
  return (lines ?? '').split('\n').flatMap((line) => typeOfPublic(line) ?? []);
}

async function hasKerberosTicket(environment: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const file =
    /^(?:FILE:)?(\/.*)$/.exec(environment.KRB5CCNAME ?? '')?.[1] ?? `/tmp/krb5cc_${process.getuid?.() ?? ''}`;
  if (existsSync(file)) return true;
  // Where tickets are in no file.
  return (await outputOf('/usr/bin/klist', ['-s'], { KRB5CCNAME: environment.KRB5CCNAME })) !== undefined;
}

async function openMaster(
  ssh: SshProgram,
  { alias, user, port }: SshSettings,
  files: ConfigurationFiles,
): Promise<string | undefined> {
  try {
    const host = alias.includes(':') ? `[${alias}]` : alias;
    return await ownMasterSocket(await SshConfiguration.of(ssh, `${user}@${host}:${port}`, files));
  } catch {
    return undefined; // what ssh says about its configuration is told where it is used
  }
}

/** What a program prints; undefined where it is not there or ends with an error. */
function outputOf(file: string, args: readonly string[], more: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...more }, cwd: '/', timeout: PATIENCE };
    execFile(file, args, options, (error, stdout) => resolve(error ? undefined : stdout)).stdin?.end();
  });
}
