/** Congestion control on a whole host, through its socket options: scripts in packetdrill's language. */
import { describe, expect, it } from 'vitest';
import { inShort, run } from '../../packetdrill/support.ts';

const server = (setup: string, syn: string, synAck: string): string => `\`defaults.sh
${setup}\`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < ${syn} 0:0(0) win 30000 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0 > ${synAck} 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 300
+0 accept(3, ..., ...) = 4
`;
const ECN = server('sysctl -q net.ipv4.tcp_ecn=2', 'SEW', '[noecn] SE.');

const result = (text: string): string => inShort(run(text, { strict: true }));

describe('ECN at a server that was asked for it [RFC 3168 §6.1]', () => {
  it('echoes CE in every ACK until CWR comes', () => {
    const script = `${ECN}
+0 < [ect0] . 1:1001(1000) ack 1 win 300
+0 > [noecn] . 1:1(0) ack 1001
+0 < [ce] . 1001:2001(1000) ack 1 win 300
+0 > [noecn] E. 1:1(0) ack 2001
+0 < [ect0] . 2001:3001(1000) ack 1 win 300
+0 > E. 1:1(0) ack 3001
+0 < [ect0] W. 3001:4001(1000) ack 1 win 300
+0 > . 1:1(0) ack 4001
`;
    expect(result(script)).toBe('pass');
    // Mutant: the same without a mark.
    expect(result(script.replace('[ce]', '[ect0]'))).toMatch(/^fail/);
  });

  it('answers ECE by a smaller window and one CWR', () => {
    const script = `${ECN}
+0 write(4, ..., 10000) = 10000
+0 > [ect0] P. 1:10001(10000) ack 1
+.1 < E. 1:1(0) ack 2001 win 300
+0 %{ assert tcpi_ca_state == TCP_CA_CWR, tcpi_ca_state; assert tcpi_snd_ssthresh == 7, tcpi_snd_ssthresh }%
+0 < E. 1:1(0) ack 10001 win 300
+0 write(4, ..., 2000) = 2000
+0 > [ect0] PW. 10001:12001(2000) ack 1
+0 < . 1:1(0) ack 12001 win 300
+0 %{ assert tcpi_ca_state == TCP_CA_Open, tcpi_ca_state; assert tcpi_delivered_ce == 10, tcpi_delivered_ce }%
+0 write(4, ..., 1000) = 1000
+0 > [ect0] P. 12001:13001(1000) ack 1
+0 < . 1:1(0) ack 13001 win 300
`;
    expect(result(script)).toBe('pass');
    // Mutant: no echo, no cut.
    expect(result(script.replaceAll('< E.', '< .'))).toMatch(/^fail/);
  });

  it('says so in tcp_info', () => {
    const asks = '+0 %{ assert tcpi_options & TCPI_OPT_ECN == TCPI_OPT_ECN, tcpi_options }%\n';
    expect(result(ECN + asks)).toBe('pass');
    expect(result(server('sysctl -q net.ipv4.tcp_ecn=0', 'SEW', 'S.') + asks)).toMatch(/^fail/);
  });
});

describe('socket options', () => {
  const plain = server('', 'S', 'S.');

  it('TCP_CONGESTION changes the control of a connection, and says which it is', () => {
    const script = `${plain}
+0 getsockopt(4, IPPROTO_TCP, TCP_CONGESTION, "cubic", [5]) = 0
+0 setsockopt(4, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) = 0
+0 getsockopt(4, IPPROTO_TCP, TCP_CONGESTION, "reno", [4]) = 0
`;
    expect(result(script)).toBe('pass');
  });

  it('IP_TOS marks what leaves, and leaves ECN’s bits to TCP', () => {
    const script = `${plain}
+0 setsockopt(4, SOL_IP, IP_TOS, [19], 4) = 0
+0 getsockopt(4, SOL_IP, IP_TOS, [16], [4]) = 0
+0 write(4, ..., 1000) = 1000
+0 > (tos 0x10) P. 1:1001(1000) ack 1
`;
    expect(result(script)).toBe('pass');
    expect(result(script.replace('0x10', '0x00'))).toMatch(/^fail/);
  });

  it('SO_MAX_PACING_RATE spaces what a window would let go at once', () => {
    // 100 kB/s: two segments every 20 ms, once ten are out; the idle time before is worth half a gap.
    const script = `${plain}
+0 setsockopt(4, SOL_SOCKET, SO_MAX_PACING_RATE, [100000], 4) = 0
+0 write(4, ..., 10000) = 10000
+0 > P. 1:10001(10000) ack 1
+.1 < . 1:1(0) ack 10001 win 300
+0 write(4, ..., 6000) = 6000
+0 > P. 10001:12001(2000) ack 1
+.01 > P. 12001:14001(2000) ack 1
+.02 > P. 14001:16001(2000) ack 1
`;
    const verdict = run(script);
    expect(verdict.message).toBe('');
    expect(verdict.verdict).toBe('pass');
    // Mutant: without it all of them go at once.
    expect(run(script.replace('[100000]', '[-1]')).verdict).toBe('fail');
  });
});
