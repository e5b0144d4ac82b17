/**
 * The face of TCP. Nothing here does I/O, keeps time or draws randomness; nothing calls out but the observer.
 *
 * From below:   onSegment onTimer onTxFreed · onSyn onRequestSegment onRequestTimer establish · onTimeWaitSegment
 * From above:   connect write read peek shutdownWrite shutdownRead close abort set*
 * After either: pollSegment until false, then nextDeadline and takeEvents. An event may come of polling (WRITABLE), so
 *               events are taken last; TIME_WAIT and CLOSED are acted on only then: a last ACK or RST was polled before.
 */
export * from './calls.ts';
export { setCongestion } from './congestion/index.ts';
export * from './connection.ts';
export { TcpContext, TcpMib } from './context.ts';
export { forwardAlloc, TcpMemory } from './memory.ts';
export { fastOpenSyn, mayFastOpen } from './fastopen.ts';
export { fastOpenChild } from './fastopen-child.ts';
export * from './fastopen-option.ts';
export { COOKIE_SIZE, fastOpenCookie, fastOpenKey, KEY_SIZE } from './fastopen-server.ts';
export * from './fastopen-state.ts';
export * from './icmp.ts';
export { onSegment } from './input.ts';
export * from './observer.ts';
export * from './options.ts';
export * from './settings.ts';
export { departureOf, setMaxPacingRate } from './pacing.ts';
export { deliveryRate } from './rate.ts';
export { onXmitCongested, onXmitDropped, pollSegment } from './output.ts';
export { onMtuReduced, takeRoute } from './pmtu.ts';
export * from './request.ts';
export * from './segment.ts';
export * from './seq.ts';
export { receives, sends, type TcpState } from './state.ts';
export * from './time-wait.ts';
export { atMark, urgentArrived } from './urgent.ts';
export * from './write.ts';
export { nextDeadline, onTimer } from './deadlines.ts';
export { receiveWindow } from './window.ts';
