/**
 * Ends a run whose application never yields. It looks at what the worker tells (beacon.ts) and counts looks, not seconds
 * of a clock: a machine that slept in between has not computed. A run in which only hostwire computes is never ended.
 */
import type { Beacon, Inside } from './beacon.ts';
import type { Place } from './modules.ts';
import { whereBusy } from './where-busy.ts';

const EVERY_MS = 100;

export interface Watchdog {
  /** Aborted when it has bitten. */
  readonly signal: AbortSignal;
  /** What the application was doing then, and where. */
  readonly bit: (Inside & { readonly places: readonly Place[] }) | null;
  leave(): void;
}

/** @param seconds  that one piece of the application's code may take */
export function watchdog(beacon: Beacon, seconds: number): Watchdog {
  const controller = new AbortController();
  let bit: Watchdog['bit'] = null;
  let seen = -1;
  let looks = 0;
  const timer = setInterval(() => {
    const inside = beacon.inside();
    if (inside === null || inside.entries !== seen) {
      seen = inside?.entries ?? -1;
      looks = 0;
      return;
    }
    if (++looks * EVERY_MS < seconds * 1000) return;
    clearInterval(timer);
    void whereBusy(beacon.worker).then((places) => {
      bit = { ...inside, places };
      controller.abort();
    });
  }, EVERY_MS);
  return {
    signal: controller.signal,
    get bit() {
      return bit;
    },
    leave: () => clearInterval(timer),
  };
}
