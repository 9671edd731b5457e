/**
 * The applications of `bsub -a "name[(argument,...)] ..."`, as IBM Spectrum LSF 10.1 has them ("bsub -a", "LSB_ESUB_METHOD"):
 * names of letters, digits, _ and -, separated by spaces; `user` is reserved.
 */
import { esubApplications } from '../catalogue/esub-applications';
import { didYouMean } from '../../suggest';
import { partOf, splitParts, type LsfProblem, type Part } from './lsf-problem';

/** One application that a job names. */
export interface ApplicationUse {
  name: Part;
  /** What stands between its parentheses; absent without them. */
  arguments?: Part;
}

/** The applications of a value in their order, and everything that is wrong with it. */
export function readApplications(value: string): { applications: ApplicationUse[]; problems: LsfProblem[] } {
  const applications: ApplicationUse[] = [];
  const problems: LsfProblem[] = [];
  // `docker (image)`: a space before the arguments belongs to them.
  for (const part of splitParts(value, { start: 0, end: value.length }, [' ', '\t', ',', ';'])) {
    const last = applications.at(-1);
    if (part.text.startsWith('(') && last && !last.arguments && /^\s+$/.test(value.slice(last.name.end, part.start))) {
      problems.push({ start: last.name.end, end: part.start, message: `The arguments follow ${last.name.text} without a space`, replacement: '', certain: true }); // prettier-ignore
      last.arguments = argumentsOf(value, part, problems);
      continue;
    }
    const open = part.text.indexOf('(');
    const end = open < 0 ? part.end : part.start + open;
    const name = partOf(value, part.start, end);
    const given = open < 0 ? undefined : argumentsOf(value, { ...part, start: end }, problems);
    applications.push(given ? { name, arguments: given } : { name });
    problems.push(...nameProblems(name));
  }
  problems.push(...separators(value), ...together(applications));
  return { applications, problems: problems.sort((a, b) => a.start - b.start) };
}

/** What stands between the parentheses that a part begins with. */
function argumentsOf(value: string, { start, end }: Pick<Part, 'start' | 'end'>, problems: LsfProblem[]): Part {
  const close = value.lastIndexOf(')', end - 1);
  if (close <= start) {
    problems.push({ start, end: start + 1, message: 'This ( is never closed' });
    return partOf(value, start + 1, end);
  }
  if (close < end - 1) problems.push({ start: close + 1, end, message: 'Nothing may follow the ) but a space' });
  return partOf(value, start + 1, close);
}

function nameProblems(name: Part): LsfProblem[] {
  const { start, end, text } = name;
  if (text.includes('$')) return [];
  const file = /^e?p?e?sub\.(.+)$/.exec(text)?.[1];
  if (file !== undefined && /^[\w-]+$/.test(file))
    return [{ start, end, message: `-a takes the name of the application, which is ${file}`, replacement: file }];
  if (text === '') return [{ start, end, message: 'Arguments need the name of an application before them' }];
  if (!/^[\w-]+$/.test(text))
    return [{ start, end, message: `The name of an application has letters, digits, _ and - only, not "${text}"` }];
  if (text === 'user') return [{ start, end, message: 'LSF reserves esub.user: it is no application' }];
  const known = esubApplications.map((one) => one.name);
  // Short names are mostly a site's own.
  const meant = text.length > 4 && !known.includes(text) ? didYouMean(text, known.filter((one) => one.length > 4)) : undefined; // prettier-ignore
  // `fluent2` and `openmpi-5` are names of their own.
  if (meant === undefined || (text.startsWith(meant) && /^[\d_-]/.test(text.slice(meant.length)))) return [];
  return [{ start, end, message: `Did you mean ${meant}? The site must have esub.${text}`, replacement: meant, severity: 'info' }]; // prettier-ignore
}

/** Commas between applications: only arguments have them. */
function separators(value: string): LsfProblem[] {
  let level = 0;
  const found: LsfProblem[] = [];
  for (let at = 0; at < value.length; at++) {
    const c = value[at];
    if (c === '(') level++;
    if (c === ')') level--;
    if (level > 0 || (c !== ',' && c !== ';')) continue;
    const end = at + (/^[,;]\s*/.exec(value.slice(at))?.[0].length ?? 1);
    found.push({ start: at, end, message: 'Applications are separated by spaces', replacement: ' ', certain: true });
    at = end - 1;
  }
  return found;
}

/** Two applications that set the same thing up, and one that is named twice. */
function together(applications: readonly ApplicationUse[]): LsfProblem[] {
  const seen = new Map<string, string>();
  return applications.flatMap(({ name: { start, end, text } }): LsfProblem[] => {
    const key = esubApplications.find((one) => one.name === text)?.group ?? text;
    const other = seen.get(key);
    seen.set(key, other ?? text);
    if (other === undefined) return [];
    const message = other === text ? `${text} is named twice` : `${other} and ${text} both start MPI programs: the job may fail`;
    return [{ start, end, message, severity: 'warning' }];
  }); // prettier-ignore
}
