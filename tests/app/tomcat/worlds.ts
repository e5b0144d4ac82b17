/** Worlds with a Tomcat in them: two ideal hosts 1 ms apart, so that what takes time is the model, and clients by script. */
import type { AppContext } from '../../../src/app/index.ts';
import type { Fd, Sys, ThreadBody } from '../../../src/kernel/syscall.ts';
import { runScenario } from '../../../src/sim/run/runner.ts';
import type { RunOptions, RunResult } from '../../../src/sim/run/result.ts';
import { describe } from '../../../src/sim/scenario/load.ts';
import type { Scenario } from '../../../src/sim/scenario/types.ts';

export const MS = 1_000_000;
export const S = 1_000_000_000;
/** One way, on the link between client and server. */
export const DELAY = 1_000_000;

/** @param clients  applications on host `a` that connect to the server on `b` */
export function scenarioOf(
  server: object,
  clients: Readonly<Record<string, object>>,
  stop: object = { limit: '600 s' },
): Scenario {
  const host = { machine: 'ideal', cpus: 2 };
  const [scenario] = describe('tomcat', {
    seed: 1,
    shows: 'a limit',
    hosts: { a: host, b: host },
    // Fast enough that what a request takes on the wire is below a microsecond or so.
    links: [{ between: ['a', 'b'], rate: '10 Gbit/s', delay: '1 ms' }],
    apps: {
      server: { model: 'tomcat', host: 'b', listen: 80, ...server },
      ...Object.fromEntries(
        Object.entries(clients).map(([name, c]) => [name, { host: 'a', connect: 'b:80', ...c }]),
      ),
    },
    stop,
  });
  return scenario!;
}

export function world(
  server: object,
  clients: Readonly<Record<string, object>>,
  stop?: object,
  options?: RunOptions,
): RunResult {
  return runScenario(scenarioOf(server, clients, stop), options);
}

/** A client of HTTP without bodies, as much else as is said. */
export const ask = (client: object): object => ({
  model: 'client',
  codec: 'http',
  request: '0 B',
  response: '0 B',
  ...client,
});

/** What laws a run has broken. */
export const broken = (r: RunResult): string[] =>
  r.invariants.filter((i) => !i.ok).map((i) => i.name);

/** A step of a client by script: bytes to send, or how long to sleep. */
export type Step = string | number;

export interface Heard {
  /** What came back, and when (ns). */
  readonly said: { readonly at: number; readonly text: string }[];
  /** When the server closed; −1: not. */
  closedAt: number;
}

/** A client that sends what it is told when it is told, and hears what comes back. It keeps its end open. */
export function scripted(steps: readonly Step[]): {
  readonly heard: Heard;
  readonly main: (sys: Sys, context: AppContext) => ThreadBody;
} {
  const heard: Heard = { said: [], closedAt: -1 };
  return {
    heard,
    *main(sys, { env, connect }) {
      const fd = yield sys.socket();
      if ((yield sys.connect(fd, env.resolve(connect.host), connect.port)) < 0) return;
      yield sys.spawn((own) => listen(own, fd, heard), 'listener');
      for (const step of steps) {
        if (typeof step === 'number') yield sys.nanosleep(step);
        else
          yield sys.write(
            fd,
            Uint8Array.from(step, (c) => c.charCodeAt(0)),
          );
      }
    },
  };
}

function* listen(sys: Sys, fd: Fd, heard: Heard): ThreadBody {
  const into = new Uint8Array(4096);
  for (;;) {
    const n = yield sys.read(fd, into.length, into);
    const at = yield sys.clockGettime();
    if (n <= 0) {
      heard.closedAt = at;
      yield sys.close(fd);
      return;
    }
    heard.said.push({ at, text: String.fromCharCode(...into.subarray(0, n)) });
  }
}

export const GET = 'GET / HTTP/1.1\r\nHost: b\r\n\r\n';
export const POST = (length: number): string =>
  `POST / HTTP/1.1\r\nHost: b\r\nContent-Length: ${length}\r\n\r\n`;
