/** Arbitrary machines: their cores, devices, buffers, and the switches of their TCP. */
import fc from 'fast-check';
import { type Written, written, writtenOrNothing } from '../world.ts';
import { maybe } from './support.ts';

/**
 * A host. Small buffers, small rings and slow softirqs are frequent; a host that shrinks loses one choice after the other
 * and ends as `{}`, the profile's own machine.
 *
 *     fc.sample(hosts(), 1)   // [{ nic: { ring: { rx: 8, tx: 8 } }, sysctl: { 'net.ipv4.tcp_sack': 0 } }]
 */
export function hosts(): fc.Arbitrary<Written> {
  return fc
    .record({
      cpus: maybe(fc.constant(2)),
      machine: maybe(fc.constant('ideal'), 2),
      device: maybe(fc.constant('tun')),
      ring: maybe(fc.constantFrom(64, 8, 4)),
      rxUsecs: maybe(fc.constantFrom(0, 5, 50, 200)),
      rxFrames: maybe(fc.constantFrom(1, 3, 4)),
      slow: maybe(fc.constantFrom('5 us', '40 us')),
      rmem: maybe(fc.constantFrom('4096 65536 262144', '4096 8192 16384')),
      wmem: maybe(fc.constant('4096 8192 16384')),
      cc: maybe(fc.constantFrom('reno', 'bbr', 'dctcp'), 2),
      ecn: maybe(fc.constantFrom(1, 0)),
      sack: maybe(fc.constant(0)),
      dsack: maybe(fc.constant(0)),
      recovery: maybe(fc.constantFrom(0, 2, 4)),
      probes: maybe(fc.constant(0)),
      shrink: maybe(fc.constant(1)),
      sleep: maybe(fc.constantFrom('100 us', '2 ms')),
      timestamps: maybe(fc.constant(0)),
      scaling: maybe(fc.constant(0)),
    })
    .map((h) =>
      written({
        cpus: h.cpus,
        machine: h.machine,
        device: h.device,
        nic: h.device === undefined ? nicOf(h.ring, h.rxUsecs, h.rxFrames) : undefined,
        cpuidle: h.sleep === undefined ? undefined : { after: '0 s', latency: h.sleep },
        costs: h.slow === undefined || h.machine === 'ideal' ? undefined : { rxFrame: h.slow },
        sysctl: writtenOrNothing({
          'net.ipv4.tcp_rmem': h.rmem,
          'net.ipv4.tcp_wmem': h.wmem,
          'net.ipv4.tcp_congestion_control': h.cc,
          'net.ipv4.tcp_ecn': h.ecn,
          'net.ipv4.tcp_sack': h.sack,
          'net.ipv4.tcp_dsack': h.dsack,
          'net.ipv4.tcp_recovery': h.recovery,
          'net.ipv4.tcp_early_retrans': h.probes,
          'net.ipv4.tcp_shrink_window': h.shrink,
          'net.ipv4.tcp_timestamps': h.timestamps,
          'net.ipv4.tcp_window_scaling': h.scaling,
        }),
      }),
    );
}

function nicOf(ring?: number, rxUsecs?: number, rxFrames = 4): Written | undefined {
  return writtenOrNothing({
    ring: ring === undefined ? undefined : { rx: ring, tx: ring },
    // With rx-usecs 0 a NIC waits for frame number rx-frames however long that takes: a lone ACK would wait for ever.
    coalesce:
      rxUsecs === undefined
        ? undefined
        : { 'rx-usecs': rxUsecs, 'rx-frames': rxUsecs === 0 ? 1 : rxFrames },
  });
}

/**
 * Sizes for socket buffers, bytes, 1 to 4 MiB: what the kernel rounds up to its least, sizes of a few segments, powers of
 * two. Shrinks to the usual 128 KiB first, then to small ones.
 *
 *     fc.sample(bufferSizes(), 3)   // [4096, 1, 30_000]
 */
export function bufferSizes(): fc.Arbitrary<number> {
  return fc.constantFrom(
    131_072,
    1,
    2304,
    4096,
    16_384,
    20_000,
    30_000,
    65_536,
    1_048_576,
    4_194_304,
  );
}

/**
 * Socket options that change how a stream moves and not what it says: buffers, and Nagle off. Shrinks to none.
 *
 *     fc.sample(sockopts(), 1)   // [{ SO_RCVBUF: 4096, TCP_NODELAY: 1 }]
 */
export function sockopts(): fc.Arbitrary<Written> {
  return fc
    .record({
      SO_RCVBUF: maybe(bufferSizes()),
      SO_SNDBUF: maybe(bufferSizes()),
      TCP_NODELAY: maybe(fc.constant(1)),
    })
    .map(written);
}
