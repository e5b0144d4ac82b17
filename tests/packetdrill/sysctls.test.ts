// Sysctls by name: each is an option of the simulated machine, makes no difference, or is not supported.
import { describe, expect, test } from 'vitest';
import { SYSCTLS } from '../../src/kernel/sysctl-options.ts';
import { tcpChanges } from '../../src/kernel/sysctl-options.ts';
import { ABSENT, AS_MODELLED, DEFAULTS, WITHOUT_EFFECT } from '../../src/packetdrill/defaults.ts';
import { cubicChange, Sysctls } from '../../src/packetdrill/sysctls.ts';

const written = (name: string, value: string, sockets = false): Sysctls => {
  const sysctls = new Sysctls();
  sysctls.write({ name: `net.ipv4.${name}`, value }, sockets);
  return sysctls;
};

describe('values', () => {
  test('are read as the kernel reads them', () => {
    expect(tcpChanges(written('tcp_rmem', '4096\t32768  15728640').values).rmem).toEqual([
      4096, 32_768, 15_728_640,
    ]);
    expect(tcpChanges(written('tcp_retries2', '0x0a').values).retries2).toBe(10);
    expect(tcpChanges(written('tcp_sack', '0').values).sack).toBe(false);
    expect(tcpChanges(written('tcp_congestion_control', 'reno').values).congestionControl).toBe(
      'reno',
    );
  });

  test('of a list, those that are left out stay [proc_dointvec()]', () => {
    expect(tcpChanges(written('tcp_wmem', '4096 50000').values).wmem).toEqual([
      4096, 50_000, 4_194_304,
    ]);
  });

  test.each([
    ['tcp_sack', '2'],
    ['tcp_ecn', '3'],
    ['tcp_syncookies', '2'],
    ['tcp_sack', 'yes'],
    ['tcp_retries2', '-1'],
    ['tcp_retries2', '1 2'],
    ['tcp_retries2', '010'],
    ['tcp_retries2', ''],
    ['tcp_rmem', '1 2 3 4'],
    ['tcp_congestion_control', 'vegas'],
    ['tcp_stdurg', '1'],
    ['tcp_no_ssthresh_metrics_save', '0'],
    ['tcp_nonsense', '1'],
    ['constructor', '1'],
  ])('are not supported: %s=%s', (name, value) => {
    expect(() => written(name, value)).toThrow(`sysctl net.ipv4.${name}=${value}`);
  });

  test('a name that is near another is told which', () => {
    expect(() => written('tcp_sakc', '1')).toThrow('(there is net.ipv4.tcp_sack)');
  });

  test('what the model behaves as may be written', () => {
    for (const [name, value] of Object.entries(AS_MODELLED))
      expect(new Sysctls().write({ name, value }, true)).toBe(true);
  });

  test('of what sockets copy, only a change is refused while there are some', () => {
    expect(() => written('tcp_reordering', '5', true)).toThrow('while there are sockets');
    expect(() => written('tcp_reordering', '3', true)).not.toThrow();
  });
});

describe('the lists', () => {
  const modelled = new Set(SYSCTLS.map((d) => d.name));

  test('a sysctl that has become an option is in none of them', () => {
    expect(Object.keys(AS_MODELLED).filter((name) => modelled.has(name))).toEqual([]);
    expect(ABSENT.filter((name) => modelled.has(name))).toEqual([]);
  });

  test('defaults.sh is carried out whole: all of it is an option, or makes no difference', () => {
    const elsewhere = DEFAULTS.map((d) => d.name).filter(
      (name) => !modelled.has(name) && !Object.hasOwn(WITHOUT_EFFECT, name),
    );
    // The AccECN option of tcp_ecn 3 to 5, which are not modelled: with tcp_ecn 0 it is never sent.
    expect(elsewhere).toEqual(['net.ipv4.tcp_ecn_option']);
  });

  test('defaults.sh changes what a script of the collections relies on', () => {
    const sysctls = new Sysctls();
    sysctls.writeDefaults();
    expect(tcpChanges(sysctls.values)).toMatchObject({
      rmem: [4096, 540_000, 15_728_640],
      wmem: [4096, 262_144, 4_194_304],
      synRetries: 5,
      slowStartAfterIdle: false,
      fastopen: 0x70403,
      fastopenKey: 'a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4',
    });
  });
});

test('parameters of tcp_cubic: hystart is switched, the others may be written as they are', () => {
  expect(cubicChange('hystart', '0')).toEqual({ hystart: false });
  expect(cubicChange('hystart_detect', '2')).toEqual({ hystartDetect: 2 });
  expect(cubicChange('beta', '717')).toEqual({});
  for (const [name, value] of [
    ['beta', '819'],
    ['hystart', '2'],
    ['hystart_detect', '4'],
    ['toString', '1'],
  ])
    expect(() => cubicChange(name!, value!)).toThrow(`tcp_cubic parameter ${name}=${value}`);
});
