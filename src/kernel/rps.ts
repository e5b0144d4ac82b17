/**
 * Receive packet steering (net/core/dev.c get_rps_cpu): which core takes a packet through IP and TCP. The core that polled it puts it
 * into the backlog of one of those that rps_cpus names for its queue, by a hash of the connection, and tells that core by an
 * interrupt at the end of its own softirq.
 *
 * Receive flow steering (RFS) goes by where the connection was read last: the host's table says that, and the queue's table where
 * its packets go now. These follow the reader only when the old core has taken all that it was given, so that none overtakes
 * another.
 *
 * Left out: accelerated RFS, cores that go offline.
 */
import { mix32 } from '../base/hash.ts';
import type { Core } from './cpu.ts';
import type { Host } from './host.ts';

const hashOf = (flow: number): number => mix32(flow) >>> 0;

const powerOfTwo = (n: number): number => {
  let p = 1;
  while (p < n) p *= 2;
  return p;
};

/** rps_sock_flow_table: on which core each connection was read or written last. A slot is told apart by the rest of the hash. */
export class SockFlows {
  private readonly mask: number;
  private readonly hashes: Float64Array;
  private readonly cores: Int8Array;

  /** @param entries rounded up to a power of two, as in rps_sock_flow_sysctl() */
  constructor(entries: number) {
    const size = powerOfTwo(entries);
    this.mask = size - 1;
    this.hashes = new Float64Array(size).fill(-1);
    this.cores = new Int8Array(size);
  }

  /** sock_rps_record_flow(): a system call reads or writes the connection. */
  record(flow: number, core: Core): void {
    const hash = hashOf(flow);
    this.hashes[hash & this.mask] = hash;
    this.cores[hash & this.mask] = core.index;
  }

  /** −1: nobody knows. */
  coreOf(hash: number): number {
    const i = hash & this.mask;
    return this.hashes[i] === hash ? this.cores[i]! : -1;
  }
}

/** rps_map and rps_dev_flow_table of one receive queue. */
export class Rps {
  private readonly host: Host;
  private readonly cores: readonly Core[];
  private readonly flowMask: number;
  /** By slot: the core that the packets go to (−1: none yet), and the place of the last one in its backlog. */
  private readonly flowCore: Int8Array;
  private readonly flowTail: Float64Array;

  /**
   * @param mask one bit for each core (rps_cpus), at least one
   * @param flows slots of the queue's table (rps_flow_cnt); 0: no RFS
   */
  constructor(host: Host, mask: number, flows: number) {
    this.host = host;
    this.cores = host.cores.filter((core) => ((mask >>> core.index) & 1) === 1);
    const size = flows === 0 ? 0 : powerOfTwo(flows);
    this.flowMask = size - 1;
    this.flowCore = new Int8Array(size).fill(-1);
    this.flowTail = new Float64Array(size);
  }

  /** The core for a packet of connection `flow`. */
  pick(flow: number): Core {
    const hash = hashOf(flow);
    return (
      this.steered(hash) ?? this.cores[Math.floor((hash * this.cores.length) / 0x1_0000_0000)]!
    );
  }

  /** The packet has been put into the backlog of `core`, as number `tail` of it. */
  queued(flow: number, core: Core, tail: number): void {
    const i = hashOf(flow) & this.flowMask;
    if (this.flowCore.length > 0 && this.flowCore[i] === core.index) this.flowTail[i] = tail;
  }

  /** Where RFS sends it; null: it does not know the connection. */
  private steered(hash: number): Core | null {
    const { host, flowCore, flowTail } = this;
    if (flowCore.length === 0 || host.sockFlows === null) return null;
    const next = host.sockFlows.coreOf(hash);
    if (next < 0) return null;
    const i = hash & this.flowMask;
    const now = flowCore[i]!;
    if (now === next) return host.cores[now]!;
    if (now >= 0 && host.cores[now]!.softirq.backlog.head < flowTail[i]!) return host.cores[now]!;
    flowCore[i] = next;
    flowTail[i] = host.cores[next]!.softirq.backlog.head;
    return host.cores[next]!;
  }
}

/** FLOW_LIMIT_HISTORY: of so many packets a flow may be half. */
const HISTORY = 128;
/** net.core.flow_limit_table_len */
const BUCKETS = 4096;

/** A core that finds a backlog half full refuses what is more than half of what it has lately sent there (skb_flow_limit). */
export class FlowLimit {
  private readonly history = new Int32Array(HISTORY);
  private readonly buckets = new Int32Array(BUCKETS);
  private at = 0;

  /** Counts a packet; true: it is of a flow that has too many. */
  exceeded(flow: number): boolean {
    const bucket = hashOf(flow) & (BUCKETS - 1);
    const oldest = this.history[this.at]!;
    this.history[this.at] = bucket;
    this.at = (this.at + 1) & (HISTORY - 1);
    if (this.buckets[oldest]! > 0) this.buckets[oldest]!--;
    return ++this.buckets[bucket]! > HISTORY >> 1;
  }
}
