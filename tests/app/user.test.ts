/** Applications of the user's own: what a module must export, the rules of its threads, and that the guard changes nothing. */
import fc from 'fast-check';
import { describe as group, expect, it } from 'vitest';
import * as own from '../../src/app/index.ts';
import { app, type Fd, type Sys, type ThreadBody, type UserMain } from '../../src/app/index.ts';
import { AppFault, type AppWatch, mainOf, type UserApps } from '../../src/app/user.ts';
import { instant } from '../../src/base/units.ts';
import { Trap } from '../../src/kernel/syscall.ts';
import type { RunOptions, RunResult } from '../../src/sim/run/result.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { describe } from '../../src/sim/scenario/load.ts';
import type { Scenario } from '../../src/sim/scenario/types.ts';
import { prop } from '../support/prop.ts';

const FILE = './my-server.ts';

interface Extra {
  readonly link?: object;
  readonly client?: object;
  readonly machine?: string;
  readonly options?: RunOptions;
}

/** Two hosts and a link; the server is a model's options, or a function of one's own. */
function world(server: object | UserMain<never>, extra: Extra = {}): RunResult {
  const host = { machine: extra.machine ?? 'linux' };
  const [scenario] = describe('own', {
    seed: 1,
    shows: 'an application of one’s own',
    hosts: { a: host, b: host },
    links: [{ between: ['a', 'b'], rate: '100 Mbit/s', delay: '1 ms', ...extra.link }],
    apps: {
      server: { host: 'b', listen: 80, ...(typeof server === 'function' ? { app: FILE } : server) },
      load: { host: 'a', model: 'bulk', connect: 'b:80', bytes: '30 kB', ...extra.client },
    },
    stop: { when: 'load.closed', limit: '60 s' },
  });
  const apps: UserApps = typeof server === 'function' ? { [FILE]: server as UserMain<never> } : {};
  return runScenario(scenario!, { ...extra.options, apps });
}

/** Two hosts with other applications, to be run by the test. */
function scenario(apps: object): Scenario {
  const links = [{ between: ['a', 'b'], rate: '1 Gbit/s' }];
  return describe('own', { shows: 'own applications', hosts: { a: {}, b: {} }, links, apps })[0]!;
}

/** `model: echo`, written as a user would. */
function echo(slip: (sys: Sys) => own.Sub<void> = nothing): UserMain {
  return app(function* (sys, { listen, probe }) {
    const listener = yield* own.listenOn(sys, listen);
    yield* own.threadPerConnection(sys, listener, probe, (fd) => (mine) => serve(mine, fd));
  });
  function* serve(sys: Sys, fd: Fd): ThreadBody {
    try {
      for (;;) {
        const n = yield sys.read(fd, 65_536);
        if (n <= 0) return;
        yield* slip(sys);
        if ((yield sys.write(fd, n)) < 0) return;
      }
    } finally {
      yield sys.close(fd);
    }
  }
}
function* nothing(): own.Sub<void> {}

group('an own server', () => {
  const worlds = fc.record({
    loss: fc.constantFrom('0 %', '2 %'),
    connections: fc.integer({ min: 1, max: 4 }),
    bytes: fc.integer({ min: 1, max: 40_000 }).map((n) => `${n} B`),
    write: fc.constantFrom('65536 B', '1 kB'),
  });
  const fingerprints = (
    { loss, ...client }: { loss: string; connections: number; bytes: string; write: string },
    mine: UserMain,
  ): string[] => {
    const extra = { link: { loss }, client };
    return [world({ model: 'echo' }, extra), world(mine, extra)].map((r) => r.fingerprint);
  };

  it('that is a copy of a model gives the fingerprint of the model: the guard adds nothing', () => {
    prop(
      [worlds],
      (w) => {
        const [model, copy] = fingerprints(w, echo());
        expect(copy).toBe(model);
      },
      { numRuns: 25 },
    );
  });

  it('that makes one system call more gives another one', () => {
    function* slip(sys: Sys): own.Sub<void> {
      yield sys.schedYield();
    }
    const w = { loss: '0 %', connections: 1, bytes: '1 kB', write: '1 kB' };
    const [model, copy] = fingerprints(w, echo(slip));
    expect(copy).not.toBe(model);
  });

  it('is through when its last thread has ended', () => {
    const s = scenario({
      mine: { host: 'a', app: FILE, connect: 'b:80' },
      sink: { host: 'b', model: 'blocking', listen: 80 },
    });
    const mine = app(function* (sys, { connect, env }) {
      expect(connect).toEqual({ host: 'b', port: 80 });
      yield sys.spawn(function* (other) {
        yield other.nanosleep(5_000_000);
      });
      const fd = yield sys.socket();
      expect(yield sys.connect(fd, env.resolve(connect.host), connect.port)).toBe(0);
    });
    const r = runScenario(s, { apps: { [FILE]: mine } });
    expect(r.stop.reason).toBe('when');
    expect(r.stop.atNs).toBeGreaterThan(5_000_000);
    expect(r.stop.atNs).toBeLessThan(5_100_000);
  });

  it('gets its options as they were written', () => {
    const seen: unknown[] = [];
    const written = { size: 3, name: 'x', deep: { list: [1, 'a', null, true] } };
    const s = scenario({
      mine: { host: 'a', app: FILE, connect: 'b:80', options: written },
      sink: { host: 'b', model: 'epoll', listen: 80 },
    });
    const mine = app(function* (sys, { options, env }) {
      seen.push(options, env.name);
      yield sys.schedYield();
    });
    runScenario(structuredClone(s), { apps: { [FILE]: mine } });
    expect(seen).toEqual([written, 'mine']);
  });

  it('that is not handed to run() is asked for by name', () => {
    const s = scenario({
      mine: { host: 'a', app: FILE, listen: 80 },
      load: { host: 'b', model: 'bulk', connect: 'a:80', bytes: '1 B' },
    });
    expect(() => runScenario(s)).toThrow('./my-server.ts has not been loaded');
    expect(() => runScenario(s, { apps: { [FILE]: (() => 5) as never } })).toThrow(
      './my-server.ts: the default export is a plain function, not a generator function',
    );
  });

  it('that asks for what the scenario does not give is the scenario’s mistake', () => {
    const mine = app(function* (sys, { connect }) {
      yield sys.connect(3, 0, connect.port);
    });
    expect(() => world(mine)).toThrow(`${FILE} asks for \`connect\`, and the scenario gives none`);
  });
});

group('a module', () => {
  it.each([
    [{}, 'the module has no default export'],
    [{ default: 5 }, 'the default export is 5, not a generator function'],
    [{ default: {} }, 'the default export is an object, not a generator function'],
    [
      { default: (): number => 5 },
      'the default export is a plain function, not a generator function',
    ],
    [{ default: class A {} }, 'the default export is a class, not a generator function'],
    [
      { default: async (): Promise<void> => {} },
      'the default export is an async function (nothing is async in a simulated thread), not a generator function',
    ],
    [
      {
        default: async function* (): AsyncGenerator<number> {
          yield 1;
        },
      },
      'the default export is an async function (nothing is async in a simulated thread), not a generator function',
    ],
  ])('that exports %o is refused', (exports, wrong) => {
    expect(mainOf(exports)).toMatchObject({ wrong });
  });

  it('may have been compiled to CommonJS, with its default one level deeper', () => {
    const main = echo();
    expect(mainOf({ default: main })).toBe(main);
    expect(mainOf({ default: { default: main } })).toBe(main);
  });
});

const never = false as boolean;

/** What the run of such a first thread ends with. */
function fault(
  body: (sys: Sys) => Generator<unknown, own.ThreadBody | void, number>,
  machine = 'linux',
): AppFault {
  try {
    world(body as never, { machine });
  } catch (error) {
    if (error instanceof AppFault) return error;
    throw error;
  }
  throw new Error('the run has ended without a fault');
}

group('a thread', () => {
  const cases: readonly (readonly [
    string,
    string,
    (sys: Sys) => Generator<unknown, own.ThreadBody | void, number>,
  ])[] = [
    [
      'yields a number',
      'it yielded 42, which is no system call; write `yield sys.call(…)`',
      function* () {
        yield 42;
      },
    ],
    [
      'yields nothing',
      'it yielded undefined, which is no system call; write `yield sys.call(…)`',
      function* () {
        yield;
      },
    ],
    [
      'yields a text',
      'it yielded the text "read", which is no system call; write `yield sys.call(…)`',
      function* () {
        yield 'read';
      },
    ],
    [
      'yields a part of itself without a star',
      'it yielded a Generator, which is no system call; a part of a thread is run with `yield*`',
      function* (sys) {
        yield own.listenOn(sys, 80);
      },
    ],
    [
      'yields a promise',
      'it yielded a Promise, which is no system call; nothing is async in a simulated thread',
      function* () {
        yield Promise.resolve(1);
      },
    ],
    [
      'makes a call without yielding it, then another',
      'thread server: sys.read was called before the frame of sys.socket was yielded; write `yield sys.socket(…)`',
      function* (sys) {
        sys.socket();
        yield sys.read(3, 1);
      },
    ],
    [
      'ends with a call that it has not yielded',
      'it ended with `sys.socket` called and never yielded',
      function* (sys) {
        yield sys.schedYield();
        sys.socket();
      },
    ],
    [
      'yields its frame twice',
      'it yielded the frame of its last system call again, without a call in it',
      function* (sys) {
        const trap = sys.socket();
        yield trap;
        yield trap;
      },
    ],
    [
      'uses the sys of a thread that sleeps in a call',
      'it made a system call of thread server; each thread has a `sys` of its own, handed to its function',
      function* (sys) {
        yield sys.spawn(function* () {
          yield sys.socket();
        });
        yield sys.nanosleep(1e9);
      },
    ],
    [
      'yields the frame of another thread',
      'it made a system call of thread somebody; each thread has a `sys` of its own, handed to its function',
      function* () {
        yield new Trap('somebody').fill(0, 0, 0, 0, 0, null);
      },
    ],
    [
      'starts a thread with an ordinary function',
      'the thread was started with a function that returns 5; pass a generator function: `sys.spawn(function* (own) { … })`',
      function* (sys) {
        yield sys.spawn((() => 5) as never);
        yield sys.nanosleep(1e9);
      },
    ],
    [
      'starts a thread with no function',
      '`sys.clone`: it starts a function, not a Generator',
      function* (sys) {
        yield sys.spawn(echo()(sys, {} as never) as never);
      },
    ],
    [
      'reads into less than it asks for',
      '`sys.read`: it may read 100 bytes into a buffer of 5',
      function* (sys) {
        yield sys.read(3, 100, new Uint8Array(5));
      },
    ],
    [
      'reads into something else',
      '`sys.recv`: it reads into a Uint8Array, not an array',
      function* (sys) {
        yield sys.recv(3, 1, 0, [0] as never);
      },
    ],
    [
      'reads less than nothing',
      '`sys.read`: it cannot read -1 bytes',
      function* (sys) {
        yield sys.read(3, -1);
      },
    ],
    [
      'writes a text',
      '`sys.write`: it writes a Uint8Array or a number of bytes, not the text "hello"',
      function* (sys) {
        yield sys.write(3, 'hello' as never);
      },
    ],
    [
      'sends less than nothing',
      '`sys.send`: it cannot write -1 bytes',
      function* (sys) {
        yield sys.send(3, -1, 0);
      },
    ],
    [
      'counts in fractions in what it goes on with',
      '`sys.nanosleep`: 0.5 where it takes a whole number',
      function* (sys) {
        yield sys.nanosleep(1);
        return (function* (): own.ThreadBody {
          yield sys.nanosleep(0.5);
        })();
      },
    ],
    [
      'goes on with itself for ever',
      'time stands still: more than 500000 functions that return the next one; let the thread block, sleep or compute',
      function* again(sys): own.ThreadBody {
        if (never) yield sys.schedYield();
        return again(sys);
      },
    ],
    [
      'computes backwards',
      '`sys.compute`: it cannot compute for -1 ns',
      function* (sys) {
        yield sys.compute(-1);
      },
    ],
    [
      'counts in fractions',
      '`sys.read`: 0.5 where it takes a whole number',
      function* (sys) {
        yield sys.read(3, 0.5);
      },
    ],
    [
      'polls one thing',
      '`sys.poll`: it takes an array of PollFd, not an Object',
      function* (sys) {
        yield sys.poll({} as never, 0);
      },
    ],
    [
      'wants its pipe in a number',
      '`sys.pipe`: it takes an array, not 5',
      function* (sys) {
        yield sys.pipe(5 as never);
      },
    ],
    [
      'waits for events without a place for them',
      '`sys.epoll_wait`: it takes EpollEvents, not null',
      function* (sys) {
        yield sys.epollWait(3, null as never, 1, 0);
      },
    ],
    [
      'waits on a number',
      '`sys.futex_wait`: it takes a Futex, not 5',
      function* (sys) {
        yield sys.futexWait(5 as never, 0);
      },
    ],
    [
      'asks for tcp_info without a place for it',
      '`sys.tcp_info`: it takes a TcpInfo, not null',
      function* (sys) {
        yield sys.tcpInfo(3, null as never);
      },
    ],
    [
      'throws',
      'RangeError: oh',
      function* (sys) {
        yield sys.schedYield();
        throw new RangeError('oh');
      },
    ],
    [
      'throws a text',
      'it threw the text "oh"',
      function* (sys) {
        yield sys.schedYield();
        const oh: unknown = 'oh';
        throw oh;
      },
    ],
  ];

  it.each(cases)('that %s: %s', (_, message, body) => {
    for (const machine of ['linux', 'ideal']) expect(fault(body, machine).message).toBe(message);
  });

  it('that fails says who it was, where, and when', () => {
    const f = fault(function* (sys) {
      yield sys.spawn(function* (mine) {
        yield mine.nanosleep(1_000_000);
        throw new Error('late');
      }, 'helper');
      yield sys.nanosleep(1e10);
    }, 'ideal');
    expect(f).toMatchObject({
      name: 'AppFault',
      message: 'Error: late',
      module: FILE,
      app: 'server',
      host: 'b',
      thread: 'helper',
      at: instant(1_000_000),
    });
    expect((f.cause as Error).stack).toContain('user.test.ts');
  });

  it('that calls and calls while time stands still is named, with its last call', () => {
    const f = fault(function* (sys) {
      yield sys.nanosleep(3);
      for (;;) yield sys.clockGettime();
    }, 'ideal');
    expect(f.message).toBe(
      'time stands still: more than 500000 system calls at one instant, the last of them `sys.clock_gettime`; let the thread block, sleep or compute',
    );
    expect(f.at).toBe(3);
  });
});

group('a call on a closed descriptor', () => {
  const calls: Readonly<Record<string, (sys: Sys, fd: Fd, open: Fd) => Trap>> = {
    bind: (sys, fd) => sys.bind(fd, 90),
    listen: (sys, fd) => sys.listen(fd, 5),
    accept: (sys, fd) => sys.accept(fd),
    connect: (sys, fd) => sys.connect(fd, 0x0a00_0001, 80),
    read: (sys, fd) => sys.read(fd, 10),
    'read into a buffer': (sys, fd) => sys.read(fd, 10, new Uint8Array(10)),
    write: (sys, fd) => sys.write(fd, 10),
    recv: (sys, fd) => sys.recv(fd, 10, own.MSG_PEEK),
    send: (sys, fd) => sys.send(fd, new Uint8Array(10), 0),
    shutdown: (sys, fd) => sys.shutdown(fd, own.SHUT_WR),
    close: (sys, fd) => sys.close(fd),
    setsockopt: (sys, fd) => sys.setsockopt(fd, own.SOL_SOCKET, own.SO_RCVBUF, 4096),
    getsockopt: (sys, fd) => sys.getsockopt(fd, own.SOL_SOCKET, own.SO_RCVBUF),
    setNonblock: (sys, fd) => sys.setNonblock(fd, true),
    'epollCtl on it': (sys, fd, open) => sys.epollCtl(fd, own.EPOLL_CTL_ADD, open, own.EPOLLIN),
    'epollCtl of it': (sys, fd, open) => sys.epollCtl(open, own.EPOLL_CTL_ADD, fd, own.EPOLLIN),
    epollWait: (sys, fd) => sys.epollWait(fd, new own.EpollEvents(4), 4, 0),
    timerfdSettime: (sys, fd) => sys.timerfdSettime(fd, 5, 0),
    tcpInfo: (sys, fd) => sys.tcpInfo(fd, new own.TcpInfo()),
  };

  it.each(Object.keys(calls))('gives −EBADF to the module and goes on: %s', (name) => {
    const results: number[] = [];
    const mine = app(function* (sys) {
      const open = yield sys.epollCreate();
      const fd = yield sys.socket();
      expect(yield sys.close(fd)).toBe(0);
      for (const never of [fd, -1, 9999]) results.push(yield calls[name]!(sys, never, open));
    });
    world(mine, { client: { connections: 1 } });
    expect(results).toEqual([-own.EBADF, -own.EBADF, -own.EBADF]);
  });

  it('is POLLNVAL for poll(2)', () => {
    const entry = new own.PollFd(7, own.EPOLLIN);
    const results: number[] = [];
    world(
      app(function* (sys) {
        results.push(yield sys.poll([entry], 0), entry.revents);
      }),
    );
    expect(results).toEqual([1, own.POLLNVAL]);
  });
});

group('whatever a thread calls', () => {
  const fd = fc.integer({ min: -1, max: 8 });
  const some = fc.oneof(
    fc.integer({ min: -2, max: 5 }),
    fc.constantFrom(80, 1000, 70_000, -(2 ** 31), 2 ** 40),
  );
  const few = fc.integer({ min: 0, max: 3000 });
  const words = fc.array(fc.tuple(fc.constantFrom(...NAMES()), fd, some, some, some, few), {
    minLength: 1,
    maxLength: 40,
  });
  function NAMES(): readonly (keyof Sys)[] {
    return [
      'socket',
      'bind',
      'listen',
      'accept',
      'connect',
      'read',
      'write',
      'recv',
      'send',
      'shutdown',
      'close',
      'setsockopt',
      'getsockopt',
      'setNonblock',
      'poll',
      'epollCreate',
      'epollCtl',
      'epollWait',
      'futexWait',
      'futexWake',
      'eventfd',
      'timerfd',
      'timerfdSettime',
      'pipe',
      'nanosleep',
      'clockGettime',
      'compute',
      'schedYield',
      'tcpInfo',
    ];
  }
  type Word = readonly [keyof Sys, number, number, number, number, number];

  function call(sys: Sys, [name, f, a, b, c, n]: Word, word: own.Futex, slack: number): Trap {
    switch (name) {
      case 'read':
        return sys.read(f, n + slack, new Uint8Array(n));
      case 'write':
        return sys.write(f, n);
      case 'recv':
        return sys.recv(f, n, Math.abs(a));
      case 'send':
        return sys.send(f, new Uint8Array(n), Math.abs(a));
      case 'poll':
        return sys.poll([new own.PollFd(f, a), new own.PollFd(a, b)], Math.min(n, 100));
      case 'epollCtl':
        return sys.epollCtl(f, a, b, c, n);
      case 'epollWait':
        return sys.epollWait(f, new own.EpollEvents(4), a, n);
      case 'futexWait':
        return sys.futexWait(word, a, n);
      case 'futexWake':
        return sys.futexWake(word, a);
      case 'pipe':
        return sys.pipe([0, 0], Math.abs(a));
      case 'tcpInfo':
        return sys.tcpInfo(f, new own.TcpInfo());
      case 'compute':
        return sys.compute(n);
      case 'connect':
        return sys.connect(f, c === 80 ? 0x0a00_0001 : 0x0a00_0002, b);
      default:
        return (sys[name] as unknown as (...args: number[]) => Trap).call(sys, f, a, b, c);
    }
  }

  /** A thread of its own for each call, so that one that blocks keeps none from being made. */
  function run(list: readonly Word[], slack: number): void {
    const r = world(
      app(function* (sys, { listen }) {
        const word = new own.Futex();
        yield* own.listenOn(sys, listen);
        for (const w of list) {
          yield sys.spawn(function* (mine) {
            expect(Number.isInteger(yield call(mine, w, word, slack))).toBe(true);
          });
          yield sys.nanosleep(1000);
        }
      }),
      { client: { bytes: '1 kB' } },
    );
    // Nobody accepts, so the client may wait for ever; nothing else may break.
    expect(r.invariants.filter((i) => !i.ok && i.name !== 'liveness')).toEqual([]);
  }

  it('is answered with a number: no list of calls is a bug of hostwire, and laws hold', () => {
    prop([words], (list) => run(list, 0), { numRuns: 300 });
  });

  it('would be found to break something: reads into one byte less than they ask for', () => {
    expect(() => prop([words], (list) => run(list, 1), { numRuns: 100 })).toThrow(
      'Property failed',
    );
  });
});

group('a server written with Flux', () => {
  type Handler = (inbound: own.Inbound, outbound: own.Outbound) => own.Publisher<unknown>;
  const client = {
    model: 'talk',
    bytes: undefined,
    messages: 20,
    text: 'hello #',
    answer: 'upper-case',
  };
  const server = (
    handler: (context: own.AppContext, ...args: Parameters<Handler>) => ReturnType<Handler>,
  ): UserMain =>
    app(function* (sys, context) {
      const tcp = own.TcpServer.create(sys, context);
      yield* tcp.handle((i, o) => handler(context, i, o)).bindNow();
    });

  it('from hostwire/app alone: a sink between what comes in and what goes out, in windows', () => {
    const main = server((_context, inbound, outbound) => {
      const sink = own.Sinks.many().unicast().onBackpressureBuffer<string>();
      const fed = inbound
        .receive()
        .asString()
        .doOnNext((text, on) => sink.emitNext(text.toUpperCase(), on));
      const answers = sink
        .asFlux()
        .window(4)
        .concatMap((window) => window);
      return own.Mono.when(fed, outbound.sendString(answers));
    });
    const r = world(main, { client });
    expect([r.stop.reason, r.metrics['load.answers'], r.metrics['load.failed'] ?? 0]).toEqual([
      'when',
      20,
      0,
    ]);
    expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
  });

  it('whose handler throws ends the run, and says where and when', () => {
    const main = server(() => {
      throw new RangeError('no handler today');
    });
    let thrown: unknown = null;
    try {
      world(main, { client });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AppFault);
    const f = thrown as AppFault;
    expect(f).toMatchObject({ message: 'RangeError: no handler today', module: FILE, host: 'b' });
    expect(f.thread).toMatch(/^reactor-tcp-nio-\d$/);
    // Three segments of a handshake over a link of 1 ms, the last of which carries data.
    expect(f.at).toBeGreaterThan(2_000_000);
    expect((f.cause as Error).stack).toContain('user.test.ts');
  });

  it('in which an operator’s function throws loses that connection, and counts it', () => {
    const main = server((_context, inbound, outbound) =>
      outbound.sendString(
        inbound
          .receive()
          .asString()
          .map((text) => {
            if (text.includes('7')) throw new Error('seven');
            return text.toUpperCase();
          }),
      ),
    );
    const r = world(main, { client: { ...client, gap: '5 ms' } });
    expect(r.metrics['server.failed']).toBe(1);
    expect(r.metrics['load.answers']).toBe(6);
  });

  it('that nobody hears the error of ends the run', () => {
    const main = app(function* (sys, { env }) {
      const on = { name: 'main', sys } as own.Worker;
      const ticks = own.Flux.interval(100_000, own.Schedulers.parallel(env)).map((n) => {
        if (n === 2) throw new Error('three ticks are enough');
        return n;
      });
      yield* ticks.subscribe(new own.LambdaSubscriber<number>({}), on);
      yield sys.nanosleep(1e9);
    });
    expect(() => world(main)).toThrow('three ticks are enough');
  });
});

group('who watches', () => {
  it('is told of each entry into code of the module’s own, and of its end', () => {
    const told: string[] = [];
    const watch: AppWatch = {
      thread: (name, thread) => told.push(`thread ${name} ${thread}`),
      enter: (n) => told.push(`in ${n}`),
      leave: () => told.push('out'),
    };
    const mine = app(function* (sys) {
      told.push('begin');
      yield sys.schedYield();
      told.push('end');
    });
    world(mine, { options: { watch } });
    expect(told).toEqual([
      'thread server server',
      'in 1',
      'out',
      'in 1',
      'begin',
      'out',
      'in 1',
      'end',
      'out',
    ]);
  });
});
