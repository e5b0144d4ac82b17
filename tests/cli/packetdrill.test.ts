// `hostwire packetdrill`: verdicts, exit codes, files. The scripts are small; what they hold is tested in tests/packetdrill.
import { describe, expect, test } from 'vitest';
import { junitXml } from '../../src/report/junit.ts';
import { hostwire, type World } from './fake-io.ts';

const LISTEN = `\`defaults.sh\`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 30000 <mss 1000,sackOK,nop,nop,nop,wscale 7>
`;
const PASS = `${LISTEN}+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 8>\n`;
const FAIL = PASS.replace('ack 1 ', 'ack 2 ');
const UNSUPPORTED = PASS.replace('`defaults.sh`', '`defaults.sh\nsleep 1`');

const SUITE = {
  'suite/b/fail.pkt': FAIL,
  'suite/a/pass.pkt': PASS,
  'suite/a/unsupported.pkt': UNSUPPORTED,
  'suite/a/notes.txt': 'no script',
};
const told = (
  line: string,
  files: Record<string, string> = SUITE,
  world: World = {},
): ReturnType<typeof hostwire> =>
  hostwire(`packetdrill ${line}`, { ...world, files: { ...files } });

describe('what is printed', () => {
  test('a line per script, where editors look for file and line; both packets; folders; the sum', async () => {
    const { out, err, code } = await told('suite');
    expect(out).toBe(`suite/a/pass.pkt: pass
suite/a/unsupported.pkt:2: unsupported: shell command \`sleep 1\`
suite/b/fail.pkt:6: fail: acknowledgment: expected 2, was 1
  script packet: S. 0:0(0) ack 2 <mss 1460,nop,nop,sackOK,nop,wscale 8>
  actual packet: S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK,nop,wscale 8>

folder   pass  fail  unsupported
suite/a     1     0            1
suite/b     0     1            0

1 of 3 scripts pass · 1 failed · 1 unsupported · exit 1
`);
    expect([code, err]).toEqual([1, '']);
  });

  test('of one folder there is no table', async () => {
    expect((await told('suite/a/pass.pkt')).out).toBe(
      'suite/a/pass.pkt: pass\n\n1 of 1 script passes · exit 0\n',
    );
  });

  test('--quiet leaves out what passes', async () => {
    const { out } = await told('suite --quiet');
    expect(out).not.toContain('pass.pkt');
    expect(out).toContain('suite/b/fail.pkt:6: fail');
    expect(out).toContain('unsupported.pkt:2: unsupported');
  });

  test('-v shows the events of what does not pass, --trace of all, as they happen', async () => {
    const event = '  0.000000 listen(3, 1) = 0\n';
    const verbose = (await told('suite/a suite/b -v')).out;
    expect(verbose.split(event)).toHaveLength(2);
    expect(verbose.indexOf(event)).toBeGreaterThan(verbose.indexOf('pass.pkt: pass'));
    const traced = (await told('suite --trace')).out;
    expect(traced.split(event)).toHaveLength(3);
    expect(traced.startsWith(`suite/a/pass.pkt\n`)).toBe(true);
    expect(traced.indexOf(event)).toBeLessThan(traced.indexOf('pass.pkt: pass'));
  });

  test('colours only where they are welcome, and the words are there without them', async () => {
    expect((await told('suite')).out).not.toContain('\u001b');
    expect((await told('suite', SUITE, { colour: true })).out).toContain(
      '\u001b[31mfail\u001b[39m',
    );
  });
});

describe('exit codes', () => {
  test.each([
    ['suite/a/pass.pkt', 0],
    ['suite/a', 0],
    ['suite', 1],
    ['suite/b', 1],
  ])('%s: %i; what is unsupported is no failure', async (path, code) => {
    expect((await told(path)).code).toBe(code);
  });

  test.each([
    ['', 'name scripts, or folders of scripts: hostwire packetdrill FILE|DIR…'],
    ['nowhere.pkt', 'cannot read nowhere.pkt: there is no such file or folder'],
    ['empty', 'there are no scripts in empty: their names end in .pkt'],
    ['suite --tolerance_usecs=x', '--tolerance_usecs=x: a whole number, 0 to 4294967295'],
    [
      'suite --ip_version=ipv6',
      '--ip_version=ipv6: ipv4 or ipv4-mapped-ipv6: IPv6 is not modelled',
    ],
    ['suite --local_ip=fd::1', '--local_ip=fd::1: an IPv4 address: IPv6 is not modelled'],
    ['suite -D nonsense', '--define nonsense: write word=value, e.g. -D CODE=host_unreachable'],
    [
      'suite --tolerance_usec=1',
      'there is no option --tolerance_usec; did you mean --tolerance_usecs?',
    ],
    ['suite --strickt', 'there is no option --strickt; did you mean --strict?'],
    ['suite --junit out/x.xml', 'cannot write to out: permission denied'],
  ])('2: packetdrill %s', async (line, message) => {
    const files = { ...SUITE, 'empty/readme.txt': '' };
    const { code, err, out } = await told(line, files, { readOnly: ['out'] });
    expect([code, err, out]).toEqual([2, `hostwire: ${message}\n`, '']);
  });

  test('a script that cannot be read fails, with line and column', async () => {
    const { code, out } = await told('x.pkt', {
      'x.pkt': '0 socket(..., SOCK_STREAM\n+0 < nonsense\n',
    });
    expect(code).toBe(1);
    expect(out).toMatch(/^x\.pkt:2: fail: column \d+: /);
  });

  test('130: an interrupt prints what was done so far', async () => {
    const { code, out, files } = await told('suite --junit out/x.xml', SUITE, {
      interruptAfter: 0,
    });
    expect(code).toBe(130);
    expect(out).toContain('interrupted: 0 of 3 scripts were run');
    expect(files['out/x.xml']).toContain('tests="0"');
  });
});

describe('scripts', () => {
  test('each runs once, in the order of the arguments', async () => {
    const { out } = await told('suite/b suite/a/pass.pkt suite');
    const order = [...out.matchAll(/^(suite\S+?\.pkt)/gm)].map(([, file]) => file);
    expect(order).toEqual(['suite/b/fail.pkt', 'suite/a/pass.pkt', 'suite/a/unsupported.pkt']);
  });

  test('a file need not end in .pkt when it is named', async () => {
    expect((await told('x.txt', { 'x.txt': PASS })).code).toBe(0);
  });
});

describe('options', () => {
  const late = `${PASS}+.1 < . 1:1(0) ack 1 win 300\n+0 accept(3, ..., ...) = 4\n+.003 write(4, ..., 10) = 10\n+.003 > P. 1:11(10) ack 1\n`;

  test('--strict allows no tolerance; the option of the command line does, and wins over the script', async () => {
    const files = { 'x.pkt': late, 'own.pkt': `--tolerance_usecs=5000\n${late}` };
    const verdict = async (line: string): Promise<number> => (await told(line, files)).code;
    expect(await verdict('x.pkt')).toBe(0);
    expect(await verdict('x.pkt --strict')).toBe(1);
    expect(await verdict('own.pkt --strict')).toBe(0);
    expect(await verdict('own.pkt --strict --tolerance_usecs 100')).toBe(1);
    expect(await verdict('own.pkt --tolerance_usecs=100 --tolerance_usecs=9000 --strict')).toBe(0);
  });

  test('--define gives words of the scripts their meaning', async () => {
    const files = { 'x.pkt': PASS.replace('listen(3, 1)', 'listen(FD, QUEUE)') };
    expect((await told('x.pkt -D FD=3 --define QUEUE=1', files)).code).toBe(0);
    expect((await told('x.pkt -D FD=4 --define=QUEUE=1', files)).code).toBe(1);
  });

  test('--dry_run reads and runs nothing', async () => {
    const { out, code } = await told('suite/b --dry_run');
    expect([out, code]).toEqual([
      'suite/b/fail.pkt: pass\n\n1 of 1 script could be read · exit 0\n',
      0,
    ]);
  });

  test('an option of a script that is not followed makes it unsupported', async () => {
    const files = { 'x.pkt': `--so_filename=x.so\n${PASS}`, 'y.pkt': `--nonsense\n${PASS}` };
    const { out } = await told('x.pkt y.pkt', files);
    expect(out).toContain(
      'x.pkt:1: unsupported: --so_filename is not supported: stacks in shared libraries are not loaded',
    );
    expect(out).toContain('y.pkt:1: unsupported: there is no option --nonsense');
  });

  test('the help lists them, and says what is no failure', async () => {
    const { out } = await told('--help');
    expect(out).toContain('--tcp_ts_tick_usecs');
    expect(out).toContain('is unsupported, and no');
  });
});

describe('for programs', () => {
  test('--json is one object, and nothing else is on standard output', async () => {
    const { out, err, code } = await told('suite --json --trace');
    expect(JSON.parse(out)).toEqual({
      scripts: [
        { file: 'suite/a/pass.pkt', verdict: 'pass', line: null, message: '' },
        {
          file: 'suite/a/unsupported.pkt',
          verdict: 'unsupported',
          line: 2,
          message: 'shell command `sleep 1`',
        },
        {
          file: 'suite/b/fail.pkt',
          verdict: 'fail',
          line: 6,
          message:
            'acknowledgment: expected 2, was 1\nscript packet: S. 0:0(0) ack 2 <mss 1460,nop,nop,sackOK,nop,wscale 8>\nactual packet: S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK,nop,wscale 8>',
        },
      ],
    });
    expect(err).toContain('listen(3, 1) = 0');
    expect(code).toBe(1);
  });

  test('--junit writes a suite per folder; unsupported is skipped, not passed', async () => {
    const { files } = await told('suite --junit out/x.xml');
    expect(files['out/x.xml']).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="hostwire packetdrill" tests="3" failures="1" skipped="1" time="0.000000">
  <testsuite name="suite/a" tests="2" failures="0" skipped="1" time="0.000000">
    <testcase name="pass.pkt" classname="suite/a" file="suite/a/pass.pkt" time="0.000000"/>
    <testcase name="unsupported.pkt" classname="suite/a" file="suite/a/unsupported.pkt" time="0.000000"><skipped message="suite/a/unsupported.pkt:2: shell command \`sleep 1\`"/></testcase>
  </testsuite>
  <testsuite name="suite/b" tests="1" failures="1" skipped="0" time="0.000000">
    <testcase name="fail.pkt" classname="suite/b" file="suite/b/fail.pkt" time="0.000000"><failure message="suite/b/fail.pkt:6: acknowledgment: expected 2, was 1">suite/b/fail.pkt:6: acknowledgment: expected 2, was 1
script packet: S. 0:0(0) ack 2 &lt;mss 1460,nop,nop,sackOK,nop,wscale 8&gt;
actual packet: S. 0:0(0) ack 1 win 65535 &lt;mss 1460,nop,nop,sackOK,nop,wscale 8&gt;</failure></testcase>
  </testsuite>
</testsuites>
`);
  });

  test('what XML has no place for does not get into it [XML 1.0 §2.2]', () => {
    const xml = junitXml([
      { file: 'a"<&>.pkt', verdict: 'fail', message: 'x\u0000\u001b\ud800y\t', seconds: 1.5 },
    ]);
    expect(xml).toContain('name="a&quot;&lt;&amp;&gt;.pkt"');
    expect(xml).toContain('>x\ufffd\ufffd\ufffdy\t</failure>');
    expect(xml).toContain('time="1.500000"');
  });
});
