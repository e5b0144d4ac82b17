/**
 * The event queue alone, in the hold model: a fixed number of events pending, each of which schedules the next one after a
 * random time. And what `tryAdvance` is for: a core's steps through the queue and run inline, as a ratio.
 *
 *     node scripts/tsx.js bench/engine.ts
 */
import { measure } from 'mitata';
import { add, NEVER, ns, type Instant } from '../src/base/units.ts';
import { CPU, Engine, TIMER } from '../src/engine/engine.ts';
import { asProgram, type Row } from './measure.ts';

/** Events per call of what is measured: enough that the call itself does not count. */
const BATCH = 20_000;
const MEAN_DELAY = 1 << 20;

/** A small generator of its own: the bench shall not measure seedrandom. */
function delays(): () => number {
  const state = Int32Array.of(0x2545f491);
  return () => {
    let x = state[0]!;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    state[0] = x;
    return (x & (2 * MEAN_DELAY - 1)) + 1;
  };
}

type Scheduling = 'timer' | 'cold timer' | 'one-shot';

/** A function that runs BATCH events with `pending` in the queue. */
function hold(pending: number, scheduling: Scheduling): () => void {
  const engine = new Engine({ seed: '1' });
  const delay = delays();
  const left = Int32Array.of(0);
  const rearm = engine.define('hold', CPU, (i) => {
    if (--left[0]! === 0) engine.stop();
    engine.arm(timers[i]!, add(engine.now, ns(delay())));
  });
  const again = engine.define('hold', CPU, (a, b) => {
    if (--left[0]! === 0) engine.stop();
    engine.at(add(engine.now, ns(delay())), again, a, b);
  });
  const timers = Array.from({ length: scheduling === 'one-shot' ? 0 : pending }, (_, i) =>
    scheduling === 'timer' ? engine.timer(rearm, i, 0) : engine.coldTimer(rearm, i, 0),
  );
  for (const timer of timers) engine.arm(timer, delay() as Instant);
  if (scheduling === 'one-shot')
    for (let i = 0; i < pending; i++) engine.at(delay() as Instant, again, i, 0);
  return () => {
    left[0] = BATCH;
    engine.run(NEVER);
  };
}

/** BATCH steps of one core, with 1 000 kernel timers armed far ahead; a step is 100 to 1 000 ns. */
function steps(inline: boolean): () => void {
  const engine = new Engine({ seed: '1' });
  const delay = delays();
  let left = 0;
  const step = engine.define('step', CPU, () => {
    for (;;) {
      if (--left === 0) engine.stop();
      const cost = 100 + (delay() & 511);
      if (inline) {
        if (!engine.tryAdvance(core, cost)) return;
      } else {
        engine.arm(core, add(engine.now, ns(cost)));
        return;
      }
    }
  });
  const core = engine.timer(step, 0, 0);
  const expire = engine.define('expire', TIMER, () => {});
  for (let i = 0; i < 1000; i++) engine.arm(engine.coldTimer(expire, i, 0), (1e15 + i) as Instant);
  engine.arm(core, 1 as Instant);
  return () => {
    left = BATCH;
    engine.run(NEVER);
  };
}

/** Median nanoseconds per event. */
async function nanosPerEvent(batch: () => void): Promise<number> {
  const stats = await measure(batch, { min_cpu_time: 4e8, warmup_samples: 20 });
  return stats.p50 / BATCH;
}

async function engineBench(): Promise<Row> {
  const row: Record<string, number> = {};
  for (const scheduling of ['timer', 'cold timer', 'one-shot'] as const) {
    for (const pending of [1, 1_000, 100_000]) {
      const nanos = await nanosPerEvent(hold(pending, scheduling));
      row[`events/s, ${pending} pending, ${scheduling}`] = Math.round(1e9 / nanos);
    }
  }
  const queued = await nanosPerEvent(steps(false));
  const inline = await nanosPerEvent(steps(true));
  row['ns per step through the queue'] = queued;
  row['ns per step by tryAdvance'] = inline;
  row['tryAdvance to queue'] = inline / queued;
  return row;
}

asProgram(import.meta.url, engineBench);
