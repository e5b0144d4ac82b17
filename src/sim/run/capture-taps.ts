/** Shows every frame that leaves or reaches an interface to a capture: out when its first bit leaves, in when it has arrived. */
import { MARK_CE, MARK_CORRUPT, MARK_DUPLICATE, type Train } from '../../base/train.ts';
import type { Skb } from '../../kernel/skb.ts';
import { CWR, ecnField, FIN, PSH } from '../../tcp/segment.ts';
import type { LinkTap } from '../net/observe.ts';
import type { CapturedFrame, CaptureSink } from './capture.ts';
import { interfaceName, type World } from './world.ts';

export function tapWires(world: World, sink: CaptureSink): void {
  for (const wire of world.wires) {
    const fromDevice = wire.from === null ? null : interfaceName(wire.from);
    const toDevice = wire.to === null ? null : interfaceName(wire.to);
    const tap: LinkTap = {
      onFrame(train, index, mark, start, _departure, arrival) {
        const frame = describe(train, index, mark);
        // A copy is made behind the wire: its sender sent one.
        if (fromDevice !== null && (mark & MARK_DUPLICATE) === 0)
          sink.frame(fromDevice, start, leaving(frame, train), false, world.engine.now);
        if (toDevice !== null) sink.frame(toDevice, arrival, frame, true, world.engine.now);
      },
      onDrop(train, index, why, at) {
        // Lost on the wire: it did leave.
        if (fromDevice !== null && why === 'loss')
          sink.frame(fromDevice, at, describe(train, index, 0), false, world.engine.now);
      },
    };
    wire.link.tap = tap;
  }
}

/** As its sender put it on the wire: what damages or marks it comes after. */
const leaving = (frame: CapturedFrame, train: Train): CapturedFrame => ({
  ...frame,
  tos: (train as Skb).tos,
  corrupt: false,
});

function describe(train: Train, index: number, mark: number): CapturedFrame {
  const s = train as Skb;
  const last = index === s.segs - 1;
  return {
    src: s.src,
    dst: s.dst,
    sport: s.sport,
    dport: s.dport,
    seq: (s.wireSeq + index * s.segSize) >>> 0,
    ack: s.wireAck >>> 0,
    // PSH and FIN belong to the last frame of a train, CWR to the first.
    flags: (last ? s.flags : s.flags & ~(FIN | PSH)) & (index > 0 ? ~CWR : ~0),
    window: s.window,
    mss: s.mss,
    wscale: s.wscale,
    sackOk: s.sackOk,
    hasTs: s.hasTs,
    tsVal: s.tsVal >>> 0,
    tsEcr: s.tsEcr >>> 0,
    sacks: [...s.sacks.subarray(0, 2 * s.nsack)].map((x) => x >>> 0),
    stream: s.stream,
    off: s.off + index * s.segSize,
    len: last ? s.len - index * s.segSize : s.segSize,
    tos: (s.tos & ~3) | ((mark & MARK_CE) !== 0 ? 3 : ecnField(s)),
    corrupt: (mark & MARK_CORRUPT) !== 0,
    raw: s.sport === 0 && s.dport === 0,
  };
}
