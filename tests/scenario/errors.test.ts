// What a person reads who has written something wrong: where it is, what it is, and what to write instead.
import { describe, expect, test } from 'vitest';
import { messageOf, problems, read, said, VALID } from './support.ts';

/** [what is wrong, what stands in the valid file, what is written instead, everything that is said of it] */
const MISTAKES: [title: string, from: string, to: string, says: string[]][] = [
  [
    'an unknown key',
    'rx-usecs',
    'rx-usec',
    ['my.yaml:15:47 unknown key `rx-usec` [did you mean `rx-usecs`?]'],
  ],
  [
    'an unknown key at the top',
    'defaults:',
    'default:',
    ['my.yaml:2:1 unknown key `default` [did you mean `defaults`?]'],
  ],
  [
    'an unknown key of a scenario',
    '    stop:',
    '    stops:',
    ['my.yaml:25:5 unknown key `stops` [did you mean `stop`?]'],
  ],
  [
    'an unknown key of an application',
    'read: 64 KiB',
    'raed: 64 KiB',
    ['my.yaml:23:62 unknown key `raed` [did you mean `read`?]'],
  ],
  [
    'an unknown sysctl',
    'net.ipv4.tcp_rmem',
    'net.ipv4.tcp_rmen',
    ['my.yaml:14:11 unknown key `net.ipv4.tcp_rmen` [did you mean `net.ipv4.tcp_rmem`?]'],
  ],
  [
    'an unknown socket option',
    'SO_RCVBUF',
    'SO_RCVBUFF',
    ['my.yaml:23:87 unknown key `SO_RCVBUFF` [did you mean `SO_RCVBUF`?]'],
  ],
  [
    'an unknown key of a link',
    'delay: 10 ms',
    'dealy: 10 ms',
    ['my.yaml:19:9 unknown key `dealy` [did you mean `delay`?]'],
  ],
  [
    'an unknown key of a direction',
    '{ loss: 0.1 % }',
    '{ lost: 0.1 % }',
    ['my.yaml:21:27 unknown key `lost` [did you mean `loss`?]'],
  ],
  [
    'times that spread in no known way',
    'read: 64 KiB',
    'work: 1 ms, work-times: gamma',
    ['my.yaml:23:86 `gamma` is none of fixed, exponential [write one of: fixed, exponential]'],
  ],
  [
    'times that spread less than an exponential',
    'read: 64 KiB',
    'work: 1 ms, work-times: { hyper-exponential: 0.5 }',
    ['my.yaml:23:107 impossible value: `0.5`; at least 1'],
  ],
  [
    'a fault that is none',
    '    stop:',
    '    faults: [{ for: 1 ms, every: 1 s }]\n    stop:',
    ['my.yaml:25:14 what happens? give one of `gc`, `stop`, `steal` [e.g. `gc: server`]'],
  ],
  [
    'two faults in one',
    '    stop:',
    '    faults: [{ gc: server, steal: server, for: 1 ms, every: 1 s }]\n    stop:',
    ['my.yaml:25:28 what happens? give one of `gc`, `stop`, `steal` [e.g. `gc: server`]'],
  ],
  [
    'a fault of nobody',
    '    stop:',
    '    faults: [{ gc: sevrer, for: 1 ms, every: 1 s }]\n    stop:',
    ['my.yaml:25:20 no application is called `sevrer` [did you mean `server`?]'],
  ],
  [
    'a fault of no host',
    '    stop:',
    '    faults: [{ steal: sever, for: 1 ms, every: 1 s }]\n    stop:',
    ['my.yaml:25:23 no host is called `sever` [did you mean `server`?]'],
  ],
  [
    'a core that is not there',
    '    stop:',
    '    faults: [{ steal: server, cores: [2], for: 1 ms, every: 1 s }]\n    stop:',
    ['my.yaml:25:31 `server` has no core 2 [its cores are 0 .. 1; `cpus:` says how many]'],
  ],
  [
    'cores of a process',
    '    stop:',
    '    faults: [{ gc: server, cores: [0], for: 1 ms, every: 1 s }]\n    stop:',
    ['my.yaml:25:28 `cores` says nothing with `gc`: it stops a process, wherever it runs'],
  ],
  [
    'a fault at no time',
    '    stop:',
    '    faults: [{ gc: server, for: 1 ms }]\n    stop:',
    ['my.yaml:25:14 when? give one of `at`, `every`, `mean` [e.g. `every: 100 ms`]'],
  ],
  [
    'a fault at two kinds of time',
    '    stop:',
    '    faults: [{ gc: server, for: 1 ms, every: 1 s, mean: 1 s }]\n    stop:',
    ['my.yaml:25:51 when? give one of `at`, `every`, `mean` [e.g. `every: 100 ms`]'],
  ],
  [
    'a fault without a length',
    '    stop:',
    '    faults: [{ gc: server, every: 1 s }]\n    stop:',
    ['my.yaml:25:14 missing key `for` [e.g. `for: 10 ms`]'],
  ],
  [
    'a fault of no length',
    '    stop:',
    '    faults: [{ gc: server, for: 0 ms, every: 1 s }]\n    stop:',
    ["my.yaml:25:33 impossible value: '0 ms' is too small (1 ns .. 100 s)"],
  ],
  [
    'faults that never end',
    '    stop:',
    '    faults: [{ gc: server, for: 1 s, every: 1 s }]\n    stop:',
    [
      'my.yaml:25:28 each lasts until the next begins: nothing would ever run [shorter than `every`]',
    ],
  ],
  [
    'faults that overlap',
    '    stop:',
    '    faults: [{ gc: server, for: 2 s, at: [1 s, 2 s] }]\n    stop:',
    ['my.yaml:25:38 one begins before the one ahead of it has ended [later, or a shorter `for`]'],
  ],
  [
    'faults that end before they begin',
    '    stop:',
    '    faults: [{ gc: server, for: 1 ms, every: 1 s, from: 2 s, until: 2 s }]\n    stop:',
    ['my.yaml:25:62 `until` is no later than `from`: there are none'],
  ],
  [
    'a window for given times',
    '    stop:',
    '    faults: [{ gc: server, for: 1 ms, at: [1 s], from: 2 s }]\n    stop:',
    ['my.yaml:25:50 `from` says nothing with `at`'],
  ],
  [
    'an unknown key of a fault',
    '    stop:',
    '    faults: [{ gc: server, form: 1 ms, at: [1 s] }]\n    stop:',
    [
      'my.yaml:25:14 missing key `for` [e.g. `for: 10 ms`]',
      'my.yaml:25:28 unknown key `form` [did you mean `for`?]',
    ],
  ],
  [
    'more descriptors than the kernel lets a process have',
    'nic: {',
    'nofile: 2000000\n        nic: {',
    ['my.yaml:15:17 impossible value: `2000000`; at most 1048576'],
  ],
  [
    'a slice that Linux does not take',
    'nic: {',
    'sched: { base_slice_ns: 50000 }\n        nic: {',
    ["my.yaml:15:33 impossible value: '50000' is too small"],
  ],
  [
    'a time without a unit',
    'delay: 10 ms',
    'delay: 10',
    ["my.yaml:19:16 '10' has no unit [write 10 us, 10 ms, 10 s]"],
  ],
  [
    'a size without a unit',
    'bytes: 4 MB',
    'bytes: 4000',
    ["my.yaml:24:73 '4000' has no unit [write 4000 B, 4000 kB, 4000 KiB]"],
  ],
  [
    'a unit of another kind',
    'delay: 10 ms',
    'delay: 10 Mbit/s',
    [
      "my.yaml:19:16 '10 Mbit/s' is a bit rate, not a duration [write for example 10 us, 10 ms, 10 s]",
    ],
  ],
  [
    'a unit that means two things',
    'rate: 100 Mbit/s',
    'rate: 100 Mbps',
    ["my.yaml:18:15 '100 Mbps': unknown unit 'Mbps' [write Mbit/s or MB/s]"],
  ],
  [
    'a probability above 1',
    'loss: 0.1 %',
    'loss: 120 %',
    ["my.yaml:21:33 impossible value: '120 %' is too large (a probability: 0 % .. 100 %)"],
  ],
  [
    'a port that does not exist',
    'listen: 8080',
    'listen: 80800',
    ['my.yaml:23:56 impossible value: `80800`; at most 65535'],
  ],
  [
    'a queueing discipline that there is not',
    'nic: {',
    'nic: { qdisc: fq_codle,',
    ['my.yaml:15:23 `fq_codle` is no queueing discipline by itself [did you mean `fq_codel`?]'],
  ],
  [
    'a queueing discipline that has to be told more',
    'nic: {',
    'nic: { qdisc: netem,',
    [
      'my.yaml:15:23 `netem` is no queueing discipline by itself [it is nothing without being told more, e.g. `{ netem: { delay: 20 ms } }`]',
    ],
  ],
  [
    'two queueing disciplines',
    'nic: {',
    'nic: { qdisc: { fq: {}, codel: {} },',
    ['my.yaml:15:16 which queue? give one discipline [e.g. `{ fq_codel: { target: 5 ms } }`]'],
  ],
  [
    'an unknown key of a queueing discipline',
    'nic: {',
    'nic: { qdisc: { fq: { maxrat: 1 Mbit/s } },',
    ['my.yaml:15:31 unknown key `maxrat` [did you mean `maxrate`?]'],
  ],
  [
    'a time without a unit in a queueing discipline',
    'nic: {',
    'nic: { qdisc: { codel: { target: 5 } },',
    ["my.yaml:15:42 '5' has no unit [write 5 us, 5 ms, 5 s]"],
  ],
  [
    'a token bucket without tokens',
    'nic: {',
    'nic: { qdisc: { tbf: { rate: 1 Mbit/s, latency: 50 ms } },',
    ['my.yaml:15:25 tbf needs `burst` [e.g. `burst: 10 kB`]'],
  ],
  [
    'byte queue limits that contradict each other',
    'nic: {',
    'nic: { byte_queue_limits: { limit_min: 10 kB, limit_max: 5 kB },',
    ['my.yaml:15:16 impossible: `limit_min` is above `limit_max`'],
  ],
  [
    'byte queue limits of a link that contradict each other',
    'delay: 10 ms',
    'delay: 10 ms\n        bql: { limit_min: 10 kB, limit_max: 5 kB }',
    ['my.yaml:20:9 impossible: `limit_min` is above `limit_max`'],
  ],
  [
    'byte queue limits of a link that never hold',
    'delay: 10 ms',
    'delay: 10 ms\n        bql: { hold_time: 0 ms }',
    ["my.yaml:20:27 impossible value: '0 ms' is too small"],
  ],
  [
    'a CoDel on a link that waits for longer than a queue in front of a device may',
    'delay: 10 ms',
    'delay: 10 ms\n        codel: { target: 200 s }',
    ["my.yaml:20:26 impossible value: '200 s' is too large"],
  ],
  [
    'a machine without cores',
    'cpus: 2',
    'cpus: 0',
    ['my.yaml:5:21 impossible value: `0`; at least 1'],
  ],
  [
    'a negative time',
    'delay: 10 ms',
    'delay: -10 ms',
    ["my.yaml:19:16 '-10 ms' is negative [write a value of 0 or more]"],
  ],
  [
    'a brace that is not closed',
    '{ loss: 0.1 % }',
    '{ loss: 0.1 %',
    [
      'my.yaml:22:5 not valid YAML: Flow map in block collection must be sufficiently indented and end with a } [a `}` is missing, here or on a line above]',
    ],
  ],
  [
    'a tab as indentation',
    '        rate:',
    '\t      rate:',
    ['my.yaml:18:1 not valid YAML: Tabs are not allowed as indentation [indent with spaces]'],
  ],
  [
    'a duplicate key',
    '    stop:',
    '    shows: again\n    stop:',
    [
      'my.yaml:25:5 duplicate key `shows` [keep one of the two; the same key twice in a map is never what one means]',
    ],
  ],
  [
    'a duplicate host',
    '      client:\n',
    '      client:\n      client:\n',
    [
      'my.yaml:12:7 duplicate key `client` [keep one of the two; the same key twice in a map is never what one means]',
    ],
  ],
  [
    'an application on a host that is not there',
    'host: client',
    'host: clint',
    ['my.yaml:24:23 no host is called `clint` [did you mean `client`?]'],
  ],
  [
    'a link to nobody',
    'between: [client, server]',
    'between: [client, sever]',
    ['my.yaml:17:27 no host or router is called `sever` [did you mean `server`?]'],
  ],
  [
    'a direction of another link',
    'server->client:',
    'server->clien:',
    [
      'my.yaml:21:9 `server->clien` is not a direction of this link [did you mean `server->client`?]',
    ],
  ],
  [
    'a port that nobody listens on',
    'connect: server:8080',
    'connect: server:8081',
    ['my.yaml:24:53 nothing listens on server:8081 [did you mean `server:8080`?]'],
  ],
  [
    'an address without a port',
    'connect: server:8080',
    'connect: server',
    ['my.yaml:24:53 `server` is no address [host and port, e.g. `server:8080`]'],
  ],
  [
    'hosts without a link',
    '      - between: [client, server]\n        rate: 100 Mbit/s\n        delay: 10 ms\n        limit: 1000 packets\n        server->client: { loss: 0.1 % }\n',
    '      []\n',
    [
      'my.yaml:20:53 no link leads from `client` to `server` [add `- between: [client, server]` under `links:`]',
    ],
  ],
  [
    'a scenario without traffic',
    '      sender: { host: client, model: bulk, connect: server:8080, bytes: 4 MB }\n    stop: { when: sender.closed, limit: 60 s }\n',
    '',
    [
      'my.yaml:22:5 no traffic: no application sends anything of itself [add one with `model: bulk`, `model: client` or `model: raw`]',
      'my.yaml:28:17 no metric is called `sender.tcp.retransmitted` [did you mean `server.tcp.retransmitted`?]',
    ],
  ],
  [
    'an unknown model',
    'model: bulk',
    'model: bulky',
    [
      'my.yaml:24:38 `bulky` is none of blocking, epoll, tomcat, netty, reactive, echo, stalled, bulk, client, slow-loris, talk, raw, user [did you mean `bulk`?]',
    ],
  ],
  [
    'an application without a model',
    'model: bulk, ',
    '',
    [
      'my.yaml:24:7 missing key `model` [one of blocking, epoll, tomcat, netty, reactive, echo, stalled, bulk, client, slow-loris, talk, raw, user]',
    ],
  ],
  [
    'a missing key',
    'bytes: 4 MB ',
    '',
    ['my.yaml:24:7 missing key `bytes` [e.g. `bytes: 64 KiB`]'],
  ],
  [
    'a stop for nobody',
    'when: sender.closed',
    'when: uploader.closed',
    ['my.yaml:25:19 no application is called `uploader` [did you mean `sender.closed`?]'],
  ],
  [
    'a stop for what never happens',
    'when: sender.closed',
    'when: sender.opened',
    ['my.yaml:25:19 `sender.opened` never happens [did you mean `sender.closed`?]'],
  ],
  [
    'an unknown metric',
    'that: goodput, is',
    'that: godput, is',
    ['my.yaml:28:17 no metric is called `godput` [did you mean `goodput`?]'],
  ],
  [
    'a metric of nobody',
    'server.syscalls.read,',
    'srver.syscalls.read,',
    [
      'my.yaml:29:17 no metric is called `srver.syscalls.read` [did you mean `server.syscalls.read`?]',
    ],
  ],
  [
    'a counter that does not exist',
    'server.syscalls.read,',
    'server.syscalls.raed,',
    [
      'my.yaml:29:17 no metric is called `server.syscalls.raed` [did you mean `server.syscalls.read`?]',
    ],
  ],
  [
    'an expectation without a unit',
    '25 .. 34 Mbit/s',
    '25 .. 34',
    ['my.yaml:28:30 `25` has no unit [write e.g. `25 Mbit/s`]'],
  ],
  [
    'an expectation in another unit',
    '25 .. 34 Mbit/s',
    '25 .. 34 ms',
    ['my.yaml:28:30 a duration is compared with a rate [write e.g. `25 Mbit/s`]'],
  ],
  [
    'an interval the wrong way round',
    '25 .. 34 Mbit/s',
    '34 .. 25 Mbit/s',
    ['my.yaml:28:30 the interval is empty: its ends are the wrong way round'],
  ],
  [
    'an expectation without a source',
    ', source: measured }\n      - { that: server',
    ' }\n      - { that: server',
    ["my.yaml:28:9 missing key `source` [e.g. `source: '80 KiB / 20.4 ms = 32 Mbit/s'`]"],
  ],
  [
    'an expectation for a variant that is not there',
    'for: blocking',
    'for: blokking',
    ['my.yaml:29:61 no variant is called `blokking` [did you mean `blocking`?]'],
  ],
  [
    'a comparison with a variant that is not there',
    '    each: {',
    '    compare: { to: epol, metrics: [goodput] }\n    each: {',
    ['my.yaml:26:20 no variant is called `epol` [did you mean `epoll`?]'],
  ],
  [
    'a comparison by what is no metric',
    '    each: {',
    '    compare: { to: epoll, metrics: [goodput, godput] }\n    each: {',
    ['my.yaml:26:46 no metric is called `godput` [did you mean `goodput`?]'],
  ],
  [
    'a comparison of variants that nothing makes',
    '    each: { apps.server.model: [blocking, epoll] }\n',
    '    compare: { to: epoll, metrics: [goodput] }\n',
    [
      'my.yaml:26:20 no variant is called `epoll` [there is nothing to compare without `each:`]',
      'my.yaml:29:61 no variant is called `blocking`',
      'my.yaml:31:48 `model` is not varied',
    ],
  ],
  [
    'another variant by an axis that is not varied',
    'goodput[model=epoll]',
    'goodput[modle=epoll]',
    ['my.yaml:31:48 `modle` is not varied [did you mean `model`?]'],
  ],
  [
    'another variant by a value that it never has',
    'goodput[model=epoll]',
    'goodput[model=epol]',
    ['my.yaml:31:48 `model` never is `epol` [did you mean `epoll`?]'],
  ],
  [
    'a variation of what is not there',
    'apps.server.model:',
    'apps.srver.model:',
    ['my.yaml:26:13 `apps` has no `srver` [did you mean `server`?]'],
  ],
  [
    'a variation without a list',
    '[blocking, epoll] }',
    'blocking }',
    [
      'my.yaml:26:13 `apps.server.model` needs a list of values, or a map of them by name [e.g. `[blocking, epoll]`]',
    ],
  ],
  [
    'a variant that cannot be',
    '[blocking, epoll] }',
    '[blocking, epol] }',
    [
      'my.yaml:26:43 `epol` is none of blocking, epoll, tomcat, netty, reactive, echo, stalled, bulk, client, slow-loris, talk, raw, user, in the variant `epol` [did you mean `epoll`?]',
      'my.yaml:31:48 `model` never is `epoll` [did you mean `epol`?]',
    ],
  ],
  [
    'a newer version',
    'version: 1',
    'version: 2',
    [
      'my.yaml:1:10 the file is written for version 2 of the format; this hostwire reads version 1 [install a newer hostwire]',
    ],
  ],
  [
    'no version',
    'version: 1\n',
    '',
    ['my.yaml:1:1 missing key `version` [begin the file with `version: 1`]'],
  ],
  [
    'a version that is none',
    'version: 1',
    'version: one',
    ['my.yaml:1:10 `one` is no version of the format [write `version: 1`]'],
  ],
  [
    'a falling triple',
    '4096 131072 6291456',
    '4096 131072 65536',
    [
      'my.yaml:14:30 the three numbers must not fall: least, initial, most [e.g. `4096 131072 33554432`]',
    ],
  ],
  [
    'marks of memory that fall',
    'net.ipv4.tcp_rmem: 4096 131072 6291456',
    'net.ipv4.tcp_mem: 1000 500 2000',
    [
      'my.yaml:14:29 the three numbers must not fall: low, pressure, high [e.g. `196608 262144 393216`]',
    ],
  ],
  [
    'memory in another unit than pages',
    'net.ipv4.tcp_rmem: 4096 131072 6291456',
    'net.ipv4.tcp_mem: 1 GiB',
    [
      'my.yaml:14:29 expected three plain numbers, as sysctl takes them [e.g. `196608 262144 393216`]',
    ],
  ],
  [
    'fewer orphans than none',
    'net.ipv4.tcp_rmem: 4096 131072 6291456',
    'net.ipv4.tcp_max_orphans: -1',
    ['my.yaml:14:37 impossible value: -1; 0 .. 4294967295 [e.g. `65536`]'],
  ],
  [
    'a budget with which nothing is ever polled',
    'net.ipv4.tcp_rmem: 4096 131072 6291456',
    'net.core.netdev_budget: 0',
    ['my.yaml:14:35 impossible value: 0; 1 .. 2147483647 [e.g. `300`]'],
  ],
  [
    'a poll of nothing',
    'net.ipv4.tcp_rmem: 4096 131072 6291456',
    'net.core.dev_weight: 0',
    ['my.yaml:14:32 impossible value: 0; 1 .. 2147483647 [e.g. `64`]'],
  ],
  [
    'a second Fast Open key',
    'net.ipv4.tcp_rmem: 4096 131072 6291456',
    'net.ipv4.tcp_fastopen_key: 1-2-3-4,5-6-7-8',
    [
      'my.yaml:14:38 expected four hexadecimal numbers, one key [e.g. `00000000-00000000-00000000-00000000`]',
    ],
  ],
  [
    'two numbers for three',
    '4096 131072 6291456',
    '4096 131072',
    [
      'my.yaml:14:30 expected three plain numbers, as sysctl takes them [e.g. `4096 131072 33554432`]',
    ],
  ],
  [
    'an interrupt that waits for more than the ring holds',
    'rx: 512',
    'rx: 16',
    ['my.yaml:15:71 the interrupt would wait for 32 frames, and the ring holds 16 [at most 16]'],
  ],
  [
    'a wait that is both given and to be found',
    'adaptive-rx: off',
    'adaptive-rx: on',
    [
      'my.yaml:15:57 `adaptive-rx: on` finds `rx-usecs` itself [leave one of the two out]',
      'my.yaml:15:72 `adaptive-rx: on` finds `rx-frames` itself [leave one of the two out]',
    ],
  ],
  [
    'moderation without NAPI',
    'coalesce: { rx-usecs: 16, rx-frames: 32, adaptive-rx: off }',
    'napi: off, coalesce: { adaptive-rx: on }',
    [
      'my.yaml:15:71 without NAPI each frame interrupts: there is nothing to adapt [leave out `napi: off`]',
    ],
  ],
  [
    'a queue without room',
    'limit: 1000 packets',
    'limit: 0 packets',
    [
      'my.yaml:20:16 impossible value: a queue holds at least one [leave `limit` out for a device that waits for the wire]',
    ],
  ],
  [
    'a queue without a unit',
    'limit: 1000 packets',
    'limit: 1000',
    ["my.yaml:20:16 '1000' has no unit [write 1000 packets, 1000 B, 1000 kB, 1000 KiB]"],
  ],
  [
    'a link that takes no time',
    '        rate: 100 Mbit/s\n        delay: 10 ms\n',
    '',
    [
      'my.yaml:17:9 a frame would arrive at the instant it was sent [give the link a rate or a delay]',
      'my.yaml:18:16 `limit` says nothing without `rate`: sending takes no time, and nothing waits [e.g. `rate: 100 Mbit/s`]',
      'my.yaml:19:9 a frame would arrive at the instant it was sent [give the link a rate or a delay]',
    ],
  ],
  [
    'a map for a text',
    'shows: One connection over a clean link.',
    'shows: { a: 1 }',
    ['my.yaml:9:5 expected a text, not a map [e.g. `shows: What one sees when it runs.`]'],
  ],
  [
    'a list for a map',
    '    hosts:\n      client:\n      server:\n',
    '    hosts: [client]\n    host:\n      server:\n',
    [
      'my.yaml:10:5 expected a map, not a list [e.g. `hosts: { client: {}, server: {} }`]',
      'my.yaml:11:5 unknown key `host` [did you mean `hosts`?]',
    ],
  ],
  [
    'a bracket that is not closed',
    '[blocking, epoll] }',
    '[blocking, epoll }',
    [
      'my.yaml:26:49 not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ] [a `]` is missing, here or on a line above]',
    ],
  ],
  [
    'a tag',
    'shows: One',
    'shows: !foo One',
    ['my.yaml:9:12 not valid YAML: Unresolved tag: !foo [scenarios use no tags: remove the `!…`]'],
  ],
  [
    'an alias that contains itself',
    'shows: One connection over a clean link.',
    'shows: &a [*a]',
    [
      'my.yaml:9:15 nested more than 64 deep [an alias that contains itself, or aliases of aliases?]',
    ],
  ],
  [
    'a quote that is never closed',
    'shows: One',
    'shows: "One',
    ['my.yaml:9:12 not valid YAML: this quote is never closed'],
  ],
  [
    'a key without its colon',
    'delay: 10 ms',
    'delay 10 ms',
    [
      'my.yaml:19:9 not valid YAML: Implicit keys need to be on a single line [a `:` is missing after a key]',
    ],
  ],
  [
    'a name with dots',
    '      sender:',
    '      sen.der:',
    [
      'my.yaml:24:7 `sen.der` cannot name an application: letters, digits, - and _, beginning with a letter',
    ],
  ],
  [
    'a name that metrics have',
    '      sender:',
    '      link:',
    ['my.yaml:24:7 `link` cannot name an application: metrics are called so'],
  ],
];

describe('each mistake is said with its place and its cure', () => {
  test.each(MISTAKES)('%s', (_title, from, to, says) => {
    const text = VALID.replace(from, () => to);
    expect(text).not.toBe(VALID);
    expect(said(problems(text))).toEqual(says);
  });

  test('the file itself is without one', () => {
    expect(read(VALID).map((s) => s.label)).toEqual(['blocking', 'epoll']);
  });
});

describe('files that are hardly any', () => {
  test.each([
    [
      'an empty file',
      '',
      'my.yaml:1:1 the file is empty [`hostwire init` writes a file to start from]',
    ],
    [
      'a comment',
      '# nothing\n',
      'my.yaml:1:1 the file is empty [`hostwire init` writes a file to start from]',
    ],
    [
      'a list',
      '- 1\n',
      'my.yaml:1:1 a scenario file is a map [`hostwire init` writes a file to start from]',
    ],
    [
      'no scenarios',
      'version: 1\nscenarios: {}\n',
      'my.yaml:2:1 no scenarios [`hostwire init` writes a file to start from]',
    ],
    [
      'an empty scenario',
      'version: 1\nscenarios:\n  a:\n',
      'my.yaml:3:3 scenario `a` is empty [say what it `shows:`, its `hosts:`, `links:` and `apps:`]',
    ],
    [
      'two documents',
      'version: 1\n---\nversion: 1\n',
      'my.yaml:2:1 not valid YAML: Source contains multiple documents; please use YAML.parseAllDocuments() [one file holds one document: remove the `---` line]',
    ],
  ])('%s', (_title, text, says) => {
    expect(said(problems(text))).toEqual([says]);
  });

  test('longer than any scenario: not even parsed', () => {
    const one = '1000000 us, ';
    const list = (n: number): string => `times: [${one.repeat(n)}]`;
    const hint =
      'split it into several files; for many frames of `model: raw` give `rate:` and `count:` instead of `times:`';
    expect(said(problems(list(2_000_000)))).toEqual([
      `my.yaml:1:1 24000009 characters of YAML; a scenario file has at most 4000000 [${hint}]`,
    ]);
    // One character of a comment less, and it is read.
    const full = `${VALID}#`.padEnd(4_000_000, '-');
    expect(read(full).length).toBe(2);
    expect(said(problems(`${full}-`))[0]).toContain('4000001 characters');
  });
});

describe('--set', () => {
  const set = (...settings: string[]): string[] => said(problems(VALID, { set: settings }));

  test.each([
    [
      'without a value',
      'apps.server.model',
      '--set:1:1 `apps.server.model` has no `=` [write e.g. `--set apps.server.model=epoll`; a key that holds dots is quoted]',
    ],
    [
      'of an application that is not there',
      'apps.srver.model=epoll',
      '--set:1:1 `apps` has no `srver` [did you mean `server`?]',
    ],
    [
      'of what varies',
      'each={ apps.server.model: [epoll] }',
      '--set:1:1 `each` cannot be set from here [set a path that it varies, e.g. `apps.server.model=epoll`, or change the file]',
    ],
    [
      'of a key that is not there',
      'apps.server.raed=1 KiB',
      '--set:1:1 unknown key `raed` [did you mean `read`?]',
    ],
    [
      'of a link that is not there',
      'links.3.delay=1 ms',
      '--set:1:1 `links` has no entry `3` [entries are counted from 0: 0 .. 0]',
    ],
    [
      'of a value that cannot be',
      'links.0.delay=1',
      "--set:1:15 '1' has no unit [write 1 us, 1 ms, 1 s]",
    ],
    [
      'with a key whose dots are not quoted',
      'hosts.server.sysctl.net.ipv4.tcp_sack=0',
      '--set:1:1 unknown key `net` [a key that holds dots is quoted, e.g. `hosts.server.sysctl."net.ipv4.tcp_congestion_control"`]',
    ],
  ])('%s', (_title, setting, says) => {
    expect(set(setting)).toEqual([says]);
  });

  test('the second of two is said to be the second', () => {
    expect(set('seed=2', 'apps.nobody.read=1 B')[0]).toMatch(/^--set:2:1 /);
  });
});

test('an unknown scenario is an error with the nearest name', () => {
  expect(said(problems(VALID, { names: ['uplaod'] }))).toEqual([
    'my.yaml:8:3 no scenario is called `uplaod` [did you mean `upload`?]',
  ]);
});

test('the message shows the lines around, with the place marked', () => {
  expect(messageOf(VALID.replace('delay: 10 ms', 'delay: 10'))).toBe(
    [
      "my.yaml:19:16: '10' has no unit",
      '  17 |       - between: [client, server]',
      '  18 |         rate: 100 Mbit/s',
      '> 19 |         delay: 10',
      '     |                ^^',
      '  20 |         limit: 1000 packets',
      '  hint: write 10 us, 10 ms, 10 s',
    ].join('\n'),
  );
});

test('all that is wrong is said at once, in the order of the file', () => {
  const text = VALID.replace('delay: 10 ms', 'delay: 10').replace('read: 64 KiB', 'raed: 64 KiB');
  expect(problems(text).map((p) => p.at.line)).toEqual([19, 23]);
});

test('a sysctl that would have nothing to act on is refused: nothing is remembered of earlier connections', () => {
  const text = VALID.replace('net.ipv4.tcp_rmem', 'net.ipv4.tcp_no_ssthresh_metrics_save');
  expect(said(problems(text))).toEqual([
    expect.stringContaining('unknown key `net.ipv4.tcp_no_ssthresh_metrics_save`'),
  ]);
});

describe('framing and turns of event loops', () => {
  /** A server on event loops with these options, on one line. */
  const loops = (options: string, client = ''): string => `version: 1
scenarios:
  own:
    shows: event loops
    hosts: { client: {}, server: {} }
    links: [{ between: [client, server], rate: 1 Gbit/s }]
    apps:
      server: { host: server, model: netty, listen: 80, ${options} }
      client: { host: client, model: talk, connect: server:80, messages: 1, text: hi${client} }
`;

  test('are taken as written', () => {
    const frame =
      'frame: { length-field-offset: 1, length-field-length: 2, max-frame-length: 64 KiB }';
    const [scenario] = read(loops(`codec: length-field, ${frame}, io-ratio: 100`, ', codec: line'));
    expect(scenario!.apps[0]).toMatchObject({
      ioRatio: 100,
      allowHalfClosure: false,
      frame: {
        lengthFieldOffset: 1,
        lengthFieldLength: 2,
        lengthAdjustment: 0,
        initialBytesToStrip: null,
        maxFrameLength: 65_536,
      },
    });
    expect(scenario!.apps[1]).not.toHaveProperty('frame');
  });

  test.each<[string, string, string]>([
    [
      'a width that no field has',
      'codec: length-field, frame: { length-field-length: 5 }',
      '1, 2, 3, 4 or 8',
    ],
    [
      'a frame shorter than its header',
      'codec: length-field, frame: { max-frame-length: 3 B }',
      'my.yaml:8:105 the length field ends after 4 bytes, and a frame has at most 3 [the longest frame is counted with its header]',
    ],
    [
      'no delimiter',
      "codec: delimiter, frame: { delimiter: '' }",
      'an empty delimiter ends no frame',
    ],
    [
      'a frame for who has none',
      'codec: none, frame: {}',
      '`frame` says nothing with `codec: none`',
    ],
    ['a ratio of nothing', 'io-ratio: 0', '1'],
    ['more than everything', 'io-ratio: 101', '100'],
    [
      'a word that is near',
      'codec: line, frame: { max-frame-lenght: 1 KiB }',
      'did you mean `max-frame-length`?',
    ],
  ])('%s is refused', (_title, options, says) => {
    expect(said(problems(loops(options))).join('\n')).toContain(says);
    expect(problems(loops(options))[0]!.at.line).toBe(8);
  });

  test.each(['line', 'json', 'delimiter'])(
    'what is wrong for a length field is right for %s, which has none',
    (codec) => {
      const options = `codec: ${codec}, frame: { max-frame-length: 3 B }`;
      expect(read(loops(options))[0]!.apps[0]).toMatchObject({ frame: { maxFrameLength: 3 } });
    },
  );

  test('so is a frame for a client whose messages have none', () => {
    expect(said(problems(loops('codec: line', ', codec: fixed, frame: {}'))).join('\n')).toContain(
      '`frame` says nothing with `codec: fixed`',
    );
  });
});

test('what is wrong with some of the variants says with which', () => {
  const each = (netty: string): string =>
    VALID.replace(
      '{ apps.server.model: [blocking, epoll] }',
      `{ apps.server: { a: { model: blocking }, b: { model: netty, ${netty} }, c: { model: epoll } } }`,
    ).replace(/^ *expect:[^]*/m, '');
  expect(said(problems(each('loops: two')))).toEqual([
    expect.stringContaining('in the variant `b`'),
  ]);
  const both = VALID.replace('read: 64 KiB', 'loops: 1, read: 64 KiB').replace(
    '[blocking, epoll]',
    '[blocking, netty, epoll]',
  );
  expect(said(problems(both))[0]).toContain(
    'unknown key `loops`, in the variants `blocking`, `epoll`',
  );
});
