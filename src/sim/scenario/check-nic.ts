/** What a network card cannot be, though each of its keys by itself could. */
import { NIC_DEFAULTS } from '../../kernel/profile.ts';
import { sysctlNumber } from './sysctl.ts';
import type { AppSpec, HostSpec, NicSpec, Path } from './types.ts';

type Report = (path: Path, message: string, hint?: string) => void;

/** Receive and transmit queues. */
export function queuesOf({ channels: c }: NicSpec): { readonly rx: number; readonly tx: number } {
  const combined = c?.short ?? c?.combined ?? 1;
  return { rx: combined + (c?.rx ?? 0), tx: combined + (c?.tx ?? 0) };
}

/** One mask for all, or one for each. */
export function eachMask(masks: readonly number[], queues: number): readonly number[] {
  return masks.length === 1 ? new Array<number>(queues).fill(masks[0]!) : masks;
}

function checkQueues(h: HostSpec, at: (...path: Path) => Path, report: Report): void {
  const { channels: c, irqAffinity, xps, rps, rpsFlows } = h.nic;
  const { rx, tx } = queuesOf(h.nic);
  if (c !== null && c.short !== null && c.combined !== null)
    report(at('queues'), '`channels:` says it already', 'leave one of the two out');
  if (c !== null && c.rx > 0 && c.tx > 0)
    // ice_set_channels(): "Dedicated RX or TX channels cannot be used simultaneously".
    report(
      at('channels', 'tx'),
      'interrupts for one direction alone, in both directions, are not modelled',
      'use `combined:` for those that have both, and `rx:` or `tx:` for what is left',
    );
  if (irqAffinity !== null) {
    if (irqAffinity.length !== Math.max(rx, tx))
      report(
        at('irq_affinity'),
        `${plural(irqAffinity.length, 'core')} for ${plural(Math.max(rx, tx), 'interrupt')}`,
        'write one core for each',
      );
    irqAffinity.forEach((core, i) => {
      if (core >= h.cpus)
        report(at('irq_affinity', i), `there is no core ${core}`, lastCore(h.cpus));
    });
  }
  if (xps !== null && xps !== 'off') checkMasks(h, xps, tx, at('xps_cpus'), 'transmit', report);
  if (rps !== null) checkMasks(h, rps, rx, at('rps_cpus'), 'receive', report);
  if (rpsFlows === 0) return;
  if (rps === null || rps.includes(0))
    report(
      at('rps_flow_cnt'),
      'RFS without RPS is not modelled',
      'say with `rps_cpus:` where packets go whose reader is not known',
    );
  const name = 'net.core.rps_sock_flow_entries';
  if (sysctlNumber(h.sysctl, name) === 0)
    report(
      at('rps_flow_cnt'),
      'nobody remembers who has read a connection: RFS is off',
      `write \`${name}: 32768\` under \`sysctl:\``,
    );
}

function checkMasks(
  h: HostSpec,
  masks: readonly number[],
  queues: number,
  path: Path,
  kind: string,
  report: Report,
): void {
  if (masks.length !== 1 && masks.length !== queues)
    report(
      path,
      `${plural(masks.length, 'mask')} for ${plural(queues, `${kind} queue`)}`,
      'write one for all, or one for each',
    );
  masks.forEach((m, i) => {
    if (m >>> (h.cpus - 1) > 1)
      report([...path, i], 'the mask names a core that is not there', lastCore(h.cpus));
  });
}

const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

const lastCore = (cpus: number): string =>
  cpus === 1 ? 'there is only core 0: write `cpus:`' : `they are 0 to ${cpus - 1}`;

/** The keys that were written and that only a card has. */
function ofCards(nic: NicSpec): string[] {
  const { channels, coalesce } = nic;
  const any = (map: object): boolean => Object.values(map).some((v) => v !== null && v !== false);
  const keys: readonly (readonly [string, boolean])[] = [
    ['queues', channels !== null && channels.short !== null],
    ['channels', channels !== null && channels.combined !== null],
    ['irq_affinity', nic.irqAffinity !== null],
    ['xps_cpus', nic.xps !== null],
    ['rps_cpus', nic.rps !== null],
    ['rps_flow_cnt', nic.rpsFlows > 0],
    ['ring', any(nic.ring)],
    ['coalesce', any(coalesce)],
    ['features', Object.values(nic.features).some((f) => f !== null)],
    ['napi', nic.napi !== null],
    ['threaded', nic.threaded !== null],
    ['gro_flush_timeout', nic.groFlushTimeout !== null],
    ['napi_defer_hard_irqs', nic.deferHardIrqs !== null],
    ['byte_queue_limits', nic.bql !== null],
  ];
  return keys.flatMap(([key, written]) => (written ? [key] : []));
}

export function checkNic(h: HostSpec, report: Report): void {
  const { nic } = h;
  const { coalesce, ring } = nic;
  const at = (...path: Path): Path => ['hosts', h.name, 'nic', ...path];
  if (h.device !== 'nic') {
    for (const key of ofCards(nic))
      report(
        at(key),
        `\`device: ${h.device}\` is no network card: here it has only \`qdisc\` and \`txqueuelen\``,
        `leave out \`${key}\`, or \`device: ${h.device}\``,
      );
    return;
  }
  checkQueues(h, at, report);
  const { rxFrames } = coalesce;
  const holds = ring.rx ?? NIC_DEFAULTS.rxRing;
  if (rxFrames !== null && rxFrames > holds)
    report(
      at('coalesce', 'rx-frames'),
      `the interrupt would wait for ${rxFrames} frames, and the ring holds ${holds}`,
      ring.rx === null
        ? `at most ${holds}, or a larger ring: \`ring: { rx: … }\``
        : `at most ${holds}`,
    );
  if (nic.napi === false)
    for (const [key, polls] of [
      ['threaded', nic.threaded === true],
      ['gro_flush_timeout', (nic.groFlushTimeout ?? 0) > 0],
      ['napi_defer_hard_irqs', (nic.deferHardIrqs ?? 0) > 0],
    ] as const)
      if (polls)
        report(
          at(key),
          `\`${key}\` says nothing with \`napi: off\`: nothing is polled`,
          'leave one of the two out',
        );
  for (const way of ['rx', 'tx'] as const) {
    if (!coalesce[way === 'rx' ? 'adaptiveRx' : 'adaptiveTx']) continue;
    const key = `adaptive-${way}`;
    for (const what of ['Usecs', 'Frames'] as const) {
      if (coalesce[`${way}${what}`] === null) continue;
      const fixed = `${way}-${what.toLowerCase()}`;
      // Drivers differ: some take the value and ignore it, some say EINVAL (ice_set_q_coalesce).
      report(
        at('coalesce', fixed),
        `\`${key}: on\` finds \`${fixed}\` itself`,
        `leave one of the two out`,
      );
    }
    if (nic.napi === false)
      report(
        at('coalesce', key),
        'without NAPI each frame interrupts: there is nothing to adapt',
        'leave out `napi: off`',
      );
  }
}

/** Where looking at a device costs nothing, a thread that looks until something comes would look for ever at one instant. */
export function checkBusyPoll(h: HostSpec, apps: readonly AppSpec[], report: Report): void {
  if ((h.costs['busyPoll'] ?? (h.machine === 'ideal' ? 0 : 1)) > 0) return;
  const say = (path: Path): void =>
    report(
      path,
      'a look at the device costs nothing here, and nobody can spin on nothing',
      'give it a price: `costs: { busyPoll: 100 ns }`',
    );
  for (const name of ['net.core.busy_read', 'net.core.busy_poll'])
    if (sysctlNumber(h.sysctl, name) > 0) say(['hosts', h.name, 'sysctl', name]);
  for (const a of apps)
    if (a.host === h.name && 'sockopt' in a && Number(a.sockopt['SO_BUSY_POLL'] ?? 0) > 0)
      say([...a.path, 'sockopt', 'SO_BUSY_POLL']);
}
