// One setting of each queueing discipline in which all of it happens: small limits, low targets.
import {
  CODEL_QDISC_DEFAULTS,
  FQ_CODEL_DEFAULTS,
  FQ_DEFAULTS,
  NETEM_DEFAULTS,
  type QdiscOptions,
} from '../../../src/kernel/qdisc/options.ts';

const MS = 1_000_000;

export const KINDS: Readonly<Record<string, QdiscOptions>> = {
  pfifo_fast: { kind: 'pfifo_fast' },
  pfifo: { kind: 'pfifo', limit: 20 },
  bfifo: { kind: 'bfifo', limit: 20_000 },
  fq: { kind: 'fq', ...FQ_DEFAULTS, limit: 20, flowLimit: 5, horizon: 2 * MS },
  'fq with maxrate': { kind: 'fq', ...FQ_DEFAULTS, maxrate: 5_000_000 },
  codel: { kind: 'codel', ...CODEL_QDISC_DEFAULTS, limit: 15, target: 1000, interval: MS },
  fq_codel: {
    kind: 'fq_codel',
    ...FQ_CODEL_DEFAULTS,
    limit: 15,
    target: 1000,
    interval: MS,
    dropBatch: 8,
  },
  'fq_codel with little memory': { kind: 'fq_codel', ...FQ_CODEL_DEFAULTS, memoryLimit: 8000 },
  tbf: {
    kind: 'tbf',
    rate: 2e7,
    burst: 3000,
    limit: 20_000,
    latency: 0,
    peakrate: Infinity,
    mtu: 0,
  },
  'tbf with a peak rate': {
    kind: 'tbf',
    rate: 2e7,
    burst: 9000,
    limit: 20_000,
    latency: 0,
    peakrate: 1e8,
    mtu: 1000,
  },
  netem: {
    kind: 'netem',
    ...NETEM_DEFAULTS,
    limit: 30,
    delay: 2 * MS,
    jitter: MS,
    loss: 0.1,
    duplicate: 0.1,
    corrupt: 0.1,
    reorder: 0.2,
    rate: 1e8,
  },
};
