// Whatever the network does to SYNs with data: what was written is read, once and in order, and nothing is left behind.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as k from '../../../src/kernel/syscall.ts';
import { tcpOptions } from '../../../src/tcp/options.ts';
import { HostGuard } from '../../../src/sim/run/flow-guard.ts';
import { Flows } from '../../../src/sim/run/flow-meter.ts';
import { Ledger } from '../../../src/sim/run/ledger.ts';
import { prop } from '../../support/prop.ts';
import { listenOn, Pair, PORT } from './world.ts';

interface Conversation {
  readonly size: number;
  readonly answer: number;
  readonly nonblock: boolean;
  readonly viaConnect: boolean;
}

const conversation: fc.Arbitrary<Conversation> = fc.record({
  size: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 6000 })),
  answer: fc.integer({ min: 1, max: 6000 }),
  nonblock: fc.boolean(),
  viaConnect: fc.boolean(),
});

const byte = (i: number, n: number): number => (i * 31 + n * 7) & 0xff;
const text = (i: number, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, n) => byte(i, n));

/** Reads to the end of the stream, and says whether it was `want`. */
function* readAll(sys: k.Sys, fd: number, want: Uint8Array): Generator<k.Trap, boolean, number> {
  let at = 0;
  for (;;) {
    const into = new Uint8Array(1024);
    const n = yield sys.read(fd, 1024, into);
    if (n <= 0) return n === 0 && at === want.length;
    for (let j = 0; j < n; j++) if (into[j] !== want[at + j]) return false;
    at += n;
  }
}

function* writeAll(sys: k.Sys, fd: number, data: Uint8Array): Generator<k.Trap, void, number> {
  let at = 0;
  while (at < data.length) {
    const p = new k.PollFd(fd, k.EPOLLOUT);
    yield sys.poll([p], k.INFINITE);
    const n = yield sys.write(fd, data.subarray(at));
    if (n > 0) at += n;
    else if (n !== -k.EAGAIN) return;
  }
}

/** As an application does that has to live with every outcome of the first call. */
function* open(
  sys: k.Sys,
  c: Conversation,
  data: Uint8Array,
  to: k.SockAddr,
): Generator<k.Trap, number, number> {
  const fd = yield sys.socket(c.nonblock ? k.NONBLOCK : 0);
  if (c.viaConnect) {
    yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_FASTOPEN_CONNECT, 1);
    yield sys.connect(fd, to.addr, to.port);
    yield* writeAll(sys, fd, data);
  } else {
    const n = yield sys.sendto(fd, data, k.MSG_FASTOPEN, to);
    yield* writeAll(sys, fd, data.subarray(Math.max(n, 0)));
  }
  // With TCP_FASTOPEN_CONNECT there is no SYN before the first write; and shutdown() before the handshake would end it.
  if (data.length === 0 && c.viaConnect) yield sys.send(fd, data, 0);
  yield sys.poll([new k.PollFd(fd, k.EPOLLOUT)], k.INFINITE);
  yield sys.setNonblock(fd, false);
  return fd;
}

it('Fast Open delivers what was written, once and in order, over a network that loses and doubles [RFC 7413]', () => {
  let accepted = 0;
  prop(
    [
      fc.array(conversation, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(0, 0.05, 0.3),
      fc.constantFrom(0x403, 0x607, 0x1),
      fc.integer({ min: 0, max: 1_000_000 }),
    ],
    (list, loss, fastopen, seed) => {
      const w = new Pair({
        seed: String(seed),
        // Nobody gives up: that a closed socket does, after eight retries, is not the question here.
        stack: {
          tcp: tcpOptions({ fastopen, timeWaitS: 1, orphanRetries: 100, synackRetries: 30 }),
        },
        link: {
          loss: loss === 0 ? null : { kind: 'random', probability: loss },
          duplicate: loss === 0 ? null : { kind: 'random', probability: loss / 4 },
        },
      });
      // The laws of every connection, looked at by who shares no code with TCP.
      const ledger = new Ledger(() => w.engine.stop());
      const flows = new Flows();
      for (const side of [w.client, w.server])
        side.stack.tcp.observer = new HostGuard(side.host.name, flows, w.engine, ledger);
      let right = 0;
      let ended = false;
      w.server.run('server', function* (sys) {
        const l = yield* listenOn(sys, 5);
        for (const [i, c] of list.entries()) {
          const fd = yield sys.accept(l);
          if (yield* readAll(sys, fd, text(i, c.size))) right++;
          yield* writeAll(sys, fd, text(100 + i, c.answer));
          yield sys.close(fd);
        }
      });
      w.client.run('client', function* (sys) {
        const to = { family: k.AF_INET, addr: w.server.addr, port: PORT };
        for (const [i, c] of list.entries()) {
          const fd = yield* open(sys, c, text(i, c.size), to);
          yield sys.shutdown(fd, k.SHUT_WR);
          if (yield* readAll(sys, fd, text(100 + i, c.answer))) right++;
          yield sys.close(fd);
        }
        ended = true;
      });
      w.run(10_000e9);
      expect(ledger.first).toBe(null);
      expect(ended).toBe(true);
      expect(right).toBe(2 * list.length);
      accepted += w.server.stack.tcp.mib.TCPFastOpenPassive;
    },
    { numRuns: 150 },
  );
  // It would prove nothing if no SYN with data had been taken.
  expect(accepted).toBeGreaterThan(100);
});
