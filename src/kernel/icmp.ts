/**
 * ICMP errors about our own segments (RFC 792, RFC 1191), as net/ipv4/icmp.c hands them to tcp_v4_err(). There is no ICMP on
 * the wire of this model: who has one to report says it with `Stack.icmp`.
 */
import {
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENONET,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
} from '../base/errno.ts';
import { IP_PMTUDISC_DONT, IP_PMTUDISC_INTERFACE, IP_PMTUDISC_OMIT } from './socket-options.ts';

// Types and codes, include/uapi/linux/icmp.h.
export const ICMP_DEST_UNREACH = 3;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETERPROB = 12;
export const ICMP_NET_UNREACH = 0;
export const ICMP_HOST_UNREACH = 1;
export const ICMP_PROT_UNREACH = 2;
export const ICMP_PORT_UNREACH = 3;
export const ICMP_FRAG_NEEDED = 4;

/** Does a socket with this IP_MTU_DISCOVER go by what ICMP says of the path (ip_sk_accept_pmtu)? */
export const heedsPmtu = (discovery: number): boolean =>
  discovery !== IP_PMTUDISC_DONT &&
  discovery !== IP_PMTUDISC_INTERFACE &&
  discovery !== IP_PMTUDISC_OMIT;

/** What came, and the segment of ours that it quotes: source is this host. */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
  /** ICMP_FRAG_NEEDED: MTU of the next hop, bytes; else 0. */
  readonly mtu: number;
  readonly src: number;
  readonly sport: number;
  readonly dst: number;
  readonly dport: number;
  /** Sequence number of the quoted segment, any integer modulo 2^32. */
  readonly seq: number;
}

/** icmp_err_convert: the error of each code of ICMP_DEST_UNREACH. */
const UNREACH: readonly number[] = [
  ENETUNREACH,
  EHOSTUNREACH,
  ENOPROTOOPT,
  ECONNREFUSED,
  EMSGSIZE,
  EOPNOTSUPP, // source route failed
  ENETUNREACH, // net unknown
  EHOSTDOWN, // host unknown
  ENONET, // host isolated
  ENETUNREACH, // net prohibited
  EHOSTUNREACH, // host prohibited
  ENETUNREACH, // net unreachable for the type of service
  EHOSTUNREACH, // host unreachable for the type of service
  EHOSTUNREACH, // packet filtered
  EHOSTUNREACH, // precedence violation
  EHOSTUNREACH, // precedence cut-off
];

/** The error an application may see of it; 0: none, it is ignored (tcp_v4_err). */
export function icmpErrno(e: IcmpError): number {
  if (e.type === ICMP_DEST_UNREACH) return UNREACH[e.code] ?? 0;
  if (e.type === ICMP_PARAMETERPROB) return EPROTO;
  return e.type === ICMP_TIME_EXCEEDED ? EHOSTUNREACH : 0;
}

/** Is the way there closed, for now: network or host unreachable (RFC 6069 §3)? */
export const isUnreachable = (e: IcmpError): boolean =>
  e.type === ICMP_DEST_UNREACH && (e.code === ICMP_NET_UNREACH || e.code === ICMP_HOST_UNREACH);

/** Does it end a half-open connection (tcp_req_err)? */
export const endsRequest = (e: IcmpError): boolean =>
  isUnreachable(e) || e.type === ICMP_PARAMETERPROB || e.type === ICMP_TIME_EXCEEDED;
