/**
 * The price of every step, ns, each with its source. `machine: linux` is this table; `machine: ideal` is all zeros, and
 * steps of 0 ns run at once, in the same order. A scenario may override single entries.
 *
 * The figures give the right order of magnitude on a current x86 server, not a particular machine. Sources:
 *
 * - *measured on a VM*: by this project, on a shared, nested virtual machine (Linux 6.18), minimum of many: an upper bound
 *   for bare metal. getppid 165 ns (median 369); 1-byte pipe read or write 333; empty epoll_wait(0) 158, with one level-triggered
 *   item 422; epoll_ctl MOD 312; eventfd wake and switch one way on one CPU 2.25 µs; loopback send + recv of 1 B 3.3 + 3.2 µs,
 *   16 KiB 3.8 + 3.5, 64 KiB 7.4 + 5.3.
 * - *published*: getpid ~100 ns before 2018 and ~300 with KPTI and retpoline (blog.i0.pm, 2019), 20–50 on recent CPUs
 *   (taourl.com, 2025); context switch through a pipe 2.4 µs between processes, 1.07 between threads (ddumbying.vercel.app,
 *   i7 of the 11th generation, Linux 6.6); interrupts 1–5 µs on current x86 (common knowledge, no good source).
 * - *[judgement]*: ours, within those bounds.
 *
 * The indirect cost of a switch is `cacheRefill`: one figure for all threads, 0 unless a scenario writes it.
 */
export interface Costs {
  /** Hard interrupt of a device: entry, handler, exit. */
  irq: number;
  /** An inter-processor interrupt, on the core that is woken. */
  ipi: number;
  /** An hrtimer's interrupt and handler: a sleeper's time-out, timerfd. */
  hrtimer: number;
  /** Entry of a softirq pass, paid with its first step. */
  softirq: number;
  /** A timer of the wheel, in softirq: a retransmission timer. */
  timer: number;
  /** One received frame: descriptor, buffer, skb, and GRO where it is on. */
  rxFrame: number;
  /** One received skb through IP and TCP input: a frame, or as many as GRO has joined. */
  rxSkb: number;
  /** Of one skb, where another core takes it further: the hash, and its place in that core's backlog. */
  rps: number;
  /** One look of a thread that polls a device queue itself. */
  busyPoll: number;
  /** The end of a poll: napi_complete, unmask. */
  rxComplete: number;
  /** One transmit completion: descriptor back, skb freed. */
  txClean: number;
  /** One skb through qdisc and driver, when it is not part of `tcpOutput`. */
  xmit: number;
  /** One skb built and sent by TCP: header, IP, qdisc, driver. */
  tcpOutput: number;
  /** Context switch, with the wake-up that caused it. */
  contextSwitch: number;
  /**
   * What a thread loses to cold caches when it is switched to and another one ran on the core since it did, or it ran on
   * another core: billed as what it does then, user or system.
   */
  cacheRefill: number;
  /** Entry to and return from the kernel. */
  syscall: number;
  /** Copying 1 KiB between user and kernel. */
  copyPerKiB: number;
  /** The rest of read/recv and of write/send, without entry, copy and the segments sent. */
  recv: number;
  send: number;
  /** socket + its descriptor; also accept(2) and connect(2) beside the segments they send. */
  socket: number;
  /** close(2), shutdown(2): beside the segments they send. */
  close: number;
  /** epoll_wait: each event reported. epoll_ctl. poll(2): each descriptor asked. */
  epollEvent: number;
  epollCtl: number;
  pollFd: number;
  /** futex, eventfd, timerfd and pipe calls beside entry and copy. */
  futex: number;
  eventfd: number;
  pipe: number;
  /** clone(2) of a thread; exit(2). */
  clone: number;
  exit: number;
}

export interface CostEntry {
  readonly ns: number;
  readonly source: string;
}

/** `machine: linux`. */
export const LINUX_COSTS: { readonly [K in keyof Costs]: CostEntry } = {
  irq: {
    ns: 1_500,
    source: 'published: 1–5 µs; with softirq entry 2 µs [judgement]',
  },
  ipi: {
    ns: 1_000,
    source:
      'a wake-up on another core is taken to cost 3 µs with its switch, 2 of them the switch [judgement]',
  },
  hrtimer: {
    ns: 1_000,
    source: 'an interrupt without a device to read: the low end of what is published [judgement]',
  },
  softirq: { ns: 500, source: 'see irq [judgement]' },
  timer: { ns: 300, source: 'a call from the wheel, less than a packet [judgement]' },
  rxFrame: {
    ns: 250,
    source: '0.5–1 µs per packet in softirq, the driver’s share about a third [judgement]',
  },
  rxSkb: { ns: 450, source: 'the rest of it [judgement]' },
  rps: { ns: 100, source: 'a lock and a cache line of another core [judgement]' },
  busyPoll: {
    ns: 100,
    source:
      'a call of the driver that finds nothing, and the clock: some tens of ns to 200 [judgement]',
  },
  rxComplete: { ns: 150, source: 'one posted register write over PCIe [judgement]' },
  txClean: { ns: 100, source: 'unmap and free of one skb: a fraction of rxFrame [judgement]' },
  xmit: { ns: 300, source: 'the driver part of tcpOutput [judgement]' },
  tcpOutput: {
    ns: 900,
    source:
      'measured on a VM: loopback send of 1 B 3.3 µs, less entry, copy and the receive half that runs in it [judgement]',
  },
  contextSwitch: {
    ns: 2_000,
    source:
      'published: 1.07 µs thread, 2.4 µs process; measured on a VM: 2.25 µs; with the wake-up 2 [judgement]',
  },
  cacheRefill: {
    ns: 0,
    source:
      'depends on the working set: a few µs to over 1 ms (Li, Ding, Shen: Quantifying the Cost of Context Switch, ExpCS 2007)',
  },
  syscall: { ns: 150, source: 'measured on a VM: getppid 165 ns minimum; published: 20–300' },
  copyPerKiB: {
    ns: 100,
    source:
      'measured on a VM: 64 KiB against 16 KiB through loopback: 75 ns/KiB on the sending side; 5–10 GB/s [judgement]',
  },
  recv: {
    ns: 300,
    source:
      'measured on a VM: 1-byte pipe read 333 ns with entry, plus the socket lock [judgement]',
  },
  send: { ns: 300, source: 'as recv [judgement]' },
  socket: { ns: 1_500, source: 'allocation of socket, inode, file [judgement]' },
  close: { ns: 800, source: 'release of the same [judgement]' },
  epollEvent: {
    ns: 200,
    source: 'measured on a VM: epoll_wait 422 ns with one item against 158 empty',
  },
  epollCtl: { ns: 150, source: 'measured on a VM: epoll_ctl MOD 312 ns with entry' },
  pollFd: { ns: 50, source: 'one call of tcp_poll [judgement]' },
  futex: { ns: 150, source: 'hash and bucket lock [judgement]' },
  eventfd: {
    ns: 100,
    source:
      'measured on a VM: 1-byte pipe read or write 333 ns with entry; an eventfd is simpler [judgement]',
  },
  pipe: { ns: 180, source: 'measured on a VM: 1-byte pipe read or write 333 ns with entry' },
  clone: { ns: 10_000, source: 'thread creation takes 5–15 µs on x86 [judgement]' },
  exit: { ns: 3_000, source: 'the smaller half of clone [judgement]' },
};

export type Machine = 'ideal' | 'linux';

function table(priceOf: (key: keyof Costs) => number): Costs {
  const keys = Object.keys(LINUX_COSTS) as (keyof Costs)[];
  return Object.fromEntries(keys.map((key) => [key, priceOf(key)])) as unknown as Costs;
}

/** Frozen: all hosts have them in common. */
const TABLES: Readonly<Record<Machine, Readonly<Costs>>> = {
  ideal: Object.freeze(table(() => 0)),
  linux: Object.freeze(table((key) => LINUX_COSTS[key].ns)),
};

/** The table of a machine with single entries replaced. All values are integers ≥ 0. */
export function costsOf(machine: Machine, overrides: Partial<Costs> = {}): Readonly<Costs> {
  if (Object.keys(overrides).length === 0) return TABLES[machine];
  return table((key) => overrides[key] ?? TABLES[machine][key]);
}

/** Nothing costs time. */
export function isCostless(costs: Readonly<Costs>): boolean {
  for (const key in costs) if (costs[key as keyof Costs] > 0) return false;
  return true;
}

/** ns to copy `bytes` between user and kernel. */
export function copyCost(costs: Costs, bytes: number): number {
  return Math.floor((bytes * costs.copyPerKiB) / 1024);
}
