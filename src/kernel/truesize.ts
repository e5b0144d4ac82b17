/**
 * What one received frame costs a receive buffer (skb->truesize): the sk_buff, the shared info behind the data, and the
 * memory that the data lies in, which depends on who allocated it. x86-64.
 */

/** SKB_DATA_ALIGN(sizeof(struct sk_buff)). */
const SK_BUFF = 256;
/** SKB_DATA_ALIGN(sizeof(struct skb_shared_info)). */
const SHARED_INFO = 320;
/** NET_SKB_PAD: head room that drivers leave. */
const PAD = 64;
/** Data that fits the cache of small heads (skb_small_head_cache), pad included. */
const SMALL_HEAD = 256;

/**
 * A frame written to a tun device: allocated for its length, from kmalloc's powers of two (net/core/skbuff.c
 * kmalloc_reserve). 1 B of payload 832, 500 B 1280, 1000 to 1500 B 2304: as measured on 6.18.
 *
 * @param bytes of the IP packet
 */
export function tunTruesize(bytes: number): number {
  const size = align(bytes + PAD);
  if (size <= SMALL_HEAD) return SMALL_HEAD + SHARED_INFO + SK_BUFF;
  let bucket = 1024;
  while (bucket < size + SHARED_INFO) bucket *= 2;
  return bucket + SK_BUFF;
}

/**
 * A frame in a NIC's receive buffer: as large as a frame can be, whatever has arrived, since the buffer was posted before.
 * Half a page up to an MTU of 1500, whole pages beyond (mlx5, ixgbe without copybreak); so 2304 for every frame.
 */
export function nicTruesize(mtu: number): number {
  const need = align(mtu + 14 + PAD) + SHARED_INFO;
  return (need <= 2048 ? 2048 : Math.ceil(need / 4096) * 4096) + SK_BUFF;
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
