// One machine without a network stack: what the tests of cores, interrupts and threads are built from.
import { type Instant, LAST } from '../../../src/base/units.ts';
import { DEVICE, Engine, type EventClass } from '../../../src/engine/engine.ts';
import type { Core, StepSource } from '../../../src/kernel/cpu.ts';
import { Host, type HostOptions } from '../../../src/kernel/host.ts';
import type { PacketHandler } from '../../../src/kernel/netdev.ts';
import { type Skb, SkbPool } from '../../../src/kernel/skb.ts';
import { MACHINE_CALLS, syscallTable } from '../../../src/kernel/syscalls/table.ts';
import { NR_CLOSE, NR_FCNTL, NR_READ, NR_WRITE } from '../../../src/kernel/syscall.ts';
import type { Syscall } from '../../../src/kernel/thread.ts';

export const at = (n: number): Instant => n as Instant;

/** read, write, close and fcntl by the file alone: the machine's own files need no sockets. */
const FILE_CALLS: readonly (readonly [number, Syscall])[] = [
  [NR_READ, (t, trap) => t.process.fds.get(trap.fd)?.read(t, trap) ?? t.done(-9)],
  [NR_WRITE, (t, trap) => t.process.fds.get(trap.fd)?.write(t, trap) ?? t.done(-9)],
  [
    NR_CLOSE,
    (t, trap) => {
      const file = t.process.fds.remove(trap.fd);
      return file === null ? t.done(-9) : file.close(t, trap);
    },
  ],
  [
    NR_FCNTL,
    (t, trap) => {
      t.process.fds.get(trap.fd)!.nonblock = trap.a === 1;
      return t.done(0);
    },
  ],
];

export class World {
  readonly engine: Engine;
  readonly pool: SkbPool = new SkbPool();
  constructor(engine: Engine = new Engine({ seed: 'machine', maxEventsPerInstant: 20_000 })) {
    this.engine = engine;
  }

  host(
    options: Partial<HostOptions> = {},
    more: readonly (readonly [number, Syscall])[] = [],
  ): Host {
    const table = syscallTable(MACHINE_CALLS, FILE_CALLS, more);
    return new Host(this.engine, { name: 'h', addr: 1, machine: 'ideal', ...options }, table);
  }

  run(until: number = LAST): 'idle' | 'until' | 'stopped' {
    return this.engine.run(at(until));
  }

  /** Does something at an instant, as a device would. */
  when(t: number, what: () => void): void {
    this.engine.at(at(t), this.engine.define('test', DEVICE, what), 0, 0);
  }

  /** A frame for a NIC: `len` bytes of payload after 40 of header. */
  frame(len: number, flow = 0): Skb {
    const skb = this.pool.take();
    skb.len = len;
    skb.segSize = len;
    skb.segs = 1;
    skb.flow = flow;
    return skb;
  }
}

/** An engine in which every step is an event of its own. */
export class NeverAhead extends Engine {
  override comesNext(_t: Instant, _cls: EventClass): boolean {
    return false;
  }
}

/** Steps of given costs, one after the other; tells when each had its effect. */
export class Steps implements StepSource {
  readonly done: number[] = [];
  private readonly costs: number[];
  private readonly after: (i: number, core: Core) => void;
  constructor(costs: readonly number[], after: (i: number, core: Core) => void = () => {}) {
    this.costs = [...costs];
    this.after = after;
  }
  next(): number {
    return this.costs[this.done.length] ?? -1;
  }
  effect(core: Core): void {
    this.done.push(core.host.engine.now);
    this.after(this.done.length - 1, core);
  }
}

/** A stack that only notes what reaches it. */
export class Sink implements PacketHandler {
  readonly frames: { at: number; seq: number; segs: number; core: number; truesize: number }[] = [];
  readonly freed: { at: number; owner: unknown; truesize: number }[] = [];
  onReceive: (skb: Skb, core: Core) => void = () => {};
  receive(skb: Skb, core: Core): void {
    const { ordinal: seq, segs, truesize } = skb;
    this.frames.push({ at: core.host.engine.now, seq, segs, core: core.index, truesize });
    this.onReceive(skb, core);
    skb.drop(segs);
  }
  txFreed(owner: unknown, truesize: number, core: Core): void {
    this.freed.push({ at: core.host.engine.now, owner, truesize });
  }
}
