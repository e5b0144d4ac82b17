/**
 * The worlds that are measured, described as a scenario file would. The first two are those of ns-3's bulk.cc and many.cc:
 * point-to-point links with a 2-byte header, buffers as there, one frame to a packet (offloads off).
 *
 * ns-3's hosts do nothing that takes time. `ideal` ones are as those: no price, no interrupt moderation. `linux` ones are as users
 * have them, and without offloads their CPU is slower than these links. `fast` ones have every price of Linux hosts and a CPU of twice
 * the speed, which is enough: what ns-3 carries over these links, in that time and without loss, they carry, with one core. The
 * same frames in trains are Linux hosts with TSO, GSO and GRO, as they come.
 */
import { LINUX_COSTS } from '../src/kernel/costs.ts';
import { describe } from '../src/sim/scenario/load.ts';
import type { Scenario } from '../src/sim/scenario/types.ts';

const MSS = 1448;
const seed = 1;

function one(name: string, scenario: unknown): Scenario {
  return describe(name, { seed, shows: `bench: ${name}`, ...(scenario as object) })[0]!;
}

export type Machine = 'ideal' | 'linux' | 'fast';

const HALF_PRICE = Object.fromEntries(
  Object.entries(LINUX_COSTS).map(([step, { ns }]) => [step, `${ns / 2} ns`]),
);

const kind = (machine: Machine): object =>
  machine === 'fast' ? { machine: 'linux', costs: HALF_PRICE } : { machine };

export const machineOf = (args: readonly string[]): Machine =>
  (['linux', 'fast'] as const).find((m) => args.includes(m)) ?? 'ideal';

/** `gso`: what `ethtool -K eth0 tso off gro off` leaves: large sends that the kernel cuts in front of the device. */
export type Offloads = 'on' | 'gso' | 'off';

export const offloadsOf = (args: readonly string[]): Offloads =>
  args.includes('trains') ? 'on' : args.includes('gso') ? 'gso' : 'off';

const features = (offloads: Offloads): object => ({
  tso: offloads === 'on' ? 'on' : 'off',
  gso: offloads === 'off' ? 'off' : 'on',
  gro: offloads === 'on' ? 'on' : 'off',
});

/**
 * One transfer over 10 Gbit/s, 1 ms one way, MSS 1448, buffers of 4 MiB: SO_RCVBUF and SO_SNDBUF are doubled by the
 * kernel and half of that is for overhead, so 4 MiB of window remain. No loss, and the queue is deeper than the window.
 *
 * On one core, as hosts are by default, a Linux receiver without any offload is not quite as fast as the link (8.57 of
 * 9.45 Gbit/s). With a second one it reads on that while the first receives: the link is full, but four cores then
 * take turns at steps that end one after another, so that few of them come next and most go through the queue.
 *
 * @param bytes payload, 1 GB in the anchor
 * @param cpus of each host
 */
export function bulk(
  bytes: number,
  machine: Machine,
  offloads: Offloads = 'off',
  cpus = 1,
): Scenario {
  const buffers = { 'net.core.rmem_max': 4_194_304, 'net.core.wmem_max': 4_194_304 };
  const nic = { features: features(offloads) };
  const sockopt = { SO_RCVBUF: 4_194_304, SO_SNDBUF: 4_194_304 };
  return one(`bulk ${machine}`, {
    hosts: {
      client: { ...kind(machine), cpus, sysctl: buffers, nic },
      server: { ...kind(machine), cpus, sysctl: buffers, nic },
    },
    links: [
      {
        between: ['client', 'server'],
        rate: '10 Gbit/s',
        overhead: '2 B',
        delay: '1 ms',
        limit: '10000 packets',
      },
    ],
    apps: {
      server: { host: 'server', model: 'blocking', listen: 5001, read: '64 KiB', sockopt },
      upload: {
        host: 'client',
        model: 'bulk',
        connect: 'server:5001',
        bytes: `${bytes} B`,
        write: `${MSS * 16} B`,
        sockopt,
      },
    },
    stop: { when: 'upload.closed', limit: '1000 s' },
  });
}

export interface Many {
  /** Default off. */
  readonly offloads?: Offloads;
  /** Who serves them; default epoll, one thread. */
  readonly model?: string;
  /** When they begin to send; default 500 ms. */
  readonly sendAt?: string;
}

/**
 * So many connections over 10 Gbit/s, 5 ms: they connect 10 µs apart, stay idle, and from 500 ms on send 100 KB each, 100 µs
 * apart (the link is 80 % loaded). One thread of the client has them all. Two cores each, but for `fast` ones: with one, Linux hosts without offloads lose a tenth.
 */
export function many(
  connections: number,
  bytes: number,
  machine: Machine,
  { offloads = 'off', model = 'epoll', sendAt = '500 ms' }: Many = {},
): Scenario {
  const host = {
    ...kind(machine),
    cpus: machine === 'fast' ? 1 : 2,
    sysctl: { 'net.core.somaxconn': 65_535, 'net.core.wmem_max': 4_194_304 },
    nic: { features: features(offloads) },
  };
  return one(`many ${machine}`, {
    hosts: { client: host, server: host },
    links: [
      {
        between: ['client', 'server'],
        rate: '10 Gbit/s',
        overhead: '2 B',
        delay: '5 ms',
        limit: '100000 packets',
      },
    ],
    apps: {
      server: { host: 'server', model, listen: 80, backlog: 65_535, read: '64 KiB' },
      upload: {
        host: 'client',
        model: 'bulk',
        io: 'epoll',
        connect: 'server:80',
        connections,
        stagger: '10 us',
        send: sendAt,
        'send-stagger': '100 us',
        bytes: `${bytes} B`,
        write: `${bytes} B`,
        sockopt: { SO_SNDBUF: 131_072 },
      },
    },
    stop: { when: 'upload.closed', limit: '1000 s' },
  });
}

/** As small as the worlds of a property test: two hosts, 20 segments, everything by default. */
export function tiny(): Scenario {
  return one('tiny', {
    hosts: { client: {}, server: {} },
    links: [{ between: ['client', 'server'], rate: '100 Mbit/s', delay: '1 ms' }],
    apps: {
      server: { host: 'server', model: 'blocking', listen: 80 },
      upload: { host: 'client', model: 'bulk', connect: 'server:80', bytes: `${20 * MSS} B` },
    },
    stop: { when: 'upload.closed', limit: '60 s' },
  });
}
