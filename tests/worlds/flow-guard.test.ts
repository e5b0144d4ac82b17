/** What a flow's meter and guard make of single segments and windows: they look only when something is another than before. */
import { describe, expect, it } from 'vitest';
import { instant as at } from '../../src/base/units.ts';
import { HostGuard } from '../../src/sim/run/flow-guard.ts';
import { Flows } from '../../src/sim/run/flow-meter.ts';
import { Ledger } from '../../src/sim/run/ledger.ts';
import type { Connection } from '../../src/tcp/connection.ts';
import type { WindowMove } from '../../src/tcp/observer.ts';
import { ACK, Segment } from '../../src/tcp/segment.ts';
import { seq } from '../../src/tcp/seq.ts';

class Flow {
  readonly clock = { now: at(0) };
  readonly ledger = new Ledger(() => {});
  readonly guard = new HostGuard('h', new Flows(), this.clock, this.ledger);
  readonly c = { watch: null, ofo: null, rcvWscale: 0, sndWscale: 0 } as unknown as Connection;

  /** A pure ACK of `ack` leaves with a window of `window`, whose edge moved for the reason `why`. */
  says(ack: number, window: number, why: WindowMove = 'kept'): void {
    this.guard.onWindow(this.c, window, why);
    this.guard.onSent(this.c, segment(0, 0, ack, window), false);
  }
  sends(from: number, len: number): void {
    this.guard.onSent(this.c, segment(from, len, 0, 1000), false);
  }
  hears(ack: number, window: number): void {
    this.guard.onReceived(this.c, segment(0, 0, ack, window));
  }
}

function segment(from: number, len: number, ack: number, window: number): Segment {
  const seg = new Segment();
  seg.flags = ACK;
  seg.seq = seq(from);
  seg.len = len;
  seg.ack = seq(ack);
  seg.window = window;
  return seg;
}

describe('window-edge', () => {
  const broken = (...said: [number, number, WindowMove?][]): string | null => {
    const f = new Flow();
    for (const [ack, window, why] of said) f.says(ack, window, why);
    return f.ledger.first;
  };
  it('holds while the edge stays or moves right, and where it moves left for a reason', () => {
    expect(broken([100, 900], [200, 800], [200, 900])).toBe(null);
    expect(broken([100, 900], [100, 500, 'memory'])).toBe(null);
  });
  it('is broken by one byte to the left without a reason, across the end of the numbers too', () => {
    expect(broken([100, 900], [100, 899])).toBe('window-edge');
    expect(broken([-10, 50], [-10, 49])).toBe('window-edge');
    expect(broken([2 ** 31 - 10, 50], [2 ** 31 - 10, 49])).toBe('window-edge');
  });
  it('takes a reason for the segment that it was given for alone', () => {
    expect(broken([100, 900], [100, 500, 'memory'], [100, 499])).toBe('window-edge');
    expect(broken([100, 900], [100, 900, 'memory'], [100, 899])).toBe('window-edge');
    expect(broken([100, 900], [100, 901, 'memory'], [100, 900])).toBe('window-edge');
  });
  it('is looked at for each segment', () => {
    const f = new Flow();
    for (let i = 0; i < 5; i++) f.says(100, 900);
    expect(f.ledger.checks['window-edge']).toBe(5);
  });
});

describe('inside-window', () => {
  it('is the farthest edge that was ever granted, to the byte', () => {
    const f = new Flow();
    f.hears(100, 900);
    f.hears(100, 400);
    f.sends(900, 100);
    expect(f.ledger.first).toBe(null);
    f.sends(1000, 1);
    expect(f.ledger.first).toBe('inside-window');
  });
});

describe('a window that is closed', () => {
  const closed = (then: (f: Flow) => void): number => {
    const f = new Flow();
    f.says(1, 0);
    f.clock.now = at(100);
    f.says(1, 0); // nothing new
    then(f);
    f.guard.finish();
    return f.guard.zeroWindowTime;
  };
  it('counts from when it closed until it opens', () => {
    const opens = (f: Flow): void => {
      f.clock.now = at(300);
      f.says(1, 10);
      f.clock.now = at(900);
    };
    expect(closed(opens)).toBe(300);
  });
  it('counts up to the end of the run, and again when it is said after the connection has ended', () => {
    expect(closed((f) => void (f.clock.now = at(700)))).toBe(700);
    const ends = (f: Flow): void => {
      f.guard.onState(f.c, 'ESTABLISHED', 'TIME-WAIT');
      f.clock.now = at(500);
      f.says(1, 0);
      f.clock.now = at(600);
    };
    expect(closed(ends)).toBe(100 + 100);
  });
});
