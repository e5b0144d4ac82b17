// What shell texts mean to the simulated host. They are read, never executed; what is not known is not supported, by name and
// line, and then nothing of the text has been carried out.
import { describe, expect, test } from 'vitest';
import { actionOf } from '../../src/packetdrill/commands.ts';
import { patternOf, selected } from '../../src/packetdrill/grep.ts';
import { parseShell } from '../../src/packetdrill/shell.ts';
import type { ShellAction } from '../../src/packetdrill/shell-actions.ts';
import { NotSupported } from '../../src/packetdrill/verdict.ts';

const parse = (text: string, line = 1): ReturnType<typeof parseShell> => parseShell({ text, line });
const words = (text: string): string[][] =>
  parse(text).flatMap((step) => step.pipeline.map((c) => [...c.words]));
const meaning = (text: string): (ShellAction | null)[] =>
  parse(text).flatMap((step) => step.pipeline.map(actionOf));

function refusal(text: string, line = 1): { message: string; line: number | null } {
  try {
    parse(text, line);
  } catch (error) {
    if (error instanceof NotSupported) return { message: error.message, line: error.line };
    throw error;
  }
  throw new Error(`understood: ${text}`);
}

describe('grammar [POSIX.1-2024, Shell Command Language §2]', () => {
  test.each<[string, string, string[][]]>([
    ['newlines and ; end a command', 'a b\n\nc;d ;', [['a', 'b'], ['c'], ['d']]],
    ['a line goes on behind a backslash', 'a \\\n  b\\\n c', [['a', 'b', 'c']]],
    ['a backslash at the very end is nothing', 'a b\\', [['a', 'b']]],
    ['# begins a comment, but not within a word', 'a # b\nc#d', [['a'], ['c#d']]],
    [
      'quotes keep blanks and go away',
      `a 'b  c' "d $PPID" e" "f`,
      [['a', 'b  c', 'd $PPID', 'e f']],
    ],
    ['a backslash keeps what follows', 'a\\ b "\\"c\\""', [['a b', '"c"']]],
    ['single quotes keep backslashes', "'\\n'", [['\\n']]],
    ['a word may be empty', "a '' b", [['a', '', 'b']]],
    [
      'integer arithmetic, by its priorities',
      'a "x $((32*1024*1024))" $(( 7 - 2 * 3 ))$((-(7+0x10)/2 % 4))',
      [['a', 'x 33554432', '1-3']],
    ],
    ['redirections are no arguments', 'a 2>/dev/null b > /dev/null 2>&1', [['a', 'b']]],
    [
      '&> is a command in the background, and a redirection of nothing',
      'a b &> c',
      [['a', 'b'], []],
    ],
    ['a digit in front of > belongs to it only when it stands apart', 'a2>/dev/null', [['a2']]],
  ])('%s', (_, text, expected) => {
    expect(words(text)).toEqual(expected);
  });

  test('what joins the commands is kept, with the line of each in the script', () => {
    const steps = parse('a && b ||\n c | d\n! e', 10);
    expect(steps.map((s) => [s.join, s.negate, s.line, s.pipeline.length])).toEqual([
      [';', false, 10, 1],
      ['&&', false, 10, 1],
      ['||', false, 11, 2],
      [';', true, 12, 1],
    ]);
  });

  test('lines that go on and quotes over several lines are counted', () => {
    expect(parse(`a \\\n b\nc '\n\n'\nd`, 10).map((s) => s.line)).toEqual([10, 12, 15]);
  });

  test.each([
    ['a command in the background', 'a & b', 1],
    ['a subshell', 'a\n(b)', 2],
    ['a substitution', 'a $(b)', 1],
    ['arithmetic with a variable', 'a "$((1+x))"', 1],
    ['a division by zero', 'a $((1/0))', 1],
    ['arithmetic that is not closed', 'a $((1+1)', 1],
    ['a variable', 'a\n\nb $HOME', 3],
    ['a variable in quotes', 'a "$HOME"', 1],
    ['a loop', 'a\nfor i in 1 2; do b; done', 2],
    ['a condition', 'if a; then b; fi', 1],
    ['a quote without its pair', "a\n'b", 2],
    ['nothing behind &&', 'a &&', 1],
    ['nothing behind >', 'a >', 1],
    ['a pipe without a command', 'a | | b', 1],
  ])('is not understood: %s', (_, text, line) => {
    expect(refusal(text, 20).line).toBe(19 + line);
  });

  test('a word of the text that is not understood is named', () => {
    expect(refusal('a $HOME/x y').message).toContain('`$HOME/x`');
  });
});

describe('commands', () => {
  const write = (name: string, value: string): { name: string; value: string } => ({ name, value });

  test.each<[string, ShellAction]>([
    ['../../common/defaults.sh', { kind: 'defaults' }],
    ['/nowhere/at/all/defaults.sh', { kind: 'defaults' }],
    [
      'sysctl -q net.ipv4.tcp_sack=0 net/ipv4/tcp_rmem="1 2 3"',
      {
        kind: 'sysctl',
        writes: [write('net.ipv4.tcp_sack', '0'), write('net.ipv4.tcp_rmem', '1 2 3')],
        lenient: false,
      },
    ],
    [
      '/sbin/sysctl -e -q -w net.ipv4.tcp_sack=0',
      { kind: 'sysctl', writes: [write('net.ipv4.tcp_sack', '0')], lenient: true },
    ],
    [
      'echo 1 > /proc/sys/net/ipv4/tcp_sack',
      { kind: 'sysctl', writes: [write('net.ipv4.tcp_sack', '1')], lenient: false },
    ],
    [
      '../set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0 \\\n /proc/sys/net/ipv4/tcp_wmem="1 2 3"\\\n',
      {
        kind: 'set-sysctls',
        writes: [write('net.ipv4.tcp_sack', '0'), write('net.ipv4.tcp_wmem', '1 2 3')],
      },
    ],
    ['/tmp/sysctl_restore_${PPID}.sh', { kind: 'restore-sysctls' }],
    [
      'echo 3 > /sys/module/tcp_cubic/parameters/hystart_detect',
      { kind: 'cubic', parameter: 'hystart_detect', value: '3' },
    ],
    [
      'tc qdisc replace dev tun0 root pfifo limit 0',
      { kind: 'qdisc', verb: 'replace', qdisc: { name: 'pfifo', limit: 0 } },
    ],
    ['tc qdisc del dev tun0 root 2>/dev/null', { kind: 'qdisc', verb: 'delete', qdisc: null }],
    [
      'tc qdisc add dev tun0 root fq',
      { kind: 'qdisc', verb: 'add', qdisc: { name: 'fq', limit: null } },
    ],
    ['ethtool -K tun0 tso off gso on', { kind: 'offload', features: { tso: false, gso: true } }],
    ['ip link set dev tun0 mtu 9000', { kind: 'link', mtu: 9000 }],
    [
      'ip route change 192.0.2.1 via 192.168.0.2 dev tun0 advmss 600 mtu lock 640 initcwnd 11',
      {
        kind: 'route',
        destination: '192.0.2.1',
        route: { advmss: 600, mtu: 640, mtuLock: true, initcwnd: 11 },
      },
    ],
    [
      'ip route replace 192.0.2.1 dev tun0 rto_min 5ms quickack 1 initrwnd 3 mtu 1000',
      {
        kind: 'route',
        destination: '192.0.2.1',
        route: { rtoMinMs: 5, quickack: true, initrwnd: 3, mtu: 1000, mtuLock: false },
      },
    ],
    ['ip tcp_metrics flush all > /dev/null 2>&1', { kind: 'flush-metrics' }],
    ['/bin/rm -f /tmp/f', { kind: 'file', path: '/tmp/f', bytes: null }],
    [
      'dd bs=1k count=5 if=/dev/zero of=/tmp/f status=none',
      { kind: 'file', path: '/tmp/f', bytes: 5120 },
    ],
    ['true', { kind: 'status', success: true }],
    ['false', { kind: 'status', success: false }],
  ])('%s', (text, action) => {
    expect(meaning(text)).toEqual([action]);
  });

  test('nstat takes its letters together or apart', () => {
    expect(meaning('nstat -az TcpExtTCPTimeouts')).toEqual(
      meaning('nstat -a TcpExtTCPTimeouts -z'),
    );
    expect(meaning('nstat -n')[0]).toMatchObject({ kind: 'nstat', silent: true, names: [] });
  });

  test.each([
    'sysctl -p /etc/sysctl.conf',
    'sysctl net.ipv4.tcp_sack',
    'sysctl',
    'echo 1 > /etc/passwd',
    'echo 1 > /sys/module/tcp_bbr/parameters/x',
    'set_sysctls.py /etc/passwd=1',
    'defaults.sh twice',
    'tc qdisc replace dev eth0 root fq',
    'tc qdisc replace dev tun0 root netem delay 10ms',
    'tc qdisc replace dev tun0 root fq limit 5',
    'tc filter add dev tun0',
    'ethtool -K eth0 tso off',
    'ethtool -K tun0 tx-udp-segmentation off',
    'ethtool -K tun0 tso',
    'ethtool -K tun0 constructor off',
    'ip link set dev eth0 mtu 9000',
    'ip link set dev tun0 down',
    'ip route add 192.0.2.1 dev tun0',
    'ip route change 192.0.2.1 via 192.168.0.2 dev tun0 window 5',
    'ip route change 192.0.2.1 dev tun0 advmss lock 5',
    'ip route change default dev tun0',
    'ip -6 route change 2001:db8::1 dev tun0 mtu 1280',
    'ip addr add 1.2.3.4 dev tun0',
    'dd if=/dev/urandom of=/tmp/f bs=1 count=5',
    'dd if=/dev/zero of=/tmp/f bs=1 count=5 conv=sync',
    'dd if=/dev/zero of=/tmp/f bs=1M count=1000',
    'rm -rf /tmp/f',
    'rm /tmp/*',
    'nstat --json',
    'grep -r x /proc',
    'grep " 0A " /proc/net/tcp',
    './sysctl -q net.ipv4.tcp_sack=0',
    'constructor',
    'sleep 1',
    'nstat < file',
    'nstat > file',
    'python3 -c pass',
  ])('is not understood: %s', (text) => {
    expect(meaning(text)).toEqual([null]);
  });
});

describe('grep', () => {
  const lines = ['TcpExtTCPTimeouts               3                  0.0', 'TcpInSegs 13', 'a+b'];
  const picked = (args: string): string[] | null => {
    const pattern = patternOf(words(`grep ${args}`)[0]!.slice(1));
    return pattern === null ? null : selected(pattern, lines);
  };

  test.each<[string, number[]]>([
    ['-q " 3 "', [0]],
    ['-v Tcp', [2]],
    ['-i tcpinsegs', [1]],
    ['-w TcpIn', []],
    ['-x a+b', [2]],
    ['-F a+b', [2]],
    ['a+b', [2]],
    ["'a\\+b'", []],
    ['-E a+b', []],
    ["'^Tcp.*3$'", [1]],
    ["-E 'Timeouts|InSegs'", [0, 1]],
    ["'Timeouts\\|InSegs'", [0, 1]],
    ["'Segs [[:digit:]][0-9]*$'", [1]],
    ["'[^a-z]3'", [0, 1]],
    ['-e T -q', [0, 1]],
  ])('grep %s', (args, indices) => {
    expect(picked(args)).toEqual(indices.map((i) => lines[i]));
  });

  test.each(['', 'a file', '-r a', '-c a', "'\\('", "'[[:nonsense:]]'", "-E '\\1'"])(
    'is not understood: grep %s',
    (args) => {
      expect(picked(args)).toBeNull();
    },
  );
});
