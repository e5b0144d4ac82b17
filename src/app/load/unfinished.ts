/** Counts down an application's threads or connections, and tells the probe when the last one is through. */
import type { Probe } from '../probe.ts';

export class Unfinished {
  private left: number;
  private readonly probe: Probe;

  constructor(n: number, probe: Probe) {
    this.left = n;
    this.probe = probe;
  }

  get any(): boolean {
    return this.left > 0;
  }

  one(): void {
    this.left--;
    if (this.left === 0) this.probe.closed(this.probe.now());
  }
}
