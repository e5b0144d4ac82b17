// What a connection is charged for packets in devices (sk_wmem_alloc) comes back to it, and to no other.
import { expect, it } from 'vitest';
import { ms } from '../../../src/base/units.ts';
import { NONBLOCK, SHUT_RDWR } from '../../../src/kernel/syscall.ts';
import { tcpOptions, type Connection } from '../../../src/tcp/index.ts';
import { connectTo, listenOn, Pair } from './world.ts';

/** A device that says late what it has sent, ns. */
const LATE = { coalesce: { rxUsecs: 0, rxFrames: 1, txUsecs: 900, txFrames: 64 } };

/** Truesize of a SYN. */
const SYN = 832;

/** Every connection that ever sent something on this side. */
function watched(w: Pair): Set<Connection> {
  const all = new Set<Connection>();
  const send = w.client.stack.send.bind(w.client.stack);
  w.client.stack.send = (skb, device, core) => {
    if (skb.owner !== null) all.add(skb.owner as Connection);
    return send(skb, device, core);
  };
  return all;
}

it('the last ACK before TIME_WAIT is paid back like any other packet [tcp_fin, tcp_wfree]', () => {
  const w = new Pair({ stack: { tcp: tcpOptions({ timeWaitS: 1 }) } });
  const all = watched(w);
  w.server.run('server', function* (sys) {
    const fd = yield sys.accept(yield* listenOn(sys, 5));
    yield sys.read(fd, 10);
    yield sys.close(fd);
  });
  w.client.run('client', function* (sys) {
    const fd = yield* connectTo(sys, w.server);
    yield sys.write(fd, 1);
    yield sys.close(fd);
  });
  w.run();
  expect([...all].map((c) => [c.state, c.wmemAlloc])).toEqual([['TIME-WAIT', 0]]);
  expect(w.leftovers()).toEqual([]);
});

it('a socket that connects again is not paid back what its first connection was charged', () => {
  const w = new Pair({ nic: LATE });
  const all = watched(w);
  const charged: number[] = [];
  w.server.run('server', function* (sys) {
    yield sys.accept(yield* listenOn(sys, 5));
  });
  w.client.run('client', function* (sys) {
    const fd = yield sys.socket(NONBLOCK);
    yield sys.connect(fd, w.server.addr, 80);
    yield sys.shutdown(fd, SHUT_RDWR); // it is given up, with its SYN still in the device
    yield sys.connect(fd, w.server.addr, 80);
    charged.push(...[...all].map((c) => c.wmemAlloc));
    yield sys.nanosleep(ms(5));
    charged.push(...[...all].map((c) => c.wmemAlloc));
  });
  w.run(ms(20));
  expect(charged).toEqual([SYN, SYN, 0, 0]);
});
