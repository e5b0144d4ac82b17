/**
 * Memory of an idle connection, both ends together: what is alive with N established connections that say nothing, less
 * the same world before any, ÷ N. One epoll thread on either side.
 */
import { instant } from '../src/base/units.ts';
import { World } from '../src/sim/run/world.ts';
import { asProgram, liveBytes, type Row } from './measure.ts';
import { many } from './setups.ts';

const CONNECTIONS = 10_000;
/** All have connected, 10 us apart, and nobody sends before 900 s. */
const SETTLED = instant(2_000_000_000);

/** Live bytes of a world with `n` established connections. */
function bytesWith(n: number, invariants: boolean): number {
  const world = new World(many(n, 1000, 'linux', { sendAt: '900 s' }), { invariants });
  world.engine.run(SETTLED);
  const bytes = liveBytes();
  // Looked at after the count, so that the world is alive while its bytes are counted.
  let ends = 0;
  for (const run of world.hosts.values()) ends += run.meter.connections;
  if (ends !== 2 * n) throw new Error(`${ends} of ${2 * n} ends are established`);
  return bytes;
}

function perConnection(invariants: boolean): number {
  bytesWith(10, invariants); // code and tables that stay
  const few = bytesWith(1, invariants);
  return (bytesWith(CONNECTIONS, invariants) - few) / (CONNECTIONS - 1);
}

export function idleBench(): Row {
  return {
    'bytes / connection, both ends': perConnection(true),
    'the same, no invariants': perConnection(false),
    connections: CONNECTIONS,
  };
}

asProgram(import.meta.url, idleBench);
