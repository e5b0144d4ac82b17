/** What mutants.ts can break, apart from it: a command line knows the names without the simulator. */
export const MUTANT_NAMES = [
  'wrong-stream',
  'shifted-bytes',
  'forgotten-promise',
  'deaf-sender',
  'endless-backlog',
  'vanished-frame',
  'swallowed-in-qdisc',
  'unsent-segment',
  'unheard-segment',
  'descriptor-taken-twice',
  'descriptor-not-refilled',
  'unstopped-ring',
  'unbilled-time',
  'leaked-skb',
  'uncharged-byte',
  'unreturned-credit',
  'hoarded-pages',
  'swallowed-wakeup',
  'stopped-clock',
  'lost-epollout',
  'et-read-stopped-early',
  'unbounded-receiver-queue',
  'request-ignored',
  'late-refill',
  'late-replenish',
  'greedy-concat-map',
  'late-prefetch',
  'unlatched-acceptor',
  'overgrown-pool',
  'overfull-task-queue',
] as const;

export type MutantName = (typeof MUTANT_NAMES)[number];

export const isMutant = (name: string): name is MutantName =>
  (MUTANT_NAMES as readonly string[]).includes(name);
