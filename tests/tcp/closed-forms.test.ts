/** Closed forms of TCP: what a formula or a measured kernel says, with the mutant that makes each fail. */
import { describe, expect, it } from 'vitest';
import type { Instant } from '../../src/base/units.ts';
import * as tcp from '../../src/tcp/index.ts';
import { rawRto, rttSample } from '../../src/tcp/rtt.ts';
import { both, MS, Pair, reads, SEC, writes, type End } from './pair.ts';

/** Bit/s of a bulk transfer over a fast link whose receive window cannot exceed 65 535 bytes. */
function windowLimitedRate(rttMs: number, scaling: boolean, rounds = 100): number {
  const options = {
    windowScaling: scaling,
    rmem: [4096, 4_194_304, 33_554_432],
    wmem: [4096, 4_194_304, 16_777_216],
  } as const;
  // A delayed ACK keeps one segment of the window waiting for the next: the formula knows none.
  const serverPath = { quickack: true };
  const p = new Pair({
    client: options,
    server: options,
    serverPath,
    wire: { delayNs: (rttMs * MS) / 2, nsPerByte: 0.8 },
  });
  p.client.app = writes(1e9, 1 << 20, false);
  p.server.app = reads();
  p.open();
  p.run((scaling ? 6 : 20) * rttMs * MS);
  const before = p.server.received;
  const from = p.now;
  p.run(from + rounds * rttMs * MS);
  return ((p.server.received - before) * 8 * SEC) / (p.now - from);
}

describe('throughput of a window-limited sender [T1]', () => {
  it.each([
    [10, 52.4e6],
    [100, 5.243e6],
    [1000, 0.5243e6],
  ])('is W/RTT within 1 %% at %i ms', (rttMs, expected) => {
    expect(Math.abs(windowLimitedRate(rttMs, false) / expected - 1)).toBeLessThan(0.01);
  });
  it('is not bounded by 65,535 bytes when windows scale (mutant: scaling on)', () => {
    expect(windowLimitedRate(100, true, 1) / 5.243e6).toBeGreaterThan(1.5);
  });
});

/** Data segments sent in each round of an unlimited slow start. */
function slowStartRounds(initCwnd: number, bytes: number): number[] {
  const options = {
    congestionControl: 'reno',
    rmem: [4096, 16_777_216, 33_554_432],
    wmem: [4096, 16_777_216, 33_554_432],
  } as const;
  const p = new Pair({
    client: options,
    server: options,
    clientPath: { initCwnd },
    serverPath: { quickack: true },
    wire: { delayNs: 50 * MS },
  });
  const rounds = new Map<number, number>();
  p.onWire = (from, s, now) => {
    if (from === p.client && s.len > 0) rounds.set(now, (rounds.get(now) ?? 0) + 1);
  };
  p.client.app = writes(bytes, 1 << 20);
  p.server.app = reads();
  p.open();
  p.run(100 * SEC);
  expect(p.server.received).toBe(bytes);
  return [...rounds.values()];
}

describe('slow start with an ACK for each segment [RFC 5681 §3.1, RFC 6928; T2]', () => {
  it('has sent 10, 30, 70, 150, 310, 630, 1270 segments after its rounds', () => {
    let sum = 0;
    const sums = slowStartRounds(10, 1270 * 1448).map((n) => (sum += n));
    expect(sums).toEqual([10, 30, 70, 150, 310, 630, 1270]);
  });
  it('takes 1 + ⌈log2(S/10 + 1)⌉ = 8 round trips for 1 MB', () => {
    expect(slowStartRounds(10, 691 * 1448)).toHaveLength(7);
  });
  it('takes more rounds from a smaller initial window (mutant: initcwnd 9)', () => {
    expect(slowStartRounds(9, 1270 * 1448).length).toBeGreaterThan(7);
  });
});

/** A connection that only estimates. */
function estimator(options: Partial<tcp.TcpOptions>): tcp.Connection {
  const p = new Pair({ client: options, wire: { delayNs: 1 } });
  return tcp.connect(p.args(p.client), 0 as Instant);
}

describe('the RTO after samples of 100, 120 and 80 ms [RFC 6298 §2; R1]', () => {
  const run = (
    options: Partial<tcp.TcpOptions>,
    sample: (c: tcp.Connection, us: number) => void = rttSample,
  ): number[][] => {
    const c = estimator(options);
    return [100, 120, 80].map((ms) => {
      sample(c, ms * 1000);
      return [c.srttUs / 8000, c.mdevUs / 4000, rawRto(c) / MS];
    });
  };
  it('is 300, 302.5, 299.6875 ms in the Linux profile without ticks', () => {
    expect(run({ hz: 'exact' })).toEqual([
      [100, 50, 300],
      [102.5, 42.5, 302.5],
      [99.6875, 37.5, 299.6875],
    ]);
  });
  it('is 300, 272.5, 249.6875 ms in the rfc profile, before the floor of 1 s', () => {
    expect(run({ hz: 'exact', rtoEstimator: 'rfc' }).map((r) => r[2])).toEqual([
      300, 272.5, 249.6875,
    ]);
  });
  it('is rounded up to ticks of 4 ms with HZ=250', () => {
    expect(run({}).map((r) => r[2])).toEqual([300, 304, 300]);
  });
  it('is 220 ms at a smoothed RTT of 19.34 ms [a line of ss]', () => {
    const c = estimator({});
    c.srttUs = 19_340 * 8;
    c.rttvarUs = 200_000;
    expect(rawRto(c)).toBe(220 * MS);
  });
  it('differs when the gain is 1/4 instead of 1/8 (mutant)', () => {
    const wrong = (c: tcp.Connection, us: number): void => {
      rttSample(c, us);
      if (c.srttUs !== us * 8) c.srttUs += us - (c.srttUs >> 3);
    };
    expect(run({ hz: 'exact' }, wrong)[2]![2]).not.toBe(299.6875);
  });
});

/** Seconds at which SYNs leave when nobody answers, and when the connection is given up. */
function synSchedule(
  options: Partial<tcp.TcpOptions>,
  mutate: ((c: tcp.Connection) => void) | null = null,
): { sent: number[]; failed: number; error: number } {
  const p = new Pair({ client: options, wire: { delayNs: MS, fate: () => ({ drop: true }) } });
  const sent: number[] = [];
  p.onWire = (_from, _s, now) => sent.push(now / SEC);
  p.client.app = (e) => mutate?.(e.c!);
  p.open();
  p.run(1000 * SEC);
  return { sent, failed: p.client.closedAt / SEC, error: p.client.c!.error };
}

describe('the SYN schedule of a host that nobody answers [ip-sysctl; R2]', () => {
  it.each([
    [0, [0, 1, 3, 7, 15, 31, 63], 127],
    [4, [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67], 131],
    [8, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 15, 23, 39, 71], 135],
  ])('with %i linear time-outs', (linear, sent, failed) => {
    expect(synSchedule({ synLinearTimeouts: linear })).toEqual({ sent, failed, error: 110 });
  });
  // (retries, linear) → seconds, measured on Linux 6.18.
  it.each([
    [2, 0, 7],
    [1, 1, 4],
    [1, 2, 3],
    [1, 3, 3],
    [2, 2, 9],
    [2, 4, 7],
    [3, 2, 17],
  ])(
    'gives up after %i retries and %i linear ones at %i s',
    (synRetries, synLinearTimeouts, at) => {
      expect(synSchedule({ synRetries, synLinearTimeouts }).failed).toBe(at);
    },
  );
  it('fails when the RTO does not double (mutant)', () => {
    const flat = synSchedule({ synLinearTimeouts: 0 }, (c) => void (c.rto = SEC as never));
    expect(flat.sent).not.toEqual([0, 1, 3, 7, 15, 31, 63]);
  });
});

describe('the SYN-ACK schedule when the handshake ACK never comes [ip-sysctl; R3]', () => {
  const schedule = (retries: number): { sent: number[]; dead: number } => {
    const p = new Pair({
      server: { synackRetries: retries },
      client: { synRetries: 0, synLinearTimeouts: 0 },
      wire: { delayNs: 0 },
      back: { delayNs: MS, fate: () => ({ drop: true }) },
    });
    const sent: number[] = [];
    let dead = -1;
    p.onWire = (from, _s, now) => void (from === p.server && sent.push(now / SEC));
    p.server.app = (e, now) => {
      if (e.request?.dead === true && dead < 0) dead = now / SEC;
    };
    p.open();
    p.run(200 * SEC);
    return { sent, dead };
  };
  it('is 1, 3, 7, 15, 31 s, and the request dies at 63 s', () => {
    expect(schedule(5)).toEqual({ sent: [0, 1, 3, 7, 15, 31], dead: 63 });
  });
  it('is shorter with fewer retries (mutant: tcp_synack_retries 4)', () => {
    expect(schedule(4).dead).toBe(31);
  });
});

describe('keepalive [RFC 9293 §3.8.4; R5]', () => {
  const death = (probes: number): number => {
    let cut = false;
    const fate = (): { drop: boolean } => ({ drop: cut });
    const p = new Pair({
      client: { hz: 'exact', keepaliveProbes: probes },
      wire: { delayNs: 0, fate },
    });
    p.client.settings.keepAlive = true;
    p.establish();
    cut = true;
    p.run(10_000 * SEC);
    expect(p.client.c!.error).toBe(110);
    return p.client.closedAt / SEC;
  };
  it('ends the connection 7,200 + 9 · 75 = 7,875 s after the peer vanished', () =>
    expect(death(9)).toBe(7875));
  it('ends it sooner with fewer probes (mutant)', () => expect(death(8)).toBe(7800));
  it('goes on for ever while the peer answers', () => {
    const p = new Pair({ client: {}, wire: { delayNs: MS } });
    p.client.settings.keepAlive = true;
    p.establish();
    p.run(30_000 * SEC);
    expect(p.client.c!.state).toBe('ESTABLISHED');
  });
});

/** A receiver that stops reading for `pause` s; the first `lost` window updates are dropped. */
function stalledReader(
  pause: number,
  lost: number,
  mutate: ((c: tcp.Connection) => void) | null = null,
): { pair: Pair; probes: number[]; finished: number } {
  let toDrop = lost;
  let zero = false;
  const back = (s: tcp.Segment): { drop: boolean } | null => {
    if (s.window === 0) zero = true;
    if (!zero || s.window === 0 || toDrop === 0) return null;
    toDrop--;
    return { drop: true };
  };
  const wire = { delayNs: 10 * MS };
  const pair = new Pair({ wire, back: { ...wire, fate: back } });
  pair.server.settings.setRcvbuf(pair.server.context.options, 20_000);
  const probes: number[] = [];
  pair.onWire = (from, s, now) => {
    if (
      from === pair.client &&
      s.len === 0 &&
      (s.flags & (tcp.SYN | tcp.FIN)) === 0 &&
      tcp.seqDiff(s.seq, pair.client.c!.sndUna) === -1
    )
      probes.push(now);
  };
  let finished = -1;
  const read = reads();
  pair.server.app = (e: End, now: Instant): void => {
    if (now >= pause * SEC) read(e, now);
    if (e.eof && finished < 0) finished = now;
  };
  pair.client.app = both(writes(100_000), (e) => void (e.c !== null && mutate?.(e.c)));
  pair.open();
  pair.run(pause * SEC);
  pair.server.app(pair.server, pair.now);
  pair.pump(pair.server);
  pair.run(pause * SEC + 1000 * SEC, () => finished >= 0);
  return { pair, probes, finished };
}

describe('a receiver that stops reading and goes on [RFC 9293 §3.8.6.1; R7]', () => {
  it('gets everything, and probes double from the RTO', () => {
    const { pair, probes } = stalledReader(20, 0);
    expect(pair.server.received).toBe(100_000);
    const gaps = probes.slice(1).map((t, i) => t - probes[i]!);
    // Each interval runs from the answer to the probe before, one round trip of 20 ms after it.
    const intervals = gaps.map((g) => g - 20 * MS);
    // (The first answer may fall under tcp_invalid_ratelimit.)
    for (let i = 3; i < intervals.length; i++) expect(intervals[i]).toBe(2 * intervals[i - 1]!);
    expect(probes.length).toBeGreaterThanOrEqual(5);
  });
  it.each([1, 2, 3])('waits at most for the next probe when %i window updates are lost', (lost) => {
    const { pair, probes, finished } = stalledReader(20, lost);
    expect(pair.server.received).toBe(100_000);
    const after = probes.filter((t) => t > 20 * SEC);
    expect(finished).toBeLessThan(after.at(-1)! + 2 * SEC);
  });
  it('probes at most every 120 s and goes on probing for ever', () => {
    const { probes } = stalledReader(3000, 0);
    const gaps = probes.slice(1).map((t, i) => t - probes[i]!);
    expect(Math.max(...gaps)).toBe(120 * SEC + 20 * MS);
    expect(probes.at(-1)).toBeGreaterThan(2880 * SEC);
  });
  it('hangs when nothing probes and the update is lost (mutant: no persist timer)', () => {
    const silent = (c: tcp.Connection): void => {
      if (c.timer === tcp.TIMER_PROBE0) c.timerAt = Infinity as Instant;
    };
    expect(stalledReader(20, 1, silent).pair.server.received).toBeLessThan(100_000);
  });
});

describe('two small writes and an answer [RFC 1122 §4.2.3.2, RFC 896; R10]', () => {
  /** ms of one transaction. */
  const transaction = (noDelay: boolean): number => {
    const p = new Pair({
      client: { hz: 'exact' },
      server: { hz: 'exact' },
      wire: { delayNs: 5 * MS },
    });
    p.client.settings.noDelay = noDelay;
    p.establish();
    // Delayed ACKs from the start, as after many exchanges.
    tcp.setQuickAck(p.server.c!, false);
    let answered = -1;
    p.server.app = (e, now) => {
      if (tcp.inq(e.c!) < 200) return;
      tcp.read(e.c!, 200, null, now);
      tcp.write(e.c!, 10, now);
    };
    p.client.app = (e, now) => {
      if (tcp.inq(e.c!) > 0 && answered < 0) answered = now;
    };
    const start = p.now;
    tcp.write(p.client.c!, 100, p.now);
    p.pump(p.client);
    tcp.write(p.client.c!, 100, p.now);
    p.pump(p.client);
    p.run(p.now + SEC, () => answered >= 0);
    return (answered - start) / MS;
  };
  it('take a delayed ACK, 40 ms, and a round trip more', () =>
    expect(transaction(false)).toBe(10 + 40 + 10));
  it('take one round trip with TCP_NODELAY (the mutant: no Nagle)', () =>
    expect(transaction(true)).toBe(10));
});
