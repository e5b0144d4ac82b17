// The wire and the kernel's NIC together, against the naive wire: there the NIC is told of each frame at its arrival, and
// looks at it at once. Small rings, slow softirqs.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instant } from '../../src/base/units.ts';
import { APP } from '../../src/engine/engine.ts';
import { Nic } from '../../src/kernel/nic.ts';
import type { Skb } from '../../src/kernel/skb.ts';
import { ACK, PSH } from '../../src/tcp/segment.ts';
import { seq } from '../../src/tcp/seq.ts';
import { Link } from '../../src/sim/net/link.ts';
import { Sink, World as Machine } from '../kernel/machine/support.ts';
import { SEED, prop } from '../support/prop.ts';
import { NaiveLink, intoIngress } from './naive.ts';
import { type World, faultyWorlds, plainWorlds, wobblyWorlds } from './worlds.ts';

const END = 1e15 as Instant;

type LinkClass = new (...args: ConstructorParameters<typeof Link>) => Link;

interface Mutant {
  link?: LinkClass;
  /** Breaks the NIC, before anything happens. */
  nic?: (nic: Nic) => void;
}

/** Interrupts, deliveries, drops with their times, counters; as text. */
function outcome(world: World, wire: 'naive' | Mutant, gro = false): string {
  const machine = new Machine();
  const { engine } = machine;
  const { receiver: r, link: o } = world;
  const host = machine.host({
    costs: { rxFrame: r.frameNs, rxSkb: r.frameNs >> 1, irq: r.irqNs, rxComplete: r.unmaskNs },
  });
  const sink = new Sink();
  host.handler = sink;
  // Without rx-usecs a NIC waits for rx-frames for ever.
  const rxFrames = r.rxNs === 0 ? 1 : r.rxFrames;
  const coalesce = { rxUsecs: r.rxNs / 1000, rxFrames, txUsecs: 0, txFrames: 1 };
  const nic = new Nic(host, 'eth0', { rxRing: r.ring, coalesce, gro });
  const queue = nic.queues[0]!;
  const missed: string[] = [];
  const onMissed = queue.onMissed.bind(queue);
  queue.onMissed = (skb: Skb, index: number, at: Instant): void => {
    missed.push(`${skb.ordinal}/${index}@${at}`);
    onMissed(skb, index, at);
  };
  let transmit: (skb: Skb) => void;
  if (wire === 'naive') {
    const link = new NaiveLink(
      engine,
      'a->b',
      o,
      intoIngress(nic.ingress, engine, () => nic.sync()),
    );
    transmit = (skb) => link.transmit(skb);
  } else {
    wire.nic?.(nic);
    const link = new (wire.link ?? Link)(engine, 'a->b', o, nic.ingress);
    transmit = (skb) => void link.transmit(skb, engine.now);
  }
  let sent = 0;
  const send = engine.define('send', APP, (i) => {
    const { segs, segSize, len, headerLen, flow } = world.trains[i]!;
    // What belongs together may be joined: one stream, whatever the flow.
    const off = sent;
    sent += len;
    transmit(
      Object.assign(machine.frame(0, flow), {
        segs,
        seq: seq(off),
        off,
        sport: flow,
        flags: i % 3 === 0 ? ACK : ACK | PSH,
        segSize,
        len,
        headerLen,
        ordinal: 100 * i,
        outstanding: segs,
      }),
    );
  });
  world.trains.forEach((t, i) => engine.at(t.at as Instant, send, i, 0));
  engine.run(END);
  expect(machine.pool.live).toBe(0);
  return JSON.stringify([sink.frames, missed, nic.counters, host.counters]);
}

describe('link and NIC give the interrupts, deliveries and drops of an event per frame [data path §1]', () => {
  it.each<[string, fc.Arbitrary<World>, number]>([
    ['on a clean wire', plainWorlds, 600],
    ['with loss, copies and corruption', faultyWorlds, 400],
    ['with reordering and jitter', wobblyWorlds, 300],
  ])('%s', (_name, worlds, numRuns) => {
    const agrees = (world: World, gro: boolean): void => {
      expect(outcome(world, {}, gro)).toBe(outcome(world, 'naive', gro));
    };
    prop([worlds, fc.boolean()], agrees, { numRuns });
  });
});

class RoundsEachTrain extends Link {
  override transmit(...args: Parameters<Link['transmit']>): Instant {
    const done = super.transmit(...args);
    this.pipe.rem = 0;
    return done;
  }
}
class KeepsWhatDepartsNow extends Link {
  protected override settle(now: Instant): void {
    super.settle((now - 1) as Instant);
  }
}
function missesWhatArrivesNow(nic: Nic): void {
  const { ring } = nic.queues[0]!;
  const sync = ring.sync.bind(ring);
  ring.sync = (now): void => sync((now - 1) as Instant);
}
function refillsFirst(nic: Nic): void {
  const { ring } = nic.queues[0]!;
  const queue = nic.queues[0]!;
  const effect = queue.effect.bind(queue);
  const sync = ring.sync.bind(ring);
  queue.effect = (): void => {
    ring.sync = (): void => {};
    effect();
    ring.sync = sync;
  };
}
function forgetsAtUnmask(nic: Nic): void {
  const queue = nic.queues[0]! as unknown as { unmask(): void; masked: boolean };
  queue.unmask = (): void => void (queue.masked = false);
}

describe('the comparison notices', () => {
  it.each<[string, Mutant]>([
    ['a fraction of a nanosecond that is not carried on', { link: RoundsEachTrain }],
    ['a queue that still holds what departs now', { link: KeepsWhatDepartsNow }],
    ['a look that misses what arrives now', { nic: missesWhatArrivesNow }],
    ['a refill without a look before', { nic: refillsFirst }],
    ['an unmask that forgets frames in flight', { nic: forgetsAtUnmask }],
  ])('%s', (_name, mutant) => {
    const differing = fc.sample(plainWorlds, { numRuns: 300, seed: SEED }).filter((world) => {
      const naive = outcome(world, 'naive');
      try {
        return outcome(world, mutant) !== naive;
      } catch {
        return true;
      }
    });
    expect(differing.length).toBeGreaterThan(0);
  });
});
