import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PayloadStream } from '../../src/base/payload.ts';
import { NEVER, type Instant } from '../../src/base/units.ts';
import * as tcp from '../../src/tcp/index.ts';
import type { TcpObserver } from '../../src/tcp/index.ts';
import { prop } from '../support/prop.ts';
import { both, MS, Pair, reads, SEC, writes, type End, type Fate } from './pair.ts';

/** What a world is made of; `mutate` breaks it on purpose. */
interface World {
  readonly clientIsn: number;
  readonly serverIsn: number;
  readonly bytes: number;
  readonly back: number;
  readonly rcvbuf: number;
  readonly delayMs: number;
  readonly nsPerByte: number;
  readonly faults: readonly number[];
  readonly faultsEnd: number;
  readonly sack: boolean;
  readonly timestamps: boolean;
  readonly congestion: tcp.CongestionName;
  readonly window: tcp.TcpOptions['congestionWindow'];
  readonly ecn: 0 | 1 | 2;
  readonly pauseMs: number;
}

const world: fc.Arbitrary<World> = fc.record({
  clientIsn: fc.oneof(
    fc.integer(),
    fc.integer({ min: -30_000, max: 0 }),
    fc.integer({ min: 0x7fff_ff00, max: 0x7fff_ffff }),
  ),
  serverIsn: fc.oneof(fc.integer(), fc.integer({ min: -3000, max: 0 })),
  bytes: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 120_000 })),
  back: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40_000 })),
  rcvbuf: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: 20_000 }),
    fc.integer({ min: 20_000, max: 400_000 }),
  ),
  delayMs: fc.integer({ min: 1, max: 60 }),
  nsPerByte: fc.constantFrom(0, 8, 800),
  // Of each segment in turn: 0–2 lost, 3 doubled, 4–5 late, 6–9 marked if it may be, else delivered.
  faults: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 60 }),
  faultsEnd: fc.integer({ min: 0, max: 400 }),
  sack: fc.boolean(),
  timestamps: fc.boolean(),
  congestion: fc.constantFrom(...tcp.CONGESTION_CONTROLS),
  window: fc.constantFrom('linux', 'rfc'),
  ecn: fc.constantFrom(0 as const, 1 as const, 2 as const),
  pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3000 })),
});

/** What must hold at every step; it sees both ends from outside. */
class Laws implements TcpObserver {
  private readonly readTo = new Map<PayloadStream, number>();
  private readonly edges = new Map<tcp.Connection, tcp.Seq>();
  /** Furthest right edge that the peer's segments have shown to a sender. */
  private readonly offered = new Map<tcp.Connection, tcp.Seq>();
  readonly broken: string[] = [];
  edgeMoves = 0;

  onSent(c: tcp.Connection, seg: tcp.Segment, again: boolean): void {
    if (seg.flags & (tcp.SYN | tcp.RST)) return;
    const edge = this.offered.get(c);
    const end = tcp.seqAdd(seg.seq, seg.len);
    if (!again && seg.len > 0 && edge !== undefined && tcp.seqGt(end, edge)) {
      this.broken.push(`sent beyond the window: ${tcp.describeSegment(seg)}`);
    }
    if (
      c.wmemQueued < 0 ||
      c.packetsOut < 0 ||
      c.sackedOut < 0 ||
      c.lostOut < 0 ||
      c.retransOut < 0 ||
      tcp.inFlight(c) < 0
    ) {
      this.broken.push(
        `counts: out ${c.packetsOut} sacked ${c.sackedOut} lost ${c.lostOut} rtx ${c.retransOut}`,
      );
    }
  }
  onReceived(c: tcp.Connection, seg: tcp.Segment): void {
    if ((seg.flags & tcp.ACK) === 0) return;
    const scale = seg.flags & tcp.SYN ? 0 : c.sndWscale;
    const edge = tcp.seqAdd(seg.ack, seg.window << scale);
    const before = this.offered.get(c);
    if (before === undefined || tcp.seqGt(edge, before)) this.offered.set(c, edge);
  }
  onWritten(): void {}
  onQueued(): void {}
  onState(): void {}
  onRead(_c: tcp.Connection, stream: PayloadStream, off: number, len: number): void {
    const at = this.readTo.get(stream) ?? 0;
    if (off !== at)
      this.broken.push(`stream ${stream.id}: read [${off}, ${off + len}) after ${at}`);
    this.readTo.set(stream, off + len);
  }
  onWindow(c: tcp.Connection, wnd: number, why: tcp.WindowMove): void {
    const edge = tcp.seqAdd(c.rcvNxt, wnd);
    const before = this.edges.get(c);
    if (before !== undefined && tcp.seqLt(edge, before)) {
      if (why === 'kept') this.broken.push(`right edge back by ${tcp.seqDiff(before, edge)}`);
      else this.edgeMoves++;
    }
    this.edges.set(
      c,
      why === 'kept' && before !== undefined && tcp.seqLt(edge, before) ? before : edge,
    );
    if (c.rmemAlloc < 0) this.broken.push(`rmem ${c.rmemAlloc}`);
    if (c.rmemAlloc > c.rcvbuf + 2304) this.broken.push(`rmem ${c.rmemAlloc} of ${c.rcvbuf}`);
  }
}

type Mutation = (p: Pair) => void;

function build(w: World, mutate: Mutation | null): { pair: Pair; laws: Laws } {
  const options = {
    sack: w.sack,
    timestamps: w.timestamps,
    congestionControl: w.congestion,
    congestionWindow: w.window,
    ecn: w.ecn,
  } as const;
  // A fair link: never two losses in a row, and an end of it, or a connection may be given up, and rightly.
  let run = 0;
  const fate = (s: tcp.Segment, n: number, now: Instant): Fate | null => {
    if (n >= w.faultsEnd || now > 60 * SEC) return null;
    const x = w.faults[(n * 7 + (n >> 3)) % w.faults.length]!;
    if (x <= 2 && run < 1) {
      run++;
      return { drop: true };
    }
    run = 0;
    if (x === 3) return { duplicateAfter: w.delayMs * MS };
    if (x <= 5) return { extraDelay: (x - 3) * w.delayMs * MS };
    if (x <= 9 && tcp.ecnField(s) !== 0) s.ce = true;
    return null;
  };
  const pair = new Pair({
    client: options,
    server: options,
    clientIsn: w.clientIsn,
    serverIsn: w.serverIsn,
    wire: { delayNs: w.delayMs * MS, nsPerByte: w.nsPerByte, fate },
  });
  const laws = new Laws();
  pair.client.context.observer = laws;
  pair.server.context.observer = laws;
  for (const e of [pair.client, pair.server])
    if (w.rcvbuf > 0) e.settings.setRcvbuf(e.context.options, w.rcvbuf);
  pair.client.app = both(reads(), writes(w.bytes));
  const read = reads(3000);
  // The server stops reading for a while: zero windows.
  const paused = (e: End, now: Instant): void => {
    if (now >= w.pauseMs * MS) read(e, now);
  };
  pair.server.app = both(paused, writes(w.back));
  mutate?.(pair);
  return { pair, laws };
}

/** Runs a world to its end; what is wrong with it, or null. */
function verdict(w: World, mutate: Mutation | null = null): string | null {
  const { pair, laws } = build(w, mutate);
  pair.open();
  const finished = (): boolean =>
    laws.broken.length > 0 ||
    (pair.server.received === w.bytes &&
      pair.client.received === w.back &&
      pair.server.eof &&
      pair.client.eof);
  pair.run(w.pauseMs * MS, finished);
  // A sleeping reader wakes at its time, whatever the network does.
  pair.now = Math.max(pair.now, Math.min(w.pauseMs * MS, pair.now + 3 * SEC)) as Instant;
  if (pair.server.c !== null) pair.server.app!(pair.server, pair.now);
  pair.pump(pair.server);
  pair.run(3600 * SEC, finished);
  if (laws.broken.length > 0) return laws.broken[0]!;
  if (!finished()) {
    const s = (e: End): string =>
      `${e.name} ${e.c?.state} error ${e.c?.error} sent ${e.sent} received ${e.received} eof ${e.eof}`;
    return `not finished: ${s(pair.client)}; ${s(pair.server)} at ${pair.now / SEC} s`;
  }
  return null;
}

describe('two ends over a wire that drops, doubles and reorders', () => {
  it('deliver what was written, in order and once, inside the window, and finish once the faults stop [RFC 9293 §3.4, §3.8.6; R7]', () => {
    prop(
      [world],
      (w) => {
        expect(verdict(w)).toBeNull();
      },
      { numRuns: 400 },
    );
  }, 60_000);
});

/** The first verdict that is not null over a fixed set of worlds. */
function caught(mutate: Mutation, only: (w: World) => World = (w) => w): string | null {
  for (const w of fc.sample(world, { numRuns: 150, seed: 11 })) {
    const v = verdict(only(w), mutate);
    if (v !== null) return v;
  }
  return null;
}

/** Does `wrong` to both connections whenever an application gets its turn, before the next poll. */
const always =
  (wrong: (c: tcp.Connection, now: Instant) => void): Mutation =>
  (p) => {
    for (const e of [p.client, p.server]) {
      const app = e.app!;
      e.app = (end, now) => {
        app(end, now);
        if (end.c !== null) wrong(end.c, now);
      };
    }
  };

describe('the laws notice', () => {
  it('a receive queue that takes duplicates for new data', () => {
    const mutate: Mutation = (p) => {
      const laws = p.server.context.observer!;
      const onReceived = laws.onReceived.bind(laws);
      laws.onReceived = (c, seg) => {
        onReceived(c, seg);
        const end = tcp.seqAdd(seg.seq, seg.len);
        if (seg.len > 0 && c.state === 'ESTABLISHED' && tcp.seqLe(end, c.rcvNxt))
          seg.seq = c.rcvNxt;
      };
    };
    expect(caught(mutate)).toMatch(/read \[/);
  });
  it('a sender that believes in a larger window', () => {
    expect(caught(always((c) => void (c.sndWnd += 3000)))).toMatch(/beyond the window/);
  });
  it('a receiver that takes its promise back', () => {
    expect(caught(always((c) => void (c.rcvWnd >>= 1)))).toMatch(/right edge back/);
  });
  it('a sender that never probes a closed window', () => {
    const silent = (c: tcp.Connection): void => {
      if (c.timer === tcp.TIMER_PROBE0) c.timerAt = NEVER;
    };
    // Small buffers and a reader that pauses; now and then the window update is lost.
    const closed = (w: World): World => ({
      ...w,
      rcvbuf: 5000,
      bytes: 60_000,
      pauseMs: 1500,
      faultsEnd: 400,
      faults: w.faults.map((x) => x >> 2),
    });
    expect(caught(always(silent), closed)).toMatch(/not finished/);
  });
  it('a sender without a retransmission timer', () => {
    const silent = (c: tcp.Connection): void => {
      if (c.timer === tcp.TIMER_RETRANS && c.state !== 'SYN-SENT') c.timerAt = NEVER;
    };
    expect(caught(always(silent))).toMatch(/not finished/);
  });
  it('a scoreboard that counts a segment lost that is not', () => {
    expect(caught(always((c) => void (c.lostOut += c.packetsOut > 2 ? 1 : 0)))).toMatch(/counts/);
  });
});
