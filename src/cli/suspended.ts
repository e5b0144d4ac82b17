/**
 * Where a suspended generator stands in its source: a body that has yielded something wrong is no exception and has no
 * stack. V8 knows the place, and tells it through the inspector: an exception thrown into the generator is reported with
 * the line of the innermost `yield`. That ends the generator, so it is asked for only when the run is over.
 */
import { Session } from 'node:inspector';
import { findSourceMap } from 'node:module';
import { NR_NONE, type ThreadBody, type Trap } from '../kernel/syscall.ts';
import type { Position } from '../sim/scenario/types.ts';
import { placeOf } from './modules.ts';

/** Under this name the inspector sees the generator. */
const NAME = 'hostwire: the suspended thread';
/** `finally` blocks may yield; after so many yields it is given up. */
const MOST_YIELDS = 100;

interface Evaluated {
  readonly exceptionDetails?: {
    readonly scriptId?: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
}

/** @param trap  its frame, emptied so that `finally` blocks may make calls  @returns null where no inspector knows */
export function whereSuspended(body: ThreadBody, trap: Trap): Position | null {
  const holder = globalThis as unknown as Record<string, unknown>;
  const session = new Session();
  holder[NAME] = body;
  try {
    session.connect();
    const urls = new Map<string, string>();
    session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
    session.post('Debugger.enable');
    const step = (code: string): Evaluated['exceptionDetails'] => {
      let found: Evaluated['exceptionDetails'];
      trap.nr = NR_NONE;
      const expression = `globalThis[${JSON.stringify(NAME)}].${code}`;
      session.post('Runtime.evaluate', { expression }, (_error, r) => {
        found = (r as Evaluated | undefined)?.exceptionDetails;
      });
      return found;
    };
    let thrown = step('throw("where is it?")');
    for (let i = 0; thrown === undefined && i < MOST_YIELDS; i++) thrown = step('next(0)');
    if (thrown?.scriptId === undefined) return null;
    return source(urls.get(thrown.scriptId) ?? '', thrown.lineNumber, thrown.columnNumber);
  } catch {
    // An engine without an inspector: the message then has to do without a place.
    return null;
  } finally {
    delete holder[NAME];
    session.disconnect();
  }
}

/** From a place in what tsx has made of a module to that in the module; line and column from 0. */
function source(url: string, line: number, column: number): Position | null {
  const entry = findSourceMap(url)?.findEntry(line, column);
  const [file, l, c] =
    entry !== undefined && 'originalSource' in entry
      ? [entry.originalSource, entry.originalLine, entry.originalColumn]
      : [url, line, column];
  return placeOf('', file, l + 1, c + 1)?.at ?? null;
}
