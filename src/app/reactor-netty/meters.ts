/**
 * What the bridge tells the probe: counters, the depth of each receiver queue, and the laws that hold for whatever
 * handler runs above it. One for a server; it makes an observer for each connection and for each MonoSendMany.
 */
import type { QueueMeter } from '../../base/queue-meter.ts';
import type { LoopOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import { DemandMeter, UNBOUNDED } from '../reactive/demand.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import type { WriteObserver } from './future-mono.ts';
import { QUEUE_LOW_LIMIT, type ReceiveObserver } from './flux-receive.ts';
import { MAX_SIZE, REFILL_SIZE, type SendObserver } from './mono-send-many.ts';

/** tcp_rmem[2] of the default profile: what a socket can hold at most. */
const SOCKET_BYTES_MAX = 33_554_432;
/** Reads that bring less than the largest buffer's worth, while AdaptiveRecvByteBufAllocator grows from 64 B to it. */
const GROWING_READS = 16;

/**
 * The most messages that can wait for demand in one FluxReceive.
 *
 * Raw bytes: one, because the message that finds no demand turns autoRead off. A decoder emits all messages that a read
 * completes, autoRead or not: ⌈read / smallest⌉ of them, on top of fewer than QUEUE_LOW_LIMIT that may be there when reading
 * is turned on again. The native epoll transport reads to the end of the stream once the peer has sent its FIN, whatever
 * autoRead says: there it is all that the socket can hold.
 *
 * @param read bytes of the largest read
 * @param smallest bytes of the smallest message with its framing; null: no decoder
 */
export function receiverQueueBound(
  read: number,
  smallest: number | null,
  transport: LoopOptions['transport'],
): number {
  const before = smallest === null ? 1 : QUEUE_LOW_LIMIT - 1 + Math.ceil(read / smallest);
  if (transport === 'nio') return before;
  const rest =
    smallest === null
      ? GROWING_READS + Math.ceil(SOCKET_BYTES_MAX / read)
      : Math.ceil(SOCKET_BYTES_MAX / smallest);
  return before + rest;
}

export class BridgeMeters implements WriteObserver {
  readonly probe: Probe;
  private readonly bound: number;
  /** Meters of connections that are closed: used again, so that there are as many as connections at once. */
  private readonly idle: QueueMeter[] = [];

  /** @param bound of a receiver queue */
  constructor(probe: Probe, bound: number) {
    this.probe = probe;
    this.bound = bound;
  }

  /** @param connection what it is called in messages: `connection-3` */
  receive(connection: string, onUncaught: ReceiveObserver['onUncaught']): ReceiveMeter {
    const queue = this.idle.pop() ?? this.probe.queue('receiver_queue', this.bound);
    return new ReceiveMeter(this.probe, connection, queue, onUncaught);
  }

  send(connection: string): SendObserver {
    return new SendMeter(this, connection);
  }

  /** Of one subscription to what a connection receives. */
  demand(connection: string): DemandMeter {
    return new DemandMeter(this.probe, `receive() of ${connection}`);
  }

  /** The kernel has taken a message that a handler has sent. */
  onWritten(): void {
    this.probe.count('requests', 1);
  }

  /** A message that a handler has sent is lost: the connection was closed before the kernel had it. */
  onLost(): void {
    this.failed();
  }

  /** A handler has failed, or nobody was there to take an error. */
  failed(): void {
    this.probe.count('failed', 1);
  }

  /** The connection is closed; what had been queued is gone. */
  release(meter: ReceiveMeter): void {
    meter.onQueued(0);
    this.idle.push(meter.queue);
  }
}

/**
 * The closed form of FluxReceive: of what has come it has given as much as was requested, and all of it once demand is
 * unbounded. Looked at whenever it comes to rest, as long as neither end has let go.
 */
export class ReceiveMeter implements ReceiveObserver {
  readonly connection: string;
  readonly queue: QueueMeter;
  /** Calls of request(n), and the sum of their n. */
  requestCalls = 0;
  requestedTotal = 0;
  readonly onUncaught: (error: Error, on: Worker) => Sub<void>;
  private readonly probe: Probe;
  private unbounded = false;
  private arrived = 0;
  private given = 0;

  constructor(
    probe: Probe,
    connection: string,
    queue: QueueMeter,
    onUncaught: ReceiveObserver['onUncaught'],
  ) {
    this.probe = probe;
    this.connection = connection;
    this.queue = queue;
    this.onUncaught = onUncaught;
  }

  onArrived(): void {
    this.arrived++;
  }

  onQueued(n: number): void {
    const change = n - this.queue.depth;
    if (change > 0) this.queue.enter(this.probe.now(), change);
    else if (change < 0) this.queue.leave(this.probe.now(), -change);
  }

  onRequest(n: number): void {
    this.requestCalls++;
    this.probe.count('request_calls', 1);
    // Unbounded demand is no number that could be added up.
    if (n >= UNBOUNDED) {
      this.unbounded = true;
      return;
    }
    this.requestedTotal += n;
    this.probe.count('requested', n);
  }

  onNext(): void {
    this.given++;
    this.probe.count('on_next', 1);
  }

  onSettled(): void {
    this.probe.require('closed-form', this.given === this.due, this.said);
  }

  private get due(): number {
    return this.unbounded ? this.arrived : Math.min(this.arrived, this.requestedTotal);
  }

  /** One function for all messages. */
  private readonly said = (): string =>
    `FluxReceive of ${this.connection}: ${this.given} messages were given; with ${this.arrived} read and ` +
    `${this.unbounded ? 'all' : this.requestedTotal} requested it should be ${this.due}`;
}

/**
 * The closed form of MonoSendMany: after M messages have been written, 128 + 64·⌊M/64⌋ have been requested, in 1 + ⌊M/64⌋
 * calls. (Fewer calls only when one flush has written two refills' worth; and one message more is requested in place of
 * each that was empty.) And so no more than 128 are with the channel at once.
 *
 * Exact whenever it comes to rest as long as neither end has let go. While it is at work it is a bound, for what was written
 * is made up for at the end of a run; and once an end has let go nothing is requested any more.
 */
class SendMeter implements SendObserver {
  readonly connection: string;
  private readonly meters: BridgeMeters;
  private calls = 0;
  private requestedTotal = 0;
  private written = 0;
  private empty = 0;
  /** Given to the channel, and neither written nor lost. */
  private underWay = 0;

  constructor(meters: BridgeMeters, connection: string) {
    this.meters = meters;
    this.connection = connection;
  }

  onSendRequest(n: number): void {
    this.calls++;
    this.requestedTotal += n;
    this.meters.probe.count('send_request_calls', 1);
    this.look(this.requestedTotal <= this.due);
  }

  onWrite(): void {
    this.underWay++;
    this.meters.probe.require('closed-form', this.underWay <= MAX_SIZE, this.tooMany);
  }

  onWritten(): void {
    this.underWay--;
    this.written++;
    this.meters.onWritten();
  }

  onLost(): void {
    this.underWay--;
    this.meters.onLost();
  }

  onEmpty(): void {
    this.empty++;
  }

  onSettled(): void {
    this.look(this.requestedTotal === this.due && this.calls <= this.mostCalls);
  }

  private get due(): number {
    return MAX_SIZE + REFILL_SIZE * Math.floor(this.written / REFILL_SIZE) + this.empty;
  }

  private get mostCalls(): number {
    return 1 + Math.floor(this.written / REFILL_SIZE) + this.empty;
  }

  private look(holds: boolean): void {
    this.meters.probe.require('closed-form', holds, this.said);
  }

  /** One function each for all messages. */
  private readonly said = (): string =>
    `MonoSendMany of ${this.connection}: ${this.requestedTotal} messages were requested in ${this.calls} calls; ` +
    `with ${this.written} written it should be ${this.due} in ${this.mostCalls}`;

  private readonly tooMany = (): string =>
    `MonoSendMany of ${this.connection}: ${this.underWay} messages are with the channel at once; it should be at most ${MAX_SIZE}`;
}
