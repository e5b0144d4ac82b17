/**
 * An application that the user has written: what a module exports, what it is started with, and the guard around each of
 * its threads. The module's code runs as it is, on the kernel's own threads: the guard adds no system call and no time, so
 * a copy of a built-in model gives the same fingerprint as the model.
 *
 * What goes wrong in the module is the application's fault (`AppFault`) and neither the scenario's nor hostwire's: an
 * exception, a yield that is no system call, arguments that no system call takes, a thread for which time stands still.
 * A call that the kernel refuses is none of these: it returns −errno, as in Linux.
 *
 * Left out: a limit for a thread that computes without ever yielding. Nothing in the same JavaScript thread could stop it;
 * `AppWatch` tells somebody in another one (cli/watchdog.ts).
 */
import { ScenarioError } from '../base/assert.ts';
import type { Instant } from '../base/units.ts';
import {
  NR_EPOLL_WAIT,
  NR_FUTEX_WAIT,
  NR_FUTEX_WAKE,
  NR_NONE,
  NR_PIPE,
  NR_POLL,
  NR_READ,
  NR_RECV,
  NR_SEND,
  NR_SPAWN,
  NR_TCP_INFO,
  NR_WRITE,
  NR_COMPUTE,
  SYSCALL_NAMES,
  UnyieldedError,
  type Fd,
  type Sys,
  type ThreadBody,
  type ThreadStart,
  type Trap,
} from '../kernel/syscall.ts';
import type { AppEnv, Target } from './env.ts';
import { ECHO_DEFAULTS, type ListenOptions } from './options.ts';
import type { Probe } from './probe.ts';
import { openListener, type Sub } from './setup.ts';
import type { Plain, UserOptions } from './user-options.ts';

/** What a module's main function is given beside its system calls. */
export interface AppContext<O = Readonly<Record<string, Plain>>> {
  /** The port of `listen:`. @throws ScenarioError when the scenario gives none */
  readonly listen: number;
  /** Host and port of `connect:`; `env.resolve(connect.host)` is its address. @throws ScenarioError when there is none */
  readonly connect: Target;
  /** `options:` as written: nobody has checked them. */
  readonly options: O;
  readonly probe: Probe;
  readonly env: AppEnv;
}

/** A module's default export: the first thread of its process. */
export type UserMain<O = Readonly<Record<string, Plain>>> = (
  sys: Sys,
  context: AppContext<O>,
) => ThreadBody;

/** Own applications by what `app:` says in the scenario: `{ './my-server.ts': myServer }`. */
export type UserApps = Readonly<Record<string, UserMain<never>>>;

/**
 * Gives a module's main function its types: `export default app(function* (sys, { listen }) { … })`.
 *
 * @typeParam O what `options:` holds
 */
export function app<O = Readonly<Record<string, Plain>>>(main: UserMain<O>): UserMain<O> {
  return main;
}

/** What a listening socket may be told; defaults as in scenarios. */
export type ListenChoices = Partial<Pick<ListenOptions, 'backlog' | 'sockopt'>>;

/**
 * A blocking listening socket on `port`: socket(2), setsockopt(2), bind(2), listen(2).
 *
 * @throws ScenarioError when the port is taken or an option is refused
 */
export function listenOn(sys: Sys, port: number, choices: ListenChoices = {}): Sub<Fd> {
  return openListener(sys, { ...ECHO_DEFAULTS, ...choices, listen: port }, 0);
}

/** Told when a thread of an application begins and ends to run code of its own; both must cost next to nothing. */
export interface AppWatch {
  /** A new thread. @returns the number that stands for it in `enter` */
  thread(app: string, name: string): number;
  enter(thread: number, at: Instant): void;
  leave(): void;
}

const NO_WATCH: AppWatch = { thread: () => 0, enter() {}, leave() {} };

/** A fault of the application, not of hostwire: the run has failed. */
export class AppFault extends Error {
  override readonly name = 'AppFault';
  /** The module, as the scenario writes it. */
  readonly module: string;
  readonly app: string;
  readonly host: string;
  readonly thread: string;
  /** Simulated time. */
  readonly at: Instant;
  /** The suspended body, when the fault lies in what it has yielded: a debugger can tell where it stands. */
  readonly body: ThreadBody | null;
  /** The thread's frame. */
  readonly trap: Trap;

  /** @param cause  what the module threw; left out: the module broke a rule, and `message` says which */
  constructor(message: string, thread: UserThread, body: ThreadBody | null, cause?: unknown) {
    super(message, { cause });
    const { spec, host } = thread.app;
    this.module = spec.app;
    this.app = spec.name;
    this.host = host;
    this.thread = thread.name;
    this.at = thread.app.probe.now();
    this.body = body;
    this.trap = thread.trap;
  }
}

/**
 * The main function in what a module exports, or what is wrong with it. A module that was compiled to CommonJS has its
 * default export one level deeper.
 */
export function mainOf(
  exports: unknown,
): UserMain<never> | { readonly wrong: string; hint: string } {
  const outer = defaultOf(exports);
  const main = isObject(outer) ? (defaultOf(outer) ?? outer) : outer;
  if (isGeneratorFunction(main)) return main as UserMain<never>;
  const hint = 'write `export default app(function* (sys, { listen }) { … })`';
  if (main === undefined) return { wrong: 'the module has no default export', hint };
  return { wrong: `the default export is ${kindOf(main)}, not a generator function`, hint };
}

const isObject = (x: unknown): x is object => typeof x === 'object' && x !== null;
const defaultOf = (x: unknown): unknown => (isObject(x) && 'default' in x ? x.default : undefined);
const tagOf = (x: unknown): string => Object.prototype.toString.call(x).slice(8, -1);
const isGeneratorFunction = (x: unknown): boolean => tagOf(x) === 'GeneratorFunction';

function kindOf(x: unknown): string {
  const tag = tagOf(x);
  if (tag === 'AsyncFunction' || tag === 'AsyncGeneratorFunction')
    return 'an async function (nothing is async in a simulated thread)';
  if (typeof x === 'function')
    return /^class\b/.test(Function.prototype.toString.call(x)) ? 'a class' : 'a plain function';
  return isObject(x) ? 'an object' : `${String(x)}`;
}

/** What the scenario says of it, and where. */
export type PlacedUser = UserOptions & {
  readonly name: string;
  readonly path: readonly (string | number)[];
};

/** An own application of a running world. */
export class UserRun {
  readonly spec: PlacedUser;
  readonly host: string;
  readonly probe: Probe;
  readonly watch: AppWatch;
  private readonly main: UserMain<never>;
  private readonly env: AppEnv;
  /** Threads that have not ended. */
  private alive = 0;
  private last = -1;
  private atOnce = 0;

  constructor(
    spec: PlacedUser,
    host: string,
    main: UserMain<never>,
    probe: Probe,
    env: AppEnv,
    watch: AppWatch = NO_WATCH,
  ) {
    this.spec = spec;
    this.host = host;
    this.main = main;
    this.probe = probe;
    this.env = env;
    this.watch = watch;
  }

  /** The first thread of the process. */
  start(sys: Sys): ThreadBody {
    const context = new Context(this.spec, this.probe, this.env);
    return this.thread(sys, (own) => (this.main as UserMain)(own, context));
  }

  /** A thread, with the guard around what `start` makes. */
  thread(sys: Sys, start: ThreadStart): ThreadBody {
    this.alive++;
    return new UserThread(this, sys, start) as unknown as ThreadBody;
  }

  /** Another system call has returned, at `now`. @returns whether too many have at this instant */
  standsStill(now: Instant): boolean {
    if (now !== this.last) {
      this.last = now;
      this.atOnce = 0;
    }
    return ++this.atOnce > MOST_AT_ONCE;
  }

  /** A thread has ended; with the last of them the application is through. */
  ended(): void {
    if (--this.alive === 0) this.probe.closed(this.probe.now());
  }
}

class Context implements AppContext {
  readonly options: Readonly<Record<string, Plain>>;
  readonly probe: Probe;
  readonly env: AppEnv;
  private readonly spec: PlacedUser;

  constructor(spec: PlacedUser, probe: Probe, env: AppEnv) {
    this.spec = spec;
    this.options = spec.options;
    this.probe = probe;
    this.env = env;
  }

  get listen(): number {
    return 'listen' in this.spec ? this.spec.listen : this.missing('listen', '8080');
  }

  get connect(): Target {
    return 'connect' in this.spec ? this.spec.connect : this.missing('connect', 'server:8080');
  }

  private missing(key: string, example: string): never {
    const { app: module, path } = this.spec;
    const message = `${module} asks for \`${key}\`, and the scenario gives none`;
    throw new ScenarioError(message, path, `e.g. \`${key}: ${example}\``);
  }
}

/**
 * System calls of one application at one instant after which time counts as stopped: more than any host has connections,
 * and less than the events after which the engine gives up, which knows no thread to name.
 */
const MOST_AT_ONCE = 500_000;

/** One thread: the module's generator, and the rules that it must keep. */
export class UserThread {
  readonly app: UserRun;
  readonly name: string;
  readonly trap: Trap;
  private body: ThreadBody;
  private readonly number: number;
  private lastCall = NR_NONE;

  constructor(run: UserRun, sys: Sys, start: ThreadStart) {
    this.app = run;
    this.trap = sys.trap;
    this.name = this.trap.who;
    this.number = run.watch.thread(run.spec.name, this.name);
    this.body = this.begun(start, sys);
  }

  /** The generator; a generator function runs nothing yet, but `start` may be an ordinary one that makes it. */
  private begun(start: ThreadStart, sys: Sys): ThreadBody {
    const body = this.own(() => start(sys)) as unknown;
    if (tagOf(body) === 'Generator') return body as ThreadBody;
    throw new AppFault(
      `the thread was started with a function that returns ${said(body)}; pass a generator function: \`sys.spawn(function* (own) { … })\``,
      this,
      null,
    );
  }

  next(result: number): IteratorResult<Trap, void> {
    let r = this.turn(result);
    while (r.done === true && tagOf(r.value) === 'Generator') {
      this.noCallLeft();
      this.body = r.value as ThreadBody;
      r = this.turn(0);
    }
    return this.checked(r);
  }

  /** The kernel ends the thread: its `finally` blocks run, and nothing that they return. */
  return(): IteratorResult<Trap, void> {
    return this.checked(this.own(() => this.body.return()));
  }

  /** The module's code, to its next yield or to its end. */
  private turn(result: number): IteratorResult<Trap, ThreadBody | void> {
    const { app, body } = this;
    const now = app.probe.now();
    if (app.standsStill(now)) throw this.stuck();
    app.watch.enter(this.number, now);
    let r: IteratorResult<Trap, ThreadBody | void>;
    try {
      r = body.next(result);
    } catch (error) {
      app.watch.leave();
      throw this.fault(error);
    }
    app.watch.leave();
    return r;
  }

  /** Runs code of the module's. */
  private own<T>(code: () => T): T {
    const { watch, probe } = this.app;
    watch.enter(this.number, probe.now());
    try {
      return code();
    } catch (error) {
      throw this.fault(error);
    } finally {
      watch.leave();
    }
  }

  /** What the module threw; what hostwire threw on its behalf is passed on. */
  private fault(error: unknown): Error {
    if (error instanceof ScenarioError || error instanceof AppFault) return error;
    if (error instanceof UnyieldedError) {
      const rule = error.who === this.name ? error.message : foreign(error.who);
      return new AppFault(rule, this, null, error);
    }
    const what = error instanceof Error ? String(error) : `it threw ${said(error)}`;
    return new AppFault(what, this, null, error);
  }

  private stuck(): AppFault {
    const what =
      this.lastCall === NR_NONE
        ? 'functions that return the next one'
        : `system calls at one instant, the last of them \`sys.${SYSCALL_NAMES[this.lastCall]}\``;
    return new AppFault(
      `time stands still: more than ${MOST_AT_ONCE} ${what}; let the thread block, sleep or compute`,
      this,
      this.body,
    );
  }

  private noCallLeft(): void {
    const { trap } = this;
    if (trap.nr !== NR_NONE)
      throw this.broken(`it ended with \`sys.${callOf(trap)}\` called and never yielded`);
  }

  private checked(r: IteratorResult<Trap, ThreadBody | void>): IteratorResult<Trap, void> {
    const { trap } = this;
    if (r.done === true) {
      this.noCallLeft();
      this.app.ended();
      return ENDED;
    }
    if (r.value !== trap) throw this.broken(notACall(r.value, trap));
    if (trap.nr === NR_NONE)
      throw this.broken('it yielded the frame of its last system call again, without a call in it');
    const wrong = wrongArguments(trap);
    if (wrong !== null) throw this.broken(`\`sys.${callOf(trap)}\`: ${wrong}`);
    if (trap.nr === NR_SPAWN) this.guardNewThread();
    this.lastCall = trap.nr;
    return r;
  }

  private broken(rule: string): AppFault {
    return new AppFault(rule, this, this.body);
  }

  /** A thread that it makes is guarded as well. */
  private guardNewThread(): void {
    const { start, name } = this.trap.obj as { start: ThreadStart; name: string };
    this.trap.obj = { start: (sys: Sys) => this.app.thread(sys, start), name };
  }
}

/** What else a module's function returns is nobody's. */
const ENDED: IteratorReturnResult<void> = { done: true, value: undefined };

const callOf = (trap: Trap): string => SYSCALL_NAMES[trap.nr] ?? String(trap.nr);

const foreign = (who: string): string =>
  `it made a system call of thread ${who}; each thread has a \`sys\` of its own, handed to its function`;

/** What is wrong with something that was yielded and is not the thread's own frame. */
function notACall(value: unknown, own: Trap): string {
  if (value instanceof (own.constructor as new () => Trap)) return foreign(value.who);
  const hint =
    tagOf(value) === 'Generator'
      ? 'a part of a thread is run with `yield*`'
      : tagOf(value) === 'Promise'
        ? 'nothing is async in a simulated thread'
        : 'write `yield sys.call(…)`';
  return `it yielded ${said(value)}, which is no system call; ${hint}`;
}

function said(x: unknown): string {
  const tag = tagOf(x);
  if (typeof x === 'string') return `the text ${JSON.stringify(x.slice(0, 40))}`;
  if (typeof x === 'function') return 'a function';
  if (Array.isArray(x)) return 'an array';
  return isObject(x) ? `${/^[AEIOU]/.test(tag) ? 'an' : 'a'} ${tag}` : String(x);
}

/** What the module hands to the kernel must be of the kinds that `Sys` declares; nobody has to compile a module first. */
function wrongArguments(trap: Trap): string | null {
  const { nr, obj, a } = trap;
  for (const n of [trap.fd, a, trap.b, trap.c, trap.d])
    if (!Number.isSafeInteger(n)) return `${said(n)} where it takes a whole number`;
  switch (nr) {
    case NR_READ:
    case NR_RECV:
      if (a < 0) return `it cannot read ${a} bytes`;
      if (obj === null) return null;
      if (!(obj instanceof Uint8Array)) return `it reads into a Uint8Array, not ${said(obj)}`;
      return obj.length >= a ? null : `it may read ${a} bytes into a buffer of ${obj.length}`;
    case NR_WRITE:
    case NR_SEND:
      if (obj !== null && !(obj instanceof Uint8Array))
        return `it writes a Uint8Array or a number of bytes, not ${said(obj)}`;
      return a >= 0 ? null : `it cannot write ${a} bytes`;
    case NR_COMPUTE:
      return a >= 0 ? null : `it cannot compute for ${a} ns`;
    case NR_SPAWN: {
      const { start } = obj as { start: unknown };
      return typeof start === 'function' ? null : `it starts a function, not ${said(start)}`;
    }
    case NR_POLL:
      return Array.isArray(obj) ? null : `it takes an array of PollFd, not ${said(obj)}`;
    case NR_PIPE:
      return Array.isArray(obj) || obj instanceof Int32Array
        ? null
        : `it takes an array, not ${said(obj)}`;
    case NR_EPOLL_WAIT:
      return isObject(obj) && 'data' in obj ? null : `it takes EpollEvents, not ${said(obj)}`;
    case NR_FUTEX_WAIT:
    case NR_FUTEX_WAKE:
      return isObject(obj) && 'waiters' in obj ? null : `it takes a Futex, not ${said(obj)}`;
    case NR_TCP_INFO:
      return isObject(obj) ? null : `it takes a TcpInfo, not ${said(obj)}`;
    default:
      return null;
  }
}
