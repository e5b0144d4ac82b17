/** A packetdrill script of one sender: 200,000 bytes in segments of 1000, a round trip of 100 ms, a window of 10 at first. */
export const sending = (sysctls: string): string[] => [
  `\`sysctl -q net.ipv4.tcp_early_retrans=0 ${sysctls}\``,
  '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
  '+0 bind(3, ..., ...) = 0',
  '+0 listen(3, 1) = 0',
  '+0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 10>',
  '+0 > S. 0:0(0) ack 1 <...>',
  '+.1 < . 1:1(0) ack 1 win 1000',
  '+0 accept(3, ..., ...) = 4',
  '+0 setsockopt(4, SOL_SOCKET, SO_SNDBUF, [400000], 4) = 0',
  windowIs(10),
  '+0 write(4, ..., 200000) = 200000',
];

export const windowIs = (segments: number): string =>
  `+0 %{ assert tcpi_snd_cwnd == ${segments}, tcpi_snd_cwnd }%`;
