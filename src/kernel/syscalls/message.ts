/** sendmsg, recvmsg: buffers in parts, addresses, control messages (net/socket.c, net/ipv4/tcp.c tcp_recvmsg). */
import { inqHint } from '../../tcp/index.ts';
import { BadAddress, type Iovec, type MsgHdr } from '../msg.ts';
import { SOL_TCP, TCP_CM_INQ } from '../socket-options.ts';
import type { Trap } from '../syscall.ts';
import { DONE, type Thread } from '../thread.ts';
import { sockAt } from './at.ts';
import { tcpRecvmsg } from './recv.ts';
import { tcpSendmsg } from './send.ts';

/** The parts are put together at the first try; then it is a send like any other. */
export function sysSendmsg(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  if (trap.c === 0) {
    const msg = trap.obj as MsgHdr;
    trap.c = 1;
    trap.name = msg.name;
    trap.a = lengthOf(msg.iov);
    trap.obj = gather(msg.iov, trap.a);
  }
  return tcpSendmsg(s, t, trap, trap.a, trap.b);
}

/** Reads into one buffer, and spreads that over the parts when the call ends. */
export function sysRecvmsg(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  let msg = trap.ref as MsgHdr | null;
  if (msg === null) {
    trap.ref = msg = trap.obj as MsgHdr;
    trap.a = lengthOf(msg.iov);
    msg.flags = 0;
    msg.control.length = 0;
    trap.obj = readInto(msg.iov, trap.a);
  }
  const r = tcpRecvmsg(s, t, trap, trap.a, trap.b);
  if (r !== DONE || t.result < 0) return r;
  spread(msg.iov, trap.obj as Uint8Array | null, t.result);
  if (s.options.tellsInq && s.c !== null)
    msg.control.push({ level: SOL_TCP, type: TCP_CM_INQ, data: inqHint(s.c) });
  return r;
}

const sizeOf = (part: Iovec): number => (typeof part === 'number' ? part : part.length);

const lengthOf = (iov: readonly Iovec[]): number =>
  iov.reduce<number>((n, part) => n + sizeOf(part), 0);

const badPart = (iov: readonly Iovec[]): BadAddress | undefined =>
  iov.find((part) => part instanceof BadAddress && part.length > 0) as BadAddress | undefined;

/** All parts as one; null: pattern. Beside real bytes a number stands for so many zeros. */
function gather(iov: readonly Iovec[], total: number): Uint8Array | BadAddress | null {
  const bad = badPart(iov);
  if (bad !== undefined) return bad;
  if (iov.every((part) => typeof part === 'number')) return null;
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const part of iov) {
    if (part instanceof Uint8Array) bytes.set(part, at);
    at += sizeOf(part);
  }
  return bytes;
}

function readInto(iov: readonly Iovec[], total: number): Uint8Array | BadAddress | null {
  const bad = badPart(iov);
  if (bad !== undefined) return bad;
  return iov.some((part) => part instanceof Uint8Array) ? new Uint8Array(total) : null;
}

/** What a read has put together, over the parts. */
function spread(iov: readonly Iovec[], bytes: Uint8Array | null, n: number): void {
  if (bytes === null) return;
  let at = 0;
  for (const part of iov) {
    const size = sizeOf(part);
    const some = Math.min(size, n - at);
    if (some > 0 && part instanceof Uint8Array) part.set(bytes.subarray(at, at + some));
    at += size;
  }
}
