/** Logins that are kept for all commands and windows: made ahead, and ended. */
import { profileNamed } from '../cluster/profiles';
import { closeTerminalHosts, endLogin, terminalHosts } from '../cluster/terminal-hosts';
import { CancelledError, UserError } from '../errors';
import { print, printNotes, say, tell, type Run } from './command';
import { knownClusters, onlyName } from './session';

export const login: Run<'login'> = async (call) => {
  const { values } = call;
  terminalHosts({ isAhead: true });
  call.atEnd(closeTerminalHosts);
  const { clusters, profiles, problems } = await knownClusters();
  printNotes(problems);
  const name = values.cluster ?? onlyName(profiles);
  const until = await clusters.logIn(name).catch((error: unknown) => {
    if (error instanceof CancelledError) throw new CancelledError(`Cancelled: not logged in to ${name}`);
    endLogin({ show: true });
    throw error;
  });
  endLogin({ show: false });
  if (until === undefined)
    throw new UserError(`The login to ${name} was right, and is not kept: its profile says login_idle: 0`, 1);
  const ends = new Date(until);
  if (values.json) print({ cluster: name, until: ends.toISOString() });
  else
    say(
      `Logged in to ${name} until ${clockText(ends)} if it is not used, later if it is: "edm-workbench logout" ends it`,
    );
  return 0;
};

/** Time of day here, with the date where that is not today. */
function clockText(time: Date): string {
  const day = time.toDateString() === new Date().toDateString() ? '' : `${time.toDateString()}, `;
  return `${day}${time.toTimeString().slice(0, 5)}`;
}

export const logout: Run<'logout'> = async ({ values }) => {
  const destinations = values.cluster === undefined ? undefined : await hostsOf(values.cluster);
  const { logOut } = await import('../cluster/holder/held-login');
  const { ended, failed } = await logOut(destinations);
  if (values.json) print({ ended, failed });
  else if (ended.length > 0) say(`Logged out of ${ended.join(', ')}`);
  else if (failed.length === 0) say(`There was no login${values.cluster === undefined ? '' : ` to ${values.cluster}`}`);
  for (const line of failed) tell(`Not logged out of ${line}`);
  return failed.length > 0 ? 1 : 0;
};

/** The hosts that a login to a cluster leads to. */
async function hostsOf(cluster: string): Promise<string[]> {
  const { host, transfer_host } = profileNamed(await knownClusters(), cluster);
  return [host, transfer_host].filter((one) => one !== undefined);
}
