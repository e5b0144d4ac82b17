/**
 * Visible when spent, with real sockets: the softirq on core 0 receives, a reader on core 1 reads. Whatever has been read
 * was received in steps that core 0 has been charged for; a poll that does its work before its time has passed is seen.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BILL_SOFTIRQ } from '../../../src/kernel/step.ts';
import type { ThreadBody } from '../../../src/kernel/syscall.ts';
import { prop } from '../../support/prop.ts';
import { Pair, PORT } from './world.ts';

const FRAME = 20_000;
/** Payload of a full frame: 1500 less 20 IP, 20 TCP, 12 timestamps. */
const MSS = 1448;
/** Frames that came before the first byte: SYN and ACK. */
const HANDSHAKE = 2;

/** The least, over all reads, of what core 0 was charged above the price of the frames that carried what was read. */
function margin(sizes: readonly number[], gro: boolean, mutant = false): number {
  const w = new Pair({
    server: {
      machine: 'linux',
      cpus: 2,
      costs: { rxFrame: FRAME, ipi: 10, contextSwitch: 10, softirq: 0, tcpOutput: 0 },
    },
    nic: { gro },
    link: { rate: 1_000_000_000 },
  });
  const { host } = w.server;
  const core0 = host.cores[0]!;
  let least = Infinity;
  let read = 0;
  w.server.process.spawn(
    function* (sys): ThreadBody {
      const listener = yield sys.socket();
      yield sys.bind(listener, PORT);
      yield sys.listen(listener, 8);
      const fd = yield sys.accept(listener);
      for (;;) {
        const n = yield sys.read(fd, 65_536);
        if (n <= 0) break;
        read += n;
        least = Math.min(
          least,
          core0.spent(BILL_SOFTIRQ) - (HANDSHAKE + Math.ceil(read / MSS)) * FRAME,
        );
      }
      yield sys.close(fd);
      yield sys.close(listener);
    },
    'reader',
    2, // core 1 alone
  );
  w.client.run('writer', function* (sys): ThreadBody {
    const fd = yield sys.socket();
    yield sys.connect(fd, w.server.addr, PORT);
    for (const n of sizes) {
      yield sys.write(fd, n);
      yield sys.nanosleep(30_000);
    }
    yield sys.close(fd);
  });
  if (mutant) {
    // Each step's effect comes before what it costs, and so does what the stack makes of it.
    const q = w.server.nic.queues[0]!;
    const [next, effect] = [q.next.bind(q), q.effect.bind(q)];
    q.next = () => {
      const cost = next();
      if (cost >= 0) effect();
      q.gro?.flush();
      while (q.gro?.ready === true) host.handler.receive(q.gro.take()!, core0);
      return cost;
    };
    q.effect = () => {};
  }
  w.run();
  expect(read).toBe(sizes.reduce((a, b) => a + b, 0));
  expect(host.cores[1]!.rq.current === null).toBe(true);
  return least;
}

describe.each([false, true])('a socket that core 0 fills and core 1 reads, GRO %s', (gro) => {
  it('never shows a byte before the softirq has been charged for its packet', () => {
    prop(
      [fc.array(fc.integer({ min: 1, max: 9 * MSS }), { minLength: 1, maxLength: 12 })],
      (sizes) => {
        expect(margin(sizes, gro)).toBeGreaterThanOrEqual(0);
      },
    );
  });

  it('[mutant] does when a poll has its effects at its start', () => {
    expect(margin([4 * MSS, 4 * MSS], gro, true)).toBeLessThan(0);
  });
});
