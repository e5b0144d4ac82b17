/**
 * Controlled delay (RFC 8289; include/net/codel_impl.h): what to do with the frame at the head of a queue when the wire
 * takes it, judged by how long it has waited. Above `target` for a whole `interval` it drops one frame, and then the next
 * ever sooner, interval/√count after the last, until the wait is short again. The queues themselves are a link's
 * (sim/net/codel-link.ts) and a machine's (kernel/qdisc).
 *
 * √ is exact, as in RFC 8289 and in CAKE. sch_codel's sixteen bits, with one Newton step for each drop, are still far off at
 * the second (interval/2 in place of interval/1.41).
 */

/** A queue that is kept short. */
export interface CodelOptions {
  /** The wait that is acceptable, ns. */
  readonly target: number;
  /** How long it may be exceeded, ns: a worst-case round trip. */
  readonly interval: number;
  /** Mark frames that can be marked, instead of dropping them. */
  readonly ecn: boolean;
  /** Frames that waited longer are marked, ns; Infinity: none are. For DCTCP. */
  readonly ceThreshold: number;
}

/** net/sched/sch_codel.c codel_init, codel_params_init. */
export const CODEL_DEFAULTS: CodelOptions = {
  target: 5_000_000,
  interval: 100_000_000,
  ecn: false,
  ceThreshold: Infinity,
};

/** Whom the law decides about: the frames at the head of a queue, one after the other. */
export interface CodelQueue {
  /** Takes the head out. @returns how long it has waited, ns; −1 when there is none */
  dequeue(): number;
  /** Bytes still in the queue. */
  readonly bytes: number;
  /** Marks what was taken out last (CE). @returns false when it cannot be marked */
  mark(): boolean;
  /** Drops what was taken out last. */
  drop(): void;
}

/** A row of drops that ended longer ago than so many intervals is forgotten. */
const MEMORY = 16;

export class Codel {
  private readonly options: CodelOptions;
  /** Bytes of the largest frame: no less is ever a queue to speak of. */
  private readonly mtu: number;
  private dropping = false;
  private count = 0;
  private lastCount = 0;
  private firstAboveTime = 0;
  private dropNext = 0;
  private delay = 0;

  constructor(options: CodelOptions, mtu: number) {
    this.options = options;
    this.mtu = mtu;
  }

  /** The wire takes a frame from `queue` at `now`. @returns false when nothing is left of it */
  dequeue(queue: CodelQueue, now: number): boolean {
    const { ecn, ceThreshold } = this.options;
    let late = this.takeNext(queue, now);
    if (this.dropping) {
      if (!late) this.dropping = false;
      while (this.dropping && now >= this.dropNext) {
        this.count++;
        if (ecn && queue.mark()) {
          this.dropNext = this.controlLaw(this.dropNext);
          break;
        }
        queue.drop();
        late = this.takeNext(queue, now);
        if (late) this.dropNext = this.controlLaw(this.dropNext);
        else this.dropping = false;
      }
    } else if (late) {
      if (!(ecn && queue.mark())) {
        queue.drop();
        this.takeNext(queue, now);
      }
      this.startDropping(now);
    }
    if (this.delay < 0) return false;
    if (this.delay > ceThreshold) queue.mark();
    return true;
  }

  /** `n` frames were dropped for another reason: the drops that follow come as much sooner (fq_codel_drop). */
  urge(n: number): void {
    this.count += n;
  }

  /** The next frame is at hand: has the wait been too long for too long (codel_should_drop)? */
  private takeNext(queue: CodelQueue, now: number): boolean {
    const delay = queue.dequeue();
    this.delay = delay;
    if (delay < 0) {
      this.firstAboveTime = 0;
      this.dropping = false;
      return false;
    }
    if (delay < this.options.target || queue.bytes <= this.mtu) {
      this.firstAboveTime = 0;
      return false;
    }
    if (this.firstAboveTime === 0) this.firstAboveTime = now + this.options.interval;
    else if (now > this.firstAboveTime) return true;
    return false;
  }

  /** The first drop of a row. Soon after the last row it goes on at the rate that helped there. */
  private startDropping(now: number): void {
    this.dropping = true;
    const delta = this.count - this.lastCount;
    const recent = now - this.dropNext < MEMORY * this.options.interval;
    this.count = delta > 1 && recent ? delta : 1;
    this.lastCount = this.count;
    this.dropNext = this.controlLaw(now);
  }

  private controlLaw(t: number): number {
    return t + Math.floor(this.options.interval / Math.sqrt(this.count));
  }
}
