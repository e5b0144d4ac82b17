// Busy polling: what a read, an epoll_wait and a poll cost that look at the device themselves, and what they save.
import { describe, expect, it } from 'vitest';
import { busyTime } from '../../../src/kernel/busy-poll.ts';
import type { Costs } from '../../../src/kernel/costs.ts';
import { BILL_IRQ, BILL_SOFTIRQ, BILL_SWITCH, BILL_SYSTEM } from '../../../src/kernel/cpu.ts';
import type { HostOptions } from '../../../src/kernel/host.ts';
import type { NicOptions, SoftnetOptions } from '../../../src/kernel/profile.ts';
import {
  EPOLL_CTL_ADD,
  EpollEvents,
  EPOLLIN,
  INFINITE,
  NR_EPOLL_WAIT,
  NR_POLL,
  NR_READ,
  PollFd,
  SO_BUSY_POLL,
  SO_BUSY_POLL_BUDGET,
  SO_PREFER_BUSY_POLL,
  SOL_SOCKET,
  type Sys,
  type ThreadBody,
  type Trap,
} from '../../../src/kernel/syscall.ts';
import { SOCKET_CALLS } from '../../../src/kernel/syscalls/sockets.ts';
import { MACHINE_CALLS } from '../../../src/kernel/syscalls/table.ts';
import type { Syscall } from '../../../src/kernel/thread.ts';
import { APP } from '../../../src/engine/engine.ts';
import type { EventFd } from '../../../src/kernel/eventfd.ts';
import { at, connectTo, listenOn, Pair, stay } from './world.ts';

const COSTS: Partial<Costs> = {
  irq: 1500,
  softirq: 500,
  rxFrame: 250,
  rxSkb: 450,
  rxComplete: 150,
  busyPoll: 100,
  contextSwitch: 2000,
  recv: 300,
};

type Wait = 'read' | 'epoll' | 'poll';
const CALL: Readonly<Record<Wait, number>> = { read: NR_READ, epoll: NR_EPOLL_WAIT, poll: NR_POLL };

interface Setting {
  readonly wait?: Wait;
  /** SO_BUSY_POLL and others of the connection. */
  readonly options?: readonly (readonly [number, number])[];
  readonly softnet?: Partial<SoftnetOptions>;
  /** When the client writes, ns after the server has begun to wait. */
  readonly gaps: readonly number[];
  /** What it writes then; default: 100 B. */
  readonly bytes?: number;
  readonly costs?: Partial<Costs>;
  readonly nic?: Partial<NicOptions>;
  readonly host?: Partial<HostOptions>;
  /** The device interrupts another core than the one the reader is on. */
  readonly apart?: boolean;
  /** How long the server sleeps before it waits, ns. */
  readonly pause?: number;
  /** Before anything happens. */
  readonly meddle?: (w: Pair) => void;
  /** Beside the reader, on the server. */
  readonly beside?: (w: Pair, sys: Sys) => ThreadBody;
}

/** One wait: when the call began to look, when the frame was in the ring, and when the call was over. */
interface Waited {
  readonly began: number;
  readonly arrived: number;
  readonly ended: number;
}

/** A client that writes 100 B whenever the server has waited for `gap` ns; a server that waits in one call. */
function run(s: Setting) {
  const wait = s.wait ?? 'read';
  const nr = CALL[wait];
  const calls = [...MACHINE_CALLS, ...SOCKET_CALLS];
  const real = calls.findLast(([n]) => n === nr)![1];
  const waited: Waited[] = [];
  let began = -1;
  let arrived = -1;
  let waiting = false;
  const watched: Syscall = (t, trap: Trap) => {
    if (waiting && t.name === 'server' && trap.phase === 0 && began < 0) {
      began = t.host.engine.now;
      const gap = s.gaps[waited.length];
      if (gap !== undefined) w.engine.at(at(began + gap), write, 0, 0);
    }
    return real(t, trap);
  };
  const w = new Pair({
    server: {
      costs: { ...COSTS, ...s.costs },
      softnet: s.softnet ?? {},
      cpus: s.apart === true ? 2 : 1,
      ...s.host,
    },
    // Completions of ACKs are left to the polls that come anyway.
    nic: {
      gro: false,
      coalesce: { rxUsecs: 0, rxFrames: 1, txUsecs: 50_000, txFrames: 0 },
      irqAffinity: [s.apart === true ? 1 : 0],
      ...s.nic,
    },
    calls: [[nr, watched]],
  });
  let go = -1;
  const write = w.engine.define('write', APP, () =>
    (w.client.process.fds.get(go) as EventFd).add(1),
  );
  const queue = w.server.nic.queues[0]!;
  const onAppend = queue.onAppend.bind(queue);
  queue.onAppend = (t) => {
    arrived = t;
    onAppend(t);
  };
  s.meddle?.(w);
  let fd = -1;
  const server = function* (sys: Sys): ThreadBody {
    const listener = yield* listenOn(sys, 5);
    fd = yield sys.accept(listener);
    for (const [option, value] of s.options ?? []) {
      const set = yield sys.setsockopt(fd, SOL_SOCKET, option, value);
      expect(set).toBe(0);
      const is = yield sys.getsockopt(fd, SOL_SOCKET, option);
      expect(is).toBe(value);
    }
    // The first bytes say by which queue the connection comes.
    yield sys.read(fd, 100);
    const ep = yield sys.epollCreate();
    yield sys.epollCtl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0);
    const out = new EpollEvents(4);
    if (wait === 'epoll') {
      // One that is ready says so to the instance, too.
      yield sys.epollWait(ep, out, 4, INFINITE);
      yield sys.read(fd, 100);
    }
    if (s.pause !== undefined) yield sys.nanosleep(s.pause);
    waiting = true;
    for (let i = 0; i < s.gaps.length; i++) {
      if (wait === 'read') yield sys.read(fd, 100);
      else if (wait === 'epoll') yield sys.epollWait(ep, out, 4, INFINITE);
      else yield sys.poll([new PollFd(fd, EPOLLIN)], INFINITE);
      waited.push({ began, arrived, ended: w.now });
      began = -1;
      if (wait !== 'read') yield sys.read(fd, 100);
    }
    yield* stay(sys);
  };
  w.server.process.spawn(server, 'server', 1);
  if (s.beside !== undefined) w.server.process.spawn((sys) => s.beside!(w, sys), 'beside', 1);
  w.client.run('client', function* (sys) {
    const c = yield* connectTo(sys, w.server);
    yield sys.write(c, 100);
    if (wait === 'epoll') {
      yield sys.nanosleep(1_000_000);
      yield sys.write(c, 100);
    }
    go = yield sys.eventfd(0);
    for (;;) {
      yield sys.read(go, 8);
      yield sys.write(c, s.bytes ?? 100);
    }
  });
  w.run(200_000_000);
  return { w, waited, core: w.server.host.cores[0]! };
}

const GAPS = [10_000, 10_037, 33_333, 1, 500_000, 99];
const MS = 1000;
const SPIN = { options: [[SO_BUSY_POLL, MS]], gaps: GAPS } as const satisfies Setting;
/** The first look after a frame has come. */
const lookAfter = ({ began, arrived }: Waited, every = 100): number =>
  began + 100 + every * Math.max(0, Math.ceil((arrived - began - 100) / every));
const BY_INTERRUPT = 1500 + 500 + 250 + 450 + 150 + 2000;

describe('a blocking read', () => {
  it('takes a frame at the first look after it has come: no softirq, no switch [closed form]', () => {
    const { waited, w } = run({ ...SPIN, apart: true });
    expect(waited.length).toBe(GAPS.length);
    for (const one of waited) expect(one.ended).toBe(lookAfter(one) + 250 + 450 + 150 + 300);
    expect(w.server.host.counters.busyPollRxPackets).toBe(GAPS.length);
  });

  it('on the core that the device interrupts it is interrupted once: nobody has told the device [closed form]', () => {
    const { waited } = run(SPIN);
    expect(waited.length).toBe(GAPS.length);
    for (const one of waited) expect(one.ended).toBe(lookAfter(one) + 1500 + 250 + 450 + 150 + 300);
  });

  it('without SO_BUSY_POLL pays for interrupt, softirq and switch [closed form]', () => {
    const { waited } = run({ gaps: GAPS });
    expect(waited.length).toBe(GAPS.length);
    for (const { arrived, ended } of waited) expect(ended).toBe(arrived + BY_INTERRUPT + 300);
  });

  it('spends its time as system time', () => {
    const gaps = [400_000];
    const before = run({ ...SPIN, apart: true, gaps: [] });
    const { core, waited } = run({ ...SPIN, apart: true, gaps });
    const [one] = waited;
    const spent = (bill: number): number => core.spent(bill) - before.core.spent(bill);
    expect(one!.ended - one!.began).toBeGreaterThan(500_000);
    expect(spent(BILL_SYSTEM)).toBe(one!.ended - one!.began);
    expect([BILL_SWITCH, BILL_SOFTIRQ, BILL_IRQ].map(spent)).toEqual([0, 0, 0]);
  });

  it('sleeps when its time is up, in units of 1,024 ns, and interrupts work again', () => {
    const { waited, core } = run({ options: [[SO_BUSY_POLL, 20]], gaps: [2_000_000] });
    const [one] = waited;
    expect(one!.ended).toBe(one!.arrived + BY_INTERRUPT + 300);
    const began = busyTime(one!.began);
    // The first look after 20 units have passed is the last.
    const last = (began + 21) * 1024;
    const looks = Math.ceil((last - one!.began) / 100);
    const idle = run({ gaps: [2_000_000] });
    expect(core.spent(BILL_SYSTEM) - idle.core.spent(BILL_SYSTEM)).toBe(100 * looks + 150);
  });

  it('net.core.busy_read is what sockets have that are told nothing', () => {
    const told = run(SPIN).waited;
    expect(run({ softnet: { busyRead: MS }, gaps: GAPS }).waited).toEqual(told);
  });

  it('gives way when somebody else has a better claim to the core, and takes the queue again', () => {
    const slice = 50_000;
    const beside = function* (_w: Pair, sys: Sys): ThreadBody {
      yield sys.nanosleep(1_000_000);
      for (let i = 0; i < 40; i++) yield sys.compute(10_000);
      ended = yield sys.clockGettime();
    };
    let ended = 0;
    const setting: Setting = {
      options: [[SO_BUSY_POLL, 100_000]],
      gaps: [5_000_000],
      host: { sched: { slice, migrationCost: 0, hrtick: true } },
      beside,
    };
    const { waited, core } = run(setting);
    // 400 us of work, half of the core: it is done long before the read is.
    expect(ended).toBeLessThan(1_000_000 + 2 * 400_000 + 4 * slice);
    expect(ended).toBeLessThan(waited[0]!.arrived);
    expect(waited[0]!.ended - waited[0]!.arrived).toBeLessThan(BY_INTERRUPT);
    expect(core.rq.waiting).toBe(0);
    // Mutant: a loop that nobody can stop.
    const deaf = run({
      ...setting,
      host: {}, // with a timer for slices that go on it would go off for ever
      meddle: (w) => {
        for (const c of w.server.host.cores) c.rq.resched = () => false;
      },
    });
    expect(ended).toBeGreaterThan(deaf.waited[0]!.arrived);
  });

  it('mutant: who does not poll once more at the end leaves the queue without interrupts', () => {
    const { waited } = run({
      options: [[SO_BUSY_POLL, 20]],
      gaps: [2_000_000],
      meddle: (w) => {
        const q = w.server.nic.queues[0]!;
        const start = q.startTurn.bind(q);
        q.startTurn = (weight, on) => {
          start(weight, on);
          // busy_poll_stop() has cleared the mark; the poll that is to complete does not.
          if (!q.inBusyPoll && weight === 8) q.inBusyPoll = true;
        };
      },
    });
    expect(waited).toEqual([]);
  });
});

describe('a look', () => {
  it('takes up to SO_BUSY_POLL_BUDGET packets, 8 where nothing is said', () => {
    const most = (options: Setting['options']): number => {
      let taken = 0;
      const weights: number[] = [];
      run({
        options: [[SO_BUSY_POLL, MS], ...(options ?? [])],
        gaps: [10_000],
        meddle: (w) => {
          const q = w.server.nic.queues[0]!;
          const start = q.startTurn.bind(q);
          q.startTurn = (weight, on) => {
            if (q.inBusyPoll) weights.push(weight);
            taken = Math.max(taken, q.work);
            start(weight, on);
          };
        },
      });
      expect(new Set(weights).size).toBe(1);
      return weights[0]!;
    };
    expect(most([])).toBe(8);
    expect(most([[SO_BUSY_POLL_BUDGET, 2]])).toBe(2);
  });
});

describe('SO_PREFER_BUSY_POLL', () => {
  it('puts interrupts off after the loop: a timer polls, where the device has one', () => {
    const nic = { groFlushTimeout: 50_000, deferHardIrqs: 10 };
    const prefers = (value: number): number =>
      run({
        options: [
          [SO_BUSY_POLL, 200],
          [SO_PREFER_BUSY_POLL, value],
        ],
        nic,
        pause: 20_000_000,
        // The first frame interrupts in vain; the second comes when nobody looks any more.
        gaps: [10_000, 250_000],
      }).w.server.nic.counters.interrupts;
    expect(prefers(1)).toBe(prefers(0) - 1);
  });

  it('leaves what its last poll leaves to that timer, not to a softirq [busy_poll_stop: skip_schedule]', () => {
    /** When each of three frames that are there at once gets to the stack, ns after the first. */
    const taken = (prefer: number, deferHardIrqs: number): number[] => {
      const at: number[] = [];
      const { waited } = run({
        options: [
          [SO_BUSY_POLL, 1000],
          [SO_PREFER_BUSY_POLL, prefer],
          [SO_BUSY_POLL_BUDGET, 1],
        ],
        // All of them come between two looks.
        costs: { busyPoll: 200_000 },
        nic: { groFlushTimeout: 50_000, deferHardIrqs },
        gaps: [250_000],
        bytes: 4000,
        meddle: ({ server }) => {
          const receive = server.stack.receive.bind(server.stack);
          server.stack.receive = (skb, core) => {
            if (skb.len > 1000) at.push(server.host.engine.now);
            receive(skb, core);
          };
        },
      });
      expect(waited.length).toBe(1);
      expect(at.length).toBe(3);
      return at.map((t) => t - at[0]!);
    };
    const [, second, third] = taken(1, 10) as [number, number, number];
    expect(second).toBeLessThan(10_000);
    expect(third).toBeGreaterThanOrEqual(50_000);
    expect(third).toBeLessThan(60_000);
    // Who does not prefer it, or has no timer, leaves it to a softirq, which goes on at once.
    for (const [prefer, defer] of [
      [0, 10],
      [1, 0],
    ] as const)
      expect(taken(prefer, defer)[2]).toBeLessThan(10_000);
  });
});

describe('epoll_wait and poll with net.core.busy_poll', () => {
  it('epoll_wait takes a frame at the first look after it has come [closed form]', () => {
    const { waited } = run({ wait: 'epoll', softnet: { busyPoll: MS }, gaps: GAPS, apart: true });
    expect(waited.length).toBe(GAPS.length);
    for (const one of waited) expect(one.ended).toBe(lookAfter(one) + 250 + 450 + 150);
  });

  it('poll lets interrupts through after each look, and looks again [closed form]', () => {
    const { waited, w } = run({
      wait: 'poll',
      softnet: { busyPoll: MS },
      options: [[SO_BUSY_POLL, 1]],
      gaps: GAPS,
      apart: true,
      nic: { coalesce: { rxUsecs: 50, rxFrames: 0, txUsecs: 50_000, txFrames: 0 } },
    });
    expect(waited.length).toBe(GAPS.length);
    for (const one of waited) {
      // Where the frame comes while a look completes, that finds it: 150 later than it would have ended.
      const look = lookAfter(one, 250);
      const inCompletion = look - one.arrived >= 100 && look > one.began + 100;
      const found = inCompletion ? look - 100 : look;
      expect(one.ended).toBe(found + 250 + 450 + 150);
    }
    expect(w.server.host.counters.busyPollRxPackets).toBeGreaterThan(0);
  });

  it('epoll forgets the queue when its time is up, and sleeps', () => {
    const { waited } = run({ wait: 'epoll', softnet: { busyPoll: 20 }, gaps: [1_000_000, 5000] });
    const [late, soon] = waited;
    expect(late!.ended).toBe(late!.arrived + BY_INTERRUPT);
    // The item that was then ready has told it the queue again; 105 us is more than 20.
    expect(soon!.ended).toBe(soon!.arrived + BY_INTERRUPT);
  });

  it('poll does not without SO_BUSY_POLL on a socket, epoll does not without the sysctl', () => {
    for (const setting of [
      { wait: 'poll', softnet: { busyPoll: MS } },
      { wait: 'epoll', options: [[SO_BUSY_POLL, MS]] },
    ] satisfies Partial<Setting>[]) {
      const { w } = run({ ...setting, gaps: GAPS } as Setting);
      // Reads that find nothing would look; these find what they came for.
      expect(w.server.host.counters.busyPollRxPackets).toBe(0);
    }
  });
});

describe('where looking costs nothing', () => {
  it('nobody spins', () => {
    const { w, waited } = run({
      options: [[SO_BUSY_POLL, MS]],
      costs: { busyPoll: 0 },
      gaps: GAPS,
    });
    expect(waited.length).toBe(GAPS.length);
    expect(w.server.host.counters.busyPollRxPackets).toBe(0);
  });
});
