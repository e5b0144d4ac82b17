// Skbs, the established hash, ports: the tables under the sockets.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadStream } from '../../../src/base/payload.ts';
import { MARK_CE } from '../../../src/base/train.ts';
import { EstablishedHash, SOCK, SockCommon } from '../../../src/kernel/demux.ts';
import { PORT_CONNECTED, portOfChild, Ports } from '../../../src/kernel/ports.ts';
import { SkbPool } from '../../../src/kernel/skb.ts';
import { FIN, PSH } from '../../../src/tcp/segment.ts';
import { seq, seqDiff } from '../../../src/tcp/seq.ts';
import { prop } from '../../support/prop.ts';

describe('an skb', () => {
  it('gives back its record when the last of its frames is gone, and counts those in use', () => {
    const pool = new SkbPool();
    const skb = pool.take();
    skb.outstanding = 3;
    skb.hold(1);
    skb.drop(2);
    expect(pool.live).toBe(1);
    skb.drop(2);
    expect(pool.live).toBe(0);
    expect(() => skb.drop(1)).toThrow('skb: freed twice');
    expect(() => skb.hold(1)).toThrow('skb: held after it was freed');
  });

  it('may be filled before it is grabbed: what is looked at is what is got, and is not in use before', () => {
    const pool = new SkbPool();
    const next = pool.peek();
    expect(pool.peek()).toBe(next);
    expect([pool.live, pool.peak]).toEqual([0, 0]);
    expect(pool.grab()).toBe(next);
    expect(pool.peek()).not.toBe(next);
    expect(pool.live).toBe(1);
  });

  it('comes from the pool with nothing left of its last use', () => {
    const pool = new SkbPool();
    const fresh = pool.take();
    const used = pool.take();
    for (const [key, value] of Object.entries(used)) {
      if (typeof value === 'number' && key !== 'outstanding')
        (used as unknown as Record<string, number>)[key] = 7;
    }
    used.sackOk = used.hasTs = used.ce = true;
    used.owner = pool;
    used.mss = used.wscale = used.urgent = 7;
    used.stream = new PayloadStream(1);
    used.outstanding = 1;
    used.drop(1);
    const again = pool.take();
    expect(again).toBe(used);
    // Addresses, ports and numbers are set by everyone who fills a segment; the rest must be as new.
    for (const key of ['src', 'dst', 'sport', 'dport', 'seq', 'ack', 'flow'] as const)
      again[key] = fresh[key] as never;
    expect(Object.entries(again)).toEqual(Object.entries(fresh));
  });

  it('cut into its frames says the same bytes, and FIN and PSH only at the end', () => {
    prop(
      [fc.integer({ min: 1, max: 45 }), fc.integer({ min: 1, max: 1448 }), fc.nat({ max: 5 })],
      (segs, last, mark) => {
        const pool = new SkbPool();
        const skb = pool.take();
        Object.assign(skb, {
          segs,
          segSize: 1448,
          len: (segs - 1) * 1448 + last,
          seq: seq(-2000),
          off: 500,
        });
        skb.flags = FIN | PSH;
        skb.stream = new PayloadStream(0);
        skb.outstanding = segs;
        let [at, len] = [500, 0];
        for (let i = 0; i < segs; i++) {
          const f = skb.received(i, 1, mark, 2304);
          expect(f.off).toBe(at);
          expect(seqDiff(f.seq, seq(-2000))).toBe(at - 500);
          expect((f.flags & FIN) !== 0).toBe(i === segs - 1);
          expect([f.ce, f.truesize, f.segs]).toEqual([(mark & MARK_CE) !== 0, 2304, 1]);
          at += f.len;
          len += f.len;
          f.drop(1);
        }
        expect(len).toBe((segs - 1) * 1448 + last);
        expect(pool.live).toBe(0);
      },
    );
  });
});

class Entry extends SockCommon {
  readonly role = SOCK;
  constructor(saddr: number, sport: number, daddr: number, dport: number) {
    super();
    Object.assign(this, { saddr, sport, daddr, dport });
  }
}

/** Finds by key alone, as if hashes never collided. */
class Careless extends EstablishedHash {
  override lookup(saddr: number, sport: number, daddr: number, dport: number): SockCommon | null {
    return super.lookup(saddr, sport, daddr, dport) ?? [...this.all()][0] ?? null;
  }
}

/** Goes on finding what was found last when it is gone. */
class Nostalgic extends EstablishedHash {
  private last: SockCommon | null = null;
  override lookup(saddr: number, sport: number, daddr: number, dport: number): SockCommon | null {
    const { last } = this;
    if (
      last?.saddr === saddr &&
      last.sport === sport &&
      last.daddr === daddr &&
      last.dport === dport
    )
      return last;
    this.last = super.lookup(saddr, sport, daddr, dport);
    return this.last;
  }
}

/** Loses an entry whenever it grows. */
class Forgetful extends EstablishedHash {
  protected override grow(): void {
    const [lost] = this.all();
    super.grow();
    this.remove(lost!);
    this.size++;
  }
}

describe('the established hash', () => {
  const tuple = fc.tuple(
    fc.nat({ max: 2 }),
    fc.nat({ max: 3 }),
    fc.nat({ max: 2 }),
    fc.nat({ max: 3 }),
  );
  const steps = fc.array(fc.tuple(fc.boolean(), tuple), { maxLength: 80 });

  /** Against a map by the whole 4-tuple. */
  const agrees = (
    hash: EstablishedHash,
    list: readonly [boolean, [number, number, number, number]][],
  ): boolean => {
    const model = new Map<string, Entry>();
    for (const [insert, t] of list) {
      const known = model.get(t.join());
      if (hash.lookup(...t) !== (known ?? null)) return false;
      if (insert && known === undefined) {
        const e = new Entry(...t);
        hash.insert(e);
        model.set(t.join(), e);
      } else if (!insert && known !== undefined) {
        hash.remove(known);
        model.delete(t.join());
      }
      if (hash.lookup(...t) !== (model.get(t.join()) ?? null)) return false;
      if (hash.size !== model.size || [...hash.all()].length !== model.size) return false;
    }
    return true;
  };

  it('finds exactly what is in it, by all four numbers', () => {
    prop([steps], (list) => agrees(new EstablishedHash(), list));
  });

  const many = Array.from({ length: 1000 }, (_, i): [boolean, [number, number, number, number]] => [
    true,
    [1, 80, 2, i],
  ]);

  it('finds them all when there are many more than it had room for at first', () => {
    expect(agrees(new EstablishedHash(), many)).toBe(true);
    const hash = new EstablishedHash();
    for (const [, t] of many) hash.insert(new Entry(...t));
    for (const [, t] of many) hash.remove(hash.lookup(...t)!);
    expect([hash.size, ...hash.all()]).toEqual([0]);
  });

  it('and the check notices one that loses some as it grows [mutant]', () => {
    expect(agrees(new Forgetful(), many)).toBe(false);
  });

  it.each([
    ['does not compare in full', Careless],
    ['does not forget what is gone', Nostalgic],
  ])('and the check notices one that %s [mutant]', (_, Mutant) => {
    expect(
      fc.check(
        fc.property(steps, (list) => agrees(new Mutant(), list)),
        { seed: 1, numRuns: 1000 },
      ).failed,
    ).toBe(true);
  });
});

describe('ports', () => {
  interface Owner {
    reuse: boolean;
    reusePort: boolean;
    listening: boolean;
  }
  const owner = (reuse: boolean, reusePort = false): Owner => ({
    reuse,
    reusePort,
    listening: false,
  });
  const [alone, reusing, grouped] = [owner(false), owner(true), owner(false, true)];

  it('are shared only when all say SO_REUSEADDR and nobody listens [bind(2), inet_csk_bind_conflict]', () => {
    const ports = new Ports<Owner>(32_768, 60_999);
    const a = owner(true);
    ports.bind(80, a);
    expect(ports.conflicts(80, alone)).toBe(true);
    expect(ports.conflicts(80, reusing)).toBe(false);
    a.listening = true;
    expect(ports.conflicts(80, reusing)).toBe(true);
    ports.unbind(80, a);
    expect(ports.conflicts(80, alone)).toBe(false);
    for (const [how, blocksReuse, blocksGroup] of [
      [portOfChild(alone), true, true],
      [portOfChild(reusing), false, true],
      [portOfChild(grouped), true, false],
      [portOfChild(owner(true, true)), false, false],
      [PORT_CONNECTED, true, true],
    ] as const) {
      ports.share(81, how, 1);
      expect(ports.conflicts(81, alone)).toBe(true);
      expect(ports.conflicts(81, reusing)).toBe(blocksReuse);
      expect(ports.conflicts(81, grouped)).toBe(blocksGroup);
      ports.share(81, how, -1);
      expect(ports.conflicts(81, alone)).toBe(false);
    }
    expect(() => ports.share(81, portOfChild(alone), -1)).toThrow('left more often than taken');
  });

  it('are shared by all who say SO_REUSEPORT, whether they listen or not', () => {
    const ports = new Ports<Owner>(32_768, 60_999);
    const a = owner(false, true);
    ports.bind(80, a);
    for (const listening of [false, true]) {
      a.listening = listening;
      expect([alone, reusing, grouped].map((o) => ports.conflicts(80, o))).toEqual([
        true,
        true,
        false,
      ]);
    }
    ports.listen(80, a);
    expect([alone, reusing, grouped].map((o) => ports.mayListen(80, o))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('keep a group in the order of coming; who leaves is replaced by the last [__reuseport_detach_sock]', () => {
    const ports = new Ports<Owner>(32_768, 60_999);
    const [a, b, c, d] = [1, 2, 3, 4].map(() => owner(false, true)) as [Owner, Owner, Owner, Owner];
    for (const o of [a, b, c, d]) {
      ports.bind(80, o);
      ports.listen(80, o);
    }
    const left = (): number[] => ports.listeners(80).map((o) => [a, b, c, d].indexOf(o));
    ports.unlisten(80, b);
    expect(left()).toEqual([0, 3, 2]);
    ports.unlisten(80, c);
    expect(left()).toEqual([0, 3]);
    ports.unlisten(80, a);
    ports.unlisten(80, d);
    expect(left()).toEqual([]);
    expect(() => ports.unlisten(80, d)).toThrow('listens no more');
  });

  it('are handed out in order, once round, skipping what is bound', () => {
    const ports = new Ports<Owner>(100, 104);
    ports.bind(102, owner(false));
    const taken = new Set<number>();
    const next = (): number => {
      const p = ports.ephemeral((port) => !taken.has(port));
      if (p > 0) {
        taken.add(p);
        ports.share(p, PORT_CONNECTED, 1);
      }
      return p;
    };
    expect([next(), next(), next(), next(), next()]).toEqual([100, 101, 103, 104, 0]);
    taken.delete(101);
    ports.share(101, PORT_CONNECTED, -1);
    expect([next(), next()]).toEqual([101, 0]);
  });
});
