/**
 * What a segment costs as the window grows: the out-of-order queue, the scoreboard and the retransmission queue under loss. TCP
 * alone, two ends and a wire of 10 Gbit/s and 100 ms, with the window pinned by the control `fixed` at 1 000, 10 000 and 80 000
 * segments; `random`: 1 % of all segments are lost, `burst`: every 100th segment of one window, none of the next two, and so on.
 *
 *     scale.ts [random | burst]
 */
import { birthYoung, inlineMore } from '../src/cli/jit.ts';
import { Lane } from '../src/base/hash.ts';
import { PayloadStream } from '../src/base/payload.ts';
import type { Instant } from '../src/base/units.ts';
import * as tcp from '../src/tcp/index.ts';
import { asProgram, cpuSeconds, median, type Row } from './measure.ts';

const WINDOWS = [1000, 10_000, 80_000] as const;
const ROUNDS = 3;
const MSS = 1448;
const ONE_WAY = 50_000_000;
/** 1 538 bytes at 10 Gbit/s. */
const SERIALISATION = 1230.4;

type Loss = 'random' | 'burst';

/** A one-way delay: what is put in comes out in order. */
class Wire {
  private readonly segments: tcp.Segment[] = [];
  private readonly times: number[] = [];
  private head = 0;
  private freeAt = 0;

  put(s: tcp.Segment, now: number): void {
    this.freeAt = Math.max(this.freeAt, now) + (s.len > 0 ? SERIALISATION : 0);
    this.segments.push(s);
    this.times.push(Math.floor(this.freeAt) + ONE_WAY);
  }
  get next(): number {
    return this.head < this.times.length ? this.times[this.head]! : Infinity;
  }
  take(): tcp.Segment {
    const s = this.segments[this.head++]!;
    if (this.head === 65_536) {
      this.segments.splice(0, this.head);
      this.times.splice(0, this.head);
      this.head = 0;
    }
    return s;
  }
}

/** One transfer. The sender always has more to write, the receiver reads at once. */
class Transfer {
  private now = 0;
  sent = 0;
  private readonly data = new Wire();
  private readonly acks = new Wire();
  private readonly pool: tcp.Segment[] = [];
  private readonly sender: tcp.Connection;
  private request: tcp.Request | null = null;
  private receiver: tcp.Connection | null = null;
  private readonly listener: tcp.ListenerOptions;
  private readonly window: number;
  private readonly loss: Loss;
  private draw = 1;
  private burst = 0;

  constructor(window: number, loss: Loss) {
    this.window = window;
    this.loss = loss;
    const options = tcp.tcpOptions({
      congestionControl: 'fixed',
      fixedWindow: window,
      rmem: [4096, 1 << 30, 1 << 30],
      wmem: [4096, 1 << 30, 1 << 30],
    });
    const context = (name: string): tcp.TcpContext => new tcp.TcpContext(options, new Lane(name));
    const settings = (): tcp.SocketSettings => new tcp.SocketSettings(options);
    const path = tcp.pathOptions();
    this.listener = { context: context('receiver'), path, settings: settings() };
    this.sender = tcp.connect(
      {
        context: context('sender'),
        tuple: { src: 1, dst: 2, sport: 1, dport: 2 },
        isn: 0,
        tsOffset: 0,
        flow: 1,
        tx: new PayloadStream(1),
        path,
        settings: settings(),
      },
      0 as Instant,
    );
    this.pumpSender();
  }

  /** Until so many data segments have been sent. */
  run(segments: number): void {
    while (this.sent < segments) this.step();
  }

  /** Every 100th of the next window's segments is lost. */
  loseBurst(): void {
    this.burst = this.window;
  }

  /** @throws Error when the window was not full, or losses were repaired by time-outs */
  check(): void {
    const { packetsOut, context } = this.sender;
    if (packetsOut < 0.9 * this.window) throw new Error(`scale: only ${packetsOut} segments out`);
    if (context.mib.TCPTimeouts > 0) throw new Error(`scale: ${context.mib.TCPTimeouts} time-outs`);
  }

  private step(): void {
    const arrival = Math.min(this.data.next, this.acks.next);
    const theirs = this.receiver === null ? Infinity : tcp.nextDeadline(this.receiver);
    const timer = Math.min(tcp.nextDeadline(this.sender), theirs);
    this.now = Math.min(arrival, timer);
    if (timer < arrival) this.fire();
    else if (this.data.next === arrival) this.dataArrives(this.data.take());
    else this.ackArrives(this.acks.take());
  }

  private fire(): void {
    const now = this.now as Instant;
    if (tcp.nextDeadline(this.sender) <= now) tcp.onTimer(this.sender, now);
    if (this.receiver !== null && tcp.nextDeadline(this.receiver) <= now)
      tcp.onTimer(this.receiver, now);
    this.pumpSender();
    this.pumpReceiver();
  }

  private dataArrives(s: tcp.Segment): void {
    const now = this.now as Instant;
    s.truesize = 2304;
    if (this.receiver !== null) tcp.onSegment(this.receiver, s, now);
    else if (this.request === null) {
      const tuple = { src: 2, dst: 1, sport: 2, dport: 1 };
      this.request = tcp.onSyn(this.listener, s, { tuple, isn: 9, tsOffset: 0, flow: 1 }, now);
    } else {
      tcp.onRequestSegment(this.request, s, now);
      this.receiver = tcp.establish(this.request, s, new PayloadStream(2), now);
    }
    this.pool.push(s);
    if (this.receiver !== null) tcp.read(this.receiver, 1 << 30, null, now);
    this.pumpReceiver();
  }

  private ackArrives(s: tcp.Segment): void {
    s.truesize = 832;
    tcp.onSegment(this.sender, s, this.now as Instant);
    this.pool.push(s);
    this.pumpSender();
  }

  private pumpReceiver(): void {
    for (let out = this.segment(); ; out = this.segment()) {
      const now = this.now as Instant;
      const { receiver, request } = this;
      const more =
        receiver !== null
          ? tcp.pollSegment(receiver, now, out)
          : request !== null && tcp.pollRequest(request, now, out);
      if (!more) {
        this.pool.push(out);
        return;
      }
      if (receiver !== null) tcp.onTxFreed(receiver, out.truesize);
      this.acks.put(out, now);
    }
  }

  private pumpSender(): void {
    const now = this.now as Instant;
    const c = this.sender;
    if (c.state === 'ESTABLISHED' && tcp.outqUnsent(c) < 64 * MSS) tcp.write(c, 128 * MSS, now);
    for (let out = this.segment(); ; out = this.segment()) {
      if (!tcp.pollSegment(c, now, out)) {
        this.pool.push(out);
        return;
      }
      tcp.onTxFreed(c, out.truesize);
      if (out.len > 0) this.sent++;
      if (out.len > 0 && this.isLost()) this.pool.push(out);
      else this.data.put(out, now);
      if (c.state === 'ESTABLISHED' && tcp.outqUnsent(c) < 64 * MSS) tcp.write(c, 128 * MSS, now);
    }
  }

  private isLost(): boolean {
    if (this.loss === 'burst') return this.burst > 0 && this.burst-- % 100 === 0;
    // A linear congruential generator (Numerical Recipes) will do for a coin.
    this.draw = (Math.imul(this.draw, 1_664_525) + 1_013_904_223) | 0;
    return this.draw >>> 0 < 42_949_673;
  }

  private segment(): tcp.Segment {
    return this.pool.pop() ?? new tcp.Segment();
  }
}

/** CPU ns a segment, over some windows once the pipe is full. */
function cost(window: number, loss: Loss): number {
  const t = new Transfer(window, loss);
  t.run(3 * window + 10_000);
  const from = t.sent;
  const until = from + Math.max(6 * window, 200_000);
  const cpu = cpuSeconds(() => {
    while (t.sent < until) {
      if (loss === 'burst') t.loseBurst();
      t.run(t.sent + 3 * window);
    }
  });
  t.check();
  return (cpu * 1e9) / (t.sent - from);
}

export function scaleBench(loss: Loss): Row {
  cost(1000, loss);
  const row: Record<string, number> = {};
  let least = 0;
  for (const window of WINDOWS) {
    const ns = median(Array.from({ length: ROUNDS }, () => cost(window, loss)));
    if (least === 0) least = ns;
    row[`ns / segment, window ${window}`] = ns;
    row[`relative to ${WINDOWS[0]}, window ${window}`] = ns / least;
  }
  return row;
}

asProgram(import.meta.url, () => {
  birthYoung();
  inlineMore();
  return scaleBench(process.argv.includes('burst') ? 'burst' : 'random');
});
