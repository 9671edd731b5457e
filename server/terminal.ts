import { isCode } from './errors';
import { plainLine } from './shared/plain-text';
import { durationText, type OnProgress, type Progress, rateText } from './shared/progress';
import { reasonOf } from './system-error';

/**
 * Watches what is printed: a result that cannot be written must not pass for one that was. Where the reader has closed
 * its end, as `head` does, it has what it wanted. Lines on stderr are only reports, and the work goes on without them.
 * @param onFailure called with the reason, once
 */
export function watchOutput(onFailure: (reason: string) => void): void {
  process.stdout.once('error', (error) => {
    if (!isCode(error, 'EPIPE') && !isCode(error, 'EOF')) onFailure(reasonOf(error, 'write'));
    process.stdout.on('error', () => undefined);
  });
  process.stderr.on('error', () => undefined);
}

/** One progress step in one line: `Generating 128/1000 (13 %), 15.2/s, 58 s left`. */
export function progressText({ phase, done, total, rate, eta, note }: Progress): string {
  const share = total > 0 ? ` (${Math.floor((100 * done) / total)} %)` : '';
  const speed = rate ? `, ${rateText(rate)}` : '';
  const left = eta !== undefined && done < total ? `, ${durationText(Math.ceil(eta))} left` : '';
  return `${phase} ${done}/${total}${share}${speed}${left}${note ? `, ${note}` : ''}`;
}

/**
 * Does work and shows its progress on a stream: one line that is rewritten on a terminal, a line every ten seconds in a
 * log. The line is gone when the work has ended, however it ended, so that anything may be printed then.
 */
export async function withProgress<T>(
  stream: NodeJS.WriteStream,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  const line = progressLine(stream);
  try {
    return await work(line.report);
  } finally {
    line.end();
  }
}

function progressLine(stream: NodeJS.WriteStream): { report: OnProgress; end(): void } {
  let width = 0;
  let lastLine = 0;
  let lastPhase = '';
  return {
    report(progress) {
      const text = plainLine(progressText(progress));
      if (stream.isTTY) {
        const fitted = text.slice(0, (stream.columns || 80) - 1);
        stream.write(`\r${fitted.padEnd(width)}`);
        width = fitted.length;
        return;
      }
      const now = Date.now();
      const finished = progress.done >= progress.total;
      if (!finished && progress.phase === lastPhase && now - lastLine < 10_000) return;
      [lastLine, lastPhase] = [now, progress.phase];
      stream.write(text + '\n');
    },
    end() {
      if (width > 0) stream.write(`\r${' '.repeat(width)}\r`);
      width = 0;
    },
  };
}
