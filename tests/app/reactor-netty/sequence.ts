/**
 * Logs as sequences that can be compared: what a connection did and what its signals said, in order, without times, sizes
 * and samples; and cycles that repeat, once.
 */
import type { LogEvent } from './recorder.ts';

/** FluxReceive's autoRead, request(n), onNext, write, flush, state; and how a subscription begins and ends. */
export function sequenceOf(events: readonly LogEvent[]): string[] {
  const tokens: string[] = [];
  for (const e of events) {
    const ev = String(e['ev']);
    if (ev === 'autoRead') tokens.push(`autoRead ${e['to'] === true ? 'on' : 'off'}`);
    else if (ev === 'state') tokens.push(`${String(e['s'])} ${String(e['conn'])}`);
    else if (ev.endsWith('.request')) tokens.push(`${ev} ${demand(e['n'])}`);
    else if (SIGNAL.test(ev) || PIPELINE.has(ev)) tokens.push(ev);
  }
  return tokens;
}

const SIGNAL = /^(rx|tx|res|first|second)\./;
const PIPELINE = new Set(['handler.apply', 'write', 'flush', 'close()', 'channelInactive']);

/** Long.MAX_VALUE has come through JSON as a double. */
const demand = (n: unknown): string =>
  n === 'unbounded' || Number(n) > 1e18 ? 'unbounded' : String(n);

/**
 * Cycles once: wherever the same tokens stand twice in a row, the second of them goes, shortest first, until there is no such
 * place. So `a b c b c b c d` becomes `a b c d`, and so does `a b b c b c d`.
 *
 * @param longest tokens of a cycle, at most
 */
export function collapse(tokens: readonly string[], longest = 24): string[] {
  let out = [...tokens];
  for (let period = 1; period <= longest; period++) {
    const shorter = withoutRepeats(out, period);
    if (shorter.length === out.length) continue;
    out = shorter;
    period = 0; // what has come together may repeat in a shorter cycle
  }
  return out;
}

function withoutRepeats(tokens: readonly string[], period: number): string[] {
  const out: string[] = [];
  for (const token of tokens) {
    out.push(token);
    const n = out.length;
    if (n < 2 * period) continue;
    let same = true;
    for (let i = 1; same && i <= period; i++) same = out[n - i] === out[n - i - period];
    if (same) out.length = n - period;
  }
  return out;
}
