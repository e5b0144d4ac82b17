/**
 * What invariants, metrics and traces hang on. It sees each fact at the moment it becomes one, on TCP's own input and
 * output (so the backlog path is seen as well). An observer changes nothing and must not call back into TCP. It has a clock of
 * its own: a time that is handed over where nothing is inlined is an allocation, here for each segment.
 */
import type { PayloadStream } from '../base/payload.ts';
import type { Connection } from './connection.ts';
import type { Segment } from './segment.ts';
import type { TcpState } from './state.ts';

export interface TcpObserver {
  /** `seg` leaves; `retransmit`: its payload was sent before. c already counts it as sent. */
  onSent(c: Connection, seg: Segment, retransmit: boolean): void;
  /** `seg` is about to be processed. */
  onReceived(c: Connection, seg: Segment): void;
  /** The application wrote [off, off + len) of c.tx. */
  onWritten(c: Connection, off: number, len: number): void;
  /** The application read these bytes, in this order. */
  onRead(c: Connection, stream: PayloadStream, off: number, len: number): void;
  /** Payload went into the receive queue in order; it can be read from now on. */
  onQueued(c: Connection, stream: PayloadStream, off: number, len: number): void;
  onState(c: Connection, from: TcpState, to: TcpState): void;
  /** The window that was just advertised: its right edge is rcvWup + rcvWnd. `why` says why it moved left, if it did. */
  onWindow(c: Connection, rcvWnd: number, why: WindowMove): void;
}

/**
 * Why the right edge moved: it did not move left, or by one of the ways Linux allows. `late`: the window goes with an ACK
 * number of before (DCTCP), and so ends earlier by as much, until the ACK that follows.
 */
export type WindowMove = 'kept' | 'memory' | 'shrink' | 'clamp' | 'late';
