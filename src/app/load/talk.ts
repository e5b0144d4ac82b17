/** Not written yet. */
import { ScenarioError } from '../../base/assert.ts';
import type { Sys, ThreadBody } from '../../kernel/syscall.ts';
import type { AppEnv } from '../env.ts';
import type { TalkOptions } from '../options.ts';
import type { Probe } from '../probe.ts';

export function* talk(sys: Sys, _o: TalkOptions, _probe: Probe, env: AppEnv): ThreadBody {
  yield sys.schedYield();
  throw new ScenarioError(`${env.name}: this model is not written yet`);
}
