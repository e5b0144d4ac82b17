/**
 * The price of every step, ns, each with its source. `machine: linux` is this table; `machine: ideal` is all zeros, and
 * steps of 0 ns run at once, in the same order. A scenario may override single entries.
 *
 * Sources named D7 are this project's survey of published and measured figures (README, "Costs"): D7.2 was measured on a
 * nested VM and bounds from above, D7.3 is judgement within those bounds. They give the right order of magnitude, not a
 * particular machine.
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
  /** One received frame: descriptor, skb, IP and TCP input. */
  rxFrame: number;
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
    source:
      'D7.3: interrupt + softirq entry 2 µs, here 1.5 + 0.5 [judgement]; D7.1: 1–5 µs on current x86',
  },
  ipi: {
    ns: 1_000,
    source:
      'D7.3: a switch on another core takes 5 µs, 2 of them the switch itself; IPI and idle exit, cut to bare metal [judgement]',
  },
  hrtimer: {
    ns: 1_000,
    source: 'an interrupt without a device to read, D7.1 lower bound [judgement]',
  },
  softirq: { ns: 500, source: 'D7.3: see irq [judgement]' },
  timer: { ns: 300, source: 'a call from the wheel; below one packet [judgement]' },
  rxFrame: { ns: 700, source: 'D7.3: per-packet softirq 0.5–1 µs [judgement]' },
  rxComplete: { ns: 150, source: 'one register write over PCIe, posted [judgement]' },
  txClean: { ns: 100, source: 'unmap and free of one skb; a fraction of rxFrame [judgement]' },
  xmit: { ns: 300, source: 'driver part of tcpOutput [judgement]' },
  tcpOutput: {
    ns: 900,
    source:
      'D7.2: loopback send + recv of 1 B 3.3 µs each in a VM, less entry, copy and the receive half [judgement]',
  },
  contextSwitch: {
    ns: 2_000,
    source:
      'D7.3: wake + context switch 2 µs (1–5) on the same CPU; D7.1: 1.07 µs thread, 2.4 µs process; D7.2: 2.25 µs minimum',
  },
  syscall: { ns: 150, source: 'D7.3: 150 ns (50–400); D7.2: getppid 165 ns minimum' },
  copyPerKiB: {
    ns: 100,
    source: 'D7.3: 5–10 GB/s; D7.2: 64 KiB against 16 KiB through loopback 75 ns/KiB and side',
  },
  recv: {
    ns: 300,
    source: 'D7.2: 1-byte pipe read 333 ns with entry, plus the socket lock [judgement]',
  },
  send: { ns: 300, source: 'D7.2: as recv [judgement]' },
  socket: { ns: 1_500, source: 'allocation of socket, inode, file [judgement]' },
  close: { ns: 800, source: 'release of the same [judgement]' },
  epollEvent: { ns: 200, source: 'D7.2: epoll_wait with one item 422 against 158 ns empty' },
  epollCtl: { ns: 150, source: 'D7.2: epoll_ctl MOD 312 ns with entry' },
  pollFd: { ns: 50, source: 'one call of tcp_poll [judgement]' },
  futex: { ns: 150, source: 'hash, bucket lock [judgement]' },
  eventfd: {
    ns: 100,
    source: 'D7.2: 1-byte pipe read or write 333 ns with entry, eventfd is simpler [judgement]',
  },
  pipe: { ns: 180, source: 'D7.2: 1-byte pipe read or write 333 ns with entry' },
  clone: { ns: 10_000, source: 'thread creation is 5–15 µs on x86 [judgement]' },
  exit: { ns: 3_000, source: 'the smaller half of clone [judgement]' },
};

export type Machine = 'ideal' | 'linux';

/** The table of a machine with single entries replaced. All values are integers ≥ 0. */
export function costsOf(machine: Machine, overrides: Partial<Costs> = {}): Costs {
  const costs = {} as { [K in keyof Costs]: number };
  for (const key of Object.keys(LINUX_COSTS) as (keyof Costs)[]) {
    costs[key] = overrides[key] ?? (machine === 'ideal' ? 0 : LINUX_COSTS[key].ns);
  }
  return costs;
}

/** ns to copy `bytes` between user and kernel. */
export function copyCost(costs: Costs, bytes: number): number {
  return Math.floor((bytes * costs.copyPerKiB) / 1024);
}
