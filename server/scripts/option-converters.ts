import { esubApplications } from './catalogue/esub-applications';
import { readApplications } from './reading/lsf-applications';
import type { Script } from './reading/script';
import { lsfMinutesOf, secondsOf } from './reading/values';

/** The options that one option becomes; what cannot be converted is told to `note`, as the end of a sentence about the option. */
type Converter = (value: string, script: Script, note: (why: string) => void) => string[];

/** What is said of whatever the other scheduler does not have. */
export const NO_COUNTERPART = 'has no counterpart';

/** How each option of sbatch becomes options of bsub. Those about size are in size-conversion.ts. */
export const toLsf: Readonly<Record<string, Converter>> = {
  '--account': (value) => [`-P ${value}`],
  '--partition': (value) => [`-q ${quote(value.replace(/,/g, ' '))}`],
  '--time': (value, _, note) => {
    const seconds = secondsOf(value);
    if (!seconds) note('means no limit; in LSF the limit of the queue applies');
    // Rounded up: LSF counts in minutes.
    return seconds ? [`-W ${hoursMinutes(Math.ceil(seconds / 60))}`] : [];
  },
  '--time-min': (_value, _script, note) => {
    note('has no counterpart: LSF never shortens a run limit, and -We is only an estimate');
    return [];
  },
  '--output': (value, script, note) => [`${overwrites(script) ? '-oo' : '-o'} ${quote(logName(value, script, note))}`],
  '--error': (value, script, note) => [`${overwrites(script) ? '-eo' : '-e'} ${quote(logName(value, script, note))}`],
  '--open-mode': () => [],
  '--input': (value) => [`-i ${quote(value)}`],
  '--chdir': (value) => [`-cwd ${quote(value)}`],
  '--exclusive': (value, _, note) => {
    if (value) note('becomes -x: exclusive for this job only');
    return ['-x'];
  },
  '--hold': () => ['-H'],
  '--requeue': () => ['-r'],
  '--no-requeue': () => ['-rn'],
  '--wait': () => ['-K'],
  '--comment': (value) => [`-Jd ${quote(value, true)}`],
  '--mail-user': (value) => [`-u ${value}`],
  '--mail-type': (value, _, note) => {
    const wanted = value.toUpperCase().split(',');
    const flags = new Set<string>();
    for (const type of wanted) {
      if (type === 'BEGIN' || type === 'ALL') flags.add('-B');
      if (type === 'END' || type === 'ALL') flags.add('-N');
      if (type === 'FAIL' && !wanted.includes('END') && !wanted.includes('ALL')) flags.add('-Ne');
      if (!['BEGIN', 'END', 'FAIL', 'ALL', 'NONE'].includes(type)) note(`${type} ${NO_COUNTERPART}`);
    }
    return [...flags];
  },
  '--reservation': (value) => [`-U ${value}`],
  '--nodelist': (value, _, note) => {
    if (/[[/]/.test(value)) {
      note('must be written as -m with every host by name');
      return [];
    }
    note('becomes -m: the job runs on some of these hosts, not on all of them');
    return [`-m ${quote(value.replace(/,/g, ' '))}`];
  },
  '--constraint': (value, _, note) => {
    if (!/^[\w-]+(?:&[\w-]+)*$/.test(value)) {
      note('must be written as -R "select[...]"');
      return [];
    }
    note('becomes select[...]: resources with these names must exist on the LSF hosts');
    return [`-R "select[${value.replace(/&/g, ' && ')}]"`];
  },
  '--dependency': (value, _, note) => {
    const terms = { afterok: 'done', afterany: 'ended', afternotok: 'exit', after: 'started' } as const;
    const conditions: string[] = [];
    for (const part of value.split(/[,?]/)) {
      const [type = '', ...ids] = part.split(':');
      const term = terms[type as keyof typeof terms];
      if (!(type in terms) || ids.some((id) => !/^\d+$/.test(id))) {
        note(`${part} ${NO_COUNTERPART}`);
        return [];
      }
      conditions.push(...ids.map((id) => `${term}(${id})`));
    }
    return [`-w '${conditions.join(value.includes('?') ? ' || ' : ' && ')}'`];
  },
  '--begin': (value, _, note) => {
    const clock = /^(\d{1,2}:\d\d)(?::\d\d)?$/.exec(value);
    if (!clock) note('is not a time of day: write -b [[year:]month:]day:hour:minute');
    return clock ? [`-b ${clock[1]}`] : [];
  },
  '--signal': (value, _, note) => {
    const match = /^(?:[RB]+:)?(?:SIG)?([A-Z0-9]+)@(\d+)$/i.exec(value);
    if (!match) {
      note('must be written as -wa and -wt');
      return [];
    }
    return [`-wa '${match[1]?.toUpperCase()}'`, `-wt '${Math.max(1, Math.ceil(Number(match[2]) / 60))}'`];
  },
};

/** How each option of bsub becomes options of sbatch. */
export const toSlurm: Readonly<Record<string, Converter>> = {
  '-a': (value, _, note) => {
    for (const { name, arguments: given } of readApplications(value).applications) {
      const group = esubApplications.find((one) => one.name === name.text)?.group;
      if (name.text === 'docker' && given?.text)
        note(
          `must be written as --container-image=${given.text} where the site has pyxis, or with its container engine`,
        );
      else if (group === 'mpi') note(`${name.text} is not needed: srun starts MPI programs`);
      else note(`${name.text} ${NO_COUNTERPART}`);
    }
    return [];
  },
  '-P': (value) => [`--account=${value}`],
  '-q': (value) => [`--partition=${value.trim().replace(/\s+/g, ',')}`],
  '-W': (value) => [`--time=${clock(lsfMinutesOf(value) ?? 0)}`],
  '-We': (_value, _script, note) => {
    note('has no counterpart: Slurm has no estimate, and --time-min would let it shorten the job');
    return [];
  },
  '-G': (value, script, note) => {
    if (/^\d+$/.test(value)) note('is a user group, not a number of GPUs: ask for them with --gres=gpu:N');
    else if (script.option('-P')) note('has no counterpart: the account is that of -P, and Slurm has only one');
    else note('becomes the account: it must be one that the user may charge');
    return /^\d+$/.test(value) || script.option('-P') ? [] : [`--account=${value}`];
  },
  '-o': (value, script) => [`--output=${quote(slurmLogName(value, script))}`, '--open-mode=append'],
  '-oo': (value, script) => [`--output=${quote(slurmLogName(value, script))}`],
  '-e': (value, script) => [`--error=${quote(slurmLogName(value, script))}`],
  '-eo': (value, script) => [`--error=${quote(slurmLogName(value, script))}`],
  '-i': (value) => [`--input=${quote(value)}`],
  '-cwd': (value) => [`--chdir=${quote(value)}`],
  '-x': () => ['--exclusive'],
  '-H': () => ['--hold'],
  '-r': () => ['--requeue'],
  '-rn': () => ['--no-requeue'],
  '-K': () => ['--wait'],
  '-Jd': (value) => [`--comment=${quote(value, true)}`],
  '-u': (value) => [`--mail-user=${value}`],
  '-B': () => ['--mail-type=BEGIN'],
  '-N': () => ['--mail-type=END'],
  '-Ne': () => ['--mail-type=FAIL'],
  '-U': (value) => [`--reservation=${value}`],
  '-ti': () => ['--kill-on-invalid-dep=yes'],
  '-m': (value, _, note) => {
    note('becomes --nodelist: the job gets all of these nodes, not one of them');
    return [`--nodelist=${value.trim().replace(/\s+/g, ',')}`];
  },
  '-b': (value, _, note) => {
    if (!/^\d{1,2}:\d\d$/.test(value)) note('is not a time of day: write --begin=YYYY-MM-DDTHH:MM');
    return /^\d{1,2}:\d\d$/.test(value) ? [`--begin=${value}`] : [];
  },
  '-w': (value, _, note) => {
    const types: Readonly<Record<string, string>> = {
      done: 'afterok',
      ended: 'afterany',
      exit: 'afternotok',
      started: 'after',
    };
    const parts = value.split(/&&|\|\|/).map((part) => /^(done|ended|exit|started)\((\d+)\)$/.exec(part.trim()));
    if (parts.some((part) => part === null) || (value.includes('&&') && value.includes('||'))) {
      note('must be written as --dependency by hand: only ids joined by one kind of operator are converted');
      return [];
    }
    return [
      `--dependency=${parts.map((part) => `${types[part?.[1] ?? '']}:${part?.[2]}`).join(value.includes('||') ? '?' : ',')}`,
    ];
  },
};

function overwrites(script: Script): boolean {
  return /^t/i.test(script.option('--open-mode')?.value?.text ?? '');
}

function logName(value: string, script: Script, note: (why: string) => void): string {
  const name = script.option('--job-name')?.value?.text ?? 'job';
  return value.replace(/%(\d*)([A-Za-z%])/g, (whole, _digits: string, letter: string) => {
    switch (letter) {
      case 'j':
      case 'A':
        return '%J';
      case 'a':
        return '%I';
      case 'x':
        return name;
      case '%':
        return '%';
      default:
        note(`${whole} ${NO_COUNTERPART}`);
        return whole;
    }
  });
}

function slurmLogName(value: string, script: Script): string {
  const array = /\[/.test(script.option('-J')?.value?.text ?? '');
  return value.replace(/%J/g, array ? '%A' : '%j').replace(/%I/g, '%a');
}

function hoursMinutes(minutes: number): string {
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
}

function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00`;
}

/** A value in double quotes, where it needs them. */
export function quote(value: string, always = false): string {
  return always || /[\s[\]*#'()&|;]/.test(value) ? `"${value.replace(/"/g, '')}"` : value;
}
