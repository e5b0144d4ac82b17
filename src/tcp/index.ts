/**
 * The face of TCP. Nothing here does I/O, keeps time or draws randomness; nothing calls out but the observer.
 *
 * From below:   connect onSegment onTimer onTxFreed (onSyn onRequestSegment establish onTimeWaitSegment …)
 * From above:   write read peek shutdownWrite shutdownRead close abort set*
 * After either: pollSegment until false, nextDeadline, takeEvents.
 */
export * from './calls.ts';
export * from './connection.ts';
export { TcpContext, TcpMemory, TcpMib } from './context.ts';
export * from './observer.ts';
export * from './options.ts';
export * from './request.ts';
export * from './segment.ts';
export * from './seq.ts';
export { receives, sends, type TcpState } from './state.ts';
export * from './time-wait.ts';
