// §3.13: whether subscribers that have cancelled are let go. Their fate is the garbage collector's to tell.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Publisher } from '../../../src/app/reactive/streams.ts';
import { Recorder } from './checked.ts';
import { Machine } from './machine.ts';

/** How many of three subscribers are gone after they have cancelled, when nobody but the publisher is left. */
export async function forgotten(make: (machine: Machine) => Publisher<number>): Promise<number> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const machine = new Machine();
  const publisher = make(machine);
  // In a function of its own, so that nothing of it is left on the stack.
  const subscribeAndCancel = (): WeakRef<object> => {
    const r = new Recorder<number>({ first: 1 });
    machine.go((on) => publisher.subscribe(r, on));
    machine.go((on) => r.cancel(on));
    return new WeakRef(r);
  };
  const refs = [1, 2, 3].map(subscribeAndCancel);
  // One collection may see a reference in a stale slot of the stack; what is really held outlives them all.
  let gone = 0;
  for (let round = 0; round < 10 && gone < refs.length; round++) {
    await new Promise((resolve) => setTimeout(resolve));
    gc();
    gone = refs.filter((ref) => ref.deref() === undefined).length;
  }
  // What the publisher itself holds must live until here.
  if (publisher === null) throw new Error('gone');
  return gone;
}
