/**
 * Arbitrary work: what clients do, together with what a server has to be told to play its part. Four kinds: uploads (the
 * server only reads), requests that are answered, the same in HTTP/1.1, and messages whose answers are compared byte by byte.
 */
import fc from 'fast-check';
import { type Written, written, writtenOrNothing } from '../world.ts';
import { bytes, inBytes, maybe } from './support.ts';
import { sockopts } from './hosts.ts';

export type WorkKind = 'uploads' | 'requests' | 'http' | 'messages';

/** Both ends of a piece of work. */
export interface Workload {
  readonly kind: WorkKind;
  /** Options of the client's model, but for where it runs and what it connects to. */
  readonly client: Written;
  /** Options that a server of hostwire's own needs for it. A server of yours may ignore them. */
  readonly server: Written;
}

export interface WorkChoices {
  /** Payload of one connection in one direction, at most, bytes. Default: 60 000. */
  readonly maxBytes?: number;
  /** Connections of one client, at most. Default: 4. */
  readonly connections?: number;
}

const MAX_BYTES = 60_000;

/** One thread with epoll for all connections, instead of a blocking thread for each. */
const io: fc.Arbitrary<string | undefined> = maybe(fc.constant('epoll'));

/** What every client may choose. */
function client(choices: WorkChoices): fc.Arbitrary<Written> {
  return fc
    .record({
      connections: fc.integer({ min: 1, max: choices.connections ?? 4 }),
      // By then the server listens: event loops are made first, and a SYN that comes before is refused.
      start: fc.constantFrom('1 ms', '250 ms'),
      stagger: maybe(fc.constantFrom('1 ms', '250 ms')),
      sockopt: sockopts().map(writtenOrNothing),
    })
    .map((c) => ({ ...c, connections: c.connections === 1 ? undefined : c.connections }));
}

/**
 * Clients that send a stream, half-close, and wait for the end; the server reads. Shrinks to one byte on one connection.
 *
 *     scenarios({ workload: uploads({ maxBytes: 5_000_000 }) })
 */
export function uploads(choices: WorkChoices = {}): fc.Arbitrary<Workload> {
  return fc
    .record({
      client: client(choices),
      bytes: bytes(choices.maxBytes ?? MAX_BYTES),
      write: maybe(fc.constantFrom('1 kB', '100 B')),
      io,
    })
    .map((u) => ({
      kind: 'uploads',
      client: written({
        model: 'bulk',
        bytes: inBytes(u.bytes),
        write: u.write,
        io: u.io,
        ...u.client,
      }),
      server: {},
    }));
}

/** A fixed size, bytes, or anything that fits. */
export interface RequestChoices extends WorkChoices {
  /** Bytes of every request; left out: any size. */
  readonly request?: number;
  /** Bytes of every answer; left out: any size. */
  readonly response?: number;
  /** Sizes are those of bodies, in HTTP/1.1, as Tomcat reads it. Default: `fixed`, so many bytes and nothing else. */
  readonly codec?: 'fixed' | 'http';
}

/** Requests of one client, at most, over all its connections. */
const REQUESTS = 8;

/**
 * Clients that ask and wait for the answer, in closed loop, sometimes with a pause between. Shrinks to one request of one
 * byte, and an answer of one.
 *
 *     scenarios({ server: './my-server.ts', workload: requests({ request: 100, response: 2000 }) })
 */
export function requests(choices: RequestChoices = {}): fc.Arbitrary<Workload> {
  const most = Math.max(1, Math.floor((choices.maxBytes ?? MAX_BYTES) / REQUESTS));
  const size = (given: number | undefined): fc.Arbitrary<number> =>
    given === undefined ? bytes(most) : fc.constant(given);
  return fc
    .record({
      client: client(choices),
      requests: fc.integer({ min: 1, max: REQUESTS }),
      request: size(choices.request),
      response: size(choices.response),
      think: maybe(fc.constantFrom('1 ms', '300 ms')),
      io,
      work: maybe(fc.constantFrom('100 us', '20 ms')),
    })
    .map((r) => {
      const sizes = { request: inBytes(r.request), response: inBytes(r.response) };
      const http = choices.codec === 'http';
      return {
        kind: http ? 'http' : 'requests',
        client: written({
          model: 'client',
          requests: r.requests,
          codec: http ? 'http' : undefined,
          ...sizes,
          think: r.think,
          io: r.io,
          ...r.client,
        }),
        // A request in HTTP says itself how long it is.
        server: written({ ...(http ? { response: sizes.response } : sizes), work: r.work }),
      };
    });
}

export interface MessageChoices extends WorkChoices {
  /** How messages are told apart. Default: `line`. */
  readonly codec?: 'line' | 'length-field' | 'json';
  /** What must come back. Default: `upper-case`. */
  readonly answer?: 'none' | 'same' | 'upper-case';
  /** What a message may say, framing left out; `#` becomes its number. Default: short and long ones. */
  readonly text?: fc.Arbitrary<string>;
  /** Messages of one connection, at most. Default: 100. */
  readonly messages?: number;
}

/**
 * Clients that send messages without waiting and read the answers as they come, sometimes slowly; every answer is compared
 * byte by byte. Shrinks to one message of one letter.
 *
 *     scenarios({ server: './upper-case.ts', workload: messages({ codec: 'line', answer: 'upper-case' }) })
 */
export function messages(choices: MessageChoices = {}): fc.Arbitrary<Workload> {
  const { codec = 'line', answer = 'upper-case', messages: most = 100 } = choices;
  return fc
    .record({
      client: client(choices),
      // In this order: many short messages are easier to look at than few long ones.
      text: choices.text ?? texts(codec, Math.floor((choices.maxBytes ?? MAX_BYTES) / most)),
      messages: fc.integer({ min: 1, max: most }),
      gap: maybe(fc.constantFrom('1 ms', '100 us')),
      read: maybe(fc.constantFrom('700 B', '10 B')),
      pause: maybe(fc.constantFrom('1 ms', '20 ms')),
    })
    .map((m) => ({
      kind: 'messages',
      client: written({
        model: 'talk',
        messages: m.messages,
        codec,
        text: m.text,
        answer,
        gap: m.gap,
        read: m.read,
        pause: m.pause,
        ...m.client,
      }),
      server: { codec, reply: answer },
    }));
}

/** Letters of a generated message, at most: many short messages meet more borders than a few long ones. */
const LETTERS = 300;

/** A word of small letters, and its number; in JSON where that is the framing. */
function texts(codec: string, most: number): fc.Arbitrary<string> {
  const letters = fc.integer({ min: 1, max: Math.max(1, Math.min(LETTERS, most)) });
  const word = letters.map((n) => `${'a'.repeat(n)}#`);
  return codec === 'json' ? word.map((w) => JSON.stringify({ text: w })) : word;
}

/**
 * Work that each of hostwire's own servers can do: uploads or requests.
 *
 *     scenarios({ workload: workloads({ maxBytes: 1000, connections: 1 }) })
 */
export function workloads(choices: WorkChoices = {}): fc.Arbitrary<Workload> {
  return fc.oneof({ withCrossShrink: true }, uploads(choices), requests(choices));
}
