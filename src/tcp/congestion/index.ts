/** Congestion controls by name. */
import type { CongestionControl } from './controller.ts';
import { Cubic } from './cubic.ts';
import { RENO } from './reno.ts';

export function congestionControl(name: 'cubic' | 'reno'): CongestionControl {
  return name === 'reno' ? RENO : new Cubic();
}
