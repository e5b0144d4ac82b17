/**
 * System calls of a script: which there are, what each becomes on the host, and what it must leave behind besides its
 * result. A call, or a form of one, that is not in these tables is not supported.
 */
import type { Sock } from '../kernel/socket.ts';
import { Args, type Descriptors } from './args.ts';
import type { Call } from './ast.ts';
import { FILE_CALLS } from './calls-file.ts';
import { MESSAGE_CALLS } from './calls-message.ts';
import { OPTION_CALLS } from './calls-option.ts';
import { POLL_CALLS } from './calls-poll.ts';
import { SOCKET_CALLS } from './calls-socket.ts';
import type { Flows } from './flow.ts';
import type { CallBody, Ends } from './rig.ts';
import { NotSupported } from './verdict.ts';

/** What calls see of the run. */
export interface CallContext {
  readonly ends: Ends;
  readonly fds: Descriptors;
  readonly flows: Flows;
  /** The socket of a host's descriptor; null: it is none. */
  sock(live: number): Sock | null;
  /** O_NONBLOCK of a host's descriptor; null: it is not open. */
  nonblock(live: number): boolean | null;
  /** Size of a file that the script has made, bytes; null: there is none. */
  fileSize(path: string): number | null;
}

/** A call that is ready to be made. */
export interface Prepared {
  readonly body: CallBody;
  /** A result ≥ 0 is a descriptor: the script's own number names it from then on. */
  readonly opens?: boolean;
  /** −ENOPROTOOPT means that the host does not have this: what, as a noun. */
  readonly lacks?: string;
  /** The call is about to be made. */
  readonly before?: () => void;
  /** What follows from its live result, whatever was expected. */
  readonly after?: (result: number) => void;
  /** What is wrong with what it left behind; null: nothing. Only asked when the result is the expected one. */
  readonly check?: (result: number) => string | null;
}

export type Reader = (args: Args, x: CallContext) => Prepared;
export type CallTable = Readonly<Record<string, Reader>>;

const CALLS: CallTable = Object.freeze({
  ...SOCKET_CALLS,
  ...MESSAGE_CALLS,
  ...OPTION_CALLS,
  ...POLL_CALLS,
  ...FILE_CALLS,
});

export function prepare(call: Call, x: CallContext): Prepared {
  const reader = Object.hasOwn(CALLS, call.name) ? CALLS[call.name] : undefined;
  if (reader === undefined) throw new NotSupported(`system call ${call.name}`);
  return reader(new Args(call, x.fds), x);
}
