/** What the established hash keeps of a connection that is over. */
import type { TimeWait } from '../tcp/index.ts';
import { SockCommon, TIMEWAIT } from './demux.ts';
import type { Stack } from './stack.ts';
import { KernelTimer, type TimerHandler } from './timer.ts';

/** TIME_WAIT, or an orphan in FIN-WAIT-2, in the established hash (struct inet_timewait_sock). */
export class TimewaitSock extends SockCommon implements TimerHandler {
  get role(): number {
    return TIMEWAIT;
  }
  readonly stack: Stack;
  readonly tw: TimeWait;
  private readonly portShare: number;
  private readonly timer: KernelTimer;

  constructor(stack: Stack, tw: TimeWait, portShare: number) {
    super();
    this.stack = stack;
    this.tw = tw;
    this.saddr = tw.src;
    this.sport = tw.sport;
    this.daddr = tw.dst;
    this.dport = tw.dport;
    this.portShare = portShare;
    this.timer = new KernelTimer(stack.host, stack.host.here, this, false);
    tw.owner = this;
  }

  arm(): void {
    if (this.timer.expires !== this.tw.deadline) this.timer.arm(this.tw.deadline);
  }

  /** Its time is over. */
  onTimer(): void {
    this.leave();
  }

  leave(): void {
    this.timer.release();
    this.stack.ehash.remove(this);
    this.stack.ports.share(this.sport, this.portShare, -1);
  }
}
