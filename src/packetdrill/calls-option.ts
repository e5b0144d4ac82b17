/** setsockopt, getsockopt, fcntl, ioctl. */
import { EBADF } from '../base/errno.ts';
import {
  CONGESTION_CONTROLS,
  IPPROTO_TCP,
  SIOCINQ,
  SIOCOUTQ,
  SIOCOUTQNSD,
  SO_LINGER,
  SO_RCVTIMEO,
  SO_SNDTIMEO,
  SOL_IP,
  SOL_SOCKET,
  TCP_CONGESTION,
  TCP_FASTOPEN_KEY,
  TCP_INFO,
} from '../kernel/syscall.ts';
import { O_NONBLOCK, O_RDWR, type Args } from './args.ts';
import type { CallContext, CallTable, Prepared } from './calls.ts';
import { one } from './rig.ts';

/** struct linger: two ints. */
const LINGER_SIZE = 8;
const F_GETFL = 3;
const F_SETFL = 4;

export const OPTION_CALLS: CallTable = {
  setsockopt: (a) => {
    a.expect(5);
    const [fd, level, option] = [a.fd(0), a.int(1), a.int(2)];
    const value = optionValue(a, level, option);
    return { body: one((sys) => sys.setsockopt(fd, level, option, value)), lacks: a.text(2) };
  },
  getsockopt: (a) => {
    a.expect(5);
    const [fd, level, option] = [a.fd(0), a.int(1), a.int(2)];
    return getOption(a, fd, level, option);
  },
  fcntl: (a, x) => {
    const command = a.int(1);
    if (command === F_GETFL) {
      a.expect(2);
      const fd = a.fd(0);
      return { body: immediate(() => flagsOf(x, fd)) };
    }
    a.expect(3);
    if (command !== F_SETFL) a.refuse(a.text(1));
    const [fd, flags] = [a.fd(0), a.int(2)];
    if ((flags & ~(O_RDWR | O_NONBLOCK)) !== 0) a.refuse(`F_SETFL with ${a.text(2)}`);
    return { body: one((sys) => sys.setNonblock(fd, (flags & O_NONBLOCK) !== 0)) };
  },
  ioctl: (a) => {
    a.expect(3);
    const [fd, request, expected] = [a.fd(0), a.int(1), a.boxed(2)];
    if (request !== SIOCINQ && request !== SIOCOUTQ && request !== SIOCOUTQNSD) a.refuse(a.text(1));
    return returning(
      one((sys) => sys.ioctl(fd, request)),
      expected,
    );
  },
};

/** A call that the host answers with a number, where Linux answers 0 and leaves the number in memory. */
function returning(body: Prepared['body'], expected: number, lacks?: string): Prepared {
  let value = 0;
  return {
    body: function* (sys) {
      value = yield* body(sys);
      return value < 0 ? value : 0;
    },
    // A call that fails leaves the memory as it was.
    check: (result) =>
      result < 0 || value >>> 0 === expected >>> 0
        ? null
        : `value: expected ${expected}, was ${value}`,
    ...(lacks === undefined ? {} : { lacks }),
  };
}

function immediate(result: () => number): Prepared['body'] {
  // eslint-disable-next-line require-yield -- what no system call tells is looked up
  return function* () {
    return result();
  };
}

function flagsOf(x: CallContext, fd: number): number {
  const nonblock = x.nonblock(fd);
  return nonblock === null ? -EBADF : O_RDWR | (nonblock ? O_NONBLOCK : 0);
}

/** What the host takes for the value: as socket-options.ts says. */
function optionValue(a: Args, level: number, option: number): number | Uint8Array {
  if (level === SOL_SOCKET && option === SO_LINGER) return lingerOf(a, a.int(4));
  if (level === SOL_SOCKET && (option === SO_RCVTIMEO || option === SO_SNDTIMEO))
    return a.refuse(a.text(2));
  if (level === IPPROTO_TCP && option === TCP_CONGESTION) return congestionOf(a, a.int(4));
  if (level === IPPROTO_TCP && option === TCP_FASTOPEN_KEY) return bytesOf(a);
  const value = a.boxed(3);
  if (a.int(4) === 4) return value;
  // ip_setsockopt() takes a single byte as well.
  if (level === SOL_IP && a.int(4) === 1) return value & 0xff;
  return a.refuse(`${a.text(2)} of ${a.int(4)} bytes`);
}

/** `{onoff=1, linger=0}`: seconds, −1 for off. @param length that the call gives */
function lingerOf(a: Args, length: number): number {
  if (length !== LINGER_SIZE) a.refuse(`SO_LINGER of ${length} bytes`);
  const value = a.struct(3).only('onoff', 'linger');
  return value.int('onoff') === 0 ? -1 : value.int('linger');
}

/** @param length of the name, as the call gives it: what is beyond the string is zeros */
function congestionOf(a: Args, length: number): number {
  const name = a.string(3).slice(0, Math.max(length, 0));
  const index = (CONGESTION_CONTROLS as readonly string[]).indexOf(name);
  return index < 0 ? a.refuse(`TCP_CONGESTION "${name}"`) : index;
}

/** A string's bytes, as many as the call says: behind the string there is nothing but zeros. */
function bytesOf(a: Args): Uint8Array {
  const bytes = a.string(3);
  const length = a.int(4);
  return Uint8Array.from({ length }, (_, i) => (i < bytes.length ? bytes.charCodeAt(i) : 0));
}

function getOption(a: Args, fd: number, level: number, option: number): Prepared {
  const body = one((sys) => sys.getsockopt(fd, level, option));
  const lacks = a.text(2);
  if (level === IPPROTO_TCP && (option === TCP_INFO || option === TCP_FASTOPEN_KEY))
    return a.refuse(lacks);
  if (level === IPPROTO_TCP && option === TCP_CONGESTION) {
    // As many bytes as the name has: with more, the zeros behind it would be compared too.
    const length = a.boxed(4);
    if (length !== a.string(3).length) a.refuse(`${lacks} of ${length} bytes`);
    return returning(body, congestionOf(a, length), lacks);
  }
  if (level === SOL_SOCKET && (option === SO_RCVTIMEO || option === SO_SNDTIMEO))
    return a.refuse(lacks);
  if (level === SOL_SOCKET && option === SO_LINGER) {
    // −1, for off, is a value here; the host has no other negative one for it.
    const linger: Prepared['body'] = function* (sys) {
      return Math.max((yield sys.getsockopt(fd, level, option)) + 1, -1);
    };
    return returning(linger, lingerOf(a, a.boxed(4)) + 1, lacks);
  }
  if (a.boxed(4) !== 4) a.refuse(`${lacks} of ${a.boxed(4)} bytes`);
  return returning(body, a.boxed(3), lacks);
}
