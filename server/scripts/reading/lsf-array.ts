/**
 * Job arrays of `bsub -J "name[indices]%limit"`, as IBM Spectrum LSF 10.1 has them ("bsub -J", "Job Arrays") and
 * volclava 2.2 reads them (lsbatch/daemons/mbd.jarray.c: an index below 1 is refused).
 */
import { splitParts, type LsfProblem } from './lsf-problem';

/** A job's name and, for an array, its indices without spaces and the most that run at the same time. */
export interface LsfName {
  name: string;
  indices?: string;
  limit?: number;
}

const array = /^([^[\]]*)\[([^\]]*)\](?:\s*%\s*(\d+))?/;

/** Reads a job's name. */
export function lsfNameOf(value: string): LsfName {
  const [, name, indices, limit] = array.exec(value) ?? [];
  if (name === undefined || indices === undefined) return { name: value };
  const [list = '', inner] = indices.replace(/\s/g, '').split('%', 2);
  const most = limit ?? inner;
  return { name, indices: list, ...(/^\d+$/.test(most ?? '') && { limit: Number(most) }) };
}

/** Everything that is wrong with the indices of an array. */
export function checkArray(value: string): LsfProblem[] {
  const open = value.indexOf('[');
  const whole = { start: Math.max(open, 0), end: value.length };
  if (open < 0)
    return value.includes(']') ? [{ ...whole, message: 'The indices of an array begin with [: name[1-10]' }] : [];
  const close = value.indexOf(']', open);
  if (close < 0) return [{ start: open, end: open + 1, message: 'This [ is never closed' }];
  const percent = value.indexOf('%', open);
  if (percent > 0 && percent < close) {
    const limit = value.slice(percent, close).replace(/\s/g, '');
    const after = `${value.slice(open, percent).trimEnd()}]${limit}${value.slice(close + 1)}`;
    return [
      {
        ...whole,
        message: 'The limit of an array comes after its bracket',
        ...(/^%\d+$/.test(limit) && close === value.length - 1 && { replacement: after, certain: true }),
      },
    ];
  }
  const found = splitParts(value, { start: open + 1, end: close }, [',']).flatMap((part): LsfProblem[] => {
    const message = indexProblem(part.text);
    return message === undefined ? [] : [{ start: part.start, end: part.end, message }];
  });
  if (/^\s*$/.test(value.slice(open + 1, close)))
    found.push({ start: open, end: close + 1, message: 'The array has no indices' });
  const rest = value.slice(close + 1);
  if (rest !== '' && !/^\s*%\s*[1-9]\d*\s*$/.test(rest))
    found.push({ start: close + 1, end: value.length, message: 'After the indices comes %n, how many may run at the same time' }); // prettier-ignore
  return found;
}

function indexProblem(part: string): string | undefined {
  const range = /\d\s+\d/.test(part) ? null : /^(\d+)(?:-(\d*)(?::(\d+))?)?$/.exec(part.replace(/\s/g, ''));
  if (!range) return `An index is n, n-m or n-m:step, not "${part}"`;
  const [, first, last, step] = range;
  if (Number(first) < 1) return 'LSF counts from 1 and refuses an index 0';
  if (last !== undefined && last !== '' && Number(last) < Number(first)) return 'The range ends before it begins';
  return step !== undefined && Number(step) < 1 ? 'A step is at least 1' : undefined;
}
