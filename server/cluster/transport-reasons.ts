/** When a host is connected to by the system's OpenSSH: what ssh2 lacks, one row a reason. Pure. */

/** What is known of one host on the way before anything is connected. */
export interface TransportFacts {
  /** As the destination names it. */
  alias: string;
  /** Directives that ssh2 does not honour, as written: in the user's own files, and in those of the machine. */
  own: readonly string[];
  site: readonly string[];
  /** Keys that the configuration names, with the type of the key where that is known, and whether a certificate is beside it. */
  keys: readonly { file: string; type?: string; hasCertificate: boolean }[];
  /** Types of the agent's keys that may be used. */
  agent: readonly string[];
  /** Whether there is a Kerberos ticket. */
  hasTicket: boolean;
  /** Socket of a ControlMaster that the user has open. */
  master?: string;
  /** Where known_hosts names a certificate authority for the host, and no key of it; file:line. */
  authority?: string;
}

/** A directive that OpenSSH honours and ssh2 does not. */
interface DirectiveReason {
  /** Its values that matter; all, where left out. */
  values?: RegExp;
  /** Whether it counts where the machine's files say it: many set it for everybody, needed or not. */
  ofSite: boolean | ((facts: TransportFacts) => boolean);
}

const ON = /^(?:yes|true|always|ask)$/i;
const OWN: DirectiveReason = { ofSite: false };
const ANY: DirectiveReason = { ofSite: true };

const DIRECTIVES: Readonly<Record<string, DirectiveReason>> = {
  certificatefile: ANY,
  pkcs11provider: { values: /^(?!none$)/i, ofSite: true },
  securitykeyprovider: { values: /^(?!(?:none|internal)$)/i, ofSite: true },
  // Debian and others switch it on for everybody.
  gssapiauthentication: { values: ON, ofSite: ({ hasTicket }) => hasTicket },
  hostbasedauthentication: { values: ON, ofSite: true },
  canonicalizehostname: { values: ON, ofSite: true },
  // `exec`, `canonical`, `final`, `localnetwork`, `tagged`, ...: those that ssh2's side can decide are honoured. Fedora's own
  // files say `Match final all`.
  match: OWN,
  proxyusefdpass: { values: ON, ofSite: true },
  // Tokens that we do not fill in.
  proxycommand: ANY,
  knownhostscommand: { values: /^(?!none$)/i, ofSite: true },
  revokedhostkeys: { values: /^(?!none$)/i, ofSite: true },
  verifyhostkeydns: { values: ON, ofSite: false },
  bindaddress: OWN,
  bindinterface: OWN,
  addressfamily: { values: /^inet6?$/i, ofSite: false },
  // Policies of the machine list what is as good with ssh2.
  kexalgorithms: OWN,
  ciphers: OWN,
  macs: OWN,
  hostkeyalgorithms: OWN,
  pubkeyacceptedalgorithms: OWN,
  pubkeyacceptedkeytypes: OWN,
};

const isCertificate = (type: string): boolean => type.includes('-cert-v01@');
const isSecurityKey = (type: string): boolean => type.startsWith('sk-');

/** The first that says something counts. Each says why, as it follows "because". */
const REASONS: readonly ((facts: TransportFacts) => string | undefined)[] = [
  ({ master, alias }) => (master === undefined ? undefined : `you have a connection to ${alias} open`),
  (facts) => {
    const line =
      facts.own.find((one) => counts(one, facts, false)) ?? facts.site.find((one) => counts(one, facts, true));
    return line === undefined ? undefined : `your ssh configuration of ${facts.alias} says "${line}"`;
  },
  ({ keys }) => {
    const key = keys.find(({ hasCertificate, type }) => hasCertificate || isCertificate(type ?? ''));
    return key && `the key ${key.file} has a certificate`;
  },
  ({ keys }) => {
    const key = keys.find(({ type }) => isSecurityKey(type ?? ''));
    return key && `the key ${key.file} is on a security key`;
  },
  ({ agent }) => (agent.some(isCertificate) ? 'your agent has a certificate' : undefined),
  ({ agent }) => (agent.some(isSecurityKey) ? 'your agent has a key that is on a security key' : undefined),
  ({ authority, alias }) =>
    authority === undefined ? undefined : `${alias} is known by a certificate authority (${authority})`,
];

function counts(line: string, facts: TransportFacts, isOfSite: boolean): boolean {
  const name = (/^[A-Za-z0-9]+/.exec(line)?.[0] ?? '').toLowerCase();
  const value = line
    .slice(name.length)
    .replace(/^[\s="]+/, '')
    .replaceAll('"', '')
    .trim();
  const reason = Object.hasOwn(DIRECTIVES, name) ? DIRECTIVES[name] : undefined;
  if (!reason || (reason.values && !reason.values.test(value))) return false;
  return !isOfSite || (typeof reason.ofSite === 'boolean' ? reason.ofSite : reason.ofSite(facts));
}

/** Why a way of these hosts is connected by OpenSSH, as it follows "because"; undefined where ssh2 can. */
export function reasonForOpenssh(way: readonly TransportFacts[]): string | undefined {
  for (const facts of way)
    for (const reason of REASONS) {
      const why = reason(facts);
      if (why !== undefined) return why;
    }
  return undefined;
}
