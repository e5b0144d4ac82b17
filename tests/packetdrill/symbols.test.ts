import { describe, expect, it } from 'vitest';
import * as errnos from '../../src/base/errno.ts';
import * as options from '../../src/kernel/socket-options.ts';
import * as calls from '../../src/kernel/syscall.ts';
import { errnoValue, symbolValue, unknownSymbol } from '../../src/packetdrill/symbols.ts';

describe('constants', () => {
  it.each(
    Object.entries({
      SO_RCVBUF: 8,
      TCP_INQ: 36,
      SOCK_NONBLOCK: 0x800,
      MSG_ZEROCOPY: 0x400_0000,
      MSG_FASTOPEN: 0x2000_0000,
      SIOCINQ: 0x541b,
      TCP_CA_Loss: 4,
      TCPI_OPT_SYN_DATA: 32,
      SOF_TIMESTAMPING_OPT_ID: 128,
      SPLICE_F_MORE: 4,
      O_NONBLOCK: 0x800,
      EPOLLET: 0x8000_0000,
      NULL: 0,
    }),
  )('%s is %i [include/uapi]', (name, value) => {
    expect(symbolValue(name)).toBe(value);
  });

  it('have the values by which the simulated kernel knows them', () => {
    const shared = Object.entries({ ...calls, ...options, ...errnos }).flatMap(([name, value]) => {
      const known = symbolValue(name);
      return typeof value === 'number' && known !== undefined ? [[name, value >>> 0, known]] : [];
    });
    expect(shared.length).toBeGreaterThan(80);
    expect(shared.filter(([, ours, theirs]) => ours !== theirs)).toEqual([]);
  });

  it('are errors too, which are known apart as well', () => {
    expect([symbolValue('ENOMSG'), errnoValue('ENOMSG'), errnoValue('SO_RCVBUF')]).toEqual([
      42,
      42,
      undefined,
    ]);
  });

  it('are none that objects have by birth', () => {
    expect([symbolValue('constructor'), errnoValue('toString')]).toEqual([undefined, undefined]);
  });

  it('that nobody knows are named with what was probably meant', () => {
    expect(unknownSymbol('TCP_NODELEY')).toBe(
      'unknown symbol TCP_NODELEY; did you mean TCP_NODELAY?',
    );
    expect(unknownSymbol('QQQQQQQQ')).toBe('unknown symbol QQQQQQQQ');
  });
});
