/** Edge-triggered epoll: an edge is new data, not a buffer that was empty before. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ms } from '../../src/base/units.ts';
import { Epoll } from '../../src/kernel/epoll.ts';
import * as k from '../../src/kernel/syscall.ts';
import { connectTo, listenOn, Pair, stay } from '../kernel/sockets/world.ts';
import { inShort, run } from '../packetdrill/support.ts';

/** The mutant: an edge-triggered file that has been told of is not told of again while it stays readable. */
function tellOnce(): void {
  const told = new Set<object>();
  // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
  const { markReady } = Epoll.prototype;
  vi.spyOn(Epoll.prototype, 'markReady').mockImplementation(function (this: Epoll, item) {
    if ((item.events & k.EPOLLET) !== 0 && told.has(item)) return;
    told.add(item);
    markReady.call(this, item);
  });
}
afterEach(() => void vi.restoreAllMocks());

/** Events and times, ms, when 1,000 B come every 10 ms, four times, and `read` of them are read at each event. */
function events(mode: number, read: number): string[] {
  const w = new Pair();
  const seen: string[] = [];
  w.server.run('server', function* (sys) {
    const fd = yield sys.accept(yield* listenOn(sys, 5), k.NONBLOCK);
    const ep = yield sys.epollCreate();
    yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd, k.EPOLLIN | mode, 7);
    const ev = new k.EpollEvents(4);
    while (seen.length < 8 && (yield sys.epollWait(ep, ev, 4, ms(50))) > 0) {
      seen.push(`${ev.data[0]}:${ev.events[0]}@${Math.round(w.now / 1e6)}`);
      if (read > 0) yield sys.read(fd, read);
    }
    yield* stay(sys);
  });
  w.client.run('client', function* (sys) {
    const fd = yield* connectTo(sys, w.server);
    for (let i = 0; i < 4; i++) {
      yield sys.write(fd, 1000);
      yield sys.nanosleep(ms(10));
    }
    yield* stay(sys);
  });
  w.run(ms(200));
  return seen;
}

const EACH = ['7:1@0', '7:1@10', '7:1@20', '7:1@30'];

describe('EPOLLET tells of new data, whether or not what was there has been read [validation K5; ep_poll_callback()]', () => {
  it.each([0, 400, 1000, 65_536])('reading %i bytes an event, once for each arrival', (read) => {
    expect(events(k.EPOLLET, read)).toEqual(EACH);
  });

  it('[mutant] level-triggered goes on about what is left', () => {
    // Of 1,000 B three reads take 400, 400 and 200.
    const thrice = EACH.flatMap((e) => [e, e, e]);
    expect(events(0, 400)).toEqual(thrice.slice(0, 8));
  });

  it('[mutant] a kernel that tells once of what is not drained', () => {
    tellOnce();
    expect(events(k.EPOLLET, 400)).toEqual(EACH.slice(0, 1));
  });
});

const SCRIPTS = join(import.meta.dirname, '..', 'packetdrill', 'scripts');
const script = (name: string): string =>
  inShort(run(readFileSync(join(SCRIPTS, `${name}.pkt`), 'utf8')));

describe('the event lists of scripts that pass on Linux 6.18 [validation K5]', () => {
  it.each([
    'own/epoll-in-modes',
    'own/epoll-out-level',
    'own/epoll-blocking-wait',
    'own/epoll-reset',
    'api/epoll-et-oneshot-rearm',
    'api/epollout-one-third',
    'api/connect-nonblocking-epoll',
  ])('%s', (name) => {
    expect(script(name)).toBe('pass');
  });

  it.each(['own/epoll-in-modes', 'api/epoll-et-oneshot-rearm'])(
    '[mutant] %s notices a kernel that tells once of what is not drained',
    (name) => {
      tellOnce();
      expect(script(name)).toMatch(/^fail/);
    },
  );
});
