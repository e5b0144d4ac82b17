/**
 * What one received frame costs a receive buffer (skb->truesize): the sk_buff, the shared info behind the data, and the
 * memory that the data lies in, which depends on who allocated it. x86-64.
 */
import { linearTruesize, PAGE, SHARED_INFO, SK_BUFF } from '../tcp/truesize.ts';

/** NET_SKB_PAD: head room that drivers leave. */
const PAD = 64;
/** What the first page of a packet that is larger takes of it, beside head room and shared info (SKB_MAX_HEAD). */
const FIRST_PAGE = PAGE - SHARED_INFO - PAD;

/**
 * A packet written to a tun device: allocated for its length; one of more than a page, as a program writes it with a GSO size,
 * has whole pages behind the first (drivers/net/tun.c tun_alloc_skb). Measured on 6.18: 1 B of payload 832, 500 B 1280, 1000
 * to 1500 B 2304, 4000 B 8448, 10 000 B 12 544.
 *
 * @param bytes of the IP packet
 */
export function tunTruesize(bytes: number): number {
  if (bytes + PAD < PAGE) return linearTruesize(bytes + PAD);
  return PAGE + SK_BUFF + Math.ceil((bytes - FIRST_PAGE) / PAGE) * PAGE;
}

/**
 * A frame in a NIC's receive buffer: as large as a frame can be, whatever has arrived, since the buffer was posted before.
 * Half a page up to an MTU of 1500, whole pages beyond (mlx5, ixgbe without copybreak); so 2304 for every frame.
 */
export function nicTruesize(mtu: number): number {
  const need = Math.ceil((mtu + 14 + PAD) / 64) * 64 + SHARED_INFO;
  return (need <= 2048 ? 2048 : Math.ceil(need / PAGE) * PAGE) + SK_BUFF;
}

/** Free bytes behind `bytes` of packet in the linear buffer of that truesize; what spreads over pages has none. */
export function tailroomOf(truesize: number, bytes: number): number {
  if (bytes + PAD >= PAGE) return 0;
  const room = truesize - SK_BUFF - SHARED_INFO - PAD - bytes;
  return room > 0 ? room : 0;
}
