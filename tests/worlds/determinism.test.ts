/** A fingerprint says what the simulated world did: nothing else may move it, and nothing that it did may be missing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Recorder } from '../../src/engine/recorder.ts';
import { run, runScenario } from '../../src/sim/run/runner.ts';
import { World } from '../../src/sim/run/world.ts';
import { describe as read } from '../../src/sim/scenario/load.ts';
import type { Scenario } from '../../src/sim/scenario/types.ts';
import { scenarios, type WorldObject, type Written } from '../../src/testing/index.ts';
import { prop } from '../support/prop.ts';

/** Generated worlds are large; a property over few of them is enough here, where each is run several times. */
const FEW = { numRuns: 25 };

const world = scenarios();
const scenarioOf = (w: WorldObject): Scenario => read('generated', w)[0]!;

/** One world of two hosts, whose first link is as given. */
function pairWith(changes: Written): WorldObject {
  const alone = scenarios({ clients: 1 }).filter((w) => w.routers === undefined);
  const [w] = fc.sample(alone, { numRuns: 1, seed: 11 }) as [WorldObject];
  return { ...w, links: [{ ...w.links![0], ...changes }] };
}

const finish = (s: Scenario, options = {}): string => runScenario(s, options).fingerprint;

/** Progress asked in slices: the engine stops and goes on in the midst of the run. */
const sliced = { onProgress: (): boolean => true };

describe('the fingerprint of a generated world', () => {
  it('is the same twice, with all traces on, without invariants, and run in slices', () => {
    prop(
      [world],
      (w) => {
        const plain = finish(scenarioOf(w));
        expect(finish(scenarioOf(w))).toBe(plain);
        expect(finish(scenarioOf(w), { trace: new Recorder() })).toBe(plain);
        expect(finish(scenarioOf(w), { invariants: false })).toBe(plain);
        expect(finish(scenarioOf(w), sliced)).toBe(plain);
      },
      FEW,
    );
  });

  it('is the same when no step is run ahead of the queue', () => {
    prop(
      [world],
      (w) => {
        const ahead = new World(scenarioOf(w));
        run(ahead);
        const queued = new World(scenarioOf(w));
        queued.engine.comesNext = () => false;
        run(queued);
        expect(queued.engine.fingerprint()).toBe(ahead.engine.fingerprint());
        expect(ahead.engine.stats.elided).toBeGreaterThan(0);
        expect(queued.engine.stats.elided).toBe(0);
      },
      FEW,
    );
  });

  it('differs with the seed where something is drawn, and with the delay everywhere', () => {
    const lossy = pairWith({ 'client->server': { loss: '20 %' } });
    expect(finish(scenarioOf({ ...lossy, seed: 5 }))).not.toBe(
      finish(scenarioOf({ ...lossy, seed: 6 })),
    );
    expect(finish(scenarioOf(pairWith({ delay: '11 ms' })))).not.toBe(
      finish(scenarioOf(pairWith({ delay: '12 ms' }))),
    );
  });

  it('[mutant] notices a draw that depends on the run before', () => {
    let carried = 0;
    const impure = (s: Scenario): string => {
      const built = new World(s);
      const at = built.engine.random.keyed('link/client->server/loss');
      const honest = at.at.bind(at);
      at.at = (flow, n, salt) => honest(flow, n + carried++, salt);
      run(built);
      return built.engine.fingerprint();
    };
    const lossy = pairWith({ 'client->server': { loss: '20 %' } });
    expect(impure(scenarioOf(lossy))).not.toBe(impure(scenarioOf(lossy)));
  });
});
