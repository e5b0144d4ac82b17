/** A window that never moves, whatever is lost: for measuring what a large one costs. Linux has none. */
import type { Connection } from '../connection.ts';
import type { CongestionControl } from './controller.ts';
import { Reno } from './reno.ts';

class Fixed extends Reno {
  override readonly ownsWindow: boolean = true;

  constructor() {
    super('fixed');
  }

  override ssthresh(c: Connection): number {
    return c.ssthresh;
  }

  override undoCwnd(c: Connection): number {
    return c.context.options.fixedWindow;
  }

  override onTxStart(c: Connection): void {
    c.cwnd = c.context.options.fixedWindow;
  }

  override control(c: Connection): void {
    c.cwnd = c.context.options.fixedWindow;
  }
}

export const FIXED: CongestionControl = Object.freeze(new Fixed());
