import type { Algorithms } from 'ssh2';

/** What both sides of a local connection speak: one choice each, the quickest that ssh2 has. */
export const LOCAL_ALGORITHMS: Algorithms = {
  kex: ['curve25519-sha256'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['aes128-gcm@openssh.com'],
  compress: ['none'],
};
