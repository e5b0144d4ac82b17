// Two hosts on one cable: what the tests of sockets are built from. Machine ideal unless told otherwise: every cost is 0.
import { type Instant, LAST, us } from '../../../src/base/units.ts';
import { Engine } from '../../../src/engine/engine.ts';
import { Host, type HostOptions } from '../../../src/kernel/host.ts';
import { Lo } from '../../../src/kernel/lo.ts';
import { Nic } from '../../../src/kernel/nic.ts';
import type { NicOptions } from '../../../src/kernel/profile.ts';
import { SkbPool } from '../../../src/kernel/skb.ts';
import { Stack, type StackOptions } from '../../../src/kernel/stack.ts';
import { INFINITE, type Sys, type ThreadBody, type Trap } from '../../../src/kernel/syscall.ts';
import { SOCKET_CALLS } from '../../../src/kernel/syscalls/sockets.ts';
import { MACHINE_CALLS, syscallTable } from '../../../src/kernel/syscalls/table.ts';
import type { Syscall, Thread } from '../../../src/kernel/thread.ts';
import { Link } from '../../../src/sim/net/link.ts';
import { LINK_DEFAULTS, type LinkOptions } from '../../../src/sim/net/options.ts';

export const PORT = 80;
export const at = (n: number): Instant => n as Instant;
export type Body = (sys: Sys) => ThreadBody;

/** One host of the test world, with a process for its threads. */
export class Side {
  readonly host: Host;
  readonly stack: Stack;
  readonly nic: Nic;
  readonly process: ReturnType<Host['process']>;

  constructor(w: Pair, index: number, name: string, options: PairOptions) {
    const calls = syscallTable(MACHINE_CALLS, SOCKET_CALLS, options.calls ?? []);
    this.host = new Host(
      w.engine,
      {
        name,
        addr: index + 1,
        machine: 'ideal',
        ...options.host,
        ...(index === 1 ? options.server : {}),
      },
      calls,
    );
    this.stack = new Stack(this.host, { index, pool: w.pool, ...options.stack });
    new Lo(this.host);
    this.nic = new Nic(this.host, 'eth0', options.nic);
    this.process = this.host.process(name);
  }

  /** A thread of this side's process. */
  run(name: string, body: Body): Thread {
    return this.process.spawn(body, name);
  }

  get addr(): number {
    return this.host.addr;
  }
  get mib(): Stack['mib'] {
    return this.stack.mib;
  }
}

export interface PairOptions {
  readonly host?: Partial<HostOptions>;
  /** For the server alone. */
  readonly server?: Partial<HostOptions>;
  readonly stack?: Partial<StackOptions>;
  readonly nic?: Partial<NicOptions>;
  readonly link?: Partial<LinkOptions>;
  /** For mutants: calls that replace the real ones. */
  readonly calls?: readonly (readonly [number, Syscall])[];
  readonly seed?: string;
}

/** client — server, 100 µs apart each way unless told otherwise. */
export class Pair {
  readonly engine: Engine;
  readonly pool: SkbPool = new SkbPool();
  readonly client: Side;
  readonly server: Side;
  readonly up: Link;
  readonly down: Link;

  constructor(options: PairOptions = {}) {
    this.engine = new Engine({ seed: options.seed ?? 'sockets' });
    this.client = new Side(this, 0, 'client', options);
    this.server = new Side(this, 1, 'server', options);
    const link = { ...LINK_DEFAULTS, delay: us(100), ...options.link };
    this.up = new Link(this.engine, 'up', link, this.server.nic.ingress);
    this.down = new Link(this.engine, 'down', link, this.client.nic.ingress);
    this.client.nic.wire = this.up;
    this.server.nic.wire = this.down;
    this.client.stack.addRoute(this.server.addr, this.client.nic);
    this.server.stack.addRoute(this.client.addr, this.server.nic);
  }

  /** Runs to the end of all events, or up to `until` ns. */
  run(until: number = LAST): 'idle' | 'until' | 'stopped' {
    return this.engine.run(at(until));
  }

  get now(): number {
    return this.engine.now;
  }

  /** What a run that came to its end left behind: skbs anywhere, sockets in the hash. */
  leftovers(): string[] {
    const left = this.pool.live > 0 ? [`${this.pool.live} skbs`] : [];
    for (const side of [this.client, this.server]) {
      for (const s of side.stack.ehash.all()) left.push(`${side.host.name} ${s.sport}-${s.dport}`);
    }
    return left;
  }
}

/** socket, bind to PORT, listen: its descriptor. `yield* listenOn(sys, 5)` */
export function* listenOn(
  sys: Sys,
  backlog: number,
  port: number = PORT,
): Generator<Trap, number, number> {
  const fd = yield sys.socket();
  must(yield sys.bind(fd, port));
  must(yield sys.listen(fd, backlog));
  return fd;
}

/** socket and blocking connect to `to`: its descriptor, or −errno. */
export function* connectTo(
  sys: Sys,
  to: Side,
  port: number = PORT,
): Generator<Trap, number, number> {
  const fd = yield sys.socket();
  const r = yield sys.connect(fd, to.addr, port);
  return r < 0 ? r : fd;
}

/** Sleeps for ever: a process whose last thread ends closes what it has open. */
export function* stay(sys: Sys): Generator<Trap, void, number> {
  yield sys.poll([], INFINITE);
}

function must(result: number): void {
  if (result !== 0) throw new Error(`a call said ${result}`);
}
