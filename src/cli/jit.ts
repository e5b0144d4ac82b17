/**
 * What the command line asks of V8 before it simulates. Results do not depend on it.
 *
 * Pretenuring: V8 puts objects straight into the old generation whose like have survived before. In a row of worlds those
 * keep the whole of each dead world alive through every scavenge. Measured without: 7 000 small worlds per CPU second
 * instead of 3 300.
 *
 * Inlining: a packet passes some hundred small functions on its way; with V8's default budget many calls among them stay calls.
 * With the one below there are 20 to 40 % more segments per CPU second, but only after several CPU seconds more of compiling:
 * the 73 runs of scenarios.yaml take 6 s without it and 10 s with it, a transfer of 1 GB as long either way, one of 10 GB 7.7 s
 * and 6.9 s. So it is for those who have much to do.
 */
import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode: of one function that may be inlined (V8: 460), and of all in one place (V8: 920). */
const INLINED = 1000;
const INLINED_IN_ALL = 5000;

/** From so many segments on, compiling more pays. */
export const MANY_SEGMENTS = 4_000_000;

/** For this process, worker threads included; before the first scenario runs. Nothing on engines other than V8. */
export function birthYoung(): void {
  setFlags('--no-allocation-site-pretenuring');
}

/** The same, before what takes long. What is compiled already stays as it is. */
export function inlineMore(): void {
  setFlags(`--max-inlined-bytecode-size=${INLINED}`);
  setFlags(`--max-inlined-bytecode-size-cumulative=${INLINED_IN_ALL}`);
}

function setFlags(flags: string): void {
  if (process.versions['bun'] === undefined) setFlagsFromString(flags);
}
