/**
 * Why Slurm lets a job wait or ends it, in words: every reason that squeue of 18.08 to 25.11 can print. Those that users
 * meet most are told in batch/; limits of associations and QoS follow a grammar of names and are read by it.
 */
import { stateNamed } from '../states';

/** What a reason means, and what to do about it; no remedy where waiting is all there is. */
export interface ReasonWords {
  text: string;
  remedy?: string;
}

const ASK_SITE = 'Nothing is wrong with the job: ask the site if it lasts.';
const SMALLER = 'Ask for less, or wait until others of these jobs end.';

/** Reasons that stand alone. */
const ALONE: Readonly<Record<string, ReasonWords>> = {
  Prolog: { text: "The nodes are being prepared by the site's prolog." },
  AssociationJobLimit: { text: 'As many jobs as your account may have are running.' },
  AssociationResourceLimit: { text: 'Your account uses all it may.', remedy: SMALLER },
  AssociationTimeLimit: { text: 'The time of your account is used up.', remedy: 'Use another account (--account), or ask for more time on the grant.' },
  QOSJobLimit: { text: 'As many jobs as the QoS allows are running.' },
  QOSResourceLimit: { text: 'The QoS uses all it may.', remedy: SMALLER },
  QOSTimeLimit: { text: 'The time of the QoS is used up.', remedy: 'Use another one (--qos).' },
  QOSUsageThreshold: { text: 'Your use is above what the QoS demands.', remedy: 'Wait until your use has decayed, or use another QoS (--qos).' },
  QOSNotAllowed: { text: 'The partition does not take this QoS.', remedy: 'Give another --qos or --partition.' },
  AccountNotAllowed: { text: 'The partition does not take this account.', remedy: 'Give another --account or --partition.' },
  AccountingPolicy: { text: "The site's accounting forbids it.", remedy: 'Compare the request with sacctmgr show assoc and show qos.' },
  PartitionConfig: { text: 'The partition does not allow what is asked for.', remedy: 'Compare with scontrol show partition, or give another --partition.' },
  MaxMemPerLimit: { text: 'It asks for more memory for each CPU or node than the partition allows.', remedy: 'Lower --mem, or ask for more CPUs with it.' },
  FrontEndDown: { text: 'No front end is up.', remedy: ASK_SITE },
  SchedDefer: { text: 'It asked to start at once or not at all, and could not.' },
  SystemFailure: { text: 'Slurm, the file system or a node failed.', remedy: "Submit it again; tell the site's support if it happens twice." },
  RaisedSignal: { text: 'A signal ended it.', remedy: 'Read the log; signal 9 is most often memory.' },
  InactiveLimit: { text: "It did nothing for longer than the site's inactive limit." },
  JobHoldMaxRequeue: { text: 'It was requeued too often and is held now.', remedy: 'Find out why it fails at its start, then release it.' },
  BurstBufferResources: { text: 'Waits for room in the burst buffer.' },
  BurstBufferStageIn: { text: 'Its files are being brought into the burst buffer.' },
  BurstBufferOperation: { text: 'The burst buffer failed.', remedy: 'Check the #BB and #DW lines, or ask the site.' },
  PowerNotAvail: { text: 'Waits for power that is not available now.' },
  PowerReserved: { text: 'Waits for power that others have reserved.' },
  DeadLine: { text: 'It cannot end before its deadline.', remedy: 'Give a later --deadline or a shorter --time.' },
  FedJobLock: { text: 'The clusters of the federation are agreeing on who runs it.' },
  OutOfMemory: { text: 'The memory of the job was not enough.', remedy: 'Raise --mem or --mem-per-cpu.' },
  ReservationDeleted: { text: 'Its reservation was deleted.', remedy: 'Remove --reservation, or name another one.' },
  ReservationInvalid: { text: 'Its reservation does not exist or is not yours.', remedy: 'Remove --reservation, or name another one.' },
  Constraints: { text: 'No node has what it asks for.', remedy: 'Compare --constraint and sizes with sinfo -o "%N %f %G".' },
}; // prettier-ignore

/** What can be limited. */
const RESOURCES: Readonly<Record<string, string>> = {
  cpu: 'CPUs',
  job: 'jobs',
  jobs: 'jobs',
  mem: 'memory',
  memory: 'memory',
  node: 'nodes',
  submitjob: 'submitted jobs',
  submitjobs: 'submitted jobs',
  wall: 'run time',
  wallduration: 'run time',
  energy: 'energy',
  gres: 'GPUs and the like',
  license: 'licences',
  bb: 'burst buffer',
  billing: 'billing units',
  unknown: 'a resource that this version has no name for',
};

const LIMIT =
  /^(Assoc|QOS|)(Grp|Max|Min)(Cpu|CPU|SubmitJobs?|Jobs?|Memory|Mem|Node|WallDuration|Wall|Energy|GRES|License|BB|Billing|Unknown)(RunMinutes|Minutes|)(?:Per(Job|Node|User|Account))?(?:Limit|NotSatisfied)?$/;

/** `AssocGrpCPUMinutesLimit`, `QOSMaxMemoryPerUser`, `MaxGRESPerAccount`, `QOSMinGRES` and their 130 relatives. */
function limitInWords(name: string): ReasonWords | undefined {
  const found = LIMIT.exec(name);
  if (!found) return undefined;
  const [, origin, kind, resource, minutes, per] = found;
  const of = origin === 'Assoc' ? 'your account' : 'the QoS';
  const option = origin === 'Assoc' ? '--account' : '--qos';
  const things = RESOURCES[resource.toLowerCase()];
  if (kind === 'Min') return { text: `It asks for less than the QoS demands (${things}).`, remedy: 'Ask for more, or give another --qos.' }; // prettier-ignore
  if (kind === 'Grp')
    return minutes === 'Minutes'
      ? { text: `The budget of ${of} is used up (${things} x minutes).`, remedy: `Give another ${option}, or ask for more.` }
      : { text: `All that ${of} may use at once is in use (${things}${minutes && ' x minutes of running jobs'}).`, remedy: SMALLER }; // prettier-ignore
  if (per === 'User' || per === 'Account')
    return { text: `You use all that ${of} allows ${per === 'User' ? 'a user' : 'an account'} at once (${things}).`, remedy: SMALLER }; // prettier-ignore
  if (per === undefined) return { text: `As much as ${of} allows you is in use (${things}).`, remedy: SMALLER };
  const each = per === 'Node' ? 'for each node ' : '';
  return { text: `It asks for more ${each}than ${of} allows one job (${things}${minutes && ' x minutes'}).`, remedy: `Ask for less, or give another ${option}.` }; // prettier-ignore
}

/** Reasons why jobs end. Any other of a job that is over is left from the time when it waited. */
const ENDINGS: ReadonlySet<string> = new Set([
  'NonZeroExitCode', 'RaisedSignal', 'JobLaunchFailure', 'TimeLimit', 'InactiveLimit', 'DeadLine', 'OutOfMemory', 'SystemFailure',
  'NodeDown', 'BadConstraints', 'DependencyNeverSatisfied', 'ReservationDeleted', 'InvalidAccount', 'InvalidQOS', 'BurstBufferOperation',
]); // prettier-ignore

/** Whether a job can be over because of this. */
export function endsJobs(name: string): boolean {
  return ENDINGS.has(plainName(name));
}

/** Without what some have behind them: `ReqNodeNotAvail, UnavailableNodes:c1`, `RaisedSignal:9(Killed)`. */
const plainName = (name: string): string => name.replace(/[,:(\s].*$/s, '');

/** A reason in words; undefined for one that no version known here has. */
export function reasonInWords(name: string): ReasonWords | undefined {
  const state = stateNamed('slurm', name);
  if (state) return { text: state.help, ...(state.remedy !== undefined && { remedy: state.remedy }) };
  const plain = plainName(name);
  return (Object.hasOwn(ALONE, plain) ? ALONE[plain] : undefined) ?? limitInWords(plain);
}
