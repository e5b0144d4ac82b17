/** Arbitrary worlds: a server, clients round it, the links between, and work that must finish once faults are over. */
import fc from 'fast-check';
import type { Written, WorldObject } from '../world.ts';
import { hosts } from './hosts.ts';
import { between, type LinkBody, links } from './links.ts';
import { serverOf } from './servers.ts';
import { maybe } from './support.ts';
import { messages, workloads, type WorkChoices, type Workload } from './workloads.ts';

export interface ScenarioChoices extends WorkChoices {
  /**
   * The server: your own program, as `app:` of a scenario names it (`'./my-server.ts'`), its whole description
   * (`{ app: './my-server.ts', listen: 80, … }`), or an arbitrary of such. Default: any model that can do the work.
   */
  readonly server?: string | Written | fc.Arbitrary<Written>;
  /** What all clients do. Default: uploads, requests, and with hostwire's own servers messages. */
  readonly workload?: fc.Arbitrary<Workload>;
  /** Default: `links()`. */
  readonly link?: fc.Arbitrary<LinkBody>;
  /** Default: `hosts()`. */
  readonly host?: fc.Arbitrary<Written>;
  /** Hosts with clients, at most, 1 to 8; several stand round a router. Default: 2. */
  readonly clients?: number;
  /** False: machines of the profile and links without faults, where `link` and `host` do not say otherwise. */
  readonly faults?: boolean;
  /** Simulated time in which all must have finished. Default: `3000 s`, which leaves room for every retry of TCP. */
  readonly limit?: string;
}

/** Where the server of a generated world listens. */
export const PORT = 80;

/** A client's machine, and the link that leads away from it. */
interface Client {
  readonly host: Written;
  readonly link: LinkBody;
}

/** A router between the clients and the server. */
interface Middle {
  readonly limit: string;
  readonly link: LinkBody;
}

/**
 * Worlds that must finish, without a failed request or a wrong answer: clients on 1 to `clients` hosts, linked to a server directly or round a router; machines,
 * devices, small and large buffers, links with faults that end, every server and every kind of work. Shrinks to two hosts
 * with default buffers, no faults, one connection and few bytes.
 *
 *     check(scenarios(), invariants.all);
 *     check(scenarios({ server: './my-server.ts', workload: requests() }), invariants.all, { apps: { server: myServer } });
 */
export function scenarios(choices: ScenarioChoices = {}): fc.Arbitrary<WorldObject> {
  const calm = choices.faults === false;
  const link = choices.link ?? links(calm ? { faults: null } : {});
  const host = choices.host ?? (calm ? fc.constant({}) : hosts());
  const client: fc.Arbitrary<Client> = fc.record({ host, link });
  return fc
    .record({
      seed: fc.integer({ min: 1, max: 1_000_000 }),
      server: fc.record({ host, app: serverFor(choices.server) }),
      client,
      others: others(client, (choices.clients ?? 2) - 1),
      middle: fc.record({ limit: fc.constantFrom('30 packets', '2 packets', '20 kB'), link }),
      routed: maybe(fc.constant(true)),
      work: choices.workload ?? anyWork(choices),
    })
    .map(({ client: first, others: more, ...w }) => {
      const clients = [first, ...more];
      // Several clients need something between them and the server.
      const middle = more.length > 0 || w.routed === true ? w.middle : null;
      return {
        shows: 'A generated world.',
        seed: w.seed,
        ...places(clients, w.server.host, middle),
        apps: {
          server: { host: 'server', ...w.server.app(w.work) },
          ...Object.fromEntries(clients.map((_, i) => [name(i), clientApp(i, w.work)])),
        },
        stop: { when: closed(clients.length), limit: choices.limit ?? '3000 s' },
        expect: clients.map((_, i) => ({
          that: `${name(i)}.failed`,
          is: 0,
          source: 'faults end, and TCP tries for longer',
        })),
      };
    });
}

/** `client`, `client-2`, …: hosts and applications alike. */
const name = (i: number): string => (i === 0 ? 'client' : `client-${i + 1}`);

function others(client: fc.Arbitrary<Client>, most: number): fc.Arbitrary<readonly Client[]> {
  if (most < 1) return fc.constant([]);
  const some = fc.array(client, { minLength: 1, maxLength: most });
  return maybe(some).map((list) => list ?? []);
}

function anyWork(choices: ScenarioChoices): fc.Arbitrary<Workload> {
  if (choices.server !== undefined) return workloads(choices);
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 3, arbitrary: workloads(choices) },
    { weight: 1, arbitrary: messages(choices) },
  );
}

/** The server's description, given the work; what the work asks of a server is told to hostwire's own models only. */
function serverFor(server: ScenarioChoices['server']): fc.Arbitrary<(work: Workload) => Written> {
  if (server === undefined)
    return serverOf.map((of) => (work) => ({ ...of(work.kind), ...work.server }));
  const app =
    server instanceof fc.Arbitrary
      ? server
      : fc.constant(typeof server === 'string' ? { app: server, listen: PORT } : server);
  return app.map((a) => (work) => ('model' in a ? { ...a, ...work.server } : a));
}

function clientApp(i: number, work: Workload): Written {
  const { model, ...rest } = work.client;
  return { host: name(i), model, connect: `server:${PORT}`, ...rest };
}

const closed = (clients: number): string | readonly string[] =>
  clients === 1 ? 'client.closed' : Array.from({ length: clients }, (_, i) => `${name(i)}.closed`);

function places(
  clients: readonly Client[],
  server: Written,
  middle: Middle | null,
): Pick<WorldObject, 'hosts' | 'routers' | 'links'> {
  const hostsOf = {
    ...Object.fromEntries(clients.map((c, i) => [name(i), c.host])),
    server,
  };
  const to = middle === null ? 'server' : 'router';
  const near = clients.map((c, i) => between(name(i), to, c.link));
  return middle === null
    ? { hosts: hostsOf, links: near }
    : {
        hosts: hostsOf,
        routers: { router: { limit: middle.limit } },
        links: [...near, between('router', 'server', middle.link)],
      };
}
