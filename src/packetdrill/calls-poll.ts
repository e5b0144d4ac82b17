/** poll and epoll. */
import { EPOLL_CTL_DEL, EpollEvents, INFINITE, PollFd } from '../kernel/syscall.ts';
import type { Args, Fields } from './args.ts';
import type { CallTable } from './calls.ts';
import { one } from './rig.ts';

/** Of no effect: nothing here executes another program. */
const EPOLL_CLOEXEC = 0x80000;

export const POLL_CALLS: CallTable = {
  poll: (a) => {
    a.expect(3);
    const expected = a.structs(0).map((f) => f.only('fd', 'events', 'revents'));
    if (expected.length !== a.int(1)) a.refuse(`of ${a.int(1)} of ${expected.length} descriptors`);
    const fds = expected.map((f) => new PollFd(a.live(f.int('fd')), f.int('events')));
    const timeout = nanoseconds(a.int(2));
    const check = (): string | null => {
      for (const [i, f] of expected.entries()) {
        const wrong = eventsDifference('revents', f.int('revents', 0), fds[i]!.revents);
        if (wrong !== null) return `descriptor ${f.int('fd')}: ${wrong}`;
      }
      return null;
    };
    return { body: one((sys) => sys.poll(fds, timeout)), check };
  },
  epoll_create: (a) => {
    a.expect(1);
    if (a.int(0) <= 0) a.refuse(`of size ${a.int(0)}`);
    return { body: one((sys) => sys.epollCreate()), opens: true };
  },
  epoll_create1: (a) => {
    a.expect(1);
    if ((a.int(0) & ~EPOLL_CLOEXEC) !== 0) a.refuse(`with ${a.text(0)}`);
    return { body: one((sys) => sys.epollCreate()), opens: true };
  },
  epoll_ctl: (a) => {
    a.expect(4);
    const [ep, op, fd] = [a.fd(0), a.int(1), a.fd(2)];
    // Only EPOLL_CTL_DEL does without.
    const event = op !== EPOLL_CTL_DEL || a.at(3).kind === 'struct' ? a.struct(3) : null;
    if (event === null) a.given(3);
    const events = event === null ? 0 : event.int('events');
    const data = event === null ? 0 : dataOf(a, event);
    return { body: one((sys) => sys.epollCtl(ep, op, fd, events, data)) };
  },
  epoll_wait: (a) => {
    a.expect(4);
    const [ep, expected, max] = [a.fd(0), a.struct(1), a.int(2)];
    if (max > 4096) a.refuse(`of ${max} events`);
    const timeout = nanoseconds(a.int(3));
    const [events, data] = [expected.int('events'), dataOf(a, expected)];
    const into = new EpollEvents(Math.max(max, 0));
    const check = (n: number): string | null => {
      if (n < 0) return null;
      const [was, wasData] = n > 0 ? [into.events[0]!, into.data[0]!] : [0, 0];
      const wrong = eventsDifference('events', events, was);
      return wrong ?? (wasData === (data | 0) ? null : `data: expected ${data}, was ${wasData}`);
    };
    return { body: one((sys) => sys.epollWait(ep, into, max, timeout)), check };
  },
};

const nanoseconds = (ms: number): number => (ms < 0 ? INFINITE : ms * 1_000_000);

/** The data of an epoll event, whichever member of the union the script uses. */
function dataOf(a: Args, event: Fields): number {
  const members = ['fd', 'ptr', 'u32', 'u64'];
  event.only('events', ...members);
  const [name, more] = members.filter((m) => event.get(m) !== null);
  if (more !== undefined) a.refuse(`with ${name} and ${more}`);
  return name === undefined ? 0 : event.int(name);
}

function eventsDifference(name: string, expected: number, actual: number): string | null {
  if (expected >>> 0 === actual >>> 0) return null;
  return `${name}: expected 0x${(expected >>> 0).toString(16)}, was 0x${(actual >>> 0).toString(16)}`;
}
