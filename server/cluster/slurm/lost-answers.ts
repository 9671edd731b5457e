/**
 * Words of sbatch after which a job may be there or not: the request was sent, and the controller's answer was not read.
 * Names and words are those of Slurm's table of errors, src/common/slurm_errno.c of releases 20.02 to 26.05, as
 * slurm_submit_batch_job sets them where it has no answer; below 1000 they are the C library's.
 */

const SLURM_WORDS: readonly (readonly [name: string, words: string])[] = [
  ['SLURM_ERROR', 'Unspecified error'],
  ['EINPROGRESS', 'Operation now in progress'],
  ['SLURM_UNEXPECTED_MSG_ERROR', 'Unexpected message received'],
  ['SLURM_COMMUNICATIONS_CONNECTION_ERROR', 'Communication connection failure'],
  ['SLURM_COMMUNICATIONS_SEND_ERROR', 'Message send failure'],
  ['SLURM_COMMUNICATIONS_RECEIVE_ERROR', 'Message receive failure'],
  ['SLURM_COMMUNICATIONS_SHUTDOWN_ERROR', 'Communication shutdown failure'],
  ['SLURM_PROTOCOL_VERSION_ERROR', 'Incompatible versions of client and server code'],
  ['SLURM_PROTOCOL_AUTHENTICATION_ERROR', 'Protocol authentication error'],
  ['SLURM_PROTOCOL_INSANE_MSG_LENGTH', 'Insane message length'],
  ['SLURM_COMMUNICATIONS_MISSING_SOCKET_ERROR', 'Unexpected missing socket error'],
  ['SLURM_COMMUNICATIONS_INVALID_INCOMING_FD', 'Unable to process incoming file descriptor'],
  ['SLURM_COMMUNICATIONS_INVALID_OUTGOING_FD', 'Unable to process outgoing file descriptor'],
  ['SLURM_COMMUNICATIONS_INVALID_FD', 'Unable to process incoming and outgoing file descriptors'],
  ['SLURM_BLOCKED_ON_READ', 'Read would block'],
  ['SLURM_BLOCKED_ON_WRITE', 'Write would block'],
  ['SLURM_COMMUNICATIONS_REJECTED', 'Connection rejected by handler'],
  ['SLURM_COMMUNICATIONS_QUIESCE_TIMEOUT', 'Connection forced closed by quiesce timeout'],
  ['SLURM_COMMUNICATIONS_CONNECT_TIMEOUT', 'Connection timed out establishing'],
  ['SLURM_COMMUNICATIONS_WRITE_TIMEOUT', 'Connection timed out writing'],
  ['SLURM_COMMUNICATIONS_READ_TIMEOUT', 'Connection timed out reading'],
  [
    'SLURM_COMMUNICATIONS_DELAYED_ERROR',
    'Kernel reported delayed socket error after successful write(), client side likely closed',
  ],
  ['SLURM_SHUTTING_DOWN', 'Process is shutting down and closing all communications'],
  ['SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR', 'Unable to contact slurm controller (connect failure)'],
  ['SLURMCTLD_COMMUNICATIONS_SEND_ERROR', 'Unable to contact slurm controller (send failure)'],
  ['SLURMCTLD_COMMUNICATIONS_RECEIVE_ERROR', 'Unable to contact slurm controller (receive failure)'],
  ['SLURMCTLD_COMMUNICATIONS_SHUTDOWN_ERROR', 'Unable to contact slurm controller (shutdown failure)'],
  ['ESLURM_IN_STANDBY_MODE', 'Slurm backup controller in standby mode'],
  ['ESLURM_IN_STANDBY_USE_BACKUP', 'Controller is in standby mode, try a different controller'],
  ['SLURM_PROTOCOL_SOCKET_IMPL_TIMEOUT', 'Socket timed out on send/recv operation'],
  ['SLURM_PROTOCOL_SOCKET_ZERO_BYTES_SENT', 'Zero Bytes were transmitted or received'],
  ['ESLURM_PROTOCOL_INCOMPLETE_PACKET', 'Header lengths are longer than data received'],
  ['ESLURM_AUTH_CRED_INVALID', 'Invalid authentication credential'],
  ['ESLURM_AUTH_EXPIRED', 'Authentication credential expired'],
  ['ESLURM_AUTH_UNPACK', 'Cannot unpack credential'],
  ['ESLURM_AUTH_SOCKET_INVALID_PEER', 'Unable to query kernel for socket peer credential'],
  ['ESLURM_TLS_REQUIRED', 'TLS missing but required for connection'],
  // Until 22.05.
  ['SLURM_PROTOCOL_SOCKET_IMPL_ZERO_RECV_LENGTH', 'Received zero length message'],
  ['SLURM_PROTOCOL_SOCKET_IMPL_NEGATIVE_RECV_LENGTH', 'Received message length < 0'],
  ['SLURM_PROTOCOL_SOCKET_IMPL_NOT_ALL_DATA_SENT', 'Failed to send entire message'],
];

const LIBRARY_WORDS: readonly (readonly [name: string, words: string])[] = [
  ['EINTR', 'Interrupted system call'],
  ['EIO', 'Input/output error'],
  ['EAGAIN', 'Resource temporarily unavailable'],
  ['EBADF', 'Bad file descriptor'],
  ['ENOMEM', 'Cannot allocate memory'],
  ['EPIPE', 'Broken pipe'],
  ['EPROTO', 'Protocol error'],
  ['EBADMSG', 'Bad message'],
  ['EOVERFLOW', 'Value too large for defined data type'],
  ['ENOTSOCK', 'Socket operation on non-socket'],
  ['EMSGSIZE', 'Message too long'],
  ['EADDRINUSE', 'Address already in use'],
  ['EADDRNOTAVAIL', 'Cannot assign requested address'],
  ['ENETDOWN', 'Network is down'],
  ['ENETUNREACH', 'Network is unreachable'],
  ['ENETRESET', 'Network dropped connection on reset'],
  ['ECONNABORTED', 'Software caused connection abort'],
  ['ECONNRESET', 'Connection reset by peer'],
  ['ENOBUFS', 'No buffer space available'],
  ['EISCONN', 'Transport endpoint is already connected'],
  ['ENOTCONN', 'Transport endpoint is not connected'],
  ['ESHUTDOWN', 'Cannot send after transport endpoint shutdown'],
  ['ETIMEDOUT', 'Connection timed out'],
  ['ECONNREFUSED', 'Connection refused'],
  ['EHOSTDOWN', 'Host is down'],
  ['EHOSTUNREACH', 'No route to host'],
  ['EALREADY', 'Operation already in progress'],
  ['ECANCELED', 'Operation canceled'],
  ['EMFILE', 'Too many open files'],
  ['ENFILE', 'Too many open files in system'],
];

/** All of them, by the names of their errors. */
export const LOST_ANSWERS: readonly (readonly [name: string, words: string])[] = [...SLURM_WORDS, ...LIBRARY_WORDS];

/** How a failure reads whose cause was not set, or is in no table. */
const WITHOUT_CAUSE = /submission failed: (?:No error|Success|Unknown (?:negative )?error\b.*)$/i;
/** A message of Slurm's library about its own work: `slurm_receive_msg: ...`, `_conn_open [c1:6817]: ...`. */
const OF_THE_LIBRARY = /^_?[a-z]+_\w+\b.*: /;

/**
 * Whether what sbatch said leaves open if there is a job. Anything else is the controller's refusal, or one of sbatch
 * itself.
 * @param code exit code, not 0
 */
export function isAnswerLost(text: string, code: number): boolean {
  const lines = text.split('\n').flatMap((line) => line.trim() || []);
  // Killed by a signal, or silent. sbatch itself ends with 1 or 255.
  if ((code > 128 && code < 128 + 65) || lines.length === 0) return true;
  const says = (words: string): boolean => lines.some((line) => line.toLowerCase().includes(words.toLowerCase()));
  const found = LOST_ANSWERS.filter(([, words]) => says(words)).map(([name]) => name);
  if (found.length === 0) return lines.some((line) => WITHOUT_CAUSE.test(line));
  if (found.some((name) => name !== 'SLURM_ERROR')) return true;
  // The controller answers so as well, where a site's job_submit plug-in refuses; it then sends the plug-in's words.
  const errors = lines.flatMap((line) => /^sbatch: error: (.*)$/.exec(line)?.[1] ?? []);
  return errors.every((words) => /submission failed: /.test(words) || OF_THE_LIBRARY.test(words));
}
