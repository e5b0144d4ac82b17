/** What the parts of a running script share: the simulated host, the connections, the options, the clock. */
import { Sock } from '../kernel/socket.ts';
import type { Descriptors } from './args.ts';
import { Flows } from './flow.ts';
import { formatTime } from './notation.ts';
import type { Settings } from './options.ts';
import type { Ends, Rig } from './rig.ts';
import type { Tolerance } from './timing.ts';
import { Failure } from './verdict.ts';

export interface StageOptions {
  readonly ends: Ends;
  readonly settings: Settings;
  readonly tolerance: Tolerance;
  /** Size of a file that a shell text has made, bytes; null: there is none. */
  readonly fileSize: (path: string) => number | null;
  /** Gets a line for everything that happens. */
  readonly trace: (line: string) => void;
}

export class Stage {
  readonly rig: Rig;
  readonly options: StageOptions;
  readonly flows: Flows;
  readonly fds: Descriptors = new Map<number, number>();
  /** When the event before was due, µs. */
  lastDue = 0;

  constructor(rig: Rig, options: StageOptions) {
    this.flows = new Flows(options.ends);
    this.rig = rig;
    this.options = options;
  }

  /** µs since the script began. */
  get now(): number {
    return Math.floor(this.rig.now / 1000);
  }

  /** @param us when it happened; left out: now */
  tell(line: string, us: number = this.now): void {
    this.options.trace(`${formatTime(us)} ${line}`);
  }

  /** The socket of a host's descriptor; null: it is none. */
  sock(live: number): Sock | null {
    const file = this.rig.files.get(live);
    return file instanceof Sock ? file : null;
  }

  /** A difference that `--non_fatal` may forgive. */
  forgive(error: unknown, forgivable: boolean): void {
    if (!forgivable || !(error instanceof Failure)) throw error;
    this.tell(`warning, line ${error.line}: ${error.message}`);
  }
}
