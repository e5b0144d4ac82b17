import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueueMeter } from '../../../src/base/queue-meter.ts';
import { ByteBuf } from '../../../src/app/netty/byte-buf.ts';
import { LoopMeters } from '../../../src/app/netty/meters.ts';
import { OutboundBuffer } from '../../../src/app/netty/outbound-buffer.ts';
import type { Worker } from '../../../src/app/worker.ts';
import { prop } from '../../support/prop.ts';
import { FakeProbe } from '../driver.ts';
import { promiseOf } from './rig.ts';

const MARKS = { low: 32_768, high: 65_536 };
const ON = null as unknown as Worker;

function buffer(marks = MARKS): { out: OutboundBuffer; meter: QueueMeter } {
  const probe = new FakeProbe();
  const out = new OutboundBuffer(marks, new LoopMeters(probe));
  return { out, meter: probe.meters[0]! };
}

/** Runs what makes no system call. */
function settle(sub: Generator<unknown, unknown, number>): void {
  expect(sub.next(0).done).toBe(true);
}

/** Takes `n` bytes out. @returns how often it has turned writable */
function take(out: OutboundBuffer, n: number): number {
  let writable = 0;
  settle(
    out.removeBytes(n, ON, function* () {
      writable++;
      yield* [];
    }),
  );
  return writable;
}

describe('the outbound buffer', () => {
  it('counts 96 bytes for each entry [io.netty.transport.outboundBufferEntrySizeOverhead] [B9.1]', () => {
    const { out, meter } = buffer();
    out.add(ByteBuf.pattern(5), null);
    expect(out.pending).toBe(101);
    expect(meter.depth).toBe(1);
  });

  it('turns unwritable above the high mark, not at it, and says so once [setUnwritable] [B9.2]', () => {
    const { out } = buffer();
    expect(out.add(ByteBuf.pattern(65_536 - 96), null)).toBe(false);
    expect(out.bytesBeforeUnwritable).toBe(1);
    expect(out.writable).toBe(true);
    expect(out.increment(1)).toBe(true);
    expect(out.increment(1)).toBe(false);
    expect(out.bytesBeforeUnwritable).toBe(0);
    expect(out.bytesBeforeWritable).toBe(65_538 - 32_768 + 1);
  });

  it('turns writable below the low mark, not at it [setWritable] [B9.2]', () => {
    const { out } = buffer();
    out.increment(70_000);
    expect(out.decrement(70_000 - 32_768)).toBe(false);
    expect(out.decrement(1)).toBe(true);
    expect(out.bytesBeforeWritable).toBe(0);
  });

  it('a message of 64 KiB turns it over and back [measured: two events for each]', () => {
    const { out } = buffer();
    expect(out.add(ByteBuf.pattern(65_536), null)).toBe(true);
    out.addFlush();
    expect(take(out, 65_536)).toBe(1);
    expect(out.pending).toBe(0);
  });

  it('counts a partly written message whole until its last byte is taken', () => {
    const { out } = buffer();
    out.add(ByteBuf.pattern(1000), null);
    out.addFlush();
    take(out, 999);
    expect(out.pending).toBe(1096);
    expect(out.gather(10_000)).toEqual({ bytes: 1, data: 1 });
    take(out, 1);
    expect(out.pending).toBe(0);
    expect(out.isEmpty).toBe(true);
  });

  it('tells a promise while its bytes still count: 256 in flight and the next make 257 entries [ChannelOutboundBuffer.remove] [B9.5]', () => {
    const { out } = buffer();
    let most = 0;
    let left = 1000;
    const again = {
      *complete() {
        if (left-- > 0) out.add(ByteBuf.pattern(65_536), again);
        most = Math.max(most, out.pending);
        yield* [];
      },
    };
    for (let i = 0; i < 256; i++) out.add(ByteBuf.pattern(65_536), again);
    out.addFlush();
    take(out, 65_536);
    expect(most).toBe(257 * 65_632);
    expect(most).toBe(16_867_424);
  });

  it('gathers whole messages up to the limit, and the first whatever its size [nioBuffers]', () => {
    const { out } = buffer();
    for (const n of [3000, 2000, 1000, 10]) out.add(ByteBuf.pattern(n), null);
    expect(out.isEmpty).toBe(true);
    out.addFlush();
    out.add(ByteBuf.pattern(7), null);
    expect(out.gather(100).bytes).toBe(3000);
    expect(out.gather(5000).bytes).toBe(5000);
    expect(out.gather(5999).bytes).toBe(5000);
    expect(out.gather(1e9).bytes).toBe(6010);
  });

  it('gathers at most 1024 messages, and does not mix bytes with pattern [B10]', () => {
    const { out } = buffer({ low: 1, high: 1e9 });
    for (let i = 0; i < 2000; i++) out.add(ByteBuf.pattern(1), null);
    out.addFlush();
    expect(out.gather(1e9).bytes).toBe(1024);
    const mixed = buffer().out;
    mixed.add(ByteBuf.of(Uint8Array.of(1)), null);
    mixed.add(ByteBuf.pattern(1), null);
    mixed.addFlush();
    expect(mixed.gather(100)).toEqual({ bytes: 1, data: Uint8Array.of(1) });
  });

  it('fails what is left, flushed or not, in order', () => {
    const { out, meter } = buffer();
    const log: string[] = [];
    out.add(ByteBuf.pattern(1), promiseOf(log, 'flushed'));
    out.addFlush();
    out.add(ByteBuf.pattern(1), promiseOf(log, 'unflushed'));
    settle(out.fail(ON));
    expect(log).toEqual(['flushed failed', 'unflushed failed']);
    expect([out.pending, out.length, meter.depth]).toEqual([0, 0, 0]);
  });
});

it('a closed channel leaves its meter to the next one: there are as many as channels at once', () => {
  const probe = new FakeProbe();
  const meters = new LoopMeters(probe);
  const [first] = [new OutboundBuffer(MARKS, meters), new OutboundBuffer(MARKS, meters)];
  expect(probe.meters.length).toBe(2);
  settle(first!.fail(ON));
  expect(new OutboundBuffer(MARKS, meters).length).toBe(0);
  expect(probe.meters.length).toBe(2);
});

describe('any sequence of writes, flushes and partial writes', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ write: fc.uint8Array({ maxLength: 300 }) }),
      fc.constant({ flush: true as const }),
      fc.record({ take: fc.nat({ max: 600 }) }),
    ),
    { maxLength: 60 },
  );

  /** What the kernel got, of what was flushed. @param limit bytes of a gathering write */
  function run(
    limit: number,
    all: readonly object[],
    forget: number,
  ): [got: number[], flushed: number[]] {
    const { out } = buffer({ low: 100, high: 200 });
    const got: number[] = [];
    const flushed: number[] = [];
    let written: number[] = [];
    for (const step of all) {
      if ('write' in step) {
        out.add(ByteBuf.of(step.write as Uint8Array), null);
        written.push(...(step.write as Uint8Array));
      } else if ('flush' in step) {
        out.addFlush();
        flushed.push(...written);
        written = [];
      } else if (!out.isEmpty) {
        const { bytes, data } = out.gather(limit);
        const n = Math.min(bytes, (step as { take: number }).take);
        got.push(...(data as Uint8Array).subarray(0, n));
        take(out, Math.max(0, n - forget));
      }
    }
    while (!out.isEmpty) {
      const { bytes, data } = out.gather(limit);
      got.push(...(data as Uint8Array));
      take(out, bytes);
    }
    return [got, flushed];
  }

  it('gives the kernel the flushed bytes, in order and once', () => {
    prop([fc.integer({ min: 1, max: 500 }), steps], (limit, all) => {
      const [got, flushed] = run(limit, all, 0);
      expect(got).toEqual(flushed);
    });
  });

  it('[mutant] a buffer that loses count of a byte gives it twice', () => {
    expect(() =>
      prop([fc.integer({ min: 1, max: 500 }), steps], (limit, all) => {
        const [got, flushed] = run(limit, all, 1);
        expect(got).toEqual(flushed);
      }),
    ).toThrow(/replay/);
  });
});
