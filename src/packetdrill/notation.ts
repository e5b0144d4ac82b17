/** Packets and times in the words of a script, so that what was expected and what was seen read alike. */
import {
  FLAG_ACK,
  FLAGS,
  type IcmpPacket,
  type IpInfo,
  type Packet,
  type TcpOption,
  type TcpPacket,
} from './ast.ts';

/** A packet as it would stand in a script, without its arrow; what is null is left out. */
export function formatPacket(packet: Packet): string {
  return packet.kind === 'tcp' ? formatTcp(packet) : formatIcmp(packet);
}

/** Seconds with six digits: "0.100000". */
export function formatTime(us: number): string {
  const digits = String(us).padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

function formatTcp({ ip, ports, flags, seq, end, len, ack, win, urg, options }: TcpPacket): string {
  const parts = [
    formatIp(ip),
    ports === null ? '' : `${ports.src} > ${ports.dst}`,
    formatFlags(flags),
    `${seq}:${end}(${len})`,
    (flags & FLAG_ACK) !== 0 || ack !== 0 ? `ack ${ack}` : '',
    win === null ? '' : `win ${win}`,
    urg === 0 ? '' : `urg ${urg}`,
    formatOptions(options),
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function formatIcmp({ ip, type, code, mtu, seq, end, len }: IcmpPacket): string {
  const parts = [
    formatIp(ip),
    `icmp ${type}`,
    code ?? '',
    mtu === null ? '' : `mtu ${mtu}`,
    `[${seq}:${end}(${len})]`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function formatIp({ ecn, tos, flowLabel, ttl }: IpInfo): string {
  const parts = [
    ecn ?? '',
    tos === null ? '' : `tos 0x${tos.toString(16).padStart(2, '0')}`,
    flowLabel === null ? '' : `flowlabel 0x${flowLabel.toString(16).padStart(5, '0')}`,
    ttl === null ? '' : `ttl ${ttl}`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : `[${parts.join(', ')}]`;
}

/** The flags in letters, the dot last; '-' for none. */
export function formatFlags(flags: number): string {
  let letters = '';
  for (const [bit, letter] of FLAGS) if ((flags & bit & ~FLAG_ACK) !== 0) letters += letter;
  if ((flags & FLAG_ACK) !== 0) letters += '.';
  return letters || '-';
}

/** In angle brackets; '' for none. */
export function formatOptions(options: readonly TcpOption[] | 'any'): string {
  if (options === 'any') return '<...>';
  return options.length === 0 ? '' : `<${options.map(formatOption).join(',')}>`;
}

export function formatOption(option: TcpOption): string {
  switch (option.kind) {
    case 'nop':
    case 'eol':
    case 'sackOK':
      return option.kind;
    case 'mss':
    case 'wscale':
      return `${option.kind} ${option.value}`;
    case 'TS':
      return `TS val ${option.val} ecr ${option.ecr}`;
    case 'sack':
      return `sack ${option.blocks.map(({ left, right }) => `${left}:${right}`).join(' ')}`;
    case 'FO':
    case 'FOEXP':
      return option.cookie === '' ? option.kind : `${option.kind} ${option.cookie}`;
    case 'md5':
      return `md5 ${option.digest}`;
    case 'ECN':
      return `ECN ${option.fields.map(({ name, value }) => `${name} ${value}`).join(' ')}`;
  }
}
