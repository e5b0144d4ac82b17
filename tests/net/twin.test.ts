// The wire against its naive twin: whatever is computed ahead must be what an event per frame gives.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Flight } from '../../src/base/train.ts';
import type { Train } from '../../src/base/train.ts';
import type { Instant } from '../../src/base/units.ts';
import type { QueuedRun } from '../../src/sim/net/backlog.ts';
import { Link, type LinkChange } from '../../src/sim/net/link.ts';
import { Pipe } from '../../src/sim/net/pipe.ts';
import { SEED, prop } from '../support/prop.ts';
import { PullReceiver } from './receiver.ts';
import {
  type Outcome,
  type Parts,
  REAL,
  type World,
  changingWorlds,
  faultyWorlds,
  peekedWorlds,
  plainWorlds,
  runNaive,
  runPull,
  wobblyWorlds,
} from './worlds.ts';

/** What must be equal, as text. Where the link changes, when a lost frame was lost is not told again. */
function visible({ receiver, link }: Outcome, world: World): string {
  const drops = link.drops.filter((d) => world.changes.length === 0 || d[3] !== 'loss');
  return JSON.stringify({ receiver, frames: link.frames, drops });
}

function agrees(world: World): void {
  const pull = runPull(world);
  const naive = runNaive(world);
  expect(visible(pull, world)).toBe(visible(naive, world));
  expect(pull.ledger).toMatchObject({ missing: 0, inFlight: 0 });
  expect(pull.link.sojourn).toBe(world.link.limit === null ? 0n : naive.link.sojourn);
}

describe('the link gives the frames, drops and times of an event per frame [DESIGN §3]', () => {
  it('with rate, delay, queue, ring and interrupt moderation', () => {
    prop([plainWorlds], agrees, { numRuns: 1600 });
  });
  it('with loss, copies, corruption, and faults that end', () => {
    prop([faultyWorlds], agrees, { numRuns: 800 });
  });
  it('with reordering and jitter', () => {
    prop([wobblyWorlds], agrees, { numRuns: 600 });
  });
  it('with changes of rate, delay, loss and state in mid-run', () => {
    prop([changingWorlds], agrees, { numRuns: 600 });
  });
  it('whoever looks at ring and meters, and whenever [data path §1, rule 2]', () => {
    prop([peekedWorlds], agrees, { numRuns: 400 });
  });
});

// ── mutants ───────────────────────────────────────────────────────────────────────────────────────────────────────────

class RoundsEachTrain extends Link {
  override transmit(train: Train, at: Instant): Instant {
    const done = super.transmit(train, at);
    this.pipe.rem = 0;
    return done;
  }
}
class KeepsWhatDepartsNow extends Link {
  protected override settle(now: Instant): void {
    super.settle((now - 1) as Instant);
  }
}
class HasRoomForOneMore extends Link {
  protected override admit(train: Train, first: number, count: number, at: Instant): number {
    const n = super.admit(train, first, count, at);
    if (n === count || this.queue.depth !== this.queue.bound) return n;
    this.queue.enter(at, 1);
    return n + 1;
  }
}
class LeavesTheQueueAsItIs extends Link {
  override reconfigure(change: LinkChange, now: Instant): void {
    const pipe = this.pipe;
    pipe.takeBack = change.rate === undefined ? (): QueuedRun[] => [] : Pipe.prototype.takeBack;
    super.reconfigure(change, now);
  }
}
class MissesWhatArrivesNow extends Flight {
  override arrivedInHead(now: Instant): number {
    return super.arrivedInHead((now - 1) as Instant);
  }
}
class NeverSorts extends Flight {
  override insert(train: Train, index: number, mark: number, arrival: Instant): void {
    this.push(train, index, 1, mark, 0, 0, 0, 1, arrival);
  }
}
class RefillsFirst extends PullReceiver {
  protected override lookBeforeRefill(): void {}
}
class ForgetsAtUnmask extends PullReceiver {
  private forgotten = 0;
  protected override unmasked(): void {
    this.forgotten = this.flight.frames;
    super.unmasked();
  }
  protected override nth(n: number): number {
    return super.nth(n === 1 ? 1 : n + this.forgotten);
  }
}

type LinkClass = new (...args: ConstructorParameters<typeof Link>) => Link;
type ReceiverClass = new (...args: ConstructorParameters<typeof PullReceiver>) => PullReceiver;
const withLink = (C: LinkClass): Parts => ({
  ...REAL,
  link: (engine, o, to) => new C(engine, 'a->b', o, to),
});
const withReceiver = (C: ReceiverClass): Parts => ({
  ...REAL,
  receiver: (engine, spec) => new C(engine, spec),
});
const withFlight = (C: new () => Flight): Parts => ({
  ...REAL,
  receiver: (engine, spec) => new PullReceiver(engine, spec, new C()),
});

/** A mutant may as well break down. */
function differs(world: World, parts: Parts): boolean {
  const naive = visible(runNaive(world), world);
  try {
    return visible(runPull(world, parts), world) !== naive;
  } catch {
    return true;
  }
}

describe('the comparison notices', () => {
  it.each<[string, fc.Arbitrary<World>, Parts]>([
    ['a fraction of a nanosecond that is not carried on', plainWorlds, withLink(RoundsEachTrain)],
    ['a queue that still holds what departs now', plainWorlds, withLink(KeepsWhatDepartsNow)],
    ['a queue with room for one more', plainWorlds, withLink(HasRoomForOneMore)],
    ['a look that misses what arrives now', plainWorlds, withFlight(MissesWhatArrivesNow)],
    ['a refill without a look before', plainWorlds, withReceiver(RefillsFirst)],
    ['an unmask that forgets frames in flight', plainWorlds, withReceiver(ForgetsAtUnmask)],
    ['a flight that is not sorted', wobblyWorlds, withFlight(NeverSorts)],
    ['a change that leaves the queue as it is', changingWorlds, withLink(LeavesTheQueueAsItIs)],
  ])('%s', (_name, worlds, parts) => {
    const differing = fc
      .sample(worlds, { numRuns: 500, seed: SEED })
      .filter((world) => differs(world, parts));
    expect(differing.length).toBeGreaterThan(0);
  });
});
