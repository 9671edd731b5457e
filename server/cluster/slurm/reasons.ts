/**
 * Why a Slurm job waits or ended, in words: every reason that squeue of 18.08 to 25.11 can print. The most frequent ones
 * are in ../states.ts. Names of limits of associations and QoS follow a grammar, which is parsed here.
 */
import { stateNamed } from '../states';

/** What a reason means and what to do about it; without a remedy where the user can only wait. */
export interface ReasonWords {
  text: string;
  remedy?: string;
}

const ASK_SITE = 'Nothing is wrong with the job. Ask the site if it takes long.';
const SMALLER = 'Ask for less, or wait until other jobs end.';

/** Reasons outside of the grammar of limits. */
const ALONE: Readonly<Record<string, ReasonWords>> = {
  Prolog: { text: "The nodes are being prepared by the site's prolog." },
  AssociationJobLimit: { text: 'Your account has as many running jobs as it may have.' },
  AssociationResourceLimit: { text: 'Your account is using all that it may use.', remedy: SMALLER },
  AssociationTimeLimit: { text: 'The time of your account is used up.', remedy: 'Use another account (--account), or ask for more time on the grant.' },
  QOSJobLimit: { text: 'As many jobs are running as the QoS allows.' },
  QOSResourceLimit: { text: 'The QoS is using all that it may use.', remedy: SMALLER },
  QOSTimeLimit: { text: 'The time of the QoS is used up.', remedy: 'Use another one (--qos).' },
  QOSUsageThreshold: { text: 'Your usage is above the threshold of the QoS.', remedy: 'Wait until your usage has decayed, or use another QoS (--qos).' },
  QOSNotAllowed: { text: 'The partition does not accept this QoS.', remedy: 'Give another --qos or --partition.' },
  AccountNotAllowed: { text: 'The partition does not accept this account.', remedy: 'Give another --account or --partition.' },
  AccountingPolicy: { text: "The site's accounting forbids it.", remedy: 'Compare the request with sacctmgr show assoc and show qos.' },
  PartitionConfig: { text: 'The partition does not allow the request.', remedy: 'Compare it with scontrol show partition, or give another --partition.' },
  MaxMemPerLimit: { text: 'It asks for more memory per CPU or node than the partition allows.', remedy: 'Lower --mem, or ask for more CPUs with it.' },
  FrontEndDown: { text: 'No front-end node is up.', remedy: ASK_SITE },
  SchedDefer: { text: 'It had to start at once or not at all, and could not start.' },
  SystemFailure: { text: 'Slurm, the file system or a node failed.', remedy: "Submit it again; tell the site's support if it happens twice." },
  RaisedSignal: { text: 'A signal ended it.', remedy: 'Read the log. Signal 9 most often means that memory ran out.' },
  InactiveLimit: { text: "It did nothing for longer than the site's inactive limit." },
  JobHoldMaxRequeue: { text: 'It was requeued too often and is now held.', remedy: 'Find out why it fails to start, then release it.' },
  BurstBufferResources: { text: 'Waiting for space in the burst buffer.' },
  BurstBufferStageIn: { text: 'Its files are being copied into the burst buffer.' },
  BurstBufferOperation: { text: 'The burst buffer failed.', remedy: 'Check the #BB and #DW lines, or ask the site.' },
  PowerNotAvail: { text: 'Waiting for power that is not available now.' },
  PowerReserved: { text: 'Waiting for power that is reserved for others.' },
  DeadLine: { text: 'It cannot end before its deadline.', remedy: 'Give a later --deadline or a shorter --time.' },
  FedJobLock: { text: 'The clusters of the federation are deciding which of them runs it.' },
  OutOfMemory: { text: 'Not enough memory for the job.', remedy: 'Raise --mem or --mem-per-cpu.' },
  ReservationDeleted: { text: 'Its reservation was deleted.', remedy: 'Remove --reservation, or name another one.' },
  ReservationInvalid: { text: 'Its reservation does not exist, or you may not use it.', remedy: 'Remove --reservation, or name another one.' },
  Constraints: { text: 'No node has the features and sizes that it asks for.', remedy: 'Compare --constraint and the sizes with sinfo -o "%N %f %G".' },
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
  unknown: 'a resource unknown to this version of Slurm',
};

const LIMIT =
  /^(Assoc|QOS|)(Grp|Max|Min)(Cpu|CPU|SubmitJobs?|Jobs?|Memory|Mem|Node|WallDuration|Wall|Energy|GRES|License|BB|Billing|Unknown)(RunMinutes|Minutes|)(?:Per(Job|Node|User|Account))?(?:Limit|NotSatisfied)?$/;

/** `AssocGrpCPUMinutesLimit`, `QOSMaxMemoryPerUser`, `MaxGRESPerAccount`, `QOSMinGRES` and their 130 relatives. */
function limitInWords(name: string): ReasonWords | undefined {
  const found = LIMIT.exec(name);
  if (!found) return undefined;
  const [, origin, kind, resource = '', minutes = '', per] = found;
  const of = origin === 'Assoc' ? 'your account' : 'the QoS';
  const option = origin === 'Assoc' ? '--account' : '--qos';
  const things = RESOURCES[resource.toLowerCase()];
  if (kind === 'Min') return { text: `It asks for less than the QoS requires (${things}).`, remedy: 'Ask for more, or give another --qos.' }; // prettier-ignore
  if (kind === 'Grp')
    return minutes === 'Minutes'
      ? { text: `The budget of ${of} is used up (${things} x minutes).`, remedy: `Give another ${option}, or ask for more.` }
      : { text: `All that ${of} may use at the same time is in use (${things}${minutes && ' x minutes of running jobs'}).`, remedy: SMALLER }; // prettier-ignore
  if (per === 'User' || per === 'Account')
    return { text: `You are using all that ${of} allows ${per === 'User' ? 'a user' : 'an account'} at the same time (${things}).`, remedy: SMALLER }; // prettier-ignore
  if (per === undefined) return { text: `You are using as much as ${of} allows (${things}).`, remedy: SMALLER };
  const each = per === 'Node' ? 'for each node ' : '';
  return { text: `It asks for more ${each}than ${of} allows one job (${things}${minutes && ' x minutes'}).`, remedy: `Ask for less, or give another ${option}.` }; // prettier-ignore
}

/** Reasons why jobs end. Any other reason of a finished job is left over from when it was waiting. */
const ENDINGS: ReadonlySet<string> = new Set([
  'NonZeroExitCode', 'RaisedSignal', 'JobLaunchFailure', 'TimeLimit', 'InactiveLimit', 'DeadLine', 'OutOfMemory', 'SystemFailure',
  'NodeDown', 'BadConstraints', 'DependencyNeverSatisfied', 'ReservationDeleted', 'InvalidAccount', 'InvalidQOS', 'BurstBufferOperation',
]); // prettier-ignore

/** Whether a job can have ended for this reason. */
export function endsJobs(name: string): boolean {
  return ENDINGS.has(plainName(name));
}

/** Without the details that follow some of them: `ReqNodeNotAvail, UnavailableNodes:c1`, `RaisedSignal:9(Killed)`. */
const plainName = (name: string): string => name.split(/[,:(\s]/, 1)[0] ?? '';

/** A reason in words; undefined for one that is not known. */
export function reasonInWords(name: string): ReasonWords | undefined {
  const state = stateNamed('slurm', name);
  if (state) return { text: state.help, ...(state.remedy !== undefined && { remedy: state.remedy }) };
  const plain = plainName(name);
  return (Object.hasOwn(ALONE, plain) ? ALONE[plain] : undefined) ?? limitInWords(plain);
}
