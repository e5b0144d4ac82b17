/** Calls in the words of a script, for traces and messages. */
import { errnoName } from '../base/errno.ts';
import type { Call, Expr } from './ast.ts';

/** "accept(3, ..., ...)" */
export const formatCall = ({ name, args }: Call): string =>
  `${name}(${args.map(formatExpr).join(', ')})`;

/** "4", or "-1 EAGAIN". @param result of the host: a count, a descriptor or −errno */
export const formatResult = (result: number): string =>
  result < 0 ? `-1 ${errnoName(-result)}` : String(result);

function formatExpr(e: Expr): string {
  switch (e.kind) {
    case 'int':
      return e.text;
    case 'string':
      return JSON.stringify(e.value);
    case 'ellipsis':
      return '...';
    case 'list':
      return `[${e.items.map(formatExpr).join(', ')}]`;
    case 'tuple':
      return `{${e.items.map(formatExpr).join(', ')}}`;
    case 'struct':
      return `{${e.fields.map((f) => `${f.name}${lengthOf(f.length)}=${formatExpr(f.value)}`).join(', ')}}`;
    case 'address':
      return `inet_addr("${e.address}")`;
  }
}

const lengthOf = (length: Expr | null): string =>
  length === null ? '' : `(${formatExpr(length)})`;
