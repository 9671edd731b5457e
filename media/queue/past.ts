/** How far back the ended jobs are known, in words. No DOM. */
import { dateText } from '../facts';
import { countOf } from '../../server/shared/number-text';
import type { JobsPast } from '../../server/shared/protocol';

/** The sentence beside the button for older jobs. @param floor least number of seconds between two questions */
export function pastText({ since, page, asking }: JobsPast, floor: number): string {
  const back = since === undefined ? 'How far back they are known is not known.' : `All since ${minute(since)}.`;
  if (asking) return `${back} Older ones are asked for; there is one question in ${floor} s at most.`;
  if (!page) return back;
  if (page.jobs > 0) return `${back} The last page has ${countOf(page.jobs, 'job')}.`;
  return `${back} None ended between ${minute(page.from)} and ${minute(page.until)}.`;
}

/** What the history says where it has no job. */
export function noneText(past: JobsPast | undefined): string {
  return past?.since === undefined
    ? 'Which of your jobs have ended is not known: the scheduler does not say.'
    : `None of your jobs has ended since ${minute(past.since)}.`;
}

/** To the minute, as the table has it. */
const minute = (iso: string): string => dateText(iso.replace(/\.\d+/, ''));
