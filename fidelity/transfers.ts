/**
 * The recorded transfers of tests/vectors/linux-transfers.jsonl as scenarios of ours: the same hosts, wire, sockets and
 * reader, so that each recorded number has a simulated one beside it.
 */

/** One recorded run; field names are those of the recording. */
export interface Transfer {
  readonly name: string;
  readonly run: number;
  readonly params: {
    readonly rate_bit_s: number;
    readonly one_way_delay_ns: number;
    readonly wire_queue_bytes: number;
    readonly loss_ppm: number;
    readonly bytes: number;
    readonly reader: 'blocking' | 'epoll';
    readonly read_bytes: number;
    readonly pause_after_read_ns: number;
    readonly SO_RCVBUF: number;
    readonly SO_SNDBUF: number;
    readonly congestion: string;
  };
  readonly recv: {
    readonly mbit_s: number;
    readonly reads: number;
    readonly epoll_waits: number;
    readonly nvcsw: number;
    readonly sk_rcvbuf: number;
  };
  readonly wire: {
    readonly acks: number;
    readonly retrans: number;
  };
}

/** A row: the runs of one name, their numbers averaged. */
export interface Row {
  readonly name: string;
  readonly params: Transfer['params'];
  readonly goodputMbit: number;
  readonly reads: number;
  readonly switches: number;
  readonly acks: number;
  readonly retransmissions: number;
}

export function rowsOf(jsonl: string): Row[] {
  const byName = new Map<string, Transfer[]>();
  for (const line of jsonl.split('\n')) {
    if (line.trim() === '') continue;
    const t = JSON.parse(line) as Transfer;
    const runs = byName.get(t.name);
    if (runs === undefined) byName.set(t.name, [t]);
    else runs.push(t);
  }
  const mean = (runs: Transfer[], of: (t: Transfer) => number): number =>
    runs.reduce((sum, t) => sum + of(t), 0) / runs.length;
  return [...byName].map(([name, runs]) => ({
    name,
    params: runs[0]!.params,
    goodputMbit: mean(runs, (t) => t.recv.mbit_s),
    reads: mean(runs, (t) => t.recv.reads),
    switches: mean(runs, (t) => t.recv.nvcsw),
    acks: mean(runs, (t) => t.wire.acks),
    retransmissions: mean(runs, (t) => t.wire.retrans),
  }));
}

/**
 * What it took on the machine of the recordings, a virtual one, to wake a thread on another core: 45 µs at least, 70 in the
 * median, measured apart from them with an eventfd.
 */
const IDLE = '{ latency: 45 us, spread: 50 us }';

/** The scenario that repeats a row, as YAML. */
export function scenarioOf(row: Row): string {
  const p = row.params;
  const server = p.SO_RCVBUF > 0 ? `, sockopt: { SO_RCVBUF: ${p.SO_RCVBUF} }` : '';
  const client = p.SO_SNDBUF > 0 ? `, sockopt: { SO_SNDBUF: ${p.SO_SNDBUF} }` : '';
  const pause = p.pause_after_read_ns > 0 ? `, pause: ${p.pause_after_read_ns} ns` : '';
  const limit = p.wire_queue_bytes > 0 ? `, limit: ${p.wire_queue_bytes} B` : '';
  const loss = p.loss_ppm > 0 ? `, loss: ${p.loss_ppm / 10_000} %` : '';
  const host = `{ cpus: 2, device: tun, cpuidle: ${IDLE}, sysctl: { net.ipv4.tcp_rmem: 4096 131072 6291456, net.ipv4.tcp_wmem: 4096 16384 4194304, net.ipv4.tcp_congestion_control: ${p.congestion} } }`;
  return `version: 1
scenarios:
  ${row.name}:
    shows: The recorded transfer ${row.name}, repeated.
    hosts:
      client: ${host}
      server: ${host}
    links:
      - { between: [client, server], rate: ${p.rate_bit_s} bit/s, overhead: 0 B, delay: ${p.one_way_delay_ns} ns${limit}${loss} }
    apps:
      server: { host: server, model: ${p.reader}, listen: 5001, read: ${p.read_bytes} B${pause}${server} }
      upload: { host: client, model: bulk, connect: server:5001, bytes: ${p.bytes} B, write: 65536 B${client} }
    stop: { when: upload.closed, limit: 300 s }
`;
}
