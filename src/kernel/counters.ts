/**
 * What a machine counts outside of TCP, under Linux's names: /proc/stat, /proc/net/softnet_stat, ethtool -S. One object per
 * host; the network stack's counters (SNMP, TcpExt) are the stack's.
 */
import { SYSCALL_NAMES } from './syscall.ts';

export class Counters {
  /** ctxt: context switches. */
  contextSwitches = 0;
  wakeups = 0;
  /** Tasks that another core pulled over. */
  migrations = 0;
  /** Hard interrupts taken, of all kinds. */
  interrupts = 0;
  /** Packets that softirqs handled; that found a core's backlog full; how often a poll ran out of budget with work left. */
  softnet_processed = 0;
  softnet_dropped = 0;
  time_squeeze = 0;
  /** Interrupts by which a core was told of packets in its backlog; packets of flows that had too many there. */
  received_rps = 0;
  flow_limit_count = 0;
  /** Packets that threads have polled themselves (BusyPollRxPackets). */
  busyPollRxPackets = 0;
  /** Turns of NAPI instances: polls of devices, and of the cores' backlogs. */
  polls = 0;
  /** System calls that returned −EAGAIN. */
  eagain = 0;
  /** What read and recv returned, of those that returned data. */
  readonly readSizes: SizeCounts = new SizeCounts();
  /** Completed system calls by number (SYSCALL_NAMES). */
  readonly syscalls: number[] = new Array<number>(SYSCALL_NAMES.length).fill(0);
}

/** How often each size occurred. Sizes repeat (a segment, a buffer), so few are kept. */
export class SizeCounts {
  private readonly counts = new Map<number, number>();
  private n = 0;

  add(size: number): void {
    this.counts.set(size, (this.counts.get(size) ?? 0) + 1);
    this.n++;
  }

  /** The lower median; 0 when there was none. */
  median(): number {
    let left = (this.n + 1) >> 1;
    for (const size of [...this.counts.keys()].sort((a, b) => a - b)) {
      left -= this.counts.get(size)!;
      if (left <= 0) return size;
    }
    return 0;
  }
}

/** A device's counters (ethtool -S, /proc/net/dev). */
export class DeviceCounters {
  rx_packets = 0;
  rx_bytes = 0;
  /** Frames that found no descriptor free. */
  rx_missed_errors = 0;
  /** Frames whose checksum was wrong: dropped. */
  rx_csum_errors = 0;
  /** Interrupts raised. */
  interrupts = 0;
  /** Frames put on the wire, and their bytes at the IP layer. */
  tx_packets = 0;
  tx_bytes = 0;
  /** Skbs that found the queue in front of the device full. */
  tx_dropped = 0;
}
