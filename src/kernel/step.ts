/** What a core runs: levels, steps, and what their time is billed as. The machine that runs them is cpu.ts. */
import type { Core } from './cpu.ts';

export const HARD = 0;
export const SOFT = 1;
export const TASK = 2;
export const IDLE = 3;
/** Coming back from an idle state: nothing runs yet (cpuidle.ts). */
export const WAKING = 4;
/** Withheld by the hypervisor with something to do: nothing runs, not even interrupts (Core.steal). */
export const STOLEN = 5;

// What a core's time is billed as (the columns of /proc/stat, with context switches apart).
export const BILL_IRQ = 0;
export const BILL_SOFTIRQ = 1;
export const BILL_SYSTEM = 2;
export const BILL_USER = 3;
export const BILL_SWITCH = 4;
export const BILL_IDLE = 5;
export const BILL_STEAL = 6;
export const BILL_NAMES: readonly string[] = [
  'irq',
  'softirq',
  'system',
  'user',
  'switch',
  'idle',
  'steal',
];

/** What time at each level is billed as, from HARD to STOLEN; at TASK the step says so. */
export const LEVEL_BILLS: readonly number[] = [
  BILL_IRQ,
  BILL_SOFTIRQ,
  BILL_SYSTEM,
  BILL_IDLE,
  BILL_IDLE,
  BILL_STEAL,
];

/** Something that has steps to run. It is asked again after each, until it has no more. */
export interface StepSource {
  /** What the next step costs, ns, an integer ≥ 0; −1: nothing to do now. Looks, plans; the effect is in `effect`. */
  next(core: Core): number;
  /** The time has been spent. */
  effect(core: Core): void;
}
