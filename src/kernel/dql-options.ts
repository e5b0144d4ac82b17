/** What byte queue limits (dql.ts) can be told. */

/** byte_queue_limits of a queue in sysfs. */
export interface DqlOptions {
  /** Bytes. */
  readonly limitMin: number;
  readonly limitMax: number;
  /** How long there must be slack before the limit falls, ns. */
  readonly holdTime: number;
}

/** DQL_MAX_LIMIT: UINT_MAX/2 − UINT_MAX/16; HZ jiffies. */
export const DQL_DEFAULTS: DqlOptions = {
  limitMin: 0,
  limitMax: 1_879_048_192,
  holdTime: 1_000_000_000,
};
