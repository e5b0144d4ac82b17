// The interpreter's own eyes: mini-scripts that differ in one thing from what the host does must fail on that line and say
// which thing; what is not understood is unsupported and never a pass. Each case is a mutant of a script that passes.
import { describe, expect, test } from 'vitest';
import { FLAG_ACK, FLAG_SYN, NO_IP_INFO, type TcpPacket } from '../../src/packetdrill/ast.ts';
import { payloadDifference } from '../../src/packetdrill/match.ts';
import { inShort, lineAfter, LISTEN, run, SERVER } from './support.ts';

type Case = readonly [what: string, after: string, says: string];

const AFTER = lineAfter(SERVER);
/** One segment from the peer, and the ACK that answers it at once. */
const ASK = '+.01 < P. 1:1001(1000) ack 1 win 300\n';
/** One write of two segments and its wire image. */
const WRITE = '+.01 write(4, ..., 2000) = 2000\n';

describe('what the host does passes', () => {
  test.each([
    ['an ACK', `${ASK}+0 > . 1:1(0) ack 1001\n`],
    ['a write', `${WRITE}+0 > P. 1:2001(2000) ack 1\n`],
    ['a window of time', `${WRITE}+0~+.01 > P. 1:2001(2000) ack 1\n`],
    ['any time', `${WRITE}* > P. 1:2001(2000) ack 1\n`],
    ['an absolute time', `${WRITE}.11 > P. 1:2001(2000) ack 1\n`],
    ['a packet that is not quite on time', `${WRITE}+.003 > P. 1:2001(2000) ack 1\n`],
    ['options that are not looked at', `${WRITE}+0 > P. 1:2001(2000) ack 1 <...>\n`],
    ['packets after the last line', WRITE],
  ])('%s', (_, after) => {
    expect(inShort(run(SERVER + after))).toBe('pass');
  });
});

describe('a packet that differs fails, and the message says in what', () => {
  test.each<Case>([
    ['sequence number', `${WRITE}+0 > P. 2:2002(2000) ack 1`, 'sequence number: expected 2, was 1'],
    ['acknowledgment', `${ASK}+0 > . 1:1(0) ack 1000`, 'acknowledgment: expected 1000, was 1001'],
    ['window', `${ASK}+0 > . 1:1(0) ack 1001 win 7`, 'window: expected 7, was 1'],
    ['urgent pointer', `${ASK}+0 > . 1:1(0) ack 1001 urg 1`, 'urgent pointer: expected 1, was 0'],
    ['a flag too many', `${WRITE}+0 > . 1:2001(2000) ack 1`, 'flag PSH is not expected'],
    ['a flag too few', `${ASK}+0 > F. 1:1(0) ack 1001`, 'flag FIN is missing'],
    ['ECN bits', `${ASK}+0 > [ect0] . 1:1(0) ack 1001`, 'ECN bits: expected ect0, was noecn'],
    ['TOS', `${ASK}+0 > (tos 0x10) . 1:1(0) ack 1001`, 'TOS: expected 16, was 0'],
    ['payload too long', `${WRITE}+0 > P. 1:1001(1000) ack 1`, 'expected 1000 bytes, was 2000'],
    [
      'payload too short',
      `${WRITE}+0 > P. 1:3001(3000) ack 1`,
      'the next packet is not the next in sequence',
    ],
    [
      'an option too many',
      `${ASK}+0 > . 1:1(0) ack 1001 <nop,nop,nop,nop>`,
      'option nop is missing',
    ],
    [
      'too early',
      `+.01 write(4, ..., 1000) = 1000\n+.01 > P. 1:1001(1000) ack 1`,
      'at 0.110000 s, expected at 0.120000',
    ],
    [
      'too late',
      '+.01 write(4, ..., 1000) = 1000\n+0 > P. 1:1001(1000) ack 1\n+.01 > P. 1:1001(1000) ack 1',
      'expected at 0.120000',
    ],
    [
      'outside its window of time',
      `${WRITE}+.01~+.02 > P. 1:2001(2000) ack 1`,
      'expected from 0.120000 to 0.130000',
    ],
    ['never sent', `${ASK}+0 > . 1:1(0) ack 1001\n+0 > . 1:1(0) ack 1001`, 'no packet came'],
  ])('%s', (_, after, says) => {
    const verdict = run(`${SERVER}${after}\n`);
    expect(inShort(verdict)).toContain(says);
    expect(verdict.verdict).toBe('fail');
    expect(verdict.line).toBe(AFTER + after.split('\n').length - 1);
    expect(verdict.scriptPacket).not.toBeNull();
  });

  const SYN =
    '+0 < S 0:0(0) win 30000 <mss 1000,sackOK,nop,nop,nop,wscale 7>\n+0 > S. 0:0(0) ack 1 ';
  test.each<Case>([
    ['order', '<mss 1460,nop,nop,sackOK,wscale 8,nop>', 'options: expected wscale, was nop'],
    ['value', '<mss 1461,nop,nop,sackOK,nop,wscale 8>', 'option mss: expected 1461, was 1460'],
    ['missing', '<mss 1460,nop,nop,sackOK>', 'option nop is not expected'],
    [
      'one too many',
      '<mss 1460,nop,nop,sackOK,nop,wscale 8,nop,nop,nop,nop>',
      'option nop is missing',
    ],
  ])('options: %s', (_, options, says) => {
    expect(inShort(run(`${LISTEN}${SYN}<mss 1460,nop,nop,sackOK,nop,wscale 8>\n`))).toBe('pass');
    expect(inShort(run(`${LISTEN}${SYN}${options}\n`))).toContain(says);
  });

  test('SACK blocks, in their order', () => {
    const hole = '+0 < . 2001:3001(1000) ack 1 win 300\n+0 > . 1:1(0) ack 1 ';
    expect(inShort(run(`${SERVER}${hole}<nop,nop,sack 2001:3001>\n`))).toBe('pass');
    expect(inShort(run(`${SERVER}${hole}<nop,nop,sack 2001:3002>\n`))).toContain('option sack');
  });

  test('both packets are told in the notation of scripts', () => {
    const verdict = run(`${SERVER}${WRITE}+0 > P. 2:2002(2000) ack 1\n`);
    expect(verdict.scriptPacket).toBe('P. 2:2002(2000) ack 1');
    expect(verdict.actualPacket).toMatch(/^P\. 1:2001\(2000\) ack 1 win \d+$/);
  });
});

test('the bytes of a segment are those that belong at its sequence number', () => {
  const packet = (flags: number, seq: number, len: number): TcpPacket => ({
    kind: 'tcp',
    ip: NO_IP_INFO,
    ports: null,
    flags,
    seq,
    end: seq + len,
    len,
    ack: 1,
    win: 1,
    urg: 0,
    options: [],
  });
  expect(payloadDifference(packet(FLAG_ACK, 1001, 1000), 1000)).toBeNull();
  expect(payloadDifference(packet(FLAG_ACK, 1001, 1000), 0)).toContain('stand at 1001');
  expect(payloadDifference(packet(FLAG_SYN, 77, 1000), 0)).toBeNull();
  expect(payloadDifference(packet(FLAG_SYN, 77, 1000), 76)).toContain('bytes from 76');
  expect(payloadDifference(packet(FLAG_ACK, 1001, 0), -1)).toBeNull();
});

describe('bursts', () => {
  const big = '+.01 write(4, ..., 10000) = 10000\n';
  test('one line may stand for several packets, unless segments are strict', () => {
    const after = `${big}+0 > P. 1:10001(10000) ack 1\n`;
    expect(inShort(run(SERVER + after))).toBe('pass');
    expect(inShort(run(`--strict_segments\n${SERVER}${after}`))).toContain('was 2000');
  });
  test('a burst is in sequence, and ends where the line says', () => {
    expect(inShort(run(`${SERVER}${big}+0 > P. 1:9001(9000) ack 1\n`))).toContain('was 10000');
  });
});

describe('--strict', () => {
  const strict = (after: string, head = ''): string =>
    inShort(run(head + SERVER + after, { strict: true }));
  test('allows no microsecond', () => {
    const late = `${WRITE}+.000001 > P. 1:2001(2000) ack 1\n`;
    expect(inShort(run(SERVER + late))).toBe('pass');
    expect(strict(late)).toContain('tolerance 0.000000');
    expect(strict(`${WRITE}+0 > P. 1:2001(2000) ack 1\n`)).toBe('pass');
  });
  test('leaves a tolerance that the file gives, with the percentage that belongs to it', () => {
    const late = `${WRITE}+.000100 > P. 1:2001(2000) ack 1\n`;
    expect(strict(late, '--tolerance_usecs=100\n')).toBe('pass');
    expect(strict(late, '--tolerance_usecs=99\n')).toContain('tolerance 0.000099');
    const seconds = `+0...2.2 poll([{fd=4, events=POLLIN}], 1, 2000) = 0\n+2.5 close(4) = 0\n+0 > F. 1:1(0) ack 1\n`;
    expect(strict(seconds)).toContain('expected at 2.300000');
    expect(strict(seconds, '--tolerance_usecs=99\n')).toBe('pass');
  });
  test('wants every packet read that was sent before the script ends', () => {
    expect(strict(WRITE)).toContain('no line reads a packet sent at 0.110000 s');
    expect(strict(`${WRITE}+0 > P. 1:2001(2000) ack 1\n+.1 < . 1:1(0) ack 2001 win 300\n`)).toBe(
      'pass',
    );
  });
  test('does not count what closing at the end sends, nor what would come later', () => {
    expect(strict(`${WRITE}+0 > P. 1:2001(2000) ack 1\n+.1 read(4, NULL, 0) = 0\n`)).toBe('pass');
  });
});

describe('numbers are the script’s', () => {
  test('both sides may begin anywhere', () => {
    const text = `${LISTEN}+0 < S 4294967000:4294967000(0) win 30000 <mss 1000>
+0 > S. 777:777(0) ack 4294967001 <mss 1460>
+0 < . 1:1(0) ack 1 win 30000
+0 accept(3, ..., ...) = 4
+0 < P. 1:1001(1000) ack 1 win 30000
+0 > . 1:1(0) ack 1001
`;
    expect(inShort(run(text, { strict: true }))).toBe('pass');
  });

  const TS = `${LISTEN}+0 < S 0:0(0) win 30000 <mss 1000,sackOK,TS val 700 ecr 0,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 100 ecr 700,nop,wscale 8>
`;
  test('an echo is what the host sent where the script has that TS val', () => {
    const open = `${TS}+.1 < . 1:1(0) ack 1 win 300 <nop,nop,TS val 800 ecr 100>\n`;
    const next = (ecr: number): string =>
      `+0 accept(3, ..., ...) = 4
+0 %{ assert 99000 <= tcpi_rtt <= 101000, tcpi_rtt }%
+0 < P. 1:1001(1000) ack 1 win 300 <nop,nop,TS val 801 ecr ${ecr}>
+0 > . 1:1(0) ack 1001 <...>
`;
    expect(inShort(run(open + next(100)))).toBe('pass');
    expect(inShort(run(open + next(101)))).toContain('TS ecr 101');
    expect(inShort(run(`--tcp_ts_ecr_scaled\n${open}${next(101)}`))).toBe('pass');
  });
  test('the echo that the host sends is compared, tick or none', () => {
    const next = (ecr: number): string =>
      `+.1 < P. 1:1001(1000) ack 1 win 300 <nop,nop,TS val 800 ecr 100>
+0 > . 1:1(0) ack 1001 <nop,nop,TS val 200 ecr ${ecr}>\n`;
    expect(inShort(run(TS + next(800)))).toBe('pass');
    expect(inShort(run(TS + next(801)))).toContain('option TS: expected ecr 801, was 800');
  });
  test('an option that is not modelled does not pass for one that Linux refuses', () => {
    const zerocopy = (result: string): string =>
      `${LISTEN}+0 setsockopt(3, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = ${result}\n`;
    for (const result of ['0', '-1', '-1 ENOPROTOOPT (Protocol not available)'])
      expect(run(zerocopy(result)).verdict).toBe('unsupported');
  });
  test('memory is not looked at behind a call that fails', () => {
    const asked = (result: string): string => `${LISTEN}+0 ioctl(3, SIOCINQ, [1]) = ${result}\n`;
    expect(inShort(run(asked('-1 EINVAL (Invalid argument)')))).toBe('pass');
    expect(run(asked('0')).verdict).toBe('fail');
  });
  test('--dry_run says what is not modelled, too', () => {
    const text = '--dry_run\n+0 < udp (100)\n';
    expect(run(text).verdict).toBe('unsupported');
  });
  test('TS values are compared when the length of a tick is known', () => {
    const next = (val: number): string =>
      `+.1 < P. 1:1001(1000) ack 1 win 300 <nop,nop,TS val 800 ecr 100>
+0 > . 1:1(0) ack 1001 <nop,nop,TS val ${val} ecr 800>\n`;
    const tick = '--tcp_ts_tick_usecs=1000\n';
    expect(inShort(run(TS + next(900)))).toBe('pass');
    expect(inShort(run(tick + TS + next(200)))).toBe('pass');
    expect(inShort(run(tick + TS + next(213)))).toContain('option TS: expected val 213, was 200');
  });
});

describe('calls', () => {
  test.each<Case>([
    ['a result', '+0 write(4, ..., 1000) = 999', 'write: expected 999, was 1000'],
    ['an error for a result', '+0 read(3, ..., 1) = 1', 'expected 1, was -1 ENOTCONN'],
    ['another error', '+0 read(3, ..., 1) = -1 EAGAIN', 'expected -1 EAGAIN, was -1 ENOTCONN'],
    [
      'a descriptor for an error',
      '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = -1 EMFILE',
      'expected -1 EMFILE, was',
    ],
    ['a descriptor that is not there', '+0 close(9) = 0', 'there is no descriptor 9'],
    [
      'a descriptor that was closed',
      '+0 close(4) = 0\n+0 close(4) = 0',
      'there is no descriptor 4',
    ],
    [
      'the value of an option',
      '+0 getsockopt(4, SOL_TCP, TCP_NODELAY, [1], [4]) = 0',
      'expected 1, was 0',
    ],
    ['the flags of a descriptor', '+0 fcntl(4, F_GETFL) = 0x802', 'expected 2050, was 2'],
    [
      'revents',
      '+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLIN}], 1, 0) = 1',
      'descriptor 4: revents: expected 0x1, was 0x4',
    ],
    [
      'the first event',
      '+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT, fd=4}) = 0\n' +
        '+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1',
      'epoll_wait: events: expected 0x1, was 0x4',
    ],
    [
      'the data of the first event',
      '+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT, fd=4}) = 0\n' +
        '+0 epoll_wait(5, {events=EPOLLOUT, fd=5}, 1, 0) = 1',
      'epoll_wait: data: expected 5, was 4',
    ],
    ['a call that never returns', '+0 accept(3, ..., ...) = 5', 'accept: never returns'],
    [
      'a sleeper that wakes too early',
      '+0....5 read(4, ..., 1000) = 1000\n+.1 < P. 1:1001(1000) ack 1 win 300\n+.5 write(4, ..., 1) = 1',
      'its return happened at 0.200000 s, expected at 0.600000',
    ],
    [
      'a sleeper that wakes too late',
      '+0...0.1 read(4, ..., 1000) = 1000\n+.2 < P. 1:1001(1000) ack 1 win 300',
      'its return happened at 0.300000 s, expected at 0.200000',
    ],
    ['a sleeper that never wakes', '+0...0.1 read(4, ..., 1000) = 1000', 'still sleeps at the end'],
    [
      'two sleepers',
      '+0...0.1 read(4, ..., 1000) = 1000\n+0...0.1 accept(3, ..., ...) = 5',
      'accept: read still sleeps',
    ],
  ])('%s fails', (_, after, says) => {
    const verdict = run(`${SERVER}${after}\n`);
    expect(inShort(verdict)).toContain(says);
    expect(verdict.verdict).toBe('fail');
  });

  test('a sleeper wakes while the script goes on, to the microsecond', () => {
    const after = `+0....2 read(4, ..., 1000) = 1000
+.2 < P. 1:1001(1000) ack 1 win 300
+0 > . 1:1(0) ack 1001
`;
    expect(inShort(run(SERVER + after, { strict: true }))).toBe('pass');
  });

  test('the script acts before what the host’s timers do at the same instant', () => {
    // A read that gives up at 0.3 s and data at 0.3 s: the data is there first.
    const after = `+0....2 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 200) = 1
+.2 < P. 1:1001(1000) ack 1 win 300
`;
    expect(inShort(run(SERVER + after))).toBe('pass');
  });
});

describe('code blocks', () => {
  test('see the connection as it was at their time', () => {
    const ask = (n: number): string =>
      `+0 %{ assert tcpi_bytes_received == ${n}, tcpi_bytes_received }%\n`;
    expect(inShort(run(`${SERVER}${ask(0)}${ASK}${ask(1000)}`))).toBe('pass');
    expect(inShort(run(`${SERVER}${ask(0)}${ASK}${ask(999)}`))).toContain(`fail ${AFTER + 2}: `);
  });
  test('need a socket with a descriptor', () => {
    const verdict = run(`${LISTEN}+0 < S 0:0(0) win 30000 <mss 1000>\n+0 %{ print(1) }%\n`);
    expect(inShort(verdict)).toContain('needs a socket under test with a descriptor');
  });
});

describe('which connection', () => {
  test('packets of others are not looked at', () => {
    // The first connection's FIN is nobody's once a second socket is under test.
    const text = `${SERVER}+0 close(4) = 0
+0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 5
+0 connect(5, ..., ...) = -1 EINPROGRESS
+0 > S 0:0(0) <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 8>
`;
    expect(inShort(run(text))).toBe('pass');
  });
  test('without one no packet can be sent or come', () => {
    expect(inShort(run('0 > . 1:1(0) ack 1\n'))).toContain('no connection that could send this');
    const lonely = '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 < . 1:1(0) ack 1 win 1\n';
    expect(inShort(run(lonely))).toContain('no connection that this packet could belong to');
  });
  test('a stray segment draws a RST, which the script sees', () => {
    expect(inShort(run('0 < . 1:1(0) ack 7 win 1\n+0 > R 7:7(0)\n', { strict: true }))).toBe(
      'pass',
    );
  });
});

describe('no argument is taken unread', () => {
  const EPOLL = '+0 epoll_create(1) = 5\n';
  const ADD = '+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0\n';
  const [from, to] = [`${ASK}+0 recvfrom(4, ..., 2000, 0, `, '+0 sendto(4, ..., 10, 0, '];
  const congestion = '+0 setsockopt(4, IPPROTO_TCP, TCP_CONGESTION, ';
  test.each<readonly [what: string, lines: string]>([
    ['recvfrom() with an address', `${from}..., ...) = 1000`],
    ['recvfrom() without one', `${from}NULL, NULL) = 1000`],
    ['sendto() with an address', `${to}..., ...) = 10`],
    ['sendto() without one', `${to}NULL, 0) = 10`],
    ['epoll_create1() without flags', '+0 epoll_create1(0) = 5'],
    ['epoll_create1() with one of no effect', '+0 epoll_create1(EPOLL_CLOEXEC) = 5'],
    ['EPOLL_CTL_DEL without an event', `${EPOLL}${ADD}+0 epoll_ctl(5, EPOLL_CTL_DEL, 4, NULL) = 0`],
    [
      'SO_LINGER of its size',
      '+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=1}, 8) = 0',
    ],
    ['TCP_CONGESTION as long as it is', `${congestion}"reno", 4) = 0`],
    ['TCP_CONGESTION with the zero behind it', `${congestion}"reno", 5) = 0`],
    ['TCP_CONGESTION, part of a string', `${congestion}"renown", 4) = 0`],
    ['two parts of two', '+0 sendmsg(4, {msg_iov(2)=[{..., 10}, {..., 20}]}, 0) = 30'],
  ])('%s passes', (_, lines) => {
    expect(inShort(run(`${SERVER}${lines}\n`))).toBe('pass');
  });
  test.each<Case>([
    ['the address of recvfrom()', `${from}3, ...) = 1000`, 'recvfrom with 3 as argument 5'],
    ['its length', `${from}..., 16) = 1000`, 'recvfrom with 16 as argument 6'],
    ['an address of text', `${to}"192.0.2.1", ...) = 10`, 'sendto with a string as argument 5'],
    ['a length of sendto()', `${to}..., 1) = 10`, 'sendto with 1 as argument 6'],
    ['a length of no address', `${to}NULL, 16) = 10`, 'sendto with 16 as argument 6'],
    ['flags of epoll_create1()', '+0 epoll_create1(1) = 5', 'epoll_create1 with 1'],
    [
      'an event that is none',
      `${EPOLL}+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, NULL) = 0`,
      'epoll_ctl with NULL as argument 4',
    ],
    [
      'an event with two kinds of data',
      `${EPOLL}+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4, u32=7}) = 0`,
      'epoll_ctl with fd and u32',
    ],
    [
      'a field that stands twice',
      `${EPOLL}+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, events=EPOLLOUT, fd=4}) = 0`,
      'epoll_ctl with events twice',
    ],
    [
      'a length where there is none',
      `${EPOLL}+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events(2)=EPOLLIN, fd=4}) = 0`,
      'epoll_ctl with a length of events',
    ],
    [
      'another size of SO_LINGER',
      '+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=1}, 4) = 0',
      'setsockopt SO_LINGER of 4 bytes',
    ],
    [
      'and when it is asked for',
      '+0 getsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=0, linger=0}, [4]) = 0',
      'getsockopt SO_LINGER of 4 bytes',
    ],
    [
      'part of the name of a congestion control',
      `${congestion}"reno", 3) = 0`,
      'setsockopt TCP_CONGESTION "ren"',
    ],
    [
      'more than a name when it is asked for',
      '+0 getsockopt(4, IPPROTO_TCP, TCP_CONGESTION, "cubic", [16]) = 0',
      'getsockopt TCP_CONGESTION of 16 bytes',
    ],
    [
      'parts of a message',
      '+0 sendmsg(4, {msg_iov(3)=[{..., 10}, {..., 20}]}, 0) = 30',
      'sendmsg with msg_iov(3) of 2 parts',
    ],
    [
      'a part with bytes',
      '+0 sendmsg(4, {msg_iov(1)=[{"ab", 2}]}, 0) = 2',
      'sendmsg with such a part in msg_iov',
    ],
    [
      'the address of a message',
      '+0 sendmsg(4, {msg_name(1)=..., msg_iov(1)=[{..., 10}]}, 0) = 10',
      'sendmsg with msg_name(1)',
    ],
    [
      'a control message',
      `${ASK}+0 recvmsg(4, {msg_iov(1)=[{..., 10}], msg_control=[{cmsg_level=6, cmsg_type=36, cmsg_data=990, cmsg_len=20}]}, 0) = 10`,
      'recvmsg with cmsg_len',
    ],
    [
      'the TTL of what comes',
      '+0 < (ttl 64) . 1:1(0) ack 1 win 300',
      'the TTL of an inbound packet',
    ],
    [
      'the IP header of an ICMP error',
      '+0 < (tos 0x10) icmp unreachable host_unreachable [1:11(10)]',
      'the IP header of inbound ICMP',
    ],
    [
      'flags of splice()',
      '+0 pipe([5, 6]) = 0\n+0 splice(4, NULL, 6, NULL, 10, 16) = 0',
      'splice with 16',
    ],
  ])('%s is named', (_, after, says) => {
    expect(inShort(run(`${SERVER}${after}\n`))).toMatch(/^unsupported/);
    expect(inShort(run(`${SERVER}${after}\n`))).toContain(says);
  });
});

describe('what is not understood is unsupported, and says what it was', () => {
  test.each<Case>([
    ['a call', '+0 mmap(4, 5) = 0', 'system call mmap'],
    ['a kind of socket', '+0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 5', 'socket SOCK_DGRAM'],
    [
      'an option',
      '+0 setsockopt(4, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0',
      'setsockopt SO_ZEROCOPY',
    ],
    ['a flag', '+0 send(4, ..., 1000, MSG_ZEROCOPY) = 1000', 'send with MSG_ZEROCOPY'],
    ['a command of fcntl', '+0 fcntl(4, F_SETOWN, 1) = 0', ''],
    [
      'a TCP option',
      '+0 < . 1:1(0) ack 1 win 300 <md5 000102030405060708090a0b0c0d0e0f,nop,nop>',
      'TCP option md5',
    ],
    [
      'the TTL of what is sent',
      `${ASK}+0 > (ttl 64) . 1:1(0) ack 1001`,
      'the TTL of an outbound packet',
    ],
    ['a shell command', '+0 `reboot`', 'reboot'],
    ['Python', '+0 %{ import os }%', 'import'],
  ])('%s', (_, after, says) => {
    const verdict = run(`${SERVER}${after}\n`);
    expect(inShort(verdict)).toContain(says);
    expect(verdict.verdict).toBe(says === '' ? verdict.verdict : 'unsupported');
    expect(verdict.verdict).not.toBe('pass');
  });
  test('a script that cannot be read fails with its line', () => {
    expect(inShort(run('0 socket(\n'))).toMatch(/^fail \d+: column/);
  });
  test('a script to which an option is unknown', () => {
    expect(inShort(run(`--ip_version=ipv6\n${SERVER}`))).toContain('unsupported 1: ');
  });
});

test('a shell text is one of sh, where `a &> f || b` is `a &` and then `> f || b` [POSIX.1-2024 §2.9.3]', () => {
  const script = (joint: string): string =>
    `${LISTEN}+0 \`false ${joint} /dev/null || sysctl -q net.ipv4.tcp_sack=0\`
+0 < S 0:0(0) win 30000 <mss 1000,sackOK,nop,nop>
+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
`;
  expect(inShort(run(script('&>')))).toBe('pass');
  expect(inShort(run(script('>')))).toContain('option nop is missing');
});

describe('options', () => {
  test('the command line wins', () => {
    const late = `--tolerance_usecs=1000\n${SERVER}${WRITE}+.002 > P. 1:2001(2000) ack 1\n`;
    const ours = [{ name: 'tolerance_usecs', value: '3000', line: 0 }];
    expect(run(late).verdict).toBe('fail');
    expect(run(late, { options: ours }).verdict).toBe('pass');
  });
  test('a failure that is not fatal is told, and the script goes on', () => {
    const told: string[] = [];
    const text = `--non_fatal=packet\n${SERVER}${WRITE}+0 > . 1:2001(2000) ack 1\n`;
    expect(run(text, { trace: (line) => told.push(line) }).verdict).toBe('pass');
    expect(told.join('\n')).toContain('warning, line');
  });
  test('a trace tells every event with its time', () => {
    const told: string[] = [];
    run(SERVER + ASK, { trace: (line) => told.push(line) });
    expect(told).toContain('0.000000 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3');
    expect(told).toContain('0.110000 < P. 1:1001(1000) ack 1 win 300');
  });
});

test('calls take time, so that an ACK behind many shows a longer round trip; under --strict they take none', () => {
  const asks = '+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0\n'.repeat(10);
  const rtt = (us: number): string =>
    `${SERVER}+0 write(4, ..., 1000) = 1000\n${asks}+0 > P. 1:1001(1000) ack 1\n+.001 < . 1:1(0) ack 1001 win 300\n+0 %{ assert tcpi_min_rtt == ${us}, tcpi_min_rtt }%\n`;
  expect(inShort(run(rtt(1001)))).toBe('pass');
  expect(inShort(run(rtt(1000), { strict: true }))).toBe('pass');
  expect(run(rtt(1000)).verdict).toBe('fail');
});
