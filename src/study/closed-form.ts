/**
 * What a receiver's window allows: goodput ≤ min(payload rate of the link, mean advertised window / RTT), where RTT is that
 * of the empty path: both delays, and the time that one full segment and one ACK take on the wire. A sender never has
 * more than the window outstanding, and no byte comes back acknowledged sooner.
 *
 * Applies to one connection of one bulk sender over one link with a rate. Anything else has no line.
 */
import type { Sweep } from '../sim/scenario/sweep.ts';
import type { Scenario } from '../sim/scenario/types.ts';

/** IPv4 and TCP headers with time stamps. */
const HEADERS = 20 + 20 + 12;

export interface WindowBound {
  /** The metric that holds the mean advertised window, bytes. */
  readonly window: string;
  readonly rttNs: number;
  /** Payload, bit/s. */
  readonly rate: number;
}

export function windowBound(world: Scenario): WindowBound | null {
  const [link, ...links] = world.links;
  const senders = world.apps.filter((a) => a.model === 'bulk');
  const [sender] = senders;
  if (link === undefined || links.length > 0 || world.routers.length > 0) return null;
  if (sender === undefined || senders.length > 1 || sender.connections !== 1) return null;
  const there = link.directions.find((d) => d.from === sender.host);
  const back = link.directions.find((d) => d.to === sender.host);
  if (there === undefined || back === undefined || there.to !== sender.connect.host) return null;
  const { rate, mtu, overhead } = there.options;
  if (!Number.isFinite(rate)) return null;
  const segmentNs = ((mtu + overhead) * 8e9) / rate;
  const ackNs = ((HEADERS + back.options.overhead) * 8e9) / back.options.rate;
  return {
    window: `${there.to}.tcp.window.mean`,
    rttNs: there.options.delay + back.options.delay + segmentNs + ackNs,
    rate: (rate * (mtu - HEADERS)) / (mtu + overhead),
  };
}

/** bit/s, from the mean window in bytes. */
export const boundedGoodput = (b: WindowBound, windowBytes: number): number =>
  Math.min(b.rate, (windowBytes * 8e9) / b.rttNs);

/** What a study of goodput keeps beside what it measures; nothing where the closed form does not apply. */
export function metricsOfBound(sweep: Sweep): string[] {
  if (!sweep.measure.some((m) => m.metric === 'goodput')) return [];
  const bound = windowBound(sweep.point(0));
  return bound === null ? [] : [bound.window];
}
