/**
 * What passes an interface, one frame at a time, as a capture needs it: the runner tells, report/pcap.ts writes it down.
 * Field names are tcp/segment.ts's; here `seq`, `off` and `len` are those of this one frame, not of its train.
 */
import type { PayloadStream } from '../../base/payload.ts';
import type { Instant } from '../../base/units.ts';

export interface CapturedFrame {
  /** IPv4 addresses, as unsigned 32-bit numbers. */
  readonly src: number;
  readonly dst: number;
  readonly sport: number;
  readonly dport: number;
  readonly seq: number;
  readonly ack: number;
  /** The TCP header's flag byte: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128. */
  readonly flags: number;
  /** As in the header: already scaled down. */
  readonly window: number;
  /** 0: no MSS option. */
  readonly mss: number;
  /** −1: no window scale option. */
  readonly wscale: number;
  readonly sackOk: boolean;
  readonly hasTs: boolean;
  readonly tsVal: number;
  readonly tsEcr: number;
  /** Left and right edges by turns. */
  readonly sacks: readonly number[];
  readonly stream: PayloadStream | null;
  readonly off: number;
  readonly len: number;
  /** IP's DS and ECN fields (RFC 2474, RFC 3168). */
  readonly tos: number;
  /** Failed its checksum on the way: the capture shows a wrong one. */
  readonly corrupt: boolean;
  /** A frame of `model: raw`: no TCP header, `len` bytes of IP payload. */
  readonly raw: boolean;
}

export interface CaptureSink {
  /**
   * @param iface  `host:device`, e.g. `server:eth0`
   * @param time   out: the first bit leaves the device; in: the last bit has arrived. Never before `now`
   * @param inbound  false: sent by this host
   * @param now    when it is told (a link knows arrivals long before they happen): nothing told later is earlier than this
   */
  frame(iface: string, time: Instant, frame: CapturedFrame, inbound: boolean, now: Instant): void;
}
