/** What a network card cannot be, though each of its keys by itself could. */
import type { HostSpec, Path } from './types.ts';

type Report = (path: Path, message: string, hint?: string) => void;

export function checkNic(h: HostSpec, report: Report): void {
  const { nic } = h;
  const { coalesce, ring } = nic;
  const at = (...path: Path): Path => ['hosts', h.name, 'nic', ...path];
  const { rxFrames } = coalesce;
  if (rxFrames !== null && ring.rx !== null && rxFrames > ring.rx)
    report(
      at('coalesce', 'rx-frames'),
      `the interrupt would wait for ${rxFrames} frames, and the ring holds ${ring.rx}`,
      `at most ${ring.rx}`,
    );
  for (const way of ['rx', 'tx'] as const) {
    if (!coalesce[way === 'rx' ? 'adaptiveRx' : 'adaptiveTx']) continue;
    const key = `adaptive-${way}`;
    for (const what of ['Usecs', 'Frames'] as const) {
      if (coalesce[`${way}${what}`] === null) continue;
      const fixed = `${way}-${what.toLowerCase()}`;
      // Drivers differ: some take the value and ignore it, some say EINVAL (ice_set_q_coalesce).
      report(
        at('coalesce', fixed),
        `\`${key}: on\` finds \`${fixed}\` itself`,
        `leave one of the two out`,
      );
    }
    if (nic.napi === false)
      report(
        at('coalesce', key),
        'without NAPI each frame interrupts: there is nothing to adapt',
        'leave out `napi: off`',
      );
  }
}
