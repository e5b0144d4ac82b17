// TCP in front of fq: it hands departure times over, and the queue waits (SK_PACING_FQ).
import { describe, expect, it } from 'vitest';
import { ms } from '../../../src/base/units.ts';
import { FQ_DEFAULTS, type QdiscOptions } from '../../../src/kernel/qdisc/options.ts';
import type { Skb } from '../../../src/kernel/skb.ts';
import { SO_MAX_PACING_RATE, SOL_SOCKET } from '../../../src/kernel/syscall.ts';
import { connectTo, listenOn, Pair } from './world.ts';

const FQ: QdiscOptions = { kind: 'fq', ...FQ_DEFAULTS };

/** Whole segments: a last one that is small would wait for an ACK (Nagle). */
const BYTES = 1380 * 1448;

/** Ten go at once; the eleventh waits for an ACK, and half of the gap behind it makes that good. */
const FIRST = 11;

interface Sent {
  readonly at: number;
  readonly len: number;
}

/** Data segments as they leave, of BYTES at `rate` bytes/s, over a wire far faster. */
function send(qdisc: QdiscOptions, rate: number, tso: boolean): { sent: Sent[]; peak: number } {
  const w = new Pair({
    nic: { qdisc, tso, gso: tso },
    link: { rate: 1e11, delay: ms(1) as never },
  });
  const sent: Sent[] = [];
  let inQueue = 0;
  const transmit = w.up.transmit.bind(w.up);
  w.up.transmit = (train, t) => {
    const { len } = train as Skb;
    if (len > 0) sent.push({ at: t, len });
    inQueue = Math.max(inQueue, w.client.nic.qdisc.length);
    return transmit(train, t);
  };
  w.server.run('server', function* (sys) {
    const fd = yield sys.accept(yield* listenOn(sys, 5));
    while ((yield sys.read(fd, 1 << 20)) > 0);
  });
  w.client.run('client', function* (sys) {
    const fd = yield* connectTo(sys, w.server);
    yield sys.setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, rate);
    for (let left = BYTES; left > 0;) left -= yield sys.write(fd, left);
    yield sys.close(fd);
  });
  w.run(ms(2000));
  return { sent, peak: inQueue };
}

/** Gaps between segments that are not what the one before takes at `rate`: of those beyond the first that go at once. */
function wrong(sent: readonly Sent[], rate: number, first: number): number {
  let n = 0;
  for (let i = first; i + 1 < sent.length; i++) {
    const gap = sent[i + 1]!.at - sent[i]!.at;
    if (gap !== Math.floor((sent[i]!.len * 1e9) / rate)) n++;
  }
  return n;
}

describe('a connection whose device has fq', () => {
  // Below what the window gives at 2 ms from ten segments on.
  for (const rate of [4_000_000, 4_321_987])
    for (const tso of [false, true])
      it(`leaves gaps of exactly length / rate at ${rate} B/s${tso ? ' with TSO' : ''} [tcp_update_skb_after_send]`, () => {
        const { sent, peak } = send(FQ, rate, tso);
        expect(sent.reduce((sum, s) => sum + s.len, 0)).toBe(BYTES);
        expect(wrong(sent, rate, FIRST)).toBe(0);
        expect(peak).toBeGreaterThan(0); // it is the queue that waits
      });

  it('leaves the same gaps when TCP waits itself, in front of pfifo_fast, where no packet waits', () => {
    const rate = 4_000_000;
    const { sent, peak } = send({ kind: 'pfifo_fast' }, rate, false);
    expect(sent.reduce((sum, s) => sum + s.len, 0)).toBe(BYTES);
    expect(wrong(sent, rate, FIRST)).toBe(0);
    expect(peak).toBe(0);
  });

  it('mutant: where departure times are not heeded and TCP does not wait, packets leave together', () => {
    const w = send({ kind: 'fq', ...FQ_DEFAULTS, horizonCap: true, horizon: 0 }, 4_000_000, false);
    expect(wrong(w.sent, 4_000_000, FIRST)).toBeGreaterThan(100);
  });
});
