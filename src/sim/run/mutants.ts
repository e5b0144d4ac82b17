/**
 * hostwire broken on purpose, one way at a time: each mutant makes the simulator violate one law, so that one can see the
 * law's check fail (`hostwire run --mutant NAME`). A check that has never failed proves nothing. Mutants reach into a
 * built world from outside; the code they break knows nothing of them.
 */
import { PayloadStream } from '../../base/payload.ts';
import type { Instant } from '../../base/units.ts';
import { APP } from '../../engine/engine.ts';
import { Nic } from '../../kernel/nic.ts';
import { NET_XMIT_SUCCESS } from '../../kernel/netdev.ts';
import { freeUnsent } from '../../kernel/qdisc.ts';
import type { Skb } from '../../kernel/skb.ts';
import type { Sock } from '../../kernel/socket.ts';
import type { Connection } from '../../tcp/connection.ts';
import type { Law } from './ledger.ts';
import type { MutantName } from './mutant-names.ts';
import type { Interface, World } from './world.ts';

export interface Mutant {
  /** The law whose check notices first. */
  readonly breaks: Law;
  readonly does: string;
  readonly apply: (world: World) => void;
}

/** Which data frame of a host the mutants of the receive path meddle with. */
const VICTIM = 20;
/** How often a mutant that waits for its chance looks. */
const LOOK_NS = 1_000_000;

export const MUTANTS: Readonly<Record<MutantName, Mutant>> = {
  'wrong-stream': {
    breaks: 'in-order',
    does: 'a received segment carries the bytes of another stream',
    apply: (world) => onDataFrame(world, (skb) => (skb.stream = new PayloadStream(-1))),
  },
  'shifted-bytes': {
    breaks: 'conserve-bytes',
    does: 'a received segment skips one byte of its stream',
    apply: (world) => onDataFrame(world, (skb) => skb.off++),
  },
  'forgotten-promise': {
    breaks: 'window-edge',
    does: 'a receiver forgets the window it has advertised and offers less',
    apply: (world) =>
      eachConnection(world, (c) => {
        c.rcvSsthresh = 1;
        c.rcvWnd = 1;
      }),
  },
  'deaf-sender': {
    breaks: 'inside-window',
    does: 'a sender takes the advertised window for twenty times larger',
    apply: (world) => {
      for (const { stack, meter } of world.hosts.values()) {
        const receive = stack.receive.bind(stack);
        stack.receive = (skb, core) => {
          receive(skb, core);
          // What this segment allows is sent in steps that follow.
          for (const e of world.flows.ends) if (e.host === meter) e.c.sndWnd *= 20;
        };
      }
    },
  },
  'endless-backlog': {
    breaks: 'bounded-queues',
    does: 'a listener ignores the bound of its accept queue',
    apply: (world) =>
      whenever(world, () => {
        for (const run of world.hosts.values())
          for (const l of run.stack.listeners) l.backlog = 1_000_000;
      }),
  },
  'vanished-frame': {
    breaks: 'conserve-packets',
    does: 'a frame is lost between a device and its wire, and nobody counts it',
    apply: (world) => {
      for (const run of world.hosts.values()) for (const d of run.devices) vanish(d);
    },
  },
  'swallowed-in-qdisc': {
    breaks: 'conserve-packets',
    does: 'a queue in front of a device takes a packet and forgets it',
    apply: (world) => {
      for (const run of world.hosts.values()) for (const d of run.devices) swallow(d);
    },
  },
  'unsent-segment': {
    breaks: 'conserve-packets',
    does: 'a segment that TCP has sent never gets to a device, and nobody counts it',
    apply: (world) => {
      for (const { stack } of world.hosts.values()) {
        const send = stack.send.bind(stack);
        let sent = 0;
        stack.send = (skb, device, core) => {
          if (++sent !== VICTIM) return send(skb, device, core);
          freeUnsent(skb, core);
          return NET_XMIT_SUCCESS;
        };
      }
    },
  },
  'unheard-segment': {
    breaks: 'conserve-packets',
    does: 'a received packet is freed before TCP has seen it, and nobody counts it',
    apply: (world) => {
      for (const { stack } of world.hosts.values()) {
        const receive = stack.receive.bind(stack);
        let seen = 0;
        stack.receive = (skb, core) => {
          if (++seen === VICTIM) skb.drop(skb.segs);
          else receive(skb, core);
        };
      }
    },
  },
  'descriptor-taken-twice': {
    breaks: 'conserve-descriptors',
    does: 'a driver takes two transmit descriptors for one packet',
    apply: (world) =>
      eachNic(world, ({ txQueues }) => {
        for (const { ring } of txQueues) {
          const push = ring.push.bind(ring);
          let sent = 0;
          ring.push = (owner, truesize, wire, now, departure) => {
            push(owner, truesize, wire, now, departure);
            if (++sent === VICTIM) push(null, 0, 0, now, departure);
          };
        }
      }),
  },
  'descriptor-not-refilled': {
    breaks: 'conserve-descriptors',
    does: 'a driver takes a frame and forgets to give its descriptor back',
    apply: (world) =>
      eachNic(world, ({ queues }) => {
        for (const { ring } of queues) {
          const refill = ring.refill.bind(ring);
          let taken = 0;
          ring.refill = (now, n) => {
            refill(now, n);
            if (taken < VICTIM && taken + n >= VICTIM) ring.meter.enter(now);
            taken += n;
          };
        }
      }),
  },
  'unstopped-ring': {
    breaks: 'bounded-queues',
    does: 'a driver goes on when the byte queue limits have stopped its queue',
    apply: (world) => {
      for (const run of world.hosts.values())
        for (const d of run.devices)
          if (d instanceof Nic)
            for (const { ring } of d.txQueues)
              if (ring.dql !== null) Object.defineProperty(ring.dql, 'avail', { value: 0 });
    },
  },
  'unbilled-time': {
    breaks: 'conserve-cpu',
    does: 'a nanosecond of CPU time is billed to nobody',
    apply: (world) => {
      for (const run of world.hosts.values()) {
        const core = run.host.cores[0] as unknown as { billed: Float64Array };
        core.billed[5] = core.billed[5]! - 1;
      }
    },
  },
  'leaked-skb': {
    breaks: 'conserve-memory',
    does: 'a received skb is never freed',
    apply: (world) => onDataFrame(world, (skb) => skb.hold(1)),
  },
  'uncharged-byte': {
    breaks: 'conserve-memory',
    does: 'a socket is charged one byte less than what it has received',
    apply: (world) => {
      const done = new Set<Connection>();
      eachConnection(world, (c) => {
        if (c.rmemAlloc === 0 || done.has(c)) return;
        done.add(c);
        c.rmemAlloc--;
      });
    },
  },
  'unreturned-credit': {
    breaks: 'conserve-memory',
    does: 'a completion does not tell the socket what has left',
    apply: (world) => {
      for (const { stack } of world.hosts.values()) {
        const txFreed = stack.txFreed.bind(stack);
        let freed = 0;
        stack.txFreed = (owner, truesize, core) => {
          txFreed(owner, ++freed === VICTIM ? truesize - 1 : truesize, core);
        };
      }
    },
  },
  'hoarded-pages': {
    breaks: 'conserve-memory',
    does: 'what sockets give back of the memory of TCP stays allocated',
    apply: (world) => {
      for (const { stack } of world.hosts.values()) {
        let most = 0;
        Object.defineProperty(stack.tcp.memory, 'allocated', {
          get: () => most,
          set: (pages: number) => {
            most = Math.max(most, pages);
          },
        });
      }
    },
  },
  'swallowed-wakeup': {
    breaks: 'no-lost-wakeup',
    does: 'data arrives, and the thread that sleeps for it is not woken',
    apply: (world) =>
      eachConnection(world, (c) => {
        const sock = c.owner as Sock | null;
        if (sock !== null && 'wait' in sock) sock.wait.wake = () => 0;
      }),
  },
  'stopped-clock': {
    breaks: 'liveness',
    does: 'no timer of a connection ever expires',
    apply: (world) =>
      eachConnection(world, (c) => {
        const sock = c.owner as unknown as { onTimer?: () => void } | null;
        if (sock?.onTimer !== undefined) sock.onTimer = () => {};
      }),
  },
  'lost-epollout': {
    breaks: 'liveness',
    does: 'an event loop does not ask for EPOLLOUT when the kernel has taken a part of a write',
    apply: inApplications,
  },
  'et-read-stopped-early': {
    breaks: 'liveness',
    does: 'an edge-triggered event loop stops at its limit of reads and does not come back for the rest',
    apply: inApplications,
  },
  'unbounded-receiver-queue': {
    breaks: 'bounded-queues',
    does: 'FluxReceive never turns autoRead off: what nobody has requested is read all the same',
    apply: inApplications,
  },
  'request-ignored': {
    breaks: 'demand',
    does: 'FluxReceive gives what it has without being asked',
    apply: inApplications,
  },
  'late-refill': {
    breaks: 'closed-form',
    does: 'MonoSendMany requests more only when all that it had requested is written',
    apply: inApplications,
  },
  'late-replenish': {
    breaks: 'closed-form',
    does: 'flatMap asks for the place of streams that have ended only when three in four have',
    apply: inApplications,
  },
  'greedy-concat-map': {
    breaks: 'closed-form',
    does: 'concatMap without prefetch asks for two elements at first',
    apply: inApplications,
  },
  'late-prefetch': {
    breaks: 'closed-form',
    does: 'concatMap with a prefetch asks for more only when all that it had asked for is taken',
    apply: inApplications,
  },
  'unlatched-acceptor': {
    breaks: 'bounded-queues',
    does: 'Tomcat accepts more connections than maxConnections',
    apply: inApplications,
  },
  'overgrown-pool': {
    breaks: 'bounded-queues',
    does: 'Tomcat’s executor makes more threads than maxThreads',
    apply: inApplications,
  },
  'overfull-task-queue': {
    breaks: 'bounded-queues',
    does: 'Tomcat’s executor queues more tasks than maxQueueSize',
    apply: inApplications,
  },
};

/** Applications are asked to break themselves when they are made (AppEnv.mutant): nothing is left to do in the world. */
function inApplications(): void {}

/** Calls `meddle` on one data frame of each host, as it is handed to the stack. */
function onDataFrame(world: World, meddle: (skb: Skb) => void): void {
  for (const { stack } of world.hosts.values()) {
    const receive = stack.receive.bind(stack);
    let seen = 0;
    stack.receive = (skb, core) => {
      if (skb.len > 0 && ++seen === VICTIM) meddle(skb);
      receive(skb, core);
    };
  }
}

function eachNic(world: World, meddle: (nic: Nic) => void): void {
  for (const run of world.hosts.values())
    for (const d of run.devices) if (d instanceof Nic) meddle(d);
}

/** Calls `meddle` on every connection again and again, from its first millisecond on. */
function eachConnection(world: World, meddle: (c: Connection) => void): void {
  whenever(world, () => {
    for (const e of world.flows.ends) if (e.c.state === 'ESTABLISHED') meddle(e.c);
  });
}

function whenever(world: World, meddle: () => void): void {
  const { engine } = world;
  const last = world.scenario.stop.limitNs;
  const kind = engine.define('mutant', APP, () => {
    meddle();
    // Not for ever: a run must be able to end idle.
    if (engine.now + LOOK_NS < Math.min(last, 10_000 * LOOK_NS))
      engine.at((engine.now + LOOK_NS) as Instant, kind, 0, 0);
  });
  engine.at(engine.now, kind, 0, 0);
}

function swallow(device: Interface): void {
  const { qdisc } = device;
  const enqueue = qdisc.enqueue.bind(qdisc);
  let came = 0;
  qdisc.enqueue = (skb, core) => {
    if (++came !== VICTIM) return enqueue(skb, core);
    qdisc.offered++;
    skb.drop(skb.segs);
    return 0;
  };
}

function vanish(device: Interface): void {
  const wire = device.wire;
  let sent = 0;
  const faulty: typeof wire = {
    mtu: wire.mtu,
    transmit(skb, at) {
      if (++sent !== VICTIM) return wire.transmit(skb, at);
      skb.drop(skb.segs);
      return at;
    },
  };
  device.wire = faulty;
}
