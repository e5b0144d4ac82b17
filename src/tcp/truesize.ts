/**
 * What Linux charges a socket for a packet in memory (skb->truesize): the sk_buff, the shared info behind the data, and the
 * memory that the data lies in. x86-64; net/core/skbuff.c __alloc_skb, kmalloc_reserve.
 */

/** SKB_DATA_ALIGN(sizeof(struct sk_buff)). */
export const SK_BUFF = 256;
/** SKB_DATA_ALIGN(sizeof(struct skb_shared_info)). */
export const SHARED_INFO = 320;
export const PAGE = 4096;
/** SKB_TRUESIZE(1): less than that in qdisc and device is nothing. */
export const ONE_BYTE_TRUESIZE = 577;
/** Data that fits the cache of small heads (skb_small_head_cache). */
const SMALL_HEAD = 256;

/** A linear skb with room for `bytes` of data, which comes from kmalloc's powers of two. */
export function linearTruesize(bytes: number): number {
  const size = Math.ceil(bytes / 64) * 64;
  if (size <= SMALL_HEAD) return SMALL_HEAD + SHARED_INFO + SK_BUFF;
  let bucket = 1024;
  while (bucket < size + SHARED_INFO) bucket *= 2;
  return bucket + SK_BUFF;
}
