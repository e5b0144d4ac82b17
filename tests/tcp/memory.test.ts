/** The memory of all sockets of a host (net.ipv4.tcp_mem): what is charged, when there is pressure, and what it does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lane } from '../../src/base/hash.ts';
import { type Instant, sec, START } from '../../src/base/units.ts';
import * as tcp from '../../src/tcp/index.ts';
import {
  forwardAlloc,
  reclaim,
  schedulePayload,
  scheduleReceive,
  scheduleSend,
  scheduleWhole,
} from '../../src/tcp/memory.ts';
import { prop } from '../support/prop.ts';
import { EAGAIN } from '../../src/base/errno.ts';
import { bench, type Bench } from './bench.ts';
import { MS, Pair, reads, SEC, writes } from './pair.ts';

const { ACK } = tcp;
const PAGE = 4096;
/** Truesize of a record without payload, and of a full segment received. */
const RECORD = 832;
const SEGMENT = 2304;
const pages = (bytes: number): number => Math.ceil(bytes / PAGE);
const PLENTY = [100_000, 200_000, 300_000] as const;

/** What the end has to say now. */
const says = (b: Bench): string[] => b.pump().full();

/** A peer that takes everything and says nothing. */
const silent = (options: Partial<tcp.TcpOptions>): Bench =>
  bench({ mem: PLENTY, wmem: [4096, 4_194_304, 4_194_304], windowScaling: false, ...options });

describe('what a socket is charged for, in whole pages [__sk_mem_raise_allocated, sk_mem_reclaim]', () => {
  it('is what it has written: a record and its payload for every segment, until they are acknowledged', () => {
    const mss = 1460;
    prop([fc.integer({ min: 1, max: 60 }), fc.nat(1459), fc.nat(60)], (n, rest, acked) => {
      const b = silent({});
      const { memory } = b.c.context;
      const bytes = n * mss + rest;
      expect(tcp.write(b.c, bytes, b.pair.now)).toBe(bytes);
      const records = n + (rest > 0 ? 1 : 0);
      expect(memory.allocated).toBe(pages(bytes + records * RECORD));
      // What has been sent is acknowledged, segment by segment.
      b.pump();
      const k = Math.min(acked, n, b.c.packetsOut);
      if (k > 0) b.send(ACK, 1, 0, 1 + k * mss, 65_535);
      const left = bytes - k * mss + (records - k) * RECORD;
      expect(b.c.wmemQueued).toBe(left);
      expect(memory.allocated).toBe(pages(left));
    });
  });

  it('is what it has received, by truesize, until it is read', () => {
    prop([fc.integer({ min: 1, max: 20 }), fc.nat(20)], (n, taken) => {
      const b = bench({ mem: PLENTY, rmem: [4096, 131_072, 131_072] });
      const { memory } = b.c.context;
      for (let i = 0; i < n; i++) b.send(ACK, 1 + 1000 * i, 1000, 1);
      expect(memory.allocated).toBe(pages(n * SEGMENT));
      const k = Math.min(n, taken);
      if (k > 0) tcp.read(b.c, 1000 * k, null, b.pair.now);
      expect(memory.allocated).toBe(pages((n - k) * SEGMENT));
    });
  });

  it('is given back whole when the connection ends, whatever is left in its queues', () => {
    const b = silent({});
    tcp.write(b.c, 100_000, b.pair.now);
    b.send(ACK, 1001, 1000, 1).send(ACK, 1, 900, 1);
    const { memory } = b.c.context;
    expect([memory.allocated > 25, memory.connections, memory.orphans]).toEqual([true, 1, 0]);
    tcp.abort(b.c, b.pair.now);
    expect([memory.allocated, memory.connections, memory.orphans]).toEqual([0, 0, 0]);
    expect(b.c.memPages).toBe(0);
  });

  it('is never more than its pages, for whatever two ends do to one another with little of it', () => {
    const few = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(30));
    prop([few, fc.nat(1000), fc.boolean(), fc.boolean()], ([low, more, most], seed, sack, gso) => {
      const mem = [low + 1, low + 1 + more, low + 1 + more + most] as const;
      const p = new Pair({
        client: { mem, sack, wmem: [4096, 4_194_304, 4_194_304] },
        server: { mem, sack },
        clientPath: { gsoMaxSegs: gso ? 44 : 1 },
        wire: {
          delayNs: 5 * MS,
          nsPerByte: 800,
          fate: (_s, n) => ({ drop: (n * 7919 + seed) % 37 === 0 }),
        },
      });
      p.client.app = writes(100_000);
      p.server.app = (e, now) => {
        // A reader that is late: every third time.
        if (e.c !== null && e.segments % 3 === 0) reads(3000)(e, now);
      };
      p.establish();
      for (let i = 0; i < 2000; i++) {
        if (!p.step(1e12)) break;
        for (const e of [p.client, p.server]) {
          if (e.c === null) continue;
          expect(tcp.forwardAlloc(e.c)).toBeGreaterThanOrEqual(0);
          expect(e.context.memory.allocated).toBe(e.c.memPages);
        }
      }
    });
  });
});

describe('pressure [tcp_enter_memory_pressure, tcp_leave_memory_pressure]', () => {
  /** Pages held when pressure begins, going up page by page, and when it is over, going down; how long it lasted, ms. */
  const marks = (low: number, pressure: number, high: number): number[] => {
    const clock: { now: Instant } = { now: START };
    const options = tcp.tcpOptions({ mem: [low, pressure, high] });
    const memory = new tcp.TcpMemory(clock);
    const b = bench({});
    const context = new tcp.TcpContext(options, new Lane('memory'), memory);
    Object.assign(b.c, { context, rmemAlloc: 0, memPages: 0 });
    const at: number[] = [];
    while (!memory.pressure && memory.allocated < 1000) {
      // As a socket that has little, so that it is always given a page.
      b.c.rmemAlloc += PAGE;
      expect(scheduleReceive(b.c, 0)).toBe(true);
    }
    at.push(memory.allocated);
    clock.now = sec(1) as number as Instant;
    while (memory.pressure) {
      b.c.rmemAlloc -= PAGE;
      reclaim(b.c);
    }
    at.push(memory.allocated, context.mib.TCPMemoryPressuresChrono);
    return at;
  };

  it('begins with the first page beyond the second mark, and ends with the first below the first', () => {
    const triple = fc.tuple(
      fc.integer({ min: 1, max: 40 }),
      fc.nat(40),
      fc.integer({ min: 2, max: 40 }),
    );
    prop([triple], ([low, more, most]) => {
      const p = low + more;
      expect(marks(low, p, p + most)).toEqual([p + 1, low - 1, 1000]);
    });
  });

  it('does so one page later with marks that are one page higher (mutant)', () => {
    expect(marks(11, 21, 51)).not.toEqual([21, 9, 1000]);
  });
});

describe('beyond the first mark nothing grows', () => {
  const grown = (mem: tcp.TcpOptions['mem']): number[] => {
    const b = bench({ mem, rmem: [4096, 8192, 1_000_000], wmem: [4096, 16_384, 1_000_000] });
    const before = [b.c.rcvbuf, b.c.sndbuf];
    let una = 1;
    b.send(ACK, 1, 100, una, 65_535); // a page that stays
    for (let i = 0; i < 20; i++) {
      tcp.write(b.c, 100_000, b.pair.now);
      b.pump();
      una += b.c.packetsOut * 1460;
      b.send(ACK, 101, 0, una, 65_535);
    }
    // … and a reader that does not read.
    for (let i = 1; i < 40; i++) b.send(ACK, 1 + 100 * i, 100, una, 65_535);
    return [b.c.rcvbuf - before[0]!, b.c.sndbuf - before[1]!];
  };

  it('neither the receive buffer nor the send buffer [tcp_clamp_window, tcp_should_expand_sndbuf]', () => {
    expect(grown([1, 100_000, 100_000])).toEqual([0, 0]);
  });
  it('below it both do (mutant)', () => {
    const [rcvbuf, sndbuf] = grown(PLENTY);
    expect(rcvbuf).toBeGreaterThan(0);
    expect(sndbuf).toBeGreaterThan(0);
  });
});

describe('under pressure', () => {
  /** A receiver that holds 40 segments; where the window may grow to. */
  const window = (mem: tcp.TcpOptions['mem']): number => {
    const b = bench({ mem, rmem: [4096, 131_072, 131_072], windowScaling: true });
    for (let i = 0; i < 40; i++) b.send(ACK, 1 + 1400 * i, 1400, 1);
    return b.c.rcvSsthresh / b.c.advMss;
  };
  it('a window grows to four segments and no further [tcp_adjust_rcv_ssthresh]', () => {
    expect(window([1, 1, 100_000])).toBe(4);
    expect(window(PLENTY)).toBeGreaterThan(20);
  });

  it('a reader is woken whatever SO_RCVLOWAT says [tcp_rmem_pressure]', () => {
    const woken = (mem: tcp.TcpOptions['mem']): boolean => {
      const b = bench({ mem });
      tcp.ownSettings(b.c).rcvLowat = 10_000;
      tcp.takeEvents(b.c);
      b.pair.server.events = 0;
      b.send(ACK, 1, 1000, 1).send(ACK, 1001, 5000, 1);
      return (b.pair.server.events & tcp.READABLE) !== 0;
    };
    expect([woken([1, 1, 1000]), woken(PLENTY)]).toEqual([true, false]);
  });

  it('all that lies behind a hole is given up for what fills it [tcp_prune_ofo_queue]', () => {
    const left = (mem: tcp.TcpOptions['mem']): number => {
      const b = bench({ mem, rmem: [1, 65_536, 65_536] });
      for (let i = 0; i < 10; i++) b.send(ACK, 1001 + 1000 * i, 1000, 1);
      expect(b.c.ofo!.records.length).toBeGreaterThan(1);
      b.send(ACK, 1, 1000, 1);
      return tcp.inq(b.c);
    };
    expect(left(PLENTY)).toBe(11_000);
    // Six pages hold ten segments; the eleventh is refused one more.
    expect(left([1, 1, 6])).toBe(1000);
  });

  it('a FIN rides on a segment that was sent, and goes when that is sent again [tcp_send_fin]', () => {
    const closing = (mem: tcp.TcpOptions['mem']): string[] => {
      const b = silent({ mem });
      tcp.write(b.c, 6000, b.pair.now);
      says(b);
      tcp.shutdownWrite(b.c, b.pair.now);
      return says(b);
    };
    expect(closing(PLENTY)).toEqual(['F. 6001:6001(0) ack 1 win 64240']);
    expect(closing([1, 1, 1000])).toEqual([]);
    const late = silent({ mem: [1, 1, 1000] });
    tcp.write(late.c, 6000, late.pair.now);
    says(late);
    tcp.shutdownWrite(late.c, late.pair.now);
    expect(says(late)).toEqual([]);
    expect(late.c.sndNxt).toBe(late.c.writeSeq);
    late.send(ACK, 1, 0, 6001, 65_535);
    late.pair.pass(300 * MS);
    expect(says(late)).toEqual(['FP. 6001:6001(0) ack 1 win 64240']);
    late.send(ACK, 1, 0, 6002, 65_535);
    expect(late.state).toBe('FIN-WAIT-2');
  });
});

describe('beyond the third mark', () => {
  it('a writer gets what keeps its stream moving: a page, two records [tcp_wmem_schedule]', () => {
    const taken = (mem: tcp.TcpOptions['mem'], least: number): number => {
      const b = silent({ mem, wmem: [least, 65_536, 65_536] });
      return tcp.write(b.c, 10_000, b.pair.now);
    };
    expect([taken([1, 1, 1], 4096), taken([1, 1, 1], 1)]).toEqual([
      PAGE - 2 * RECORD,
      PAGE - 2 * RECORD,
    ]);
    expect(taken(PLENTY, 4096)).toBe(10_000);
    const b = silent({ mem: [1, 1, 1] });
    tcp.write(b.c, 10_000, b.pair.now);
    expect(tcp.write(b.c, 10_000, b.pair.now)).toBe(-EAGAIN);
    // Once that is acknowledged there is as much again.
    says(b);
    b.send(ACK, 1, 0, 1 + PAGE - 2 * RECORD, 65_535);
    expect(tcp.write(b.c, 10_000, b.pair.now)).toBe(PAGE - 2 * RECORD);
  });

  it('a receiver takes one segment into an empty queue, refuses the next, and takes it once the first is read', () => {
    const b = bench({ mem: [1, 1, 1] });
    b.send(ACK, 1, 1000, 1).send(ACK, 1001, 1000, 1);
    expect(tcp.inq(b.c)).toBe(1000);
    expect(says(b).at(-1)).toBe('. 1:1(0) ack 1001 win 0');
    expect(b.c.context.mib).toMatchObject({ TCPRcvQDrop: 1, PruneCalled: 1, RcvPruned: 0 });
    tcp.read(b.c, 1000, null, b.pair.now);
    says(b); // a window update
    b.send(ACK, 1001, 1000, 1);
    expect(tcp.inq(b.c)).toBe(1000);
  });

  it('a receiver takes one into an empty queue whatever others hold, and holds a page for it', () => {
    const b = bench({ mem: [1, 1, 1], rmem: [1, 65_536, 65_536] });
    const { memory } = b.c.context;
    memory.allocated += 1000;
    b.send(ACK, 1, 1000, 1).send(ACK, 1001, 1000, 1);
    expect([tcp.inq(b.c), b.c.memPages, memory.allocated]).toEqual([1000, 1, 1001]);
  });

  it('a segment behind a hole is dropped', () => {
    const b = bench({ mem: [1, 1, 1] });
    b.send(ACK, 1001, 1000, 1).send(ACK, 2001, 1000, 1);
    expect(b.c.context.mib.TCPOFODrop).toBe(1);
    // What was refused was never held.
    expect(b.c.context.memory).toMatchObject({ allocated: 1, peak: 1 });
  });

  it('the send buffer shrinks to half of what is in it [sk_stream_moderate_sndbuf]', () => {
    const b = silent({ mem: [10, 10, 10], wmem: [4096, 65_536, 65_536] });
    tcp.write(b.c, 200_000, b.pair.now);
    expect(b.c.sndbuf).toBeLessThanOrEqual(b.c.wmemQueued >> 1);
    expect(b.c.sndbuf).toBeGreaterThan(4608);
    expect(tcp.isWritable(b.c)).toBe(false);
  });
});

describe('a socket that holds more than its share, of as many as there are [__sk_mem_raise_allocated]', () => {
  const may = (connections: number, high: number): boolean => {
    const b = bench({ mem: [1, 1, high], rmem: [1, 65_536, 65_536] });
    for (let i = 0; i < 7; i++) b.send(ACK, 1 + 1000 * i, 1000, 1);
    expect(b.c.memPages).toBe(4);
    b.c.context.memory.connections = connections;
    const before = tcp.inq(b.c);
    b.send(ACK, 7001, 1000, 1);
    return tcp.inq(b.c) > before;
  };
  it('is given no more under pressure', () => {
    // With the page that it asks for it would hold five; its share is high / connections.
    expect([may(10, 51), may(10, 50)]).toEqual([true, false]);
  });
});

describe('orphans [tcp_check_oom, tcp_out_of_resources]', () => {
  /** What a close sends; a byte is still out. */
  const closed = (options: Partial<tcp.TcpOptions>, bytes = 1): string[] => {
    const b = silent(options);
    tcp.write(b.c, bytes, b.pair.now);
    says(b);
    tcp.close(b.c, b.pair.now);
    const { memory, mib } = b.c.context;
    return [...says(b).map((l) => l.split(' ')[0]!), `${memory.orphans}/${mib.TCPAbortOnMemory}`];
  };

  it('are as many as tcp_max_orphans says; the next is reset', () => {
    expect(closed({ maxOrphans: 1 })).toEqual(['F.', '1/0']);
    expect(closed({ maxOrphans: 0 })).toEqual(['R.', '0/1']);
  });

  it('are reset when they send and the host has no memory', () => {
    expect(closed({ mem: [1, 1, 1], wmem: [6144, 65_536, 65_536] }, 10_000).at(-1)).toBe('0/1');
    expect(closed({ mem: [1, 1, 1] }, 10_000).at(-1)).toBe('1/0'); // 4096 is not more than SOCK_MIN_SNDBUF
  });

  it('end with the next time-out when there are too many by then', () => {
    const b = silent({ maxOrphans: 1 });
    tcp.write(b.c, 1, b.pair.now);
    tcp.close(b.c, b.pair.now);
    says(b);
    b.c.context.retune(tcp.tcpOptions({ maxOrphans: 0 }));
    b.pair.pass(3 * SEC);
    expect(b.state).toBe('CLOSED');
    expect(b.c.context.mib.TCPAbortOnMemory).toBe(1);
    expect(says(b).at(-1)).toMatch(/^R/);
    expect(b.c.context.memory.orphans).toBe(0);
  });

  it('that only probe a closed window do as well', () => {
    const b = silent({ maxOrphans: 1 });
    b.send(ACK, 1, 0, 1, 0);
    tcp.write(b.c, 1, b.pair.now);
    tcp.close(b.c, b.pair.now);
    says(b);
    b.c.context.retune(tcp.tcpOptions({ maxOrphans: 0 }));
    b.pair.pass(3 * SEC);
    expect([b.state, b.c.context.mib.TCPAbortOnMemory]).toEqual(['CLOSED', 1]);
  });

  it('are counted until they are over, or small records of FIN-WAIT-2 and TIME-WAIT', () => {
    const counts = (finTimeoutS: number): number[] => {
      const b = silent({ finTimeoutS });
      const { memory } = b.c.context;
      const at: number[] = [];
      const count = (): unknown => at.push(memory.connections, memory.orphans);
      count();
      tcp.close(b.c, b.pair.now);
      says(b);
      count();
      b.send(ACK, 1, 0, 2);
      expect(b.state).toBe('FIN-WAIT-2');
      count();
      b.send(ACK | tcp.FIN, 1, 0, 2);
      count();
      return at;
    };
    expect(counts(180)).toEqual([1, 0, 1, 1, 1, 1, 0, 0]);
    expect(counts(60)).toEqual([1, 0, 1, 1, 0, 0, 0, 0]);
  });
});

describe('memory for a record and all that goes into it', () => {
  type Asks = (c: tcp.Connection, size: number) => boolean;
  type Start = readonly [held: number, forward: number, low: number, pressure: boolean];
  /** A connection of a host in this state: pages that others hold, bytes that are left of its own, tcp_mem[0]. */
  const start = ([held, forward, low, pressure]: Start): tcp.Connection => {
    const { c } = bench({ mem: [low, low + 20, low + 40] });
    c.memPages = 4;
    c.wmemQueued = 4 * PAGE - forward;
    Object.assign(c.context.memory, { allocated: held + 4, peak: held + 4, pressure });
    return c;
  };
  /** Asks for both at once and one after the other; false where that makes a difference. */
  const same = (asks: Asks, from: Start, size: number): boolean => {
    const a = start(from);
    const b = start(from);
    const whole = asks(a, RECORD + size);
    if (whole) a.wmemQueued += RECORD + size;
    else return a.memPages === 4 && a.context.memory.allocated === from[0] + 4;
    if (!scheduleSend(b, RECORD)) return false;
    b.wmemQueued += RECORD;
    const n = schedulePayload(b, size);
    b.wmemQueued += n;
    const left = (c: tcp.Connection): unknown[] => {
      const { allocated, peak, pressure } = c.context.memory;
      return [c.memPages, forwardAlloc(c), allocated, peak, pressure];
    };
    return n === size && JSON.stringify(left(a)) === JSON.stringify(left(b));
  };
  const from: fc.Arbitrary<Start> = fc.tuple(
    fc.nat(30),
    fc.nat(2 * PAGE),
    fc.integer({ min: 1, max: 60 }),
    fc.boolean(),
  );
  const size = fc.oneof(fc.integer({ min: 1, max: 1460 }), fc.integer({ min: 1, max: 65_000 }));

  it('is the same, asked for at once or one after the other, where it is not refused', () => {
    prop([from, size], (f, n) => same(scheduleWhole, f, n));
    // And it is not always refused, nor never.
    const got = (f: Start): boolean => scheduleWhole(start(f), RECORD + 1460);
    expect([got([0, 0, 60, false]), got([0, 0, 4, false]), got([0, 0, 60, true])]).toEqual([
      true,
      false,
      false,
    ]);
  });
  it('is not, where pages are taken whatever the host has (mutant)', () => {
    const greedy: Asks = (c, bytes) => {
      const more = Math.max(pages(bytes - forwardAlloc(c)), 0);
      c.memPages += more;
      c.context.memory.allocated += more;
      c.context.memory.peak = Math.max(c.context.memory.peak, c.context.memory.allocated);
      return true;
    };
    expect(same(greedy, [0, 0, 60, false], 1460)).toBe(true);
    expect(same(greedy, [0, 0, 60, true], 1460)).toBe(false);
    expect(same(greedy, [30, 0, 1, false], 65_000)).toBe(false);
  });
});
