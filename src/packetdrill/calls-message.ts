/** read, write and all that send or receive. */
import {
  AF_INET,
  MSG_FASTOPEN,
  MsgHdr,
  type BadAddress,
  type Control,
  type Iovec,
  type SockAddr,
} from '../kernel/syscall.ts';
import { Fields, wordFor, type Args } from './args.ts';
import type { Expr } from './ast.ts';
import type { CallContext, CallTable, Prepared } from './calls.ts';
import { beginsConnection } from './calls-socket.ts';
import { one, type Ends } from './rig.ts';

/** Flags that the host knows (include/linux/socket.h): all others would be ignored in silence. */
const KNOWN_FLAGS: readonly (readonly [number, string])[] = [
  [0x2, 'MSG_PEEK'],
  [0x20, 'MSG_TRUNC'],
  [0x40, 'MSG_DONTWAIT'],
  [0x80, 'MSG_EOR'],
  [0x100, 'MSG_WAITALL'],
  [0x4000, 'MSG_NOSIGNAL'],
  [0x8000, 'MSG_MORE'],
  [MSG_FASTOPEN, 'MSG_FASTOPEN'],
];

const peerOf = ({ remoteAddr, connectPort }: Ends): SockAddr => ({
  family: AF_INET,
  addr: remoteAddr,
  port: connectPort,
});

export const MESSAGE_CALLS: CallTable = {
  read: (a) => {
    a.expect(3);
    const [fd, count, into] = readBuffer(a);
    return { body: one((sys) => sys.read(fd, count, into)) };
  },
  write: (a, x) => {
    a.expect(3);
    const [fd, data] = [a.fd(0), a.buffer(1, a.int(2))];
    return sending(a, x, { body: one((sys) => sys.write(fd, data)) });
  },
  recv: (a) => {
    a.expect(4);
    const [fd, count, into] = readBuffer(a);
    const flags = flagsAt(a, 3);
    return { body: one((sys) => sys.recv(fd, count, flags, into)) };
  },
  recvfrom: (a) => {
    a.expect(6);
    const [fd, count, into] = readBuffer(a);
    const flags = flagsAt(a, 3);
    // TCP writes no address there (inet_recvmsg).
    a.given(4);
    a.given(5);
    return { body: one((sys) => sys.recv(fd, count, flags, into)) };
  },
  send: (a, x) => {
    a.expect(4);
    const [fd, data, flags] = [a.fd(0), a.buffer(1, a.int(2)), flagsAt(a, 3)];
    return sending(a, x, { body: one((sys) => sys.send(fd, data, flags)) });
  },
  sendto: (a, x) => {
    a.expect(6);
    const [fd, data, flags] = [a.fd(0), a.buffer(1, a.int(2)), flagsAt(a, 3)];
    const to = addressAt(a, x, 4);
    if (!a.given(5) && to !== null) a.ellipsis(5);
    return sending(a, x, { body: one((sys) => sys.sendto(fd, data, flags, to)) });
  },
  sendmsg: (a, x) => {
    a.expect(3);
    const [fd, msg, flags] = [a.fd(0), a.struct(1), flagsAt(a, 2)];
    const name = namesPeer(a, msg) ? peerOf(x.ends) : null;
    const header = new MsgHdr(partsOfMessage(a, msg), name);
    msg.only('msg_name', 'msg_iov', 'msg_flags');
    if (msg.int('msg_flags', 0) !== 0) a.refuse('with msg_flags');
    return sending(a, x, { body: one((sys) => sys.sendmsg(fd, header, flags)) });
  },
  recvmsg: (a) => {
    a.expect(3);
    const [fd, msg, flags] = [a.fd(0), a.struct(1), flagsAt(a, 2)];
    namesPeer(a, msg);
    const header = new MsgHdr(partsOfMessage(a, msg));
    msg.only('msg_name', 'msg_iov', 'msg_flags', 'msg_control');
    const wanted = controlOf(a, msg);
    const check = (): string | null => {
      const expected = msg.int('msg_flags', 0);
      if (header.flags !== expected)
        return `msg_flags: expected ${hex(expected)}, was ${hex(header.flags)}`;
      return wanted === null ? null : controlDifference(wanted, header.control);
    };
    return { body: one((sys) => sys.recvmsg(fd, header, flags)), check };
  },
  readv: (a) => {
    a.expect(3);
    const [fd, header] = [a.fd(0), vectorOf(a)];
    return { body: one((sys) => sys.recvmsg(fd, header, 0)) };
  },
  writev: (a, x) => {
    a.expect(3);
    const [fd, header] = [a.fd(0), vectorOf(a)];
    return sending(a, x, { body: one((sys) => sys.sendmsg(fd, header, 0)) });
  },
};

const hex = (n: number): string => `0x${n.toString(16)}`;

function readBuffer(a: Args): [fd: number, count: number, into: BadAddress | null] {
  const count = a.int(2);
  const into = a.buffer(1, count);
  return [a.fd(0), count, typeof into === 'number' ? null : into];
}

/** What sends may begin the connection (MSG_FASTOPEN). */
function sending(a: Args, x: CallContext, p: Prepared): Prepared {
  return { ...p, before: () => beginsConnection(a, x) };
}

function flagsAt(a: Args, i: number): number {
  const flags = a.int(i);
  const left = KNOWN_FLAGS.reduce((rest, [bit]) => rest & ~bit, flags);
  if (left !== 0) a.refuse(`with ${a.text(i)}`);
  return flags;
}

function addressAt(a: Args, x: CallContext, i: number): SockAddr | null {
  const e = a.at(i);
  if (e.kind === 'int' && e.text === 'AF_UNSPEC') return { family: e.value, addr: 0, port: 0 };
  return a.given(i) ? peerOf(x.ends) : null;
}

/** `msg_name(...)=...`: the script's side; false: it is left out. */
function namesPeer(a: Args, msg: Fields): boolean {
  const name = msg.get('msg_name');
  if (name === null) return false;
  const length = msg.lengthOf('msg_name');
  if (name.kind !== 'ellipsis') a.refuse('with such a msg_name');
  if (length !== null && length.kind !== 'ellipsis') a.refuse(`with msg_name(${wordFor(length)})`);
  return true;
}

/** `msg_iov(n)=[{..., length}, …]` */
function partsOfMessage(a: Args, msg: Fields): Iovec[] {
  const parts = partsOf(a, msg.get('msg_iov'));
  const count = msg.lengthOf('msg_iov');
  if (count !== null && (count.kind !== 'int' || count.value !== parts.length))
    a.refuse(`with msg_iov(${wordFor(count)}) of ${parts.length} parts`);
  return parts;
}

/** `[{..., length}, …]` */
function partsOf(a: Args, iov: Expr | null): Iovec[] {
  if (iov?.kind !== 'list') return a.refuse('with such a msg_iov');
  return iov.items.map((e) => {
    const [base, length] = e.kind === 'tuple' && e.items.length === 2 ? e.items : [];
    if (base?.kind !== 'ellipsis' || length?.kind !== 'int')
      return a.refuse('with such a part in msg_iov');
    return length.value;
  });
}

/** `writev(fd, [{..., length}, …], n)` */
function vectorOf(a: Args): MsgHdr {
  const parts = partsOf(a, a.at(1));
  if (parts.length !== a.int(2)) a.refuse(`with ${a.int(2)} of ${parts.length} parts`);
  return new MsgHdr(parts);
}

/** The control messages that the script expects; null: it does not ask for any. */
function controlOf(a: Args, msg: Fields): Control[] | null {
  const list = msg.get('msg_control');
  if (list === null) return null;
  if (list.kind !== 'list') return a.refuse('with such a msg_control');
  return list.items.map((e) => {
    if (e.kind !== 'struct') return a.refuse('with such a control message');
    const c = new Fields(a, e).only('cmsg_level', 'cmsg_type', 'cmsg_data');
    return { level: c.int('cmsg_level'), type: c.int('cmsg_type'), data: c.int('cmsg_data') };
  });
}

function controlDifference(wanted: readonly Control[], actual: readonly Control[]): string | null {
  const [w, a] = [wanted, actual].map((list) =>
    list.map((c) => `${c.level}/${c.type}: ${c.data}`).join(', '),
  );
  return w === a ? null : `control messages: expected [${w}], were [${a}]`;
}
