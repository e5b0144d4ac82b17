/**
 * An event loop: one thread with an epoll instance, channels that are registered with it for life, and a queue of tasks
 * (io.netty.channel.nio.NioEventLoop, epoll.EpollEventLoop, util.concurrent.SingleThreadEventExecutor). A turn: wait
 * unless tasks are waiting, serve the ready channels, then run tasks for as long as the I/O took (ioRatio 50; 100: all there are).
 *
 * The two transports differ in how interest reaches the kernel. `nio`, over java.nio's selector: level-triggered, and changes
 * of interest wait for the next select, so that off and on again costs nothing; no interest at all takes the descriptor
 * out (sun.nio.ch.EPollSelectorImpl.processUpdateQueue). `epoll`: edge-triggered, and every change is an epoll_ctl at once.
 *
 * Left out: shutting down, logging of what tasks throw. And what guards Netty against things that do not happen here: a selector that
 * returns for nothing 512 times is built anew, and a loop sleeps a second after select() or its own code has thrown. Handlers and tasks
 * cannot make it do so there either (the pipeline, and safeExecute(), take what they throw), and this kernel has no such errors.
 */
import type { QueueMeter } from '../../base/queue-meter.ts';
import { NEVER, instant, type Instant } from '../../base/units.ts';
import { Ring } from '../../base/ring.ts';
import * as k from '../../kernel/syscall.ts';
import { EpollEvents, type Fd, type Sys, type ThreadBody } from '../../kernel/syscall.ts';
import type { LoopOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { StreamLaws } from '../reactive/laws.ts';
import type { Sub } from '../setup.ts';
import type { Cancellable, Task, Worker } from '../worker.ts';
import { ChannelException } from './exceptions.ts';
import type { LoopMeters } from './meters.ts';
import { ScheduledTasks } from './scheduled-tasks.ts';
import { SelectionKey, type Selectable } from './selection-key.ts';

/** nextWakeupNanos: the loop is awake and will look at its queue before it sleeps. */
const AWAKE = -1;
/** The integer that comes back with the wake-up eventfd; keys are numbered from 1. */
const WAKEUP = 0;
/** Events of one epoll_wait (sun.nio.ch.EPollSelectorImpl.NUM_EPOLLEVENTS). */
const EVENTS_MAX = 1024;
/** Percent of a turn that goes to channels (NioEventLoop.ioRatio). */
const IO_RATIO = 50;
/** System.nanoTime() is called once in so many tasks (SingleThreadEventExecutor.runAllTasks). */
const CHECK_EVERY = 64;

export class EventLoop implements Worker {
  readonly name: string;
  readonly transport: LoopOptions['transport'];
  readonly laws: StreamLaws;
  private readonly probe: Probe;
  private readonly meter: QueueMeter;
  private readonly ioRatio: number;
  private readonly ep: Fd;
  private readonly eventfd: Fd;
  private thread: Sys | null = null;
  private started = false;
  private readonly tasks = new Ring<Task>();
  private readonly scheduled = new ScheduledTasks();
  /** When it will wake by itself; AWAKE while it runs. Other threads write to the eventfd only when it is not. */
  private nextWakeup: number = AWAKE;
  private readonly keys = new Map<number, SelectionKey>();
  private lastKey = WAKEUP;
  /** nio: keys whose interest has changed since the last select. */
  private readonly updates: SelectionKey[] = [];
  private readonly events = new EpollEvents(EVENTS_MAX);
  private buffer = new Uint8Array(0);

  private constructor(
    name: string,
    transport: LoopOptions['transport'],
    meters: LoopMeters,
    ioRatio: number,
    ep: Fd,
    eventfd: Fd,
  ) {
    this.name = name;
    this.transport = transport;
    this.laws = meters.laws;
    this.probe = meters.probe;
    this.meter = meters.taskQueue();
    this.ioRatio = ioRatio;
    this.ep = ep;
    this.eventfd = eventfd;
  }

  /**
   * Opens its descriptors, on the thread that makes the group. Its own thread starts with its first task.
   *
   * @param ioRatio percent of a turn that goes to channels, 1 … 100 (NioEventLoop.setIoRatio)
   */
  static *open(
    sys: Sys,
    name: string,
    transport: LoopOptions['transport'],
    meters: LoopMeters,
    ioRatio: number = IO_RATIO,
  ): Sub<EventLoop> {
    const ep = yield sys.epollCreate();
    const eventfd = yield sys.eventfd(0, k.NONBLOCK);
    const trigger = transport === 'epoll' ? k.EPOLLET : 0;
    yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, eventfd, k.EPOLLIN | trigger, WAKEUP);
    return new EventLoop(name, transport, meters, ioRatio, ep, eventfd);
  }

  get sys(): Sys {
    if (this.thread === null) throw new TypeError(`${this.name} has not been started`);
    return this.thread;
  }

  *execute(on: Worker, task: Task): Sub<boolean> {
    yield* this.addTask(on, task);
    if (on === this || this.nextWakeup === AWAKE) return true;
    this.nextWakeup = AWAKE;
    yield on.sys.write(this.eventfd, 1);
    return true;
  }

  *schedule(on: Worker, task: Task, delayNs: number): Sub<Cancellable> {
    const deadline = instant((yield on.sys.clockGettime()) + delayNs);
    if (on === this) return this.scheduled.add(task, deadline);
    const handle = new RemoteSchedule();
    const add: Task = () => this.arrive(task, deadline, handle);
    // A loop that wakes before the deadline anyway need not be woken for it (beforeScheduledTaskSubmitted).
    if (deadline < this.nextWakeup) yield* this.execute(on, add);
    else yield* this.addTask(on, add);
    return handle;
  }

  /** Puts a channel's descriptor in its interest list. For life: a channel never changes its loop. */
  *register(fd: Fd, target: Selectable, interest: number): Sub<SelectionKey> {
    const key = new SelectionKey(++this.lastKey, fd, target);
    this.keys.set(key.id, key);
    key.interest = interest;
    if (this.transport === 'nio') this.postpone(key);
    else yield* this.control(key, interest | k.EPOLLET);
    return key;
  }

  /** What the channel waits for from now on. */
  *setInterest(key: SelectionKey, interest: number): Sub<void> {
    if (key.interest === interest || !this.keys.has(key.id)) return;
    key.interest = interest;
    if (this.transport === 'nio') this.postpone(key);
    else yield* this.control(key, interest | k.EPOLLET);
  }

  /** The channel is about to close its descriptor, which takes it out of the interest list. */
  deregister(key: SelectionKey): void {
    this.keys.delete(key.id);
  }

  /** Room for one read of real bytes; the next read overwrites it. */
  scratch(size: number): Uint8Array {
    if (this.buffer.length < size) this.buffer = new Uint8Array(size);
    return this.buffer;
  }

  private *run(sys: Sys): ThreadBody {
    this.thread = sys;
    for (;;) {
      const n = yield* this.select();
      if (n < 0) return;
      const woken = this.transport === 'nio' && (yield* this.clearWakeup(n));
      const ready = n > (woken ? 1 : 0);
      if (this.ioRatio === 100) {
        for (let i = 0; i < n; i++) yield* this.processKey(i);
        yield* this.runAllTasks();
      } else if (ready) {
        const from = yield sys.clockGettime();
        for (let i = 0; i < n; i++) yield* this.processKey(i);
        const took = (yield sys.clockGettime()) - from;
        yield* this.runTasks(Math.floor((took * (100 - this.ioRatio)) / this.ioRatio));
      } else yield* this.runTasks(0);
    }
  }

  /**
   * java.nio reads the eventfd inside select(), and does not report it (sun.nio.ch.EPollSelectorImpl.processEvents). The
   * native transport has it edge-triggered, need not read it, and takes it for I/O.
   */
  private *clearWakeup(n: number): Sub<boolean> {
    for (let i = 0; i < n; i++) {
      if (this.events.data[i] !== WAKEUP) continue;
      yield this.sys.read(this.eventfd, 8);
      return true;
    }
    return false;
  }

  /** Waits for channels; not at all while tasks wait. @returns how many events there are, −errno when the thread ends */
  private *select(): Sub<number> {
    if (this.tasks.length > 0) return yield* this.epollWait(0);
    const deadline = this.scheduled.next();
    this.nextWakeup = deadline;
    const n = yield* this.epollWait(
      deadline === NEVER ? k.INFINITE : yield* this.untilThen(deadline),
    );
    this.nextWakeup = AWAKE;
    return n;
  }

  /**
   * How long to sleep before `deadline`. java.nio waits for whole milliseconds, up to 5 µs short (NioEventLoop.select);
   * Netty spins for what is left then, and this sleeps.
   */
  private *untilThen(deadline: Instant): Sub<number> {
    const left = deadline - (yield this.sys.clockGettime());
    if (left <= 0) return 0;
    if (this.transport === 'epoll') return left;
    const whole = Math.floor((left + 995_000) / 1_000_000) * 1_000_000;
    return whole > 0 ? whole : left;
  }

  private *epollWait(timeout: number): Sub<number> {
    for (const key of this.updates) {
      key.postponed = false;
      if (this.keys.has(key.id)) yield* this.control(key, key.interest);
    }
    this.updates.length = 0;
    return yield this.sys.epollWait(this.ep, this.events, EVENTS_MAX, timeout);
  }

  private *processKey(i: number): Sub<void> {
    // The eventfd has no key, and a channel that was closed in this turn has none any more.
    const key = this.keys.get(this.events.data[i]!);
    if (key !== undefined) yield* key.target.ready(this.events.events[i]!);
  }

  /** Tasks that are due and tasks that wait, for `budget` ns; at least as many as are run between two looks at the clock. */
  private *runTasks(budget: number): Sub<void> {
    const { sys } = this;
    yield* this.fetchScheduled();
    let task = this.pollTask();
    if (task === undefined) return;
    const deadline = budget > 0 ? (yield sys.clockGettime()) + budget : 0;
    for (let ran = 1; ; ran++) {
      yield* runSafely(task, this);
      if (ran % CHECK_EVERY === 0 && (yield sys.clockGettime()) >= deadline) return;
      task = this.pollTask();
      if (task === undefined) {
        // lastExecutionTime
        yield sys.clockGettime();
        return;
      }
    }
  }

  /** With ioRatio 100: all tasks, those that come or fall due meanwhile too, whatever time they take (runAllTasks()). */
  private *runAllTasks(): Sub<void> {
    let ran = false;
    for (;;) {
      yield* this.fetchScheduled();
      let task = this.pollTask();
      if (task === undefined) break;
      ran = true;
      for (; task !== undefined; task = this.pollTask()) yield* runSafely(task, this);
    }
    // lastExecutionTime
    if (ran) yield this.sys.clockGettime();
  }

  private *fetchScheduled(): Sub<void> {
    if (this.scheduled.next() === NEVER) return;
    const now = instant(yield this.sys.clockGettime());
    for (let task = this.scheduled.poll(now); task !== null; task = this.scheduled.poll(now))
      this.offer(task);
  }

  /** ScheduledFutureTask.run(), for what another thread has scheduled: not due yet, it goes to the others. */
  private *arrive(task: Task, deadline: Instant, handle: RemoteSchedule): Sub<void> {
    const now = yield this.sys.clockGettime();
    if (handle.cancelled) return;
    if (now < deadline) handle.there = this.scheduled.add(task, deadline);
    else yield* task(this);
  }

  private *addTask(on: Worker, task: Task): Sub<void> {
    this.offer(task);
    if (this.started) return;
    this.started = true;
    yield on.sys.spawn((sys) => this.run(sys), this.name);
  }

  private offer(task: Task): void {
    this.tasks.push(task);
    this.meter.enter(this.probe.now());
  }

  private pollTask(): Task | undefined {
    const task = this.tasks.shift();
    if (task !== undefined) this.meter.leave(this.probe.now());
    return task;
  }

  private postpone(key: SelectionKey): void {
    if (key.postponed) return;
    key.postponed = true;
    this.updates.push(key);
  }

  /** epoll_ctl, when the kernel does not know it so. */
  private *control(key: SelectionKey, events: number): Sub<void> {
    const { registered } = key;
    if (events === registered) return;
    const op =
      registered === 0 ? k.EPOLL_CTL_ADD : events === 0 ? k.EPOLL_CTL_DEL : k.EPOLL_CTL_MOD;
    key.registered = events;
    yield this.sys.epollCtl(this.ep, op, key.fd, events, key.id);
  }
}

/** A task that another thread has scheduled, on its way to the loop. */
class RemoteSchedule implements Cancellable {
  there: Cancellable | null = null;
  cancelled = false;

  cancel(): void {
    this.cancelled = true;
    this.there?.cancel();
  }
}

/** AbstractEventExecutor.safeExecute(): what a task throws ends the task, not the loop. */
function* runSafely(task: Task, on: Worker): Sub<void> {
  try {
    yield* task(on);
  } catch (e) {
    if (!(e instanceof ChannelException)) throw e;
  }
}

/** Loops that share the channels of a server, in turn (DefaultEventExecutorChooserFactory). */
export class EventLoopGroup {
  readonly loops: readonly EventLoop[];
  private turn = 0;

  private constructor(loops: readonly EventLoop[]) {
    this.loops = loops;
  }

  /** @param n ≥ 1 @param name its loops are `<name>-1`, `<name>-2` … */
  static *open(
    sys: Sys,
    n: number,
    name: string,
    transport: LoopOptions['transport'],
    meters: LoopMeters,
    ioRatio: number = IO_RATIO,
  ): Sub<EventLoopGroup> {
    const loops: EventLoop[] = [];
    for (let i = 1; i <= n; i++)
      loops.push(yield* EventLoop.open(sys, `${name}-${i}`, transport, meters, ioRatio));
    return new EventLoopGroup(loops);
  }

  next(): EventLoop {
    const loop = this.loops[this.turn]!;
    this.turn = (this.turn + 1) % this.loops.length;
    return loop;
  }
}
