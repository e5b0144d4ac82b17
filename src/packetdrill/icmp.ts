/** The names of ICMP types and codes: RFC 792, RFC 1122 §3.2.2, RFC 1812 §5.2.7.1 and RFC 4443. */

export interface IcmpNumbers {
  readonly type: number;
  readonly code: number;
}

interface Type {
  readonly type: number;
  readonly codes: Readonly<Record<string, number>>;
}

const bare = (type: number): Type => ({ type, codes: {} });

const V4: Readonly<Record<string, Type>> = Object.freeze({
  unreachable: {
    type: 3,
    codes: {
      net_unreachable: 0,
      host_unreachable: 1,
      protocol_unreachable: 2,
      port_unreachable: 3,
      frag_needed: 4,
      source_route_failed: 5,
      net_unknown: 6,
      host_unknown: 7,
      source_host_isolated: 8,
      net_prohibited: 9,
      host_prohibited: 10,
      net_unreachable_for_tos: 11,
      host_unreachable_for_tos: 12,
      packet_filtered: 13,
      precedence_violation: 14,
      precedence_cutoff: 15,
    },
  },
  echo_reply: bare(0),
  source_quench: bare(4),
  redirect: bare(5),
  echo_request: bare(8),
  time_exceeded: bare(11),
  parameter_problem: bare(12),
  timestamp_request: bare(13),
  timestamp_reply: bare(14),
  information_request: bare(15),
  information_reply: bare(16),
  address_mask_request: bare(17),
  address_mask_reply: bare(18),
});

const V6: Readonly<Record<string, Type>> = Object.freeze({
  unreachable: {
    type: 1,
    codes: {
      // Scripts for both families say it; in ICMPv6 code 0 is "no route".
      net_unreachable: 0,
      no_route: 0,
      admin_prohibited: 1,
      not_neighbour: 2,
      address_unreachable: 3,
      port_unreachable: 4,
    },
  },
  packet_too_big: bare(2),
  time_exceeded: { type: 3, codes: { exceeded_hop_limit: 0, exceeded_frag_time: 1 } },
  parameter_problem: {
    type: 4,
    codes: { header_field: 0, unknown_next_header: 1, unknown_option: 2 },
  },
  echo_request: bare(128),
  echo_reply: bare(129),
});

/** The numbers of a type and a code, code 0 where none is given; null where this version of ICMP has no such name. */
export function icmpNumbers(version: 4 | 6, type: string, code: string | null): IcmpNumbers | null {
  const types = version === 4 ? V4 : V6;
  const found = Object.hasOwn(types, type) ? types[type]! : null;
  if (found === null) return null;
  if (code === null) return { type: found.type, code: 0 };
  return Object.hasOwn(found.codes, code) ? { type: found.type, code: found.codes[code]! } : null;
}

/** All names of types, or of a type's codes, of both versions. */
export function icmpNames(type?: string): string[] {
  const of = (types: Readonly<Record<string, Type>>): string[] =>
    type === undefined ? Object.keys(types) : Object.keys(types[type]?.codes ?? {});
  return [...of(V4), ...of(V6)];
}
