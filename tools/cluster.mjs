/** What the test bed of test/cluster needs: a real Slurm with accounting, real sshd, other login shells, podman. */
import process from 'node:process';
import { missingPackages } from './packages.mjs';

const PACKAGES = [
  'slurm-wlm',
  'slurmdbd',
  'munge',
  'mariadb-server',
  'openssh-server',
  'openssh-client',
  'openssh-sftp-server',
  'libpam-google-authenticator',
  'socat',
  'iproute2',
  'bc',
  'btrfs-progs',
  'tcsh',
  'fish',
  'podman',
  'buildah',
  'runc',
];

/**
 * Sees to the packages of the test bed; as root on Debian they are installed when absent.
 * @returns {Promise<Partial<import('./programs.mjs').Missing>>} why no cluster can be started here, to skip its tests by name;
 *   empty when it can
 */
export async function ensureCluster() {
  const remedy = 'run npm test as root on Debian';
  if (process.platform !== 'linux') return { missing: 'no test cluster: it needs the namespaces of Linux', remedy };
  if (process.getuid?.() !== 0) return { missing: 'no test cluster: its namespaces need root', remedy };
  const lack = await missingPackages(PACKAGES);
  return lack ? { ...lack, missing: `no test cluster: ${lack.missing}` } : {};
}
