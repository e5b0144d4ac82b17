// Connections between two threads on two hosts: set up, used, refused and closed.
import { describe, expect, it } from 'vitest';
import * as k from '../../../src/kernel/syscall.ts';
import { connectTo, listenOn, Pair } from './world.ts';

describe('a connection', () => {
  it('is made by connect and accept one round trip later, echoes, and closes to nothing', () => {
    const w = new Pair();
    const log: string[] = [];
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      const fd = yield sys.accept(l);
      log.push(`accepted at ${w.now}`);
      for (;;) {
        const n = yield sys.read(fd, 4096);
        if (n <= 0) break;
        yield sys.write(fd, n);
      }
      yield sys.close(fd);
      yield sys.close(l);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      log.push(`connected at ${w.now}`);
      expect(yield sys.write(fd, 1000)).toBe(1000);
      let got = 0;
      while (got < 1000) got += yield sys.read(fd, 4096);
      log.push(`echoed ${got} at ${w.now}`);
      yield sys.close(fd);
    });
    expect(w.run()).toBe('idle');
    expect(log).toEqual(['connected at 200000', 'accepted at 300000', 'echoed 1000 at 400000']);
    w.expectDrained();
  });

  it('is refused where nobody listens: ECONNREFUSED, once; the socket can be used again', () => {
    const w = new Pair();
    const results: number[] = [];
    w.client.run('client', function* (sys) {
      const fd = yield sys.socket();
      results.push(yield sys.connect(fd, w.server.addr, 9));
      results.push(yield sys.connect(fd, w.server.addr, 9));
      yield sys.close(fd);
    });
    w.run();
    expect(results).toEqual([-k.ECONNREFUSED, -k.ECONNREFUSED]);
    expect(w.server.stack.tcp.mib.OutRsts).toBe(2);
    w.expectDrained();
  });

  it('counts who accepts: two threads blocked in accept get one connection each', () => {
    const w = new Pair();
    const got: string[] = [];
    w.server.run('main', function* (sys) {
      const l = yield* listenOn(sys, 5);
      for (const name of ['a', 'b']) {
        yield sys.spawn(function* (own) {
          const fd = yield own.accept(l);
          got.push(`${name} ${fd}`);
          yield own.close(fd);
        }, name);
      }
    });
    for (const name of ['x', 'y']) {
      w.client.run(name, function* (sys) {
        const fd = yield* connectTo(sys, w.server);
        expect(yield sys.read(fd, 10)).toBe(0);
        yield sys.close(fd);
      });
    }
    w.run();
    expect(got.toSorted()).toEqual(['a 1', 'b 1']);
  });
});
