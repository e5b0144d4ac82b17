/** Rows of the recorded transfers that are outside, and the mechanism. */
import type { Quantity } from './transfers.ts';

export const EXPLAINED: Readonly<Record<string, { quantity: Quantity; why: string }>> = {
  'loss1pc-reno': {
    quantity: 'goodput',
    why:
      'the recorded runs share one pattern of losses (28 to 30 of them); here it is the mean over patterns, and those whose first loss comes ' +
      'late finish slow start at a multiple of the window that 1 % of losses sustains',
  },
  'loss1pc-cubic': { quantity: 'goodput', why: 'the same' },
};
