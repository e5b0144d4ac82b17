// What shell texts make of the host: each change is seen on the wire or in the verdict, and a text that was ignored, misread
// or only half understood would show.
import { describe, expect, test } from 'vitest';
import { Environment } from '../../src/packetdrill/environment.ts';
import { SETTINGS } from '../../src/packetdrill/options.ts';
import { inShort, LISTEN, run, SERVER } from './support.ts';

/** A listener under other settings; `defaults.sh` first. */
const listening = (shell: string): string =>
  LISTEN.replace('`defaults.sh`', () => `\`defaults.sh\n${shell}\``);
const SYN = '+0 < S 0:0(0) win 30000 <mss 1000,sackOK,nop,nop,nop,wscale 7>\n';
const SYNACK = '+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 8>\n';

describe('sysctls', () => {
  test('of the first shell text hold from the beginning', () => {
    const text = `${listening('sysctl -q net.ipv4.tcp_sack=0')}${SYN}+0 > S. 0:0(0) ack 1 <mss 1460,nop,wscale 8>\n`;
    expect(inShort(run(text))).toBe('pass');
    expect(run(text.replace('tcp_sack=0', 'tcp_sack=1')).verdict).toBe('fail');
  });

  test('written in between hold from then on', () => {
    const second = `+0 < S 7:7(0) win 30000 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0 > S. 0:0(0) ack 8 <mss 1460,nop,wscale 8>\n`;
    const text = `${SERVER}+0 \`sysctl -q net.ipv4.tcp_sack=0\`\n+0 close(4) = 0\n* > F. 1:1(0) ack 1\n+0 < R. 1:1(0) ack 2 win 0\n${second}`;
    expect(inShort(run(text))).toBe('pass');
    expect(run(text.replace('`sysctl -q net.ipv4.tcp_sack=0`', '`true`')).verdict).toBe('fail');
  });

  test('defaults.sh: the window of the SYN-ACK is that of tcp_rmem 540000 [facts: 65535, not 64240]', () => {
    const win = SYNACK.replace('ack 1 ', 'ack 1 win 65535 ');
    expect(inShort(run(`${LISTEN}${SYN}${win}`))).toBe('pass');
    expect(run(`${LISTEN.replace('`defaults.sh`', '`true`')}${SYN}${win}`).verdict).toBe('fail');
  });

  test('what a socket copies when it is made is not changed under one [tcp_init_sock()]', () => {
    const told = inShort(run(`${SERVER}+0 \`sysctl -q net.ipv4.tcp_rto_min_us=5000\`\n`));
    expect(told).toBe('unsupported 9: sysctl net.ipv4.tcp_rto_min_us while there are sockets');
  });

  test('set_sysctls.py keeps what was, sysctl_restore puts it back', () => {
    const set = 'set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0';
    const text = `${listening(`${set}\n/tmp/sysctl_restore_\${PPID}.sh`)}${SYN}${SYNACK}`;
    expect(inShort(run(text))).toBe('pass');
    expect(run(`${listening(set)}${SYN}${SYNACK}`).verdict).toBe('fail');
  });

  test('sysctl_restore fails where set_sysctls.py has written none', () => {
    const restore = '/tmp/sysctl_restore_${PPID}.sh';
    expect(inShort(run(listening(restore)))).toContain('failed: there is no such file');
    expect(inShort(run(listening(`${restore} || true`)))).toBe('pass');
  });

  test('a route may name the source address that there is, and no other', () => {
    const route = (src: string): string =>
      inShort(run(listening(`ip route change 192.0.2.1 dev tun0 src ${src} mtu 1400`)));
    expect(route('192.168.0.1')).toBe('pass');
    expect(route('192.168.0.7')).toContain('unsupported');
  });
});

describe('nstat', () => {
  /** One retransmission after a second: TcpRetransSegs moves by one. */
  const lossy = (assertion: string, reset = 'nstat -n'): string =>
    `${SERVER}+0 \`${reset}\`\n+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1\n* > P. 1:101(100) ack 1\n+0 \`${assertion}\`\n`;

  test('a counter that has the value passes', () => {
    expect(inShort(run(lossy('nstat | grep TcpRetransSegs | grep -q " 1 "')))).toBe('pass');
    expect(inShort(run(lossy('nstat -s | grep -E "^TcpRetransSegs +1 "')))).toBe('pass');
    expect(inShort(run(lossy('! nstat | grep TcpRetransSegs | grep " 2 "')))).toBe('pass');
  });

  test('one that has not fails, and the message says what it is', () => {
    expect(inShort(run(lossy('nstat | grep TcpRetransSegs | grep -q " 2 "')))).toBe(
      'fail 13: `nstat | grep TcpRetransSegs | grep -q " 2 "` failed: TcpRetransSegs is 1',
    );
  });

  test('counts from the call before, unless that has left the history as it was', () => {
    const one = 'nstat | grep TcpRetransSegs | grep -q " 1 "';
    expect(run(lossy(`nstat > /dev/null\n${one}`)).verdict).toBe('fail');
    expect(inShort(run(lossy(`nstat -s > /dev/null\n${one}`)))).toBe('pass');
    expect(inShort(run(lossy(`nstat > /dev/null\n${one.replace('nstat', 'nstat -a')}`)))).toBe(
      'pass',
    );
    expect(inShort(run(lossy(`nstat > /dev/null\n${one.replace('nstat', 'nstat -r')}`)))).toBe(
      'pass',
    );
  });

  test('a counter at 0 is not printed, unless -z asks for it', () => {
    expect(run(lossy('nstat | grep TcpExtTCPSACKReorder')).verdict).toBe('fail');
    expect(inShort(run(lossy('nstat -z | grep TcpExtTCPSACKReorder | grep " 0 "')))).toBe('pass');
  });

  test('a counter that is not kept is not supported, whatever would be said of it', () => {
    for (const text of ['nstat | grep -q TcpExtNonsense', '! nstat | grep TcpExtNonsense'])
      expect(inShort(run(lossy(text)))).toBe('unsupported 13: counter TcpExtNonsense');
    expect(run(lossy('nstat | grep -q Timeouts')).verdict).toBe('unsupported');
    expect(run(lossy('nstat TcpExtNonsense')).verdict).toBe('unsupported');
  });
});

describe('joints', () => {
  const told = (shell: string): string => inShort(run(listening(shell)));

  test('the exit status is that of what was carried out last', () => {
    expect(told('false\ntrue')).toBe('pass');
    expect(told('true\nfalse')).toBe('fail 3: `false` failed: it always does');
    expect(told('false || true')).toBe('pass');
    expect(told('true && false')).toContain('fail');
    expect(told('false && false || true')).toBe('pass');
    expect(told('! true')).toContain('fail 2: `! true` failed: it succeeded');
  });

  test('what is not carried out changes nothing', () => {
    const text = (shell: string): string => `${listening(shell)}${SYN}${SYNACK}`;
    expect(inShort(run(text('true || sysctl -q net.ipv4.tcp_sack=0')))).toBe('pass');
    expect(run(text('true && sysctl -q net.ipv4.tcp_sack=0')).verdict).toBe('fail');
  });

  test('a sysctl that Linux 6.18 does not have fails, as there', () => {
    expect(told('sysctl -q net.ipv4.tcp_fastopen_cookies=0')).toBe(
      'fail 2: `sysctl -q net.ipv4.tcp_fastopen_cookies=0` failed: Linux 6.18 has no sysctl net.ipv4.tcp_fastopen_cookies',
    );
    expect(told('sysctl -q net.ipv4.tcp_fastopen_cookies=0 || true')).toBe('pass');
    expect(told('sysctl -e -q net.ipv4.tcp_fastopen_cookies=0')).toBe('pass');
  });
});

describe('the device and the route', () => {
  const write = '+0 write(4, ..., 3000) = 3000\n';

  test('pfifo limit 0 drops everything, until there is another queue', () => {
    const drop = `${SERVER}+0 \`tc qdisc replace dev tun0 root pfifo limit 0\`\n${write}`;
    const sent = '+0 > P. 1:3001(3000) ack 1\n';
    expect(inShort(run(`${drop}${sent}`))).toContain('no packet came');
    expect(inShort(run(`${drop.replace(' limit 0', '')}${sent}`))).toBe('pass');
  });

  test('delete and add know whether there is a queue', () => {
    const told = (shell: string): string => inShort(run(listening(shell)));
    expect(told('tc qdisc add dev tun0 root pfifo')).toContain('tun0 has a queue already');
    expect(told('tc qdisc del dev tun0 root\ntc qdisc add dev tun0 root pfifo')).toBe('pass');
    expect(told('tc qdisc del dev tun0 root\ntc qdisc del dev tun0 root')).toContain(
      'no queue but its own',
    );
  });

  const eachFrame = { options: [{ name: 'strict_segments', value: null, line: 0 }] };

  test('without tso each frame arrives by itself; TCP still builds them together', () => {
    // The last frame of each packet that TCP built has its PSH.
    const frames = `+0 > . 1:1001(1000) ack 1\n+0 > P. 1001:2001(1000) ack 1\n+0 > P. 2001:3001(1000) ack 1\n`;
    const text = `${SERVER}+0 \`ethtool -K tun0 tso off gso off\`\n${write}${frames}`;
    expect(inShort(run(text, eachFrame))).toBe('pass');
    expect(run(text.replace('tso off gso off', 'tso on'), eachFrame).verdict).toBe('fail');
  });

  test('advmss, initcwnd and mtu of the route', () => {
    const route = 'ip route change 192.0.2.1 via 192.168.0.2 dev tun0';
    const offer = (mss: number): string => SYNACK.replace('1460', String(mss));
    const with_ = (words: string, mss: number): string =>
      inShort(run(`${listening(`${route} ${words}`)}${SYN}${offer(mss)}`));
    expect(with_('advmss 600', 600)).toBe('pass');
    expect(with_('advmss 600', 1460)).toContain('fail');
    expect(with_('mtu lock 1000', 960)).toBe('pass');
    expect(with_('mtu 9000', 1460)).toBe('pass');
    const burst = (cwnd: number): string =>
      `${SERVER.replace('`defaults.sh`', `\`defaults.sh\n${route} initcwnd 2\``)}+0 write(4, ..., 9000) = 9000\n+0 > . 1:${cwnd * 1000 + 1}(${cwnd * 1000}) ack 1\n+.1 < . 1:1(0) ack 1 win 300\n`;
    expect(inShort(run(burst(2)))).toBe('pass');
    expect(run(burst(3)).verdict).toBe('fail');
  });

  test('fq paces, and nothing else does [SK_PACING_FQ; 10 segments go at once]', () => {
    const paced = `${SERVER}+0 write(4, ..., 10000) = 10000\n+0 > P. 1:10001(10000) ack 1\n+0 < . 1:1(0) ack 10001 win 300\n+0 write(4, ..., 4000) = 4000\n`;
    const fq = paced.replace('`defaults.sh`', '`defaults.sh\ntc qdisc replace dev tun0 root fq`');
    const rest = '+0~+.2 > P. 10001:14001(4000) ack 1\n';
    const sent = (text: string): number => run(`${text}${rest}`).usedUs;
    expect(inShort(run(`${paced}${rest}`))).toBe('pass');
    expect(sent(paced)).toBe(100_000);
    // The tenth segment left with the ninth: 2000 bytes at twice 10 segments per round trip of 100 ms.
    expect(sent(fq)).toBe(110_000);
    const late = `${SERVER}+0 \`tc qdisc replace dev tun0 root fq\`\n`;
    expect(inShort(run(late))).toBe(
      'unsupported 9: a change to or from fq while there are sockets',
    );
  });

  test('a route elsewhere is not supported', () => {
    const told = inShort(run(listening('ip route change 10.0.0.1 dev tun0 mtu 1000')));
    expect(told).toBe('unsupported 2: a route to 10.0.0.1');
  });

  test('ip link: the MTU of the device is that of the route', () => {
    const text = `${listening('ip link set dev tun0 mtu 9000')}${SYN}${SYNACK.replace('1460', '8960')}`;
    expect(inShort(run(text))).toBe('pass');
    expect(run(text.replace('mtu 9000', 'mtu 1500')).verdict).toBe('fail');
    expect(inShort(run(listening('ip link set dev tun0 mtu 20')))).toContain('20 is no MTU');
  });

  test('a route that changes reaches connections that are there, behind the next segment [__sk_dst_check()]', () => {
    const first =
      '+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n+.1 < . 1:1(0) ack 11 win 300\n';
    const text = `${SERVER}+0 \`ethtool -K tun0 tso off; ip route change 192.0.2.1 dev tun0 mtu 540\`\n${first}${write}+0 > . 11:511(500) ack 1\n`;
    expect(inShort(run(text, eachFrame))).toBe('pass');
    expect(run(text.replace('540', '1500'), eachFrame).verdict).toBe('fail');
  });
});

describe('not supported', () => {
  test('wherever it stands: a script that fails before is not judged either', () => {
    const text = `${SERVER}+0 > F. 1:1(0) ack 1\n+0 \`sleep 1\`\n`;
    expect(inShort(run(text))).toBe('unsupported 10: shell command `sleep 1`');
  });

  test('what goes on behind a backslash is told on one line', () => {
    expect(inShort(run(listening('true\ntc qdisc \\\n  replace "dev" tun0 root red')))).toBe(
      'unsupported 3: shell command `tc qdisc replace "dev" tun0 root red`',
    );
  });

  test('of several lines the very one is named', () => {
    expect(inShort(run(listening('# why\nsysctl -q \\\n net.ipv4.tcp_nonsense=1')))).toBe(
      'unsupported 3: sysctl net.ipv4.tcp_nonsense=1',
    );
  });

  test('and nothing of the text has been carried out', () => {
    const world = new Environment(SETTINGS);
    const shell = { text: 'dd if=/dev/zero of=/f bs=1 count=5\nsleep 1', line: 1 };
    expect(() => world.run(shell)).toThrow('shell command `sleep 1`');
    expect(world.files.size).toBe(0);
    world.run({ text: 'dd if=/dev/zero of=/f bs=1 count=5', line: 1 });
    expect(world.files.get('/f')).toBe(5);
  });
});
