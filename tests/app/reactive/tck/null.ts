// §2.13, §1.9: null is no argument. The specification has it thrown back at run time; here the compiler refuses it, and each
// line below fails to compile when it does not.
import type { Publisher, Subscriber } from '../../../../src/app/reactive/streams.ts';
import type { Sub } from '../../../../src/app/setup.ts';
import type { Worker } from '../../../../src/app/worker.ts';

/** Never called. */
export function* nulls(
  p: Publisher<number>,
  s: Subscriber<number>,
  on: Worker,
): Generator<Sub<void>, void> {
  // @ts-expect-error -- onSubscribe(null)
  yield s.onSubscribe(null, on);
  // @ts-expect-error -- onNext(null)
  yield s.onNext(null, on);
  // @ts-expect-error -- onError(null)
  yield s.onError(null, on);
  // @ts-expect-error -- subscribe(null)
  yield p.subscribe(null, on);
}
