/**
 * What the command line asks of V8 before it simulates. Results do not depend on it.
 *
 * Inlining: a packet passes some hundred small functions on its way; with V8's default budget most calls among them stay
 * calls. Measured: 15 to 20 % more segments per CPU second, for the bulk transfer and for 10 000 connections alike; it takes
 * half a second more of compiling, beside the run, before that shows.
 *
 * Pretenuring: V8 puts objects straight into the old generation whose like have survived before. In a row of worlds those
 * keep the whole of each dead world alive through every scavenge. Measured without: 7 000 small worlds per CPU second
 * instead of 3 300.
 */
import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode: of one function that may be inlined (V8: 460), and of all in one place (V8: 920). */
const INLINED = 1000;
const INLINED_IN_ALL = 5000;

/** For this process, worker threads included; before the first scenario runs. Nothing on engines other than V8. */
export function tuneV8(): void {
  birthYoung();
  if (process.versions['bun'] !== undefined) return;
  setFlagsFromString(`--max-inlined-bytecode-size=${INLINED}`);
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_IN_ALL}`);
}

/** The part of it that pays from the first world on: for many small worlds in one process. */
export function birthYoung(): void {
  if (process.versions['bun'] !== undefined) return;
  setFlagsFromString('--no-allocation-site-pretenuring');
}
