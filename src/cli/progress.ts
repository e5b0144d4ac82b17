/** A bar on standard error, for runs that take more than a moment; only on a terminal. */
import cliProgress from 'cli-progress';
import type { Io } from './io.ts';

export interface Progress {
  /** Takes the bar away while something is printed, and puts it back. */
  print(write: () => void): void;
  stop(): void;
}

const AFTER_MS = 1000;
const EVERY_MS = 100;

/** @param wanted  false: there is none, e.g. because standard output tells what happens all the time */
export function progressBar(
  io: Io,
  wanted: boolean,
  share: () => number,
  label: () => string,
): Progress {
  if (!io.terminal.progress || !wanted) return { print: (write) => write(), stop() {} };
  const bar = new cliProgress.SingleBar({
    format: '{bar} {percentage} % · {label} · {duration_formatted}',
    barsize: 20,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  let shown = false;
  const start = io.now();
  const tick = (): void => {
    if (!shown && io.now() - start > AFTER_MS) {
      bar.start(100, 0, { label: label() });
      shown = true;
    }
    if (shown) bar.update(Math.floor(100 * share()), { label: label() });
  };
  const timer = setInterval(tick, EVERY_MS);
  const hide = (): void => {
    if (shown) bar.stop();
    shown = false;
  };
  return {
    print(write) {
      hide();
      write();
    },
    stop() {
      clearInterval(timer);
      hide();
    },
  };
}
