/** From what a discipline is told to the discipline. */
import { unreachable } from '../../base/assert.ts';
import type { Random } from '../../base/random.ts';
import { CodelQdisc } from './codel.ts';
import type { Discipline, QdiscBooks } from './discipline.ts';
import { Fifo } from './fifo.ts';
import { FqCodel } from './fq-codel.ts';
import { Fq } from './fq.ts';
import { Netem } from './netem.ts';
import type { QdiscOptions } from './options.ts';
import { Tbf } from './tbf.ts';

/** What a discipline is made for. */
export interface QdiscPlace {
  readonly txqueuelen: number;
  /** psched_mtu: bytes of the largest frame with its Ethernet header. */
  readonly mtu: number;
  readonly random: Random;
  /** Of its streams. */
  readonly name: string;
}

export function makeDiscipline(o: QdiscOptions, at: QdiscPlace, books: QdiscBooks): Discipline {
  switch (o.kind) {
    case 'pfifo_fast':
      return new Fifo('packets', at.txqueuelen, books);
    case 'pfifo':
      return new Fifo('packets', o.limit < 0 ? at.txqueuelen : o.limit, books);
    case 'bfifo':
      return new Fifo('bytes', o.limit < 0 ? at.txqueuelen * at.mtu : o.limit, books, at.mtu);
    case 'fq':
      return new Fq(o, at.mtu, books);
    case 'codel':
      return new CodelQdisc(o, at.mtu, books);
    case 'fq_codel':
      return new FqCodel(o, at.mtu, books);
    case 'tbf':
      return new Tbf(o, books);
    case 'netem':
      return new Netem(o, at.random.keyed(`${at.name}/netem`), books);
    default:
      return unreachable(o);
  }
}
