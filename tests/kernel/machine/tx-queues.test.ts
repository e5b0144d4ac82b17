// A NIC with several transmit queues: who goes by which, who is on the wire next, and who takes what is done.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DQL_DEFAULTS } from '../../../src/base/dql.ts';
import { type Instant, us } from '../../../src/base/units.ts';
import type { HostOptions } from '../../../src/kernel/host.ts';
import { Nic } from '../../../src/kernel/nic.ts';
import type { NicOptions } from '../../../src/kernel/profile.ts';
import type { Skb } from '../../../src/kernel/skb.ts';
import type { TxOwner } from '../../../src/kernel/xps.ts';
import { prop } from '../../support/prop.ts';
import { Link } from '../../../src/sim/net/link.ts';
import { LINK_DEFAULTS } from '../../../src/sim/net/options.ts';
import { at, Sink, World } from './support.ts';

/** A wire that takes `perByte` ns for each byte of payload. */
class Wire {
  readonly mtu = 1500;
  readonly sent: { ordinal: number; flow: number; start: number; end: number }[] = [];
  private free = 0;
  private readonly perByte: number;
  constructor(perByte: number) {
    this.perByte = perByte;
  }
  transmit(train: Skb, at: Instant): Instant {
    const start = Math.max(at, this.free);
    this.free = start + train.len * this.perByte;
    this.sent.push({ ordinal: train.ordinal, flow: train.flow, start, end: this.free });
    train.drop(train.segs);
    return this.free as Instant;
  }
}

/** A sender as a socket is one: it moves when nothing of it is below, or not. */
class Sender implements TxOwner {
  txQueue = -1;
  below = 0;
  /** A connection, which skbs are charged to, has its socket here. */
  readonly owner = this;
  private readonly moves: boolean | null;
  constructor(moves: boolean | null = null) {
    this.moves = moves;
  }
  mayChangeQueue(): boolean {
    return this.moves ?? this.below === 1;
  }
}

const AT_ONCE = { rxUsecs: 0, rxFrames: 1, txUsecs: 0, txFrames: 1 };

function bench(options: Partial<NicOptions>, machine: Partial<HostOptions> = {}, perByte = 1) {
  const w = new World();
  const host = w.host(machine);
  const sink = new Sink();
  host.handler = sink;
  const nic = new Nic(host, 'eth0', { coalesce: AT_ONCE, ...options });
  const wire = new Wire(perByte);
  nic.wire = wire;
  sink.txFreed = (owner, truesize, core) => {
    if (owner instanceof Sender) owner.below -= truesize;
    sink.freed.push({ at: w.engine.now, owner: core.index, truesize });
  };
  let n = 0;
  /** Core `core` sends `len` bytes of connection `flow` at `t`. */
  const send = (
    t: number,
    core: number,
    flow: number,
    len: number,
    owner: Sender | null = null,
  ) => {
    const ordinal = n++;
    w.when(t, () =>
      host.cores[core]!.raiseSoftirq(
        once(() => {
          const skb = Object.assign(w.frame(len, flow), { ordinal, owner, txTruesize: 1 });
          if (owner !== null) owner.below++;
          nic.xmit(skb, host.cores[core]!);
        }),
      ),
    );
  };
  return { w, host, nic, wire, sink, send };
}

function once(what: () => void) {
  let done = false;
  return {
    next: () => (done ? -1 : 0),
    effect: () => {
      done = true;
      what();
    },
  };
}

const TWO = { queues: 2, txQueues: 2, bql: null };

describe('the wire', () => {
  it('takes an skb of each ring in turn, however much one of them holds', () => {
    const b = bench(TWO, { cpus: 2 });
    for (let i = 0; i < 4; i++) b.send(100, 0, 1, 1000); // 0 to 3
    b.send(200, 1, 2, 500); // 4
    b.send(200, 1, 2, 500); // 5
    b.w.run();
    expect(b.wire.sent.map((s) => s.ordinal)).toEqual([0, 4, 1, 5, 2, 3]);
    expect(b.wire.sent.map((s) => s.start)).toEqual([100, 1100, 1600, 2600, 3100, 4100]);
    expect(b.w.pool.live).toBe(0);
  });

  it('is never idle while a ring holds something, and takes what each ring holds in its order', () => {
    const packets = fc.array(
      fc.record({ gap: fc.nat(2000), core: fc.nat(3), len: fc.integer({ min: 1, max: 1460 }) }),
      { maxLength: 60 },
    );
    prop([packets, fc.integer({ min: 2, max: 4 })], (list, queues) => {
      const b = bench({ queues, txQueues: queues, bql: null }, { cpus: 4 });
      let now = 100;
      const came: number[] = [];
      list.forEach((p) => {
        now += p.gap;
        came.push(now);
        b.send(now, p.core, p.core, p.len);
      });
      b.w.run();
      expect(b.wire.sent.length).toBe(list.length);
      let free = 0;
      const last = new Map<number, number>();
      b.wire.sent.forEach((s, i) => {
        // What was there when the wire became free begins at once.
        const waiting = b.wire.sent.slice(i).some((x) => came[x.ordinal]! <= free);
        expect(s.start).toBe(
          waiting ? free : Math.min(...b.wire.sent.slice(i).map((x) => came[x.ordinal]!)),
        );
        free = s.end;
        const queue = list[s.ordinal]!.core % queues;
        expect(s.ordinal).toBeGreaterThan(last.get(queue) ?? -1);
        last.set(queue, s.ordinal);
      });
      expect(b.w.pool.live).toBe(0);
    });
  });

  describe('that changes', () => {
    /** A train of three frames of 1,000 B by queue 0 at 8 ns a byte, one frame by queue 1; at 10 us the link is told something. */
    const changed = (what: (link: Link, nic: Nic) => void): number[] => {
      const b = bench(TWO, { cpus: 2 });
      const far = new Nic(b.w.host({ name: 'far' }), 'eth0');
      far.host.handler = new Sink();
      const link = new Link(
        b.w.engine,
        'near->far',
        { ...LINK_DEFAULTS, rate: 1e9, delay: us(1) },
        far.ingress,
      );
      b.nic.wire = link;
      link.sender = b.nic;
      const train = (segs: number, core: number) =>
        b.w.when(100, () =>
          b.host.cores[core]!.raiseSoftirq(
            once(() => {
              const skb = Object.assign(b.w.frame(1000 * segs), { segs, segSize: 1000 });
              skb.outstanding = segs;
              skb.owner = new Sender();
              b.nic.xmit(skb, b.host.cores[core]!);
            }),
          ),
        );
      train(3, 0);
      train(1, 1);
      b.w.when(10_000, () => what(link, b.nic));
      b.w.run();
      expect(b.w.pool.live).toBe(0);
      return b.sink.freed.map((f) => f.at);
    };
    const unit = (1000 + 40 + LINK_DEFAULTS.overhead) * 8;

    it('is free when it then is', () => {
      expect(changed(() => {})).toEqual([100 + 3 * unit, 100 + 4 * unit]);
      // The first frame has gone, the second is on its way, the third takes half of the time.
      expect(changed((link) => link.reconfigure({ rate: 2e9 }, at(10_000)))).toEqual([
        100 + 2.5 * unit,
        100 + 3 * unit,
      ]);
    });

    it('goes on with who waits when it goes down', () => {
      const [train, frame] = changed((link) => link.takeDown(at(10_000)));
      expect([train, frame]).toEqual([10_000, 10_000]);
    });

    it('mutant: a port that is not told gives the wire away too late', () => {
      const late = changed((link, nic) => {
        nic.port!.retimed = () => {};
        link.reconfigure({ rate: 2e9 }, at(10_000));
      });
      expect(late).toEqual([100 + 3 * unit, 100 + 3.5 * unit]);
    });
  });

  it('mutant: a port that goes on with the ring it is at starves the other', () => {
    const b = bench(TWO, { cpus: 2 });
    const port = b.nic.port as unknown as { last: number; next(): unknown };
    const next = port.next.bind(port);
    port.next = () => {
      port.last = 1; // ring 0 is always the next
      return next();
    };
    for (let i = 0; i < 4; i++) b.send(100, 0, 1, 1000);
    b.send(200, 1, 2, 500);
    b.w.run();
    expect(b.wire.sent.map((s) => s.ordinal)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('completions', () => {
  it('interrupt the core of their queue, and wake its qdisc', () => {
    const b = bench({ ...TWO, txRing: 1 }, { cpus: 2 });
    for (let i = 0; i < 3; i++) b.send(100, i === 0 ? 1 : 0, i, 1000, new Sender());
    b.w.run();
    // Core 1's skb leaves first; of core 0's two, one waits in its qdisc for the only descriptor.
    expect(b.sink.freed).toEqual([
      { at: 1100, owner: 1, truesize: 1 },
      { at: 2100, owner: 0, truesize: 1 },
      { at: 3100, owner: 0, truesize: 1 },
    ]);
    expect(b.nic.qdiscs.map((q) => q.queued)).toEqual([1, 0]);
    expect(b.nic.queues.map((q) => q.irq.count)).toEqual([2, 1]);
  });

  it('go where irq_affinity says', () => {
    const b = bench({ ...TWO, irqAffinity: [1, 0] }, { cpus: 2 });
    b.send(100, 0, 1, 1000, new Sender());
    b.w.run();
    expect(b.sink.freed.map((f) => f.owner)).toEqual([1]);
  });

  it('each ring has byte queue limits of its own', () => {
    const b = bench({ ...TWO, bql: DQL_DEFAULTS }, { cpus: 2 });
    for (let i = 0; i < 20; i++) b.send(100, 0, 1, 1000, new Sender());
    b.w.run();
    const [full, empty] = b.nic.txQueues.map((q) => q.ring.dql!);
    expect([full!.peak > 0, empty!.peak]).toEqual([true, 0]);
  });
});

describe('which queue [netdev_pick_tx]', () => {
  const queueOf = (b: ReturnType<typeof bench>): number[] => b.nic.txQueues.map((q) => q.packets);

  it('is that of the core that sends', () => {
    const b = bench({ queues: 3, txQueues: 3 }, { cpus: 4 });
    [0, 1, 1, 3].forEach((core) => b.send(100, core, 7, 100));
    b.w.run();
    expect(queueOf(b)).toEqual([2, 2, 0]); // cores 0 and 3 share a queue
  });

  it('is what xps_cpus says, and a hash of the connection where it says nothing', () => {
    const masks = bench({ queues: 2, txQueues: 2, xps: [0b10, 0b01] }, { cpus: 2 });
    masks.send(100, 0, 7, 100);
    masks.w.run();
    expect(queueOf(masks)).toEqual([0, 1]);
    const hash = bench({ queues: 4, txQueues: 4, xps: null }, { cpus: 2 });
    for (let flow = 0; flow < 400; flow++) for (let k = 0; k < 2; k++) hash.send(100, k, flow, 100);
    hash.w.run();
    for (const n of queueOf(hash)) {
      expect(n % 2).toBe(0); // both of a connection go the same way
      expect(Math.abs(n - 200)).toBeLessThan(60);
    }
  });

  it('stays while something of the connection is below, and may then be another', () => {
    const b = bench(TWO, { cpus: 2 });
    const s = new Sender();
    b.send(100, 0, 1, 1000, s);
    b.send(500, 1, 1, 1000, s); // it has moved to core 1 and goes on by queue 0
    b.send(9000, 1, 1, 1000, s);
    b.w.run();
    expect(queueOf(b)).toEqual([2, 1]);
  });

  const overtakes = (moves: boolean | null, cores: readonly number[]): boolean => {
    const b = bench(TWO, { cpus: 2 });
    const s = new Sender(moves);
    for (let i = 0; i < 3; i++) b.send(50, 0, 9, 1000, new Sender(false)); // somebody else's, in queue 0
    cores.forEach((core, i) => b.send(100 + 100 * i, core, 1, 200, s));
    b.w.run();
    const mine = b.wire.sent.filter((x) => x.flow === 1).map((x) => x.ordinal);
    return mine.some((x, i) => i > 0 && x < mine[i - 1]!);
  };

  it('so that a connection never overtakes itself, whatever cores it sends from', () => {
    prop([fc.array(fc.nat(1), { maxLength: 30 })], (cores) => {
      expect(overtakes(null, cores)).toBe(false);
    });
  });

  it('mutant: it does when it changes queues with packets below', () => {
    expect(overtakes(true, [0, 1])).toBe(true);
  });
});
