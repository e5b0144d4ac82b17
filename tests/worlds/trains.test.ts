/**
 * Offloads are a way to do the same work: the frames on the wire are those of a host without them, as far as nothing costs
 * time (`ethtool -K tso, gso, gro`).
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadStream } from '../../src/base/payload.ts';
import { ipBytes } from '../../src/base/train.ts';
import { run } from '../../src/sim/run/runner.ts';
import { World } from '../../src/sim/run/world.ts';
import { load } from '../../src/sim/scenario/load.ts';
import { prop } from '../support/prop.ts';

interface Shape {
  readonly kilobytes: number;
  readonly write: number;
  readonly rate: number;
  readonly delay: number;
  readonly limit: number;
  readonly loss: number;
  readonly sndbuf: number;
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  kilobytes: fc.integer({ min: 1, max: 600 }),
  write: fc.constantFrom(700, 1448, 5000, 65_536),
  rate: fc.constantFrom(10, 97, 1000),
  delay: fc.constantFrom(20, 1000, 20_000),
  limit: fc.constantFrom(0, 7, 40),
  loss: fc.constantFrom(0, 0, 1, 5),
  sndbuf: fc.constantFrom(0, 20_000, 400_000),
});

type Features = 'tso: on, gso: on' | 'tso: off, gso: on' | 'tso: off, gso: off';

interface Outcome {
  /** Frame by frame, on both ways: when its first bit leaves, which bytes, which flags, when its last bit arrives. */
  readonly frames: string[];
  readonly read: number;
  readonly broken: string[];
  /** What was read of which stream, on both ways: `2:0-5000` is the first 5,000 bytes of stream 2. */
  readonly content: string[];
  /** Sends of several frames at once. */
  readonly trains: number;
}

function outcome(
  s: Shape,
  features: Features,
  more = '',
  meddle: (world: World) => void = () => {},
  guarded = true,
): Outcome {
  const host = `{ machine: ideal, nic: { features: { ${features}${more} } } }`;
  const queue = s.limit === 0 ? '' : `, limit: ${s.limit} packets`;
  const sockopt = s.sndbuf === 0 ? '' : `, sockopt: { SO_SNDBUF: ${s.sndbuf} }`;
  const [scenario] = load(
    `version: 1
scenarios:
  trains:
    shows: One transfer.
    hosts: { client: ${host}, server: ${host} }
    links: [{ between: [client, server], rate: ${s.rate} Mbit/s, delay: ${s.delay} us${queue}, loss: ${s.loss} % }]
    apps:
      server: { host: server, model: blocking, listen: 80 }
      upload: { host: client, model: bulk, connect: server:80, bytes: ${s.kilobytes} kB, write: ${s.write} B${sockopt} }
    stop: { when: upload.closed, limit: 1000 s }
`,
    { file: 'trains.yaml', seed: '1' },
  );
  const world = new World(scenario!, { invariants: guarded });
  meddle(world);
  const frames: string[] = [];
  let trains = 0;
  for (const { link, spec } of world.wires) {
    link.tap = {
      onFrame: (t, i, mark, start, departure, arrival) => {
        if (i === 1) trains++;
        const seq = (t.wireSeq + i * t.segSize) >>> 0;
        const flags = i < t.segs - 1 ? t.flags & ~9 : t.flags;
        frames.push(
          [spec.name, seq, ipBytes(t, i), flags, t.wireAck, mark, start, departure, arrival].join(),
        );
      },
      onDrop: (t, i, why, at) =>
        void frames.push([spec.name, t.wireSeq + i * t.segSize, why, at].join()),
    };
  }
  const reads: { stream: number; from: number; to: number }[] = [];
  for (const { stack } of world.hosts.values()) {
    const { tcp } = stack;
    const before = tcp.observer!;
    tcp.observer = Object.assign(Object.create(before) as typeof before, {
      onRead(c, stream, off, len) {
        before.onRead(c, stream, off, len);
        const last = reads.at(-1);
        if (last?.stream === stream.id && last.to === off) last.to += len;
        else reads.push({ stream: stream.id, from: off, to: off + len });
      },
    } satisfies Partial<typeof before>);
  }
  expect(run(world).reason).toBe('when');
  const content = reads.map((r) => `${r.stream}:${r.from}-${r.to}`);
  const broken = world.ledger
    .verdicts()
    .filter((v) => !v.ok)
    .map((v) => `${v.name}: ${v.message}`);
  let read = 0;
  for (const e of world.flows.ends) read += e.read;
  return { frames, read, content, broken, trains };
}

const PLAIN: Shape = {
  kilobytes: 200,
  write: 65_536,
  rate: 97,
  delay: 1000,
  limit: 0,
  loss: 0,
  sndbuf: 0,
};

describe('what a host without costs puts on the wire', () => {
  it('is the same with TSO and without, as long as there is GSO: every frame at its nanosecond', () => {
    prop(
      [shapes],
      (s) => {
        const tso = outcome(s, 'tso: on, gso: on');
        expect(outcome(s, 'tso: off, gso: on').frames).toEqual(tso.frames);
        expect(tso.broken).toEqual([]);
      },
      { numRuns: 60 },
    );
  });

  it('carries the same bytes in order with all of it off', () => {
    prop(
      [shapes],
      (s) => {
        const off = outcome(s, 'tso: off, gso: off');
        const on = outcome(s, 'tso: on, gso: on');
        expect([off.broken, off.content]).toEqual([[], on.content]);
        expect(on.content).toHaveLength(1);
        expect(on.content[0]).toMatch(new RegExp(`:0-${s.kilobytes * 1000}$`));
      },
      { numRuns: 60 },
    );
  });

  it('[mutant] other bytes in their place are no fewer, but not the same', () => {
    const meddle = (world: World): void => {
      for (const { stack } of world.hosts.values()) {
        const receive = stack.receive.bind(stack);
        let data = 0;
        stack.receive = (skb, core) => {
          if (skb.len > 0 && ++data === 20) skb.stream = new PayloadStream(-1);
          receive(skb, core);
        };
      }
    };
    const garbled = outcome(PLAIN, 'tso: off, gso: off', '', meddle, false);
    const { content, read } = outcome(PLAIN, 'tso: on, gso: on');
    expect(garbled.read).toBe(read);
    expect(garbled.content).not.toEqual(content);
  });

  it('and GRO changes nothing where each frame is polled by itself', () => {
    prop(
      [shapes],
      (s) => {
        const joined = outcome(s, 'tso: on, gso: on', ', gro: on');
        expect([joined.broken, joined.read]).toEqual([[], s.kilobytes * 1000]);
        // One frame at a time arrives, unless a queue hands over two at one instant.
        expect(joined.frames).toEqual(outcome(s, 'tso: on, gso: on').frames);
      },
      { numRuns: 40 },
    );
  });

  it('[mutant] differs when a device waits for the wire between two frames', () => {
    const gaps = (world: World): void => {
      for (const { link } of world.wires) {
        const pipe = (link as unknown as { pipe: { rem: number; free: number } }).pipe;
        const transmit = link.transmit.bind(link);
        link.transmit = (train, at) => {
          const done = transmit(train, at);
          pipe.free += 1;
          return done;
        };
      }
    };
    const tso = outcome(PLAIN, 'tso: on, gso: on');
    expect(tso.trains).toBeGreaterThan(10);
    expect(outcome(PLAIN, 'tso: off, gso: on', '', gaps).frames).not.toEqual(tso.frames);
  });
});
