/** A fingerprint says what the simulated world did: nothing else may move it, and nothing that it did may be missing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Recorder } from '../../src/engine/recorder.ts';
import { run, runScenario } from '../../src/sim/run/runner.ts';
import { World } from '../../src/sim/run/world.ts';
import type { Scenario } from '../../src/sim/scenario/types.ts';
import { prop } from '../support/prop.ts';
import { pair, scenarioOf, world, type WorldObject } from './arbitrary.ts';

/** Generated worlds are large; a property over few of them is enough here, where each is run several times. */
const FEW = { numRuns: 25 };

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
        queued.engine.tryAdvance = () => false;
        run(queued);
        expect(queued.engine.fingerprint()).toBe(ahead.engine.fingerprint());
        expect(ahead.engine.stats.elided).toBeGreaterThan(0);
        expect(queued.engine.stats.elided).toBe(0);
      },
      FEW,
    );
  });

  it('differs with the seed where something is drawn, and with the delay everywhere', () => {
    const [w] = fc.sample(pair, { numRuns: 1, seed: 11 }) as [WorldObject];
    const [link] = w['links'] as [WorldObject];
    const slower = { ...w, links: [{ ...link, delay: '11 ms' }] };
    expect(finish(scenarioOf({ ...w, seed: 5 }))).not.toBe(finish(scenarioOf({ ...w, seed: 6 })));
    expect(finish(scenarioOf(slower))).not.toBe(finish(scenarioOf(w)));
  });

  it('[mutant] notices a draw that depends on the run before', () => {
    let carried = 0;
    const impure = (s: Scenario): string => {
      const built = new World(s);
      const at = built.engine.random.keyed('link/a->b/loss');
      const honest = at.at.bind(at);
      at.at = (flow, n, salt) => honest(flow, n + carried++, salt);
      run(built);
      return built.engine.fingerprint();
    };
    const [w] = fc.sample(pair, { numRuns: 1, seed: 11 }) as [WorldObject];
    const [link] = w['links'] as [WorldObject];
    const lossy = { ...w, links: [{ ...link, 'a->b': { loss: '20 %' } }] };
    expect(impure(scenarioOf(lossy))).not.toBe(impure(scenarioOf(lossy)));
  });
});
