/**
 * The world of a script: one simulated host behind a tun device, and the program on the other side of that device. The
 * script is wire and application at once, so the program only collects what the host sends and injects what the script says.
 *
 * The host has one core on which everything costs nothing. Whatever the script does at an instant comes before what the
 * host's timers do then: in Linux they go with the next tick at the earliest, a program on the wire does not wait for it.
 */
import { Ring } from '../base/ring.ts';
import { add, LAST, sec, type Instant } from '../base/units.ts';
import { DEVICE, Engine, WIRE, type Kind } from '../engine/engine.ts';
import { Host } from '../kernel/host.ts';
import type { IcmpError } from '../kernel/icmp.ts';
import { Lo } from '../kernel/lo.ts';
import type { Wire } from '../kernel/netdev.ts';
import type { Process } from '../kernel/process.ts';
import { SkbPool, type Skb } from '../kernel/skb.ts';
import { Stack, type StackOptions } from '../kernel/stack.ts';
import { INFINITE, type Sys, type ThreadBody, type Trap } from '../kernel/syscall.ts';
import { SOCKET_CALLS } from '../kernel/syscalls/sockets.ts';
import { MACHINE_CALLS, syscallTable } from '../kernel/syscalls/table.ts';
import { Tun, type TunOptions } from '../kernel/tun.ts';
import { sightings, type Sighting } from './sighting.ts';

/** Who speaks with whom: addresses as signed 32-bit numbers, and well-known ports. */
export interface Ends {
  /** The host's, and where bind() binds. */
  readonly localAddr: number;
  readonly bindPort: number;
  /** The script's, and where connect() connects to. */
  readonly remoteAddr: number;
  readonly connectPort: number;
}

/** A system call as a thread makes it: yields traps, returns a count, a descriptor or −errno. */
export type CallBody = (sys: Sys) => Generator<Trap, number, number>;

/** A body of one trap. */
export function one(make: (sys: Sys) => Trap): CallBody {
  return function* (sys) {
    return yield make(sys);
  };
}

/** A system call on its way. */
export class Running {
  done = false;
  /** What it returned, and when. */
  result = 0;
  endedAt: Instant = LAST;
}

/** What the host begins with. */
export interface RigOptions {
  readonly ends: Ends;
  readonly stack: Partial<StackOptions>;
  readonly tun: Partial<TunOptions>;
}

export class Rig implements Wire {
  readonly engine: Engine;
  readonly host: Host;
  readonly stack: Stack;
  readonly tun: Tun;
  readonly pool: SkbPool = new SkbPool();
  /** What the host has sent and nobody has looked at. */
  readonly sent: Ring<Sighting> = new Ring<Sighting>();
  private readonly process: Process;
  private readonly injected: Ring<Skb> = new Ring<Skb>();
  private readonly arrival: Kind;
  private readonly mark: Kind;
  private atMark = false;
  private calls = 0;

  constructor(options: RigOptions) {
    this.engine = new Engine({ seed: 'packetdrill' });
    const calls = syscallTable(MACHINE_CALLS, SOCKET_CALLS);
    this.host = new Host(
      this.engine,
      { name: 'host', addr: options.ends.localAddr, machine: 'ideal' },
      calls,
    );
    this.stack = new Stack(this.host, { index: 0, pool: this.pool, ...options.stack });
    new Lo(this.host);
    this.tun = new Tun(this.host, 'tun0', options.tun);
    this.tun.wire = this;
    this.stack.addRoute(options.ends.remoteAddr, this.tun);
    this.arrival = this.engine.define('packetdrill/arrival', DEVICE, () => this.arrive());
    this.mark = this.engine.define('packetdrill/mark', WIRE, () => {
      this.atMark = true;
      this.engine.stop();
    });
    this.process = this.host.process('script');
    this.process.spawn(stay); // a process whose last thread ends would close its files
    this.settle();
  }

  get now(): Instant {
    return this.engine.now;
  }

  /** As good as for ever: whoever waits without limit gives up then. */
  get endOfPatience(): Instant {
    return add(this.now, sec(86_400));
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  /** Goes to the beginning of instant `t`, if that is to come: nothing that is due then has happened. */
  advance(t: Instant): void {
    if (t <= this.now) return;
    this.atMark = false;
    this.engine.at(t, this.mark, 0, 0);
    while (!this.atMark) this.engine.run(t);
  }

  /** Lets everything happen that happens at this instant. */
  settle(): void {
    while (this.engine.run(this.now) === 'stopped');
  }

  /**
   * Lets time pass until `done` holds, to the end of that instant; at most to the end of `until`, or until nothing can
   * happen any more.
   *
   * @param done is asked when a packet was sent or a call has returned
   */
  wait(until: Instant, done: () => boolean): boolean {
    while (!done()) {
      if (this.engine.run(until) === 'stopped') continue;
      return done();
    }
    this.settle();
    return true;
  }

  // ---- the wire ----------------------------------------------------------------------------------------------------

  get mtu(): number {
    return this.tun.mtu;
  }

  transmit(skb: Skb, at: Instant): Instant {
    for (const s of sightings(skb, at, this.tun.tso)) this.sent.push(s);
    skb.drop(skb.segs);
    this.engine.stop();
    return at;
  }

  /** The host receives `skb` at this instant, as one packet. */
  inject(skb: Skb): void {
    this.injected.push(skb);
    this.engine.at(this.now, this.arrival, 0, 0);
    this.settle();
  }

  private arrive(): void {
    this.tun.write(this.injected.shift()!);
  }

  /** The host receives an ICMP error about a segment of its own. */
  icmp(e: IcmpError): void {
    this.stack.icmp(e);
    this.settle();
  }

  // ---- the application ---------------------------------------------------------------------------------------------

  /** Makes a system call in a thread of its own; when this returns, the call has returned or sleeps. */
  call(body: CallBody): Running {
    const running = new Running();
    const { engine } = this;
    function* thread(sys: Sys): ThreadBody {
      running.result = yield* body(sys);
      running.endedAt = engine.now;
      running.done = true;
      engine.stop();
    }
    this.process.spawn(thread, `call ${this.calls++}`);
    this.settle();
    return running;
  }

  /** The open file of a descriptor, for what has no system call. */
  get files(): Process['fds'] {
    return this.process.fds;
  }
}

function* stay(sys: Sys): ThreadBody {
  yield sys.poll([], INFINITE);
}
