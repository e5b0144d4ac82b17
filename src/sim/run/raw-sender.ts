/** Frames of a raw source on their wire: one event each, at the time the source says. They belong to no connection. */
import { assert } from '../../base/assert.ts';
import { NEVER, type Instant } from '../../base/units.ts';
import type { FrameSource } from '../../app/load/raw.ts';
import type { Engine, Kind, Timer } from '../../engine/engine.ts';
import type { SkbPool } from '../../kernel/skb.ts';
import type { Wire } from '../../kernel/netdev.ts';
import { resetSegment } from '../../tcp/segment.ts';

/** The headers of a frame without TCP: IP alone. */
const IP_HEADER = 20;

export class RawSender {
  sent = 0;
  private readonly engine: Engine;
  private readonly timer: Timer;
  private readonly pool: SkbPool;
  private readonly source: FrameSource;
  private readonly src: number;
  private readonly dst: number;
  readonly wire: Wire;
  private readonly onEnd: () => void;

  constructor(
    engine: Engine,
    kind: Kind,
    pool: SkbPool,
    source: FrameSource,
    src: number,
    dst: number,
    wire: Wire,
    onEnd: () => void,
  ) {
    assert(source.bytes >= IP_HEADER, 'raw: a frame has at least an IP header');
    this.engine = engine;
    this.timer = engine.timer(kind, 0, 0);
    this.pool = pool;
    this.source = source;
    this.src = src;
    this.dst = dst;
    this.wire = wire;
    this.onEnd = onEnd;
    this.plan(source.next());
  }

  onTimer(): void {
    const skb = this.pool.take();
    resetSegment(skb);
    skb.src = this.src;
    skb.dst = this.dst;
    skb.sport = 0;
    skb.dport = 0;
    skb.flags = 0;
    skb.headerLen = IP_HEADER;
    skb.len = this.source.bytes - IP_HEADER;
    skb.segSize = skb.len;
    skb.flow = -1;
    skb.ordinal = this.sent++;
    this.wire.transmit(skb, this.engine.now);
    this.plan(this.source.next());
  }

  private plan(t: Instant): void {
    if (t === NEVER) this.onEnd();
    else this.engine.arm(this.timer, t);
  }
}
