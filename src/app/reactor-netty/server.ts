/** Not written yet. */
import { ScenarioError } from '../../base/assert.ts';
import type { Sys, ThreadBody } from '../../kernel/syscall.ts';
import type { AppEnv } from '../env.ts';
import type { ReactiveOptions } from '../options.ts';
import type { Probe } from '../probe.ts';

export function* reactiveServer(
  sys: Sys,
  _o: ReactiveOptions,
  _probe: Probe,
  env: AppEnv,
): ThreadBody {
  yield sys.schedYield();
  throw new ScenarioError(`${env.name}: this model is not written yet`);
}
