/** What is said when an application of the user's own fails: where in its source, what, who, when, and how it got there. */
import type { AppFault } from '../app/user.ts';
import { printDuration } from '../base/quantity.ts';
import { ns } from '../base/units.ts';
import { format } from '../sim/scenario/problems.ts';
import type { Position, Scenario } from '../sim/scenario/types.ts';
import { whereSuspended } from './suspended.ts';
import { type Place, placesIn, readText, shortened } from './modules.ts';

const MOST_PLACES = 8;

/** `accept-queue-overflow (epoll)`. */
export const titleOf = (s: Scenario): string =>
  s.label === '' ? s.name : `${s.name} (${s.label})`;

/** The lines of a fault. Asks the suspended thread where it stands, which ends it. */
export function faultLines(fault: AppFault, s: Scenario): string[] {
  const places = fault.cause instanceof Error ? placesIn(fault.cause) : [];
  const at = places[0]?.at ?? (fault.body === null ? null : suspendedAt(fault));
  const what = `${titleOf(s)}: ${fault.message}`;
  const who = fault.thread === fault.app ? fault.app : `${fault.app}, thread ${fault.thread}`;
  return [
    ...(at === null
      ? [`${fault.module}: ${what}`]
      : format({ at, message: what }, readText(at.file) ?? undefined).split('\n')),
    `  ${who} on host ${fault.host}, after ${time(fault.at)} of simulated time`,
    ...(places.length > 1 ? places.slice(0, MOST_PLACES).map(placeLine) : []),
  ];
}

function suspendedAt(fault: AppFault): Position | null {
  const at = whereSuspended(fault.body!, fault.trap);
  return at === null ? null : { ...at, file: shortened(at.file) };
}

const placeLine = ({ name, at }: Place): string => {
  const where = `${at.file}:${at.line}:${at.column}`;
  return name === '' ? `    at ${where}` : `    at ${name} (${where})`;
};

const time = (at: number): string => printDuration(ns(at), 6);

/**
 * The lines of an application that was ended because it did not yield.
 *
 * @param thread  null: one of its modules was being loaded
 */
export function spinningLines(
  s: Scenario,
  thread: string | null,
  atNs: number,
  seconds: number,
): string[] {
  const modules = s.apps.flatMap((a) => (a.model === 'user' ? [a.app] : [])).join(', ');
  const title = titleOf(s);
  if (thread === null)
    return [`${modules}: ${title}: loading it took more than ${seconds} s, and was ended`];
  const name = thread.split(',', 1)[0];
  const app = s.apps.find((a) => a.name === name);
  return [
    `${app?.model === 'user' ? app.app : modules}: ${title}: ${thread} ran for more than ${seconds} s without yielding a system call, and was ended`,
    `  last seen after ${time(atNs)} of simulated time`,
    '  a loop without `yield`? work that takes time in the simulation is `yield sys.compute(ns)`; --timeout waits longer',
  ];
}
