/** socket, bind, listen, accept, connect, shutdown, close. */
import { NONBLOCK } from '../kernel/syscall.ts';
import { SS_UNCONNECTED } from '../kernel/sock-state.ts';
import type { Args } from './args.ts';
import type { CallContext, CallTable, Prepared } from './calls.ts';
import { one } from './rig.ts';

const AF_UNSPEC = 0;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0x80000;

export const SOCKET_CALLS: CallTable = {
  socket: (a, x) => {
    a.expect(3);
    a.ellipsis(0);
    const type = a.int(1) & ~SOCK_CLOEXEC;
    if ((type & ~NONBLOCK) !== SOCK_STREAM) a.refuse(a.text(1));
    if (a.int(2) !== 0 && a.int(2) !== 6) a.refuse(a.text(2));
    const after = (fd: number): void => {
      if (fd >= 0) x.flows.opened(a.call.result);
    };
    return { body: one((sys) => sys.socket(type & NONBLOCK)), opens: true, after };
  },
  bind: (a, x) => {
    a.expect(3);
    const fd = a.fd(0);
    const port = x.ends.bindPort;
    a.ellipsis(1);
    a.ellipsis(2);
    return { body: one((sys) => sys.bind(fd, port)) };
  },
  listen: (a, x) => {
    a.expect(2);
    const [fd, backlog] = [a.fd(0), a.int(1)];
    const after = (result: number): void => {
      if (result === 0) x.flows.listens(a.int(0));
    };
    return { body: one((sys) => sys.listen(fd, backlog)), after };
  },
  accept: (a, x) => {
    a.expect(3);
    return accept(a, x, 0);
  },
  accept4: (a, x) => {
    a.expect(4);
    const flags = a.int(3) & ~SOCK_CLOEXEC;
    if ((flags & ~NONBLOCK) !== 0) a.refuse(`with ${a.text(3)}`);
    return accept(a, x, flags);
  },
  connect: (a, x) => {
    a.expect(3);
    a.ellipsis(2);
    const fd = a.fd(0);
    const to = a.at(1);
    if (to.kind === 'int' && to.value === AF_UNSPEC && to.text === 'AF_UNSPEC')
      return { body: one((sys) => sys.disconnect(fd)) };
    a.ellipsis(1);
    const { remoteAddr, connectPort } = x.ends;
    return {
      body: one((sys) => sys.connect(fd, remoteAddr, connectPort)),
      before: () => beginsConnection(a, x),
    };
  },
  shutdown: (a) => {
    a.expect(2);
    const [fd, how] = [a.fd(0), a.int(1)];
    return { body: one((sys) => sys.shutdown(fd, how)) };
  },
  close: (a, x) => {
    a.expect(1);
    const fd = a.fd(0);
    return {
      body: one((sys) => sys.close(fd)),
      before: () => {
        x.fds.delete(a.int(0));
        x.flows.closed(a.int(0));
      },
    };
  },
};

function accept(a: Args, x: CallContext, flags: number): Prepared {
  const fd = a.fd(0);
  a.ellipsis(1);
  a.ellipsis(2);
  const after = (live: number): void => {
    const child = live < 0 ? null : x.sock(live);
    if (child !== null) x.flows.accepted(a.call.result, child.dport);
  };
  return { body: one((sys) => sys.accept(fd, flags)), opens: true, after };
}

/** The call connects if the socket (argument 0) is not connected yet. */
export function beginsConnection(a: Args, x: CallContext): void {
  if (x.sock(a.fd(0))?.state === SS_UNCONNECTED) x.flows.connects(a.int(0));
}
