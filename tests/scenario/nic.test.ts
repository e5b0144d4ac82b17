// What a network card cannot be: said with its place and its cure.
import { describe, expect, test } from 'vitest';
import { problems, read, said, VALID } from './support.ts';

/** The server, with two cores, has this network card. */
const withNic = (nic: string): string => VALID.replace(/nic: \{ ring.*\}\n/, () => `nic: ${nic}\n`);
const column = (nic: string, what: string): number => 14 + nic.indexOf(what);

/** [what is wrong, the card, where, what is said] */
const MISTAKES: [title: string, nic: string, where: string, says: string][] = [
  [
    'channels said twice',
    '{ queues: 2, channels: { combined: 2 } }',
    '2, channels',
    '`channels:` says it already [leave one of the two out]',
  ],
  [
    'an interrupt that waits for more than the ring holds that nobody has set',
    '{ coalesce: { rx-frames: 1025 } }',
    '1025',
    'the interrupt would wait for 1025 frames, and the ring holds 1024 [at most 1024, or a larger ring: `ring: { rx: … }`]',
  ],
  [
    'dedicated channels in both directions',
    '{ channels: { combined: 1, rx: 1, tx: 2 } }',
    '2 }',
    'interrupts for one direction alone, in both directions, are not modelled [use `combined:` for those that have both, and `rx:` or `tx:` for what is left]',
  ],
  [
    'a core for an interrupt that is not there',
    '{ queues: 1, irq_affinity: [0, 1] }',
    'irq_affinity',
    '2 cores for 1 interrupt [write one core for each]',
  ],
  [
    'an interrupt on a core that is not there',
    '{ queues: 2, irq_affinity: [0, 2] }',
    '2] }',
    'there is no core 2 [they are 0 to 1]',
  ],
  [
    'too few masks',
    "{ queues: 3, xps_cpus: ['1', '2'] }",
    'xps_cpus',
    '2 masks for 3 transmit queues [write one for all, or one for each]',
  ],
  [
    'a mask with a core that is not there',
    '{ queues: 2, xps_cpus: f }',
    'f }',
    'the mask names a core that is not there [they are 0 to 1]',
  ],
  [
    'one of several masks with a core that is not there',
    "{ queues: 2, xps_cpus: ['1', '4'] }",
    "'4'",
    'the mask names a core that is not there [they are 0 to 1]',
  ],
  [
    'one of several masks for RPS',
    "{ channels: { combined: 3 }, rps_cpus: ['1', '8', '1'] }",
    "'8'",
    'the mask names a core that is not there [they are 0 to 1]',
  ],
  [
    'one of several masks that is none',
    "{ queues: 2, xps_cpus: ['1', 'x'] }",
    "'x'",
    "`x` is no mask of cores [hexadecimal, a bit for each core: e.g. `'f'` for cores 0 to 3]",
  ],
  [
    'one of several masks that YAML reads as a decimal number',
    "{ queues: 2, rps_cpus: ['1', 10] }",
    '10]',
    "a mask is hexadecimal, and this a decimal number [write it in quotes, e.g. `'10'` for core 4]",
  ],
  [
    'a thread that polls where nothing is polled',
    '{ napi: off, threaded: on }',
    'on }',
    '`threaded` says nothing with `napi: off`: nothing is polled [leave one of the two out]',
  ],
  [
    'interrupts put off where nothing is polled',
    '{ napi: off, napi_defer_hard_irqs: 2 }',
    '2 }',
    '`napi_defer_hard_irqs` says nothing with `napi: off`: nothing is polled [leave one of the two out]',
  ],
  [
    'a mask that YAML reads as a decimal number',
    '{ queues: 2, xps_cpus: 10 }',
    '10',
    "a mask is hexadecimal, and this a decimal number [write it in quotes, e.g. `'10'` for core 4]",
  ],
  [
    'RFS that nobody feeds',
    '{ rps_cpus: 3, rps_flow_cnt: 64 }',
    '64',
    'nobody remembers who has read a connection: RFS is off [write `net.core.rps_sock_flow_entries: 32768` under `sysctl:`]',
  ],
  [
    'more masks than receive queues',
    "{ channels: { combined: 1, tx: 1 }, rps_cpus: ['1', '2'] }",
    'rps_cpus',
    '2 masks for 1 receive queue [write one for all, or one for each]',
  ],
  [
    'no mask at all',
    '{ queues: 2, xps_cpus: all }',
    'all',
    "`all` is no mask of cores [hexadecimal, a bit for each core: e.g. `'f'` for cores 0 to 3]",
  ],
];

describe('a network card that cannot be', () => {
  test.each(MISTAKES)('%s', (_title, nic, where, says) => {
    expect(said(problems(withNic(nic)))).toEqual([`my.yaml:15:${column(nic, where)} ${says}`]);
  });

  test('a tun has nothing of a card', () => {
    const tun = (nic: string): string[] =>
      said(problems(withNic(nic).replace('{ cpus: 2 }', '{ cpus: 2, device: tun }'))).map(
        (s) => /leave out `(\w+)`, or `device: tun`/.exec(s)?.[1] ?? s,
      );
    const all = {
      queues: '2',
      irq_affinity: '[0, 1]',
      xps_cpus: 'off',
      rps_cpus: '3',
      rps_flow_cnt: '8',
      ring: '{ rx: 8 }',
      coalesce: '{ cqe-mode-tx: on }',
      features: '{ gro: off }',
      napi: 'on',
      threaded: 'off',
      gro_flush_timeout: '1 us',
      napi_defer_hard_irqs: '1',
      byte_queue_limits: 'off',
    };
    const text = Object.entries(all).map(([key, value]) => `${key}: ${value}`);
    expect(tun(`{ ${text.join(', ')} }`)).toEqual(Object.keys(all));
    expect(tun('{ channels: { combined: 2 } }')).toEqual(['channels']);
    const both = withNic('{ qdisc: fq, txqueuelen: 10 packets }');
    expect(read(both.replace('{ cpus: 2 }', '{ cpus: 2, device: tun }')).length).toBe(2);
  });

  test('nobody spins where a look costs nothing', () => {
    const text = VALID.replace('server: { cpus: 2 }', 'server: { cpus: 2, machine: ideal }')
      .replace('SO_RCVBUF: 65536', 'SO_BUSY_POLL: 50')
      .replace('net.ipv4.tcp_rmem: 4096 131072 6291456', 'net.core.busy_poll: 50');
    const hint = 'give it a price: `costs: { busyPoll: 100 ns }`';
    const says = 'a look at the device costs nothing here, and nobody can spin on nothing';
    expect(said(problems(text)).map((s) => s.replace(/^\S+ /, ''))).toEqual([
      `${says} [${hint}]`,
      `${says} [${hint}]`,
    ]);
    const priced = text.replace('machine: ideal', 'machine: ideal, costs: { busyPoll: 100 ns }');
    expect(read(priced).length).toBe(2);
  });

  test.each([
    '{ queues: 2, xps_cpus: off }',
    '{ queues: 2, xps_cpus: 3, irq_affinity: [1, 0] }',
    "{ channels: { combined: 1, tx: 1 }, xps_cpus: ['1', '0x2'] }",
    '{ channels: { rx: 1 } }',
  ])('%s can be', (nic) => {
    expect(read(withNic(nic)).length).toBe(2);
  });
});
