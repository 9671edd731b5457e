/** All commands but "lint". The code of one, and with it every room it needs, is loaded only when the command runs. */
import { runCommandLine, type CommandCode } from './commands/command-line';

/** Where the code of each command is; the language server reads its command line itself. */
const CODE: Required<Omit<CommandCode, 'lint'>> = {
  run: async () => (await import('./commands/run')).run,
  history: async () => (await import('./commands/run')).history,
  'schedule search': async () => (await import('./commands/schedule')).searchSchedule,
  generate: async () => (await import('./commands/generate')).generate,
  calibrate: async () => (await import('./commands/generate')).calibrate,
  import: async () => (await import('./commands/generate')).importModel,
  'fid calc': async () => (await import('./commands/fid')).calc,
  'fid ref': async () => (await import('./commands/fid')).ref,
  'fid compare': async () => (await import('./commands/fid-compare')).compareTwo,
  'fid merge': async () => (await import('./commands/fid')).merge,
  doctor: async () => (await import('./commands/doctor')).doctor,
  completion: async () => (await import('./commands/completion')).completion,
  submit: async () => (await import('./commands/cluster')).submit,
  queue: async () => (await import('./commands/cluster')).queue,
  job: async () => (await import('./commands/cluster')).job,
  logs: async () => (await import('./commands/cluster')).logs,
  cancel: async () => (await import('./commands/cluster')).cancel,
  hold: async () => (await import('./commands/cluster')).hold,
  release: async () => (await import('./commands/cluster')).release,
  clusters: async () => (await import('./commands/cluster')).clusters,
  login: async () => (await import('./commands/login')).login,
  logout: async () => (await import('./commands/login')).logout,
  'connect-check': async () => (await import('./commands/cluster')).connectCheck,
  snapshot: async () => (await import('./commands/cluster')).snapshot,
  pull: async () => (await import('./commands/dispatch')).pull,
  'cluster clean': async () => (await import('./commands/clean')).clean,
  'cluster calibrate': async () => (await import('./commands/dispatch')).calibrateOnCluster,
  'container build': async () => (await import('./commands/dispatch')).buildContainer,
  'container template': async () => (await import('./commands/dispatch')).printTemplate,
  shard: async () => (await import('./commands/dispatch')).shard,
  finish: async () => (await import('./commands/dispatch')).finish,
};

runCommandLine(CODE, () => import('./lsp/main'));
