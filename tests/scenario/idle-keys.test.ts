// Keys that have no effect beside what else is written: refused with their place, and the cure.
import { describe, expect, test } from 'vitest';
import { problems, read, said } from './support.ts';

/** Two hosts, a server and a client; `#` marks where the only problem is said to be, and is taken out. */
const file = (apps: string, link = 'rate: 1 Gbit/s, delay: 1 ms', host = ''): string => `version: 1
scenarios:
  idle:
    shows: A key that says nothing.
    hosts: { a: {}, b: { ${host} } }
    links: [{ between: [a, b], ${link} }]
    apps:
${apps}
`;
const SERVER =
  '      server: { host: b, model: epoll, listen: 80, request: 100 B, response: 1 kB }\n';
const CLIENT =
  "      load: { host: a, model: client, connect: 'b:80', requests: 10, request: 100 B, response: 1 kB }";
const server = (keys: string): string =>
  file(`      server: { host: b, listen: 80, ${keys} }\n${CLIENT}`);
const client = (keys: string): string =>
  file(`${SERVER}      load: { host: a, connect: 'b:80', ${keys} }`);
const raw = (keys: string): string =>
  file(`${SERVER}      load: { host: a, model: raw, to: b, bytes: 100 B, ${keys} }`);
const link = (keys: string): string => file(SERVER + CLIENT, keys);
const host = (keys: string): string => file(SERVER + CLIENT, undefined, keys);

/** Takes the mark out. @returns the text, and `line:column` of the mark */
function marked(text: string): { text: string; at: string } {
  const before = text.slice(0, text.indexOf('#')).split('\n');
  return { text: text.replace('#', ''), at: `${before.length}:${before.at(-1)!.length + 1}` };
}

const NO_REQUEST =
  'without `request` [say how long a request is, e.g. `request: 1 kB`: without, the stream is only read]';

const REFUSED: readonly [text: string, says: string][] = [
  [server('model: blocking, #response: 1 kB'), `\`response\` says nothing ${NO_REQUEST}`],
  [server('model: epoll, #work: 1 ms'), `\`work\` says nothing ${NO_REQUEST}`],
  [
    server('model: epoll, request: 1 kB, #work-times: exponential'),
    '`work-times` says nothing without `work` [add its mean: `work: 10 ms`]',
  ],
  [
    server('model: netty, request: 1 kB, offload: { threads: 2, queue: 4 }, #work-times: fixed'),
    '`work-times` says nothing without `work` [add its mean: `work: 10 ms`]',
  ],
  [
    server('model: tomcat, #work-times: exponential'),
    '`work-times` says nothing without `work` [add its mean: `work: 10 ms`]',
  ],
  [
    server('model: netty, request: 1 kB, reply: none, #response: 1 kB'),
    '`response` says nothing with `reply: none` [`reply: answer` sends so many bytes for each message]',
  ],
  [
    server('model: reactive, codec: line, #response: 1 kB'),
    '`response` says nothing with `reply: none` [`reply: answer` sends so many bytes for each message]',
  ],
  [
    server('model: netty, codec: line, reply: same, #response: 1 kB'),
    '`response` says nothing with `reply: same` [`reply: answer` sends so many bytes for each message]',
  ],
  [
    server('model: reactive, operator: concatMap, #concurrency: 4'),
    '`concurrency` says nothing with `operator: concatMap` [concatMap works on one message at a time]',
  ],
  [
    server('model: reactive, form: send, #operator: flatMap'),
    '`operator` says nothing with `form: send` [each message goes on to `send` there by itself: only a `delay` takes an operator]',
  ],
  [
    server('model: reactive, form: send, #concurrency: 4'),
    '`concurrency` says nothing with `form: send` [each message goes on to `send` there by itself: only a `delay` takes an operator]',
  ],
  [
    server('model: netty, codec: line, frame: { delimiter: #x }'),
    '`delimiter` says nothing with `codec: line` [it belongs to `codec: delimiter`]',
  ],
  [
    server('model: netty, codec: delimiter, frame: { length-field-length: #2 }'),
    '`length-field-length` says nothing with `codec: delimiter` [it belongs to `codec: length-field`]',
  ],
  [
    client(
      'model: talk, messages: 1, text: hi, codec: json, frame: { initial-bytes-to-strip: #2 }',
    ),
    '`initial-bytes-to-strip` says nothing with `codec: json` [it belongs to `codec: length-field`]',
  ],
  [
    client(
      'model: client, mode: partly-open, users: 2, rate: 5 /s, leave: 20 %, request: 1 kB, response: 1 kB, #stagger: 1 ms',
    ),
    '`stagger` says nothing with `mode: partly-open` [users come at their own times: `rate` says how many in a second]',
  ],
  [
    client('model: client, requests: 5, request: 1 kB, response: 1 kB, #think-times: exponential'),
    '`think-times` says nothing without `think` [add its mean: `think: 10 ms`]',
  ],
  [
    client(
      'model: client, codec: sized, requests: 5, request: #{ uniform: { min: 4 B, max: 20 B } }, response: 1 kB',
    ).replace('request: #', '#request: '),
    '4 bytes hold no header [with `codec: sized` at least 8 B]',
  ],
  [
    client('model: bulk, bytes: 1 MB, connections: 2, #send-stagger: 1 ms'),
    '`send-stagger` says nothing without `send` [say when the first begins to write, e.g. `send: 1 s`]',
  ],
  [raw('times: [0 us], #arrivals: fixed'), '`arrivals` says nothing with `times`'],
  [raw('times: [0 us], #count: 5'), '`count` says nothing with `times`'],
  [raw('times: [0 us], #start: 1 ms'), '`start` says nothing with `times`'],
  [
    link('delay: 1 ms, limit: #10 packets'),
    '`limit` says nothing without `rate`: sending takes no time, and nothing waits [e.g. `rate: 100 Mbit/s`]',
  ],
  [
    link('delay: 1 ms, overhead: #20 B'),
    '`overhead` says nothing without `rate`: sending takes no time, and nothing waits [e.g. `rate: 100 Mbit/s`]',
  ],
  [
    link('rate: 1 Gbit/s, #faults: { from: 1 s }'),
    '`faults` says when they happen, and there are none [one of `loss`, `duplicate`, `corrupt`, `reorder`, `jitter`]',
  ],
  [
    link('rate: 1 Gbit/s, loss: { chance: 1 %, #per: flow }'),
    '`per` says nothing with `chance` [each frame by itself: there is nothing to count]',
  ],
  [
    host('nic: { qdisc: { netem: { delay: 1 ms, gap: #5 } } }'),
    '`gap` says nothing without `reorder`',
  ],
  [
    host('nic: { qdisc: { netem: { delay: 1 ms, ecn: #on } } }'),
    '`ecn` says nothing without `loss`: it marks what would be lost',
  ],
  [
    host('cpuidle: { after: #1 ms }'),
    '`after` says nothing without `latency` or `spread`: coming back takes no time [e.g. `latency: 45 us`]',
  ],
];

describe('is refused where it stands:', () => {
  test.each(REFUSED.map(([text, says]) => [says, text] as const))('%s', (says, written) => {
    const { text, at } = marked(written);
    expect(said(problems(text))).toEqual([`my.yaml:${at} ${says}`]);
  });
});

describe('is taken where it does something:', () => {
  const TAKEN: readonly string[] = [
    server('model: epoll, request: 1 kB, work: 0 ms, work-times: exponential'),
    server('model: netty, codec: line, reply: answer, response: 1 kB'),
    server('model: reactive, form: send, delay: 1 ms, operator: flatMap, concurrency: 4'),
    server('model: netty, codec: delimiter, frame: { delimiter: x, max-frame-length: 1 kB }'),
    file(
      '      server: { host: b, listen: 80, model: epoll, codec: sized }\n' +
        "      load: { host: a, model: client, connect: 'b:80', requests: 5, request: { exponential: 1 kB }, response: 1 kB }",
    ),
    client('model: bulk, bytes: 1 MB, connections: 2, send: 1 s, send-stagger: 1 ms'),
    raw('rate: 10 /s, count: 5, start: 1 ms, arrivals: fixed'),
    link("delay: 1 ms, limit: 10 packets, 'a->b': { rate: 1 Gbit/s }"),
    link("rate: 1 Gbit/s, faults: { from: 1 s }, 'a->b': { loss: 1 % }"),
    host('nic: { qdisc: { netem: { delay: 1 ms, reorder: 1 %, gap: 5, loss: 1 %, ecn: on } } }'),
    host('cpuidle: { after: 1 ms, spread: 50 us }'),
  ];
  test.each(TAKEN.map((text, i) => [i, text] as const))('file %i', (_, text) => {
    expect(() => read(text)).not.toThrow();
  });
});
