/** What is said when an application of the user's own fails: where in its source, what, who, when, and how it got there. */
import type { AppFault } from '../app/user.ts';
import { printDuration } from '../base/quantity.ts';
import { ns } from '../base/units.ts';
import { format } from '../sim/scenario/problems.ts';
import type { Position, Scenario } from '../sim/scenario/types.ts';
import { type Place, placesIn, readText } from './modules.ts';
import { whereSuspended } from './suspended.ts';

const MOST_PLACES = 8;

/** `accept-queue-overflow (epoll)`. */
export const titleOf = (s: Scenario): string =>
  s.label === '' ? s.name : `${s.name} (${s.label})`;

/** The lines of a fault. Asks the suspended thread where it stands, which ends it. */
export function faultLines(fault: AppFault, s: Scenario): string[] {
  const places = fault.cause instanceof Error ? placesIn(fault.cause) : [];
  const suspended = places.length > 0 || fault.body === null ? null : fault.body;
  const at = suspended === null ? null : whereSuspended(suspended, fault.trap);
  return [
    ...headLines(`${titleOf(s)}: ${fault.message}`, places[0]?.at ?? at, fault.module),
    `  ${threadName(fault.app, fault.thread)} on host ${fault.host}, after ${time(fault.at)} of simulated time`,
    ...placeLines(places),
  ];
}

/** `server`, or `server, thread connection-3`: the first thread of an application is called as the application is. */
export const threadName = (app: string, thread: string): string =>
  thread === app ? app : `${app}, thread ${thread}`;

/** The lines of an application that was ended because it did not yield. */
export function busyLines(s: Scenario, busy: Busy, seconds: number): string[] {
  const modules = s.apps.flatMap((a) => (a.model === 'user' ? [a.app] : [])).join(', ');
  const what =
    busy.thread === null
      ? `loading it took more than ${seconds} s`
      : `${busy.thread} ran for more than ${seconds} s without yielding a system call`;
  return [
    ...headLines(`${titleOf(s)}: ${what}, and was ended`, busy.places[0]?.at ?? null, modules),
    ...(busy.thread === null ? [] : [`  last seen after ${time(busy.at)} of simulated time`]),
    ...placeLines(busy.places),
    '  a loop without end? what takes time in the simulation is `yield sys.compute(ns)`; --timeout waits longer',
  ];
}

/** What does not come back. */
export interface Busy {
  /** Null: a module was being loaded. */
  readonly thread: string | null;
  /** Simulated time, ns. */
  readonly at: number;
  readonly places: readonly Place[];
}

/** With the lines around the place, where it is known; else after the module's name. */
function headLines(message: string, at: Position | null, module: string): string[] {
  if (at === null) return [`${module}: ${message}`];
  return format({ at, message }, readText(at.file) ?? undefined).split('\n');
}

/** How it got there, when that takes more than the place itself. */
function placeLines(places: readonly Place[]): string[] {
  if (places.length < 2) return [];
  return places.slice(0, MOST_PLACES).map(({ name, at }) => {
    const where = `${at.file}:${at.line}:${at.column}`;
    return name === '' ? `    at ${where}` : `    at ${name} (${where})`;
  });
}

const time = (at: number): string => printDuration(ns(at), 6);
