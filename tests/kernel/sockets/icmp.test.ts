// ICMP errors as a host takes them: which socket they are for, what its application sees, and what the host remembers.
import { describe, expect, it } from 'vitest';
import * as icmp from '../../../src/kernel/icmp.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { connectTo, listenOn, Pair, PORT, stay, type Side } from './world.ts';

const MS = 1e6;

/** The connection, or half-open one, that a side has; its own address first. */
function only(side: Side): { saddr: number; sport: number; daddr: number; dport: number } {
  const [first] = side.stack.ehash.all();
  return first!;
}

/** An error about the segment with this number that `side` has sent on its only connection. */
function unreachable(
  side: Side,
  code: number,
  seq: number,
  changes: Partial<icmp.IcmpError> = {},
): icmp.IcmpError {
  const s = only(side);
  return {
    type: icmp.ICMP_DEST_UNREACH,
    code,
    mtu: 0,
    src: s.saddr,
    sport: s.sport,
    dst: s.daddr,
    dport: s.dport,
    seq,
    ...changes,
  };
}

/** SND.UNA of the only connection of a side. */
function una(side: Side): number {
  const c = (only(side) as unknown as { c: { sndUna: number } }).c;
  return c.sndUna;
}

describe('ICMP "unreachable" while connect() waits', () => {
  const fails = (code: number, offset = 0): [number, number] => {
    const w = new Pair({ link: { delay: (500 * MS) as never } });
    const results: number[] = [];
    w.client.run('client', function* (sys) {
      const fd = yield sys.socket();
      results.push(yield sys.connect(fd, w.server.addr, PORT));
      yield* stay(sys);
    });
    w.run(10 * MS);
    w.client.stack.icmp(unreachable(w.client, code, una(w.client) + offset));
    w.run(20 * MS);
    return [results[0] ?? 0, w.client.mib.OutOfWindowIcmps];
  };

  it('ends it with the errno of its code [icmp_err_convert]', () => {
    expect(fails(icmp.ICMP_NET_UNREACH)).toEqual([-k.ENETUNREACH, 0]);
    expect(fails(icmp.ICMP_HOST_UNREACH)).toEqual([-k.EHOSTUNREACH, 0]);
    expect(fails(icmp.ICMP_PROT_UNREACH)).toEqual([-k.ENOPROTOOPT, 0]);
    expect(fails(icmp.ICMP_PORT_UNREACH)).toEqual([-k.ECONNREFUSED, 0]);
  });

  it('does nothing when it quotes a segment that was never sent (mutant: any number)', () => {
    expect(fails(icmp.ICMP_PORT_UNREACH, 5000)).toEqual([0, 1]);
  });
});

describe('ICMP "unreachable" for a connection', () => {
  const told = (recvErr: boolean): number[] => {
    const w = new Pair();
    const results: number[] = [];
    w.server.run('server', function* (sys) {
      yield* listenOn(sys, 5);
      yield* stay(sys);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      if (recvErr) yield sys.setsockopt(fd, k.SOL_IP, k.IP_RECVERR, 1);
      yield sys.nanosleep(10 * MS);
      const p = new k.PollFd(fd, 0);
      yield sys.poll([p], 0);
      results.push(p.revents & k.EPOLLERR);
      results.push(yield sys.getsockopt(fd, k.SOL_SOCKET, k.SO_ERROR));
      results.push(yield sys.getsockopt(fd, k.SOL_SOCKET, k.SO_ERROR));
      results.push(yield sys.write(fd, 10));
      yield* stay(sys);
    });
    w.run(5 * MS);
    w.client.stack.icmp(unreachable(w.client, icmp.ICMP_HOST_UNREACH, una(w.client)));
    w.run(100 * MS);
    return results;
  };

  it('is only told to who asks for SO_ERROR, and the connection goes on', () => {
    expect(told(false)).toEqual([0, k.EHOSTUNREACH, 0, 10]);
  });
  it('is an error of the socket with IP_RECVERR, and the connection goes on', () => {
    expect(told(true)).toEqual([k.EPOLLERR, k.EHOSTUNREACH, 0, 10]);
  });

  it('of nobody is counted', () => {
    const w = new Pair();
    w.client.stack.icmp({ type: 3, code: 1, mtu: 0, src: 1, sport: 1, dst: 2, dport: 2, seq: 0 });
    w.run(MS);
    expect(w.client.mib.IcmpInErrors).toBe(1);
  });
});

describe('ICMP "unreachable" about a SYN-ACK', () => {
  const halfOpen = (offset: number, code: number = icmp.ICMP_HOST_UNREACH): [number, number] => {
    const w = new Pair();
    w.server.run('server', function* (sys) {
      yield* listenOn(sys, 5);
      yield* stay(sys);
    });
    // The SYN-ACK is lost on the way.
    w.server.nic.wire = { mtu: 1500, transmit: (skb, when) => (skb.drop(skb.segs), when) };
    w.client.run('client', (sys) => connectTo(sys, w.server) as never);
    w.run(10 * MS);
    const r = only(w.server) as unknown as { request: { sntIsn: number } };
    w.server.stack.icmp(unreachable(w.server, code, r.request.sntIsn + offset));
    w.run(20 * MS);
    return [w.server.stack.ehash.size, w.server.mib.OutOfWindowIcmps];
  };
  it('ends a half-open connection when it quotes the right number, and not for every code [tcp_req_err]', () => {
    expect(halfOpen(0)).toEqual([0, 0]);
    expect(halfOpen(1)).toEqual([1, 1]);
    expect(halfOpen(0, icmp.ICMP_PORT_UNREACH)).toEqual([1, 0]);
  });
});

describe('ICMP "fragmentation needed"', () => {
  it('holds for the destination: for the connection that heard of it at once, for others from their next segment on, and for new ones', () => {
    const w = new Pair();
    const mtus: number[] = [];
    const sizes: number[] = [];
    w.server.run('server', function* (sys) {
      yield* listenOn(sys, 5);
      yield* stay(sys);
    });
    const real = w.client.nic.wire;
    w.client.nic.wire = {
      mtu: real.mtu,
      transmit: (skb, when) => {
        if (skb.len > 0) sizes.push(skb.segs > 1 ? skb.segSize : skb.len);
        return real.transmit(skb, when);
      },
    };
    w.client.run('client', function* (sys) {
      const a = yield* connectTo(sys, w.server);
      yield sys.nanosleep(10 * MS);
      mtus.push(yield sys.getsockopt(a, k.SOL_IP, k.IP_MTU));
      const b = yield* connectTo(sys, w.server);
      mtus.push(yield sys.getsockopt(b, k.SOL_IP, k.IP_MTU));
      yield sys.write(b, 5000);
      yield* stay(sys);
    });
    w.run(5 * MS);
    w.client.stack.icmp(unreachable(w.client, icmp.ICMP_FRAG_NEEDED, una(w.client), { mtu: 1000 }));
    w.run(50 * MS);
    expect(mtus).toEqual([1000, 1000]);
    expect(Math.max(...sizes)).toBe(1000 - 52);
    // The other side knows nothing of it.
    expect(w.server.stack.pathOf(w.server.nic).mtu).toBe(1500);
  });

  it('is not believed below 552, nor when the route is locked [net.ipv4.route.min_pmtu; ip-route(8) mtu lock]', () => {
    const after = (mtu: number, locked: boolean): number => {
      const w = new Pair();
      w.client.stack.changePath(w.client.nic, { mtuLocked: locked });
      return w.client.stack.reducePath(w.server.addr, w.client.nic, mtu).mtu;
    };
    expect([after(1200, false), after(300, false), after(1200, true), after(2000, false)]).toEqual([
      1200, 552, 1500, 1500,
    ]);
  });
});
