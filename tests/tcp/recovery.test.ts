/** Loss detection and recovery of a sender whose peer is this test: tail loss probes, RACK, PRR, undo, F-RTO, reneging. */
import { describe, expect, it } from 'vitest';
import type { Instant } from '../../src/base/units.ts';
import * as tcp from '../../src/tcp/index.ts';
import { MS } from './pair.ts';
import { SenderEnd } from './sender-end.ts';

const { CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY } = tcp;

describe('a tail loss probe [RFC 8985 §7]', () => {
  it('repeats the last of several segments after 2·SRTT + 2 ms, in whole ticks [§7.2]', () => {
    const s = new SenderEnd({ rttMs: 100 }).write(5000);
    s.take();
    s.pass(250);
    expect(s.take()).toEqual([{ ms: 204, seq: 4001, end: 5001, fin: false }]);
    expect([s.c.caState, s.mib.TCPLossProbes]).toEqual([CA_OPEN, 1]);
  });
  it('waits for a delayed ACK, as long as the least RTO, when one segment is out [§7.2]', () => {
    const s = new SenderEnd({ rttMs: 40 }).write(1000);
    s.take();
    // 2·40 + 200 ms, but never later than the RTO: 40 + 200.
    expect(s.pass(300).take()[0]?.ms).toBe(240);
  });
  it('is off with tcp_early_retrans 0, without SACK, and in recovery (the mutants)', () => {
    const off = new SenderEnd({ options: { earlyRetrans: 0 } }).write(5000);
    const noSack = new SenderEnd({ noSack: true }).write(5000);
    for (const s of [off, noSack]) expect(s.pass(280).take()).toHaveLength(5);
    const s = new SenderEnd().write(10_000).pass(100);
    s.ack(1, [1001, 4001]).take();
    expect(s.c.caState).toBe(CA_RECOVERY);
    expect(s.pass(250).mib.TCPLossProbes).toBe(0);
  });
  it('sends new data rather than old when the window takes it, whatever Nagle says [§7.3]', () => {
    const s = new SenderEnd().write(4000).write(300).write(10);
    s.take();
    expect(s.pass(220).sent()).toEqual(['4301:4311']);
    expect([s.mib.TCPLossProbes, s.c.totalRetrans]).toEqual([1, 0]);
  });
  it('asks no congestion window [§7.3]', () => {
    const s = new SenderEnd().write(12_000);
    expect(s.sent()).toHaveLength(10);
    expect(s.pass(220).sent()).toEqual(['10001:11001']);
    expect(tcp.inFlight(s.c)).toBeGreaterThan(s.c.cwnd);
  });
  it('comes once; then the retransmission time-out runs from the probe [§7.3]', () => {
    const s = new SenderEnd().write(5000);
    s.take();
    s.pass(600);
    const rto = s.c.rto / 2e6;
    expect(s.take().map((x) => [x.ms, x.seq])).toEqual([
      [204, 4001],
      [204 + rto, 1],
    ]);
  });
  it('shows the loss by its SACK, and fast recovery repairs it', () => {
    const s = new SenderEnd().write(5000).pass(100).ack(3001);
    s.take();
    expect(s.pass(250).sent()).toEqual(['4001:5001']);
    s.pass(60).ack(3001, [4001, 5001]).pass(40);
    expect(s.sent()).toEqual(['3001:4001']);
    expect(s.c.caState).toBe(CA_RECOVERY);
    s.pass(100).ack(5001);
    expect([s.c.caState, s.c.cwnd, s.c.ssthresh]).toEqual([CA_OPEN, 7, 7]);
  });
  it('that repaired a loss halves the window once data sent after it is acknowledged [§7.4]', () => {
    const s = new SenderEnd().write(2000).pass(240);
    s.ack(2001);
    expect([s.c.cwnd, s.c.sender!.tlpActive]).toEqual([10, true]);
    s.write(1000).pass(100).ack(3001);
    expect([s.c.ssthresh, s.c.sender!.tlpActive]).toEqual([7, false]);
    expect([s.c.caState, s.mib.TCPLossProbeRecovery]).toEqual([CA_OPEN, 1]);
  });
  it('that was not needed changes nothing: a D-SACK ends the episode [§7.4]', () => {
    const s = new SenderEnd().write(2000).pass(240);
    s.ack(2001).ack(2001, [1001, 2001]);
    expect(s.c.sender!.tlpActive).toBe(false);
    s.write(1000).pass(100).ack(3001);
    expect([s.c.ssthresh, s.mib.TCPLossProbeRecovery]).toEqual([tcp.INFINITE_SSTHRESH, 0]);
  });
  it('of new data leaves the window alone, whatever is acknowledged', () => {
    const s = new SenderEnd().write(12_000).pass(220).ack(11_001);
    s.pass(10).ack(12_001);
    expect([s.c.ssthresh, s.mib.TCPLossProbeRecovery]).toEqual([tcp.INFINITE_SSTHRESH, 0]);
  });
});

describe('the reordering window [RFC 8985 §6.2]', () => {
  /** Ten segments, all acknowledged but that the middle came late: there is reordering on this path. */
  const reordered = (options: Partial<tcp.TcpOptions> = {}): SenderEnd => {
    const s = new SenderEnd({ options }).write(10_000).pass(100);
    s.ack(1, [9001, 10_001]).ack(1, [5001, 6001, 9001, 10_001]).ack(10_001);
    s.take();
    expect(s.c.sender!.reordSeen).toBeGreaterThan(0);
    return s;
  };
  /** ms from the SACK of the last of four segments to the retransmission of the first. */
  const patience = (s: SenderEnd): number => {
    const una = tcp.seqDiff(s.c.sndUna, tcp.seq(0));
    s.c.cwnd = 10;
    s.write(4000)
      .pass(100)
      .ack(una, [una + 3000, una + 4000]);
    s.take();
    const from = s.now;
    const first = s.pass(150).take()[0];
    expect(first?.seq).toBe(una);
    s.ack(una + 4000);
    return first!.ms - from;
  };
  it('is a quarter of the least RTT, and then the timer marks what is missing [step 4]', () => {
    // 25 ms + 2 ms, in ticks of 4.
    expect(patience(new SenderEnd())).toBe(28);
  });
  it('is nothing at three duplicates while there has been no reordering', () => {
    const s = new SenderEnd().write(10_000).pass(100);
    s.take();
    s.ack(1, [1001, 3001]);
    expect([s.c.caState, s.sent()]).toEqual([CA_DISORDER, []]);
    s.ack(1, [1001, 4001]);
    expect([s.c.caState, s.sent()]).toEqual([CA_RECOVERY, ['1:1001']]);
  });
  it('is kept at three duplicates by bit 4 of tcp_recovery, and after reordering (the mutants)', () => {
    const bit = new SenderEnd({ options: { recovery: 5 } });
    for (const s of [bit, reordered()]) {
      const una = tcp.seqDiff(s.c.sndUna, tcp.seq(0));
      s.write(10_000)
        .pass(100)
        .ack(una, [una + 1000, una + 6000]);
      expect(s.c.caState).toBe(CA_DISORDER);
      s.pass(28);
      expect(s.c.caState).toBe(CA_RECOVERY);
    }
  });
  /** A segment was repeated for nothing, and the D-SACK comes with the ACK of later data. */
  const dsacked = (s: SenderEnd): void => {
    const una = tcp.seqDiff(s.c.sndUna, tcp.seq(0));
    patience(s);
    s.ack(una + 4000, [una, una + 1000]);
    s.write(1000)
      .pass(100)
      .ack(una + 5000);
  };
  it('is wider by a quarter after a D-SACK, up to SRTT, once in a round trip', () => {
    const s = reordered();
    dsacked(s);
    expect(patience(s)).toBe(52);
    for (let i = 0; i < 6; i++) dsacked(s);
    expect(s.c.sender!.reoSteps).toBe(8);
    expect(patience(s)).toBeLessThanOrEqual(104);
  });
  it('stays as it is with bit 2 of tcp_recovery (mutant)', () => {
    const s = reordered({ recovery: 3 });
    dsacked(s);
    expect(patience(s)).toBe(28);
  });
  it('is narrow again after 16 recoveries without a D-SACK', () => {
    const s = reordered();
    dsacked(s);
    const seen: number[] = [];
    for (let i = 0; i < 18; i++) seen.push(patience(s));
    expect(seen.indexOf(28)).toBe(16);
  });
  it('of the tail loss probe is not looked at', () => {
    const s = reordered();
    const una = tcp.seqDiff(s.c.sndUna, tcp.seq(0));
    s.write(2000).pass(240);
    s.ack(una + 2000).ack(una + 2000, [una + 1000, una + 2000]);
    s.write(1000)
      .pass(100)
      .ack(una + 3000);
    expect(s.c.sender!.reoSteps).toBe(1);
  });
});

describe('RACK [RFC 8985 §6]', () => {
  it('finds a retransmission that was lost, without a time-out', () => {
    const s = new SenderEnd().write(10_000).pass(100).ack(1, [1001, 10_001]);
    expect(s.c.caState).toBe(CA_RECOVERY);
    s.take();
    // New data goes out after the retransmission, and is SACKed a round trip later.
    s.write(2000).pass(1);
    expect(s.sent()).toEqual(['10001:11001', '11001:12001']);
    s.pass(100).ack(1, [1001, 12_001]);
    expect(s.sent()).toEqual(['1:1001']);
    expect([s.mib.TCPLostRetransmit, s.mib.TCPTimeouts]).toEqual([1, 0]);
  });
  it('measures the last of the segments that an ACK takes, and keeps the newest [step 1]', () => {
    const rack = (s: SenderEnd): unknown[] => {
      const { rackAt, rackEnd, rackRttUs } = s.c.sender!;
      return [Math.round(rackAt / MS), tcp.seqRaw(rackEnd), Math.round(rackRttUs / 1000)];
    };
    const start = (s: SenderEnd): number => Math.round(s.c.sender!.lastSentAt / MS);
    // All sent once, at different times.
    const once = new SenderEnd().write(1000);
    const t = start(once);
    once.pass(10).write(1000).pass(10).write(1000).pass(80).ack(3001);
    expect(rack(once)).toEqual([t + 20, 3001, 80]);
    // The first two repeated, then three that were SACKed, then five that were sent once.
    const before = new SenderEnd().write(10_000);
    const u = start(before);
    before.pass(100).ack(1, [2001, 5001]);
    expect(before.sent().slice(10)).toContain('1:1001');
    before.pass(100).ack(10_001);
    expect(rack(before).slice(0, 1)).toEqual([u + 100]);
    expect(rack(before).slice(2)).toEqual([200]);
    // Four that were sent once, then the probe that repeated the last.
    const behind = new SenderEnd().write(5000);
    const v = start(behind);
    behind.pass(204 + 100).ack(5001);
    expect(rack(behind)).toEqual([v + 204, 5001, 100]);
  });
  it('takes what arrives sooner than the least RTT after a retransmission for the original [step 2]', () => {
    const s = new SenderEnd().write(10_000).pass(100).ack(1, [1001, 10_001]).pass(50);
    const { rackAt } = s.c.sender!;
    s.ack(1001, [2001, 10_001]);
    expect(s.c.sender!.rackAt).toBe(rackAt);
  });
  it('does not take data that was only just sent for lost at a time-out', () => {
    const s = new SenderEnd({ options: { earlyRetrans: 0 } }).write(1000).pass(100).ack(1001);
    s.write(3000).pass(250);
    s.write(2000).pass(60);
    expect(s.c.caState).toBe(CA_LOSS);
    expect([s.c.lostOut, s.c.packetsOut]).toEqual([3, 5]);
  });
});

describe('counting, as before Linux 6.17 [RFC 6675 §4]', () => {
  const options = { lossDetection: 'rfc6675' } as const;
  it('repeats a hole once three segments above it are SACKed, each hole by itself', () => {
    const s = new SenderEnd({ options }).write(10_000).pass(100);
    s.take();
    s.ack(1, [1001, 3001]).ack(1, [4001, 5001, 1001, 3001]);
    expect(s.sent()).toEqual(['1:1001']);
    s.ack(1, [4001, 6001, 1001, 3001]);
    expect(s.c.lostOut).toBe(1);
    s.ack(1, [4001, 7001, 1001, 3001]);
    expect(s.sent()).toEqual(['3001:4001']);
  });
  it('takes tcp_reordering for the three', () => {
    const s = new SenderEnd({ options: { ...options, reordering: 5 } }).write(10_000).pass(100);
    s.ack(1, [1001, 5001]);
    expect(s.c.lostOut).toBe(0);
    s.ack(1, [1001, 6001]);
    expect(s.c.lostOut).toBe(1);
  });
});

describe('limited transmit [RFC 3042; R6]', () => {
  it.each([true, false])(
    'lets one new segment out for each of two duplicates (SACK %s)',
    (sack) => {
      const s = new SenderEnd({ noSack: !sack }).write(15_000);
      expect(s.sent()).toHaveLength(10);
      s.pass(110).ack(1, sack ? [1001, 2001] : []);
      expect(s.sent()).toEqual(['10001:11001']);
      s.pass(10).ack(1, sack ? [1001, 3001] : []);
      expect(s.sent()).toEqual(['11001:12001']);
      // It was reordering: back to slow start, 10 to 11, of which nine are out.
      s.pass(10).ack(3001);
      expect([s.c.caState, s.c.cwnd, s.sent()]).toEqual([
        CA_OPEN,
        11,
        ['12001:13001', '13001:14001'],
      ]);
    },
  );
  it('has no third: that is the fast retransmission (mutant: tcp_reordering 4 has one)', () => {
    const third = (reordering: number): string[] => {
      const s = new SenderEnd({ options: { reordering } }).write(15_000).pass(110);
      s.ack(1, [1001, 2001]).ack(1, [1001, 3001]).take();
      return s.ack(1, [1001, 4001]).sent();
    };
    expect([third(3), third(4)]).toEqual([['1:1001'], ['12001:13001']]);
  });
});

describe('proportional rate reduction [RFC 6937; R6]', () => {
  it('sends ssthresh over cwnd of what is delivered, then what is missing below ssthresh', () => {
    // Segments 1 to 4 and 11 and 12 are lost; ten and two more go out before the third SACK.
    const s = new SenderEnd({ rttMs: 10 }).write(20_000).pass(10);
    s.take();
    const sacked = (to: number): string => s.pass(1).ack(1, [4001, to]).sent().join();
    expect([sacked(5001), sacked(6001)]).toEqual(['10001:11001', '11001:12001']);
    expect(sacked(7001)).toBe('1:1001');
    expect([s.c.caState, s.c.ssthresh]).toEqual([CA_RECOVERY, 7]);
    expect([sacked(8001), sacked(9001), sacked(10_001)]).toEqual([
      '1001:2001',
      '2001:3001',
      '3001:4001',
    ]);
    // Three fewer than ssthresh are out: one for one, and one more when SND.UNA moves.
    expect([sacked(11_001), sacked(12_001)]).toEqual(['12001:13001', '13001:14001']);
    s.pass(10).ack(1001, [4001, 12_001]);
    expect(s.sent()).toEqual(['14001:15001', '15001:16001']);
    expect(tcp.inFlight(s.c)).toBeLessThanOrEqual(s.c.ssthresh);
  });
  it('leaves the window at ssthresh', () => {
    const s = new SenderEnd().write(10_000).pass(100).ack(1, [1001, 4001]);
    s.ack(1, [1001, 10_001]).pass(100).ack(10_001);
    expect([s.c.caState, s.c.cwnd]).toEqual([CA_OPEN, 7]);
  });
  it('does not touch the window for disorder alone (no moderation since 3.x)', () => {
    const s = new SenderEnd().write(4000).pass(100).ack(1, [1001, 2001]);
    expect([s.c.caState, s.c.cwnd]).toEqual([CA_DISORDER, 10]);
  });
});

describe('undo', () => {
  /** One fast retransmission, and all is acknowledged. */
  const recovered = (): SenderEnd => {
    const s = new SenderEnd().write(10_000).pass(100).ack(1, [1001, 4001]);
    return s.ack(1, [1001, 10_001]).pass(30).ack(10_001);
  };
  it('by D-SACKs for all that was repeated, even after the recovery [RFC 3708]', () => {
    const s = recovered();
    expect(s.c.cwnd).toBe(7);
    s.pass(10).ack(10_001, [1, 1001]);
    expect([s.c.cwnd, s.c.ssthresh, s.mib.TCPDSACKUndo]).toEqual([10, tcp.INFINITE_SSTHRESH, 1]);
  });
  it('not by a D-SACK for something else (mutant)', () => {
    // A repeat of what was acknowledged before the recovery began: below undo_marker.
    const s = new SenderEnd().write(1000).pass(100).ack(1001);
    s.write(10_000).pass(100).ack(1001, [2001, 5001]);
    s.ack(1001, [2001, 11_001]).pass(30).ack(11_001);
    s.pass(10).ack(11_001, [1, 1001]);
    expect([s.mib.TCPDSACKRecv, s.mib.TCPDSACKUndo, s.c.cwnd]).toEqual([1, 0, 7]);
  });
  it('of a fast retransmission that the tail loss probe precedes needs both D-SACKs', () => {
    const s = new SenderEnd().write(5000).pass(240);
    s.ack(1, [1001, 5001]);
    expect(s.c.caState).toBe(CA_RECOVERY);
    expect(s.c.sender!.undoRetrans).toBe(2);
  });
  it('puts what a time-out took for lost back into the order of transmission', () => {
    const s = new SenderEnd({ options: { earlyRetrans: 0, timestamps: false } }).write(8000);
    s.pass(350);
    expect([s.c.caState, s.c.lostOut]).toEqual([CA_LOSS, 8]);
    // Data that was never repeated is SACKed: F-RTO's step 3b.
    s.ack(1, [3001, 4001]);
    expect([s.c.caState, s.c.lostOut, s.mib.TCPSpuriousRTOs]).toEqual([CA_DISORDER, 0, 1]);
    const order: number[] = [];
    for (let t = s.c.sendQueue!.oldest; t !== null; t = t.newer)
      order.push(tcp.seqDiff(t.seq, tcp.seq(0)));
    expect(order).toEqual([1001, 2001, 4001, 5001, 6001, 7001, 1]);
  });
});

describe('F-RTO [RFC 5682]', () => {
  const timedOut = (options: Partial<tcp.TcpOptions> = {}): SenderEnd => {
    const s = new SenderEnd({ options: { earlyRetrans: 0, ...options } }).write(4000).pass(350);
    expect(s.c.caState).toBe(CA_LOSS);
    s.take();
    return s;
  };
  it('sends new data first, and ends the time-out when data that was sent once is acknowledged', () => {
    const s = timedOut().write(4000).ack(1001);
    expect(s.sent()).toEqual(['4001:5001', '5001:6001']);
    s.pass(10).ack(2001);
    expect([s.c.caState, s.c.cwnd, s.mib.TCPSpuriousRTOs]).toEqual([CA_OPEN, 11, 1]);
  });
  it('repeats what is lost when there is no new data [step 2b]', () => {
    expect(timedOut().ack(1001).sent()).toEqual(['1001:2001', '2001:3001']);
  });
  it('repeats what is lost when a duplicate follows the new data [step 3a]', () => {
    const s = timedOut().write(4000).ack(1001);
    s.take();
    s.pass(10).ack(1001, [4001, 5001]);
    expect(s.c.sender!.frto).toBe(false);
    expect(s.sent()[0]).toBe('1001:2001');
  });
  it('is off with tcp_frto 0 (mutant)', () => {
    const s = timedOut({ frto: 0 }).write(4000).ack(1001);
    expect(s.sent()[0]).toBe('1001:2001');
  });
});

describe('a peer that throws away what it has SACKed [RFC 2018 §8]', () => {
  const reneged = (): SenderEnd => {
    const s = new SenderEnd().write(6000).pass(100).ack(1, [1001, 3001]);
    s.take();
    // The hole is filled, but the ACK stops where SACKed data begins.
    s.pass(10).ack(1001);
    return s;
  };
  it('gets half a round trip to say otherwise, then all is sent again', () => {
    const s = reneged();
    const from = s.now;
    const [first] = s.pass(60).take();
    expect([first!.ms - from, first!.seq]).toEqual([52, 1001]);
    expect([s.c.caState, s.c.sackedOut, s.mib.TCPSACKReneging]).toEqual([CA_LOSS, 0, 1]);
    expect(s.c.sender!.reneging).toBe(true);
  });
  it('is believed when it says otherwise (mutant: no time to do so)', () => {
    const s = reneged();
    s.pass(20).ack(3001).pass(100);
    expect([s.mib.TCPSACKReneging, s.mib.TCPTimeouts]).toEqual([0, 0]);
  });
});

describe('repeated small segments [tcp_retrans_try_collapse; RFC 9293 §3.10.8]', () => {
  const repeated = (options: Partial<tcp.TcpOptions>): string[] => {
    const s = new SenderEnd({ options: { earlyRetrans: 0, autocorking: false, ...options } });
    s.c.noDelay = true;
    s.write(100).write(200).write(800).shutdown();
    expect(s.sent()).toEqual(['1:101', '101:301', '301:1101', '1101:1101']);
    return s.pass(350).sent();
  };
  it('join while they fit into one', () => expect(repeated({})).toEqual(['1:301']));
  it('stay apart with tcp_retrans_collapse 0 (mutant)', () =>
    expect(repeated({ retransCollapse: false })).toEqual(['1:101']));
  it('leave the counts as they should be', () => {
    const s = new SenderEnd({ options: { earlyRetrans: 0 } });
    s.c.noDelay = true;
    s.write(100).write(200).write(300).shutdown().pass(350);
    expect([s.c.packetsOut, s.c.lostOut, s.c.retransOut, s.c.sendQueue!.sent]).toEqual([
      1, 1, 1, 1,
    ]);
    s.ack(602);
    expect([s.c.packetsOut, s.c.lostOut, s.c.retransOut, s.c.wmemQueued]).toEqual([0, 0, 0, 0]);
  });
});

describe('a full queue in front of the device [NET_XMIT_DROP; tcp_transmit_skb]', () => {
  /** The segment that is polled next does not get out. */
  const dropNext = (s: SenderEnd): void => {
    const out = new tcp.Segment();
    expect(tcp.pollSegment(s.c, s.pair.now, out)).toBe(true);
    tcp.onTxFreed(s.c, out.truesize);
    tcp.onXmitDropped(s.c, out.seq, out.len, s.pair.now);
  };
  it('leaves new data to be sent, and is congestion', () => {
    const s = new SenderEnd().write(2000);
    s.take();
    tcp.write(s.c, 3000, s.pair.now);
    dropNext(s);
    expect([s.c.caState, s.c.packetsOut, s.c.sendQueue!.unsent]).toEqual([tcp.CA_CWR, 2, 3]);
    expect(tcp.pollSegment(s.c, s.pair.now, new tcp.Segment())).toBe(false);
    // The next ACK tries again.
    expect(s.pass(100).ack(2001).sent()).toEqual(['2001:3001', '3001:4001', '4001:5001']);
  });
  it('leaves a lost segment lost', () => {
    const s = new SenderEnd({ options: { earlyRetrans: 0 } }).write(10_000).pass(100);
    s.pair.hold = true;
    s.ack(1, [1001, 4001]);
    dropNext(s);
    s.pair.hold = false;
    expect([s.c.retransOut, s.c.lostOut, s.c.caState]).toEqual([0, 1, CA_RECOVERY]);
    s.take();
    expect(s.pass(1).ack(1, [1001, 5001]).sent()).toEqual(['1:1001']);
  });
  it('when nothing is out then, the zero-window probe timer tries again', () => {
    const s = new SenderEnd();
    tcp.write(s.c, 3000, s.pair.now);
    dropNext(s);
    expect([s.c.packetsOut, s.c.timer]).toEqual([0, tcp.TIMER_PROBE0]);
    expect(s.pass(500).sent()).toEqual(['1:1001']);
  });
});

describe('the slack of timers [kernel/time/timer.c calc_index()]', () => {
  const probeAt = (timerSlackUs: number): number => {
    const s = new SenderEnd({ options: { timerSlackUs } }).write(5000);
    s.take();
    return s.pass(250).take()[0]!.ms;
  };
  it('is none, or what the option says', () =>
    expect([probeAt(0), probeAt(2500), probeAt(4000)]).toEqual([204, 206.5, 208]));
});

describe('a peer that shrinks its window to 0 over data in flight, and says nothing any more [tcp_rtx_probe0_timed_out]', () => {
  /**
   * The state after a retransmission timer that is due `before` (1) or after (0) two RTO maxima of silence, 2 s, and is handled
   * `lateMs` after it is due, as when a system call has the socket.
   */
  const after = (
    before: number,
    lateMs: number,
  ): { readonly state: string; readonly due: number } => {
    const s = new SenderEnd({ options: { rtoMaxMs: 1000, earlyRetrans: 0, hz: 'exact' } });
    s.write(3000).pass(10).ack(1, [], 0);
    // It says the same once more, well after the first retransmission.
    s.pass(1000).ack(1, [], 0);
    const heard = s.now;
    for (;;) {
      const due = tcp.nextDeadline(s.c);
      s.pass((due - s.pair.now) / MS - 1);
      const silence = s.now + 1 - heard;
      const next = silence + s.c.rto / MS;
      if (before === 1 ? next > 2000 : silence > 2000) {
        s.pair.now = (due + lateMs * MS) as Instant;
        tcp.onTimer(s.c, s.pair.now);
        return { state: s.c.state, due: silence };
      }
      s.pass(1);
      expect(s.c.state).toBe('ESTABLISHED');
    }
  };

  it('is borne until a timer is due that late: not ended by one that is only handled then', () => {
    const early = after(1, 900);
    expect(early.due).toBeLessThan(2000);
    expect(early.due + 900).toBeGreaterThan(2000);
    expect(early.state).toBe('ESTABLISHED');
    expect(after(0, 0).state).toBe('CLOSED');
  });
});
