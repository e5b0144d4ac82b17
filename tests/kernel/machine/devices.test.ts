import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../src/base/units.ts';
import type { Core } from '../../../src/kernel/cpu.ts';
import { Lo } from '../../../src/kernel/lo.ts';
import type { Skb } from '../../../src/kernel/skb.ts';
import { nicTruesize, tunTruesize } from '../../../src/kernel/truesize.ts';
import { Tun } from '../../../src/kernel/tun.ts';
import { KernelTimer } from '../../../src/kernel/timer.ts';
import { at, Sink, Steps, World } from './support.ts';

describe('truesize', () => {
  it('of a frame through tun is as measured [vectors/pkt: 1 B 832, 500 B 1280, 1000 to 1500 B 2304]', () => {
    // Payload and 40 bytes of header; the last is a full frame.
    expect([1, 500, 1000, 1460].map((len) => tunTruesize(len + 40))).toEqual([
      832, 1280, 2304, 2304,
    ]);
    // The two GSO packets of the same measurement.
    expect(tunTruesize(4040)).toBe(8448);
  });

  it('of a frame from a NIC is that of the buffer posted for it', () => {
    expect([1500, 3000, 9000].map(nicTruesize)).toEqual([2304, 4352, 12_544]);
  });
});

describe('tun', () => {
  it('each frame is one packet, at its arrival, through the backlog of one core', () => {
    const w = new World();
    const host = w.host({ costs: { rxFrame: 100, softirq: 7, irq: 1000 } });
    const sink = new Sink();
    host.handler = sink;
    const tun = new Tun(host, 'tun0');
    [1000, 1000, 1050, 5000].forEach((t, i) => {
      const skb = w.frame(960);
      skb.ordinal = i;
      tun.ingress.flight.insert(skb, 0, 0, at(t));
      tun.ingress.onAppend(at(t));
    });
    w.run();
    expect(sink.frames.map((f) => [f.seq, f.at, f.truesize])).toEqual([
      [0, 1107, 2304],
      [1, 1207, 2304],
      [2, 1307, 2304],
      [3, 5107, 2304],
    ]);
    expect([host.counters.interrupts, tun.counters.rx_packets, w.pool.live]).toEqual([0, 4, 0]);
  });

  it('frees the sender of an skb when the program has it, not when the wire has carried it', () => {
    const w = new World();
    const host = w.host();
    const sink = new Sink();
    host.handler = sink;
    const tun = new Tun(host, 'tun0');
    tun.wire = {
      mtu: 1500,
      transmit: (skb: Skb, now: Instant) => {
        skb.drop(1);
        return at(now + 1e6);
      },
    };
    const owner = {};
    w.when(10, () => {
      host.cores[0]!.raiseSoftirq(
        new Steps([5], (_i, core) => {
          const skb = w.frame(100);
          skb.owner = owner;
          skb.txTruesize = 777;
          tun.xmit(skb, core);
        }),
      );
    });
    w.run();
    expect(sink.freed).toEqual([{ at: 15, owner, truesize: 777 }]);
  });
});

describe('lo', () => {
  const send = (w: World, lo: Lo, core: Core, segs: number): number => {
    const skb = w.pool.take();
    skb.len = segs * 1000;
    skb.segSize = 1000;
    skb.segs = segs;
    skb.outstanding = segs;
    skb.txTruesize = 5000;
    return lo.xmit(skb, core);
  };

  it('passes an skb whole, in the softirq that follows, before the sender goes on', () => {
    const w = new World();
    const host = w.host({ costs: { rxFrame: 30, syscall: 4 } });
    const sink = new Sink();
    host.handler = sink;
    const lo = new Lo(host);
    const core = host.cores[0]!;
    const order: string[] = [];
    sink.onReceive = () => order.push(`received@${w.engine.now}`);
    w.when(0, () => {
      core.raiseSoftirq(
        new Steps([10, 10], (i) => {
          if (i === 0) send(w, lo, core, 4);
          order.push(`sent@${w.engine.now}`);
        }),
      );
    });
    w.run();
    // The sender is a softirq here: NET_RX is the next round of the same pass.
    expect(order).toEqual(['sent@10', 'sent@20', 'received@50']);
    expect(sink.frames).toMatchObject([{ segs: 4, truesize: 5000 }]);
    expect(w.pool.live).toBe(0);
  });

  it('is given nothing of 64 KiB or more: the kernel cuts it up before [net/core/dev.c gso_features_check]', () => {
    const w = new World();
    const host = w.host();
    const sink = new Sink();
    host.handler = sink;
    const lo = new Lo(host);
    w.when(0, () => {
      host.cores[0]!.raiseSoftirq(
        new Steps([1], () => {
          for (const rest of [1, 2000]) {
            const skb = w.pool.take();
            Object.assign(skb, { len: 64_000 + rest, segSize: 64_000, segs: 2, outstanding: 2 });
            lo.xmit(skb, host.cores[0]!);
          }
        }),
      );
    });
    w.run();
    expect(sink.frames).toMatchObject([
      { segs: 2 },
      { segs: 1, truesize: 64_832 },
      { segs: 1, truesize: 2832 },
    ]);
    expect([lo.counters.tx_packets, w.pool.live]).toEqual([3, 0]);
  });

  it('holds netdev_max_backlog + 1 packets and drops the next [net/core/dev.c enqueue_to_backlog]', () => {
    const w = new World();
    const host = w.host({ costs: { rxFrame: 1000 } });
    const sink = new Sink();
    host.handler = sink;
    const lo = new Lo(host);
    const core = host.cores[0]!;
    let accepted = 0;
    w.when(0, () => {
      core.raiseIrq(
        new Steps([1], () => {
          for (let i = 0; i < 1005; i++) if (send(w, lo, core, 1) === 0) accepted++;
        }),
      );
    });
    w.run();
    expect([accepted, host.counters.softnet_dropped, sink.frames.length]).toEqual([1001, 4, 1001]);
    expect([core.softirq.backlog.meter.peak, core.softirq.backlog.meter.bound]).toEqual([
      1001, 1001,
    ]);
  });
});

describe('kernel timers', () => {
  it('expire exactly; a busy core runs them when its softirq is through', () => {
    const w = new World();
    const host = w.host({ costs: { timer: 5 } });
    const core = host.cores[0]!;
    const ran: number[] = [];
    const timer = new KernelTimer(host, core, { onTimer: () => ran.push(w.engine.now) }, false);
    timer.arm(at(100));
    w.when(150, () => timer.arm(at(400)));
    w.when(390, () => core.raiseSoftirq(new Steps([50])));
    w.run();
    expect(ran).toEqual([105, 445]);
    expect(timer.pending).toBe(false);
  });

  it('one that is cancelled or moved between its expiry and its step does not run early', () => {
    const w = new World();
    const host = w.host({ costs: { timer: 5 } });
    const core = host.cores[0]!;
    const ran: string[] = [];
    const note = (name: string) => ({ onTimer: () => void ran.push(`${name}@${w.engine.now}`) });
    const cancelled = new KernelTimer(host, core, note('cancelled'), false);
    const moved = new KernelTimer(host, core, note('moved'), false);
    w.when(90, () => {
      core.raiseSoftirq(
        new Steps([30, 30], (i) => {
          if (i !== 0) return;
          cancelled.cancel();
          moved.arm(at(500));
        }),
      );
    });
    cancelled.arm(at(100));
    moved.arm(at(100));
    w.run();
    expect(ran).toEqual(['moved@505']);
  });
});
