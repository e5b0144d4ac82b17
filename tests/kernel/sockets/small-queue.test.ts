// TCP small queues: what one connection may have in qdisc and device (net/ipv4/tcp_output.c tcp_small_queue_check).
import { describe, expect, it } from 'vitest';
import { ms, us } from '../../../src/base/units.ts';
import type { NicOptions } from '../../../src/kernel/profile.ts';
import type { Skb } from '../../../src/kernel/skb.ts';
import type { Sock } from '../../../src/kernel/socket.ts';
import { SO_MAX_PACING_RATE, SOL_SOCKET } from '../../../src/kernel/syscall.ts';
import { tcpOptions } from '../../../src/tcp/options.ts';
import type { Connection } from '../../../src/tcp/index.ts';
import { connectTo, listenOn, Pair } from './world.ts';

const RATE = 1_000_000_000;
const RTT = ms(1);
/** Whole segments: a last one that is small would wait for an ACK (Nagle). */
const BYTES = 5_000 * 1448;
/** The window is open by then, and the path full. */
const SETTLED = ms(20);

interface Run {
  /** Segments that left when more was below TCP than may be, in words. */
  readonly violations: string[];
  /** The most bytes (truesize) that were there, and the most packets. */
  readonly peak: number;
  readonly packets: number;
  /** Time that the wire was idle between SETTLED and the end. */
  readonly idle: number;
}

interface Variant {
  readonly nic?: Partial<NicOptions>;
  readonly limitOutputBytes?: number;
  /** SO_MAX_PACING_RATE, bytes/s. */
  readonly pace?: number;
  /** The device gives the credit back at once, as if it had sent the packet. */
  readonly orphans?: boolean;
}

/** sk_pacing_rate, by the definition of tcp_update_pacing_rate. */
function rateOf(c: Connection): number {
  const paced = c.sender?.pacing ?? null;
  if (paced !== null) return paced.rate;
  const percent = c.cwnd < c.ssthresh / 2 ? 200 : 120;
  return ((c.mssCache * Math.max(c.cwnd, c.packetsOut) * percent) / 100 / c.srttUs) * 8e6;
}

/** Sends BYTES to a reader that takes them at once, and watches the device. */
function bulk(v: Variant): Run {
  const w = new Pair({
    nic: v.nic ?? {},
    link: { rate: RATE, delay: us(RTT / 2000) },
    stack: {
      tcp: tcpOptions(
        v.limitOutputBytes === undefined ? {} : { limitOutputBytes: v.limitOutputBytes },
      ),
    },
  });
  const { nic, stack } = w.client;
  const run = { violations: [] as string[], peak: 0, packets: 0, idle: 0 };
  // Packets in the device, by the wire's own word for when each is through.
  const below: { until: number; truesize: number }[] = [];
  const transmit = w.up.transmit.bind(w.up);
  let busyUntil = 0;
  w.up.transmit = (train, t) => {
    const skb = train as Skb;
    const { txTruesize: truesize, len } = skb;
    if (len > 0 && busyUntil > SETTLED && t > busyUntil) run.idle += t - busyUntil;
    while (below.length > 0 && below[0]!.until <= t) below.shift();
    const bytes = below.reduce((sum, b) => sum + b.truesize, 0);
    const [sock] = stack.ehash.all();
    const c = sock === undefined ? null : (sock as Sock).c;
    if (len > 0 && c !== null && c.srttUs > 0) {
      const most = Math.max(2 * truesize, rateOf(c) / 1024);
      // What is there is judged before the segment is added; one may always be out.
      if (bytes >= most && c.sendQueue!.sent > 2)
        run.violations.push(`${bytes} B at ${t}, may be ${Math.floor(most)}`);
      run.peak = Math.max(run.peak, bytes + truesize);
      run.packets = Math.max(run.packets, below.length + 1);
    }
    busyUntil = transmit(train, t);
    below.push({ until: busyUntil, truesize });
    return busyUntil as typeof t;
  };
  if (v.orphans === true) {
    const [tx] = nic.txQueues;
    const start = tx!.startXmit.bind(tx);
    tx!.startXmit = (skb) => {
      const { owner, txTruesize } = skb;
      skb.owner = null;
      start(skb);
      if (owner !== null) stack.txFreed(owner, txTruesize, w.client.host.cores[0]!);
    };
  }
  w.server.run('server', function* (sys) {
    const fd = yield sys.accept(yield* listenOn(sys, 5));
    for (let got = 0; got < BYTES;) got += yield sys.read(fd, 1 << 20);
  });
  w.client.run('client', function* (sys) {
    const fd = yield* connectTo(sys, w.server);
    if (v.pace !== undefined) yield sys.setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, v.pace);
    for (let left = BYTES; left > 0;) left -= yield sys.write(fd, Math.min(left, 1 << 20));
    yield sys.nanosleep(ms(2000));
  });
  w.run(ms(200));
  return run;
}

const TSO: Partial<NicOptions> = { tso: true, gso: true };

describe('TCP small queues', () => {
  for (const [name, nic] of [
    ['a segment per packet', {}],
    ['TSO', TSO],
    [
      'TSO, interrupts held back',
      { ...TSO, coalesce: { rxUsecs: 0, rxFrames: 1, txUsecs: 16, txFrames: 32 } },
    ],
  ] as const) {
    it(`below TCP are at most two packets or a millisecond at the pacing rate, and the wire is never idle: ${name} [tcp_small_queue_check]`, () => {
      const { violations, idle, packets } = bulk({ nic });
      expect(violations).toEqual([]);
      expect(idle).toBe(0);
      expect(packets).toBeGreaterThan(2);
    });
  }
  it('mutant: a device that gives the credit back too early fills up', () => {
    expect(bulk({ nic: TSO, orphans: true }).violations.length).toBeGreaterThan(0);
  });
  it('mutant: with room for less than one packet the wire falls idle between completions', () => {
    const nic = { coalesce: { rxUsecs: 0, rxFrames: 1, txUsecs: 16, txFrames: 32 } };
    expect(bulk({ nic, limitOutputBytes: 1 }).idle).toBeGreaterThan(ms(10));
  });
  it('tcp_limit_output_bytes bounds it as well, unless the connection paces', () => {
    const limit = 20_000;
    const small = bulk({ limitOutputBytes: limit });
    expect(small.peak).toBeLessThan(limit + 4096);
    expect(small.packets).toBeGreaterThan(2);
    // 100 MB/s: 97 KiB in a millisecond.
    const paced = bulk({ nic: TSO, limitOutputBytes: 4096, pace: 100_000_000 });
    const same = bulk({ nic: TSO, limitOutputBytes: 4_194_304, pace: 100_000_000 });
    expect(paced.peak).toBe(same.peak);
  });
});
