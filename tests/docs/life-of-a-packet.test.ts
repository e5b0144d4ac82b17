/**
 * Writes docs/life-of-a-packet.md: one request and its answer, step by step, with the times of a run. The page is
 * compared with what the run says now, so it cannot go stale; HOSTWIRE_UPDATE=1 writes it anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { TraceRecord } from '../../src/base/trace.ts';
import { Recorder } from '../../src/engine/recorder.ts';
import { run } from '../../src/sim/run/runner.ts';
import { World } from '../../src/sim/run/world.ts';
import { load } from '../../src/sim/scenario/load.ts';

const PAGE = new URL('../../docs/life-of-a-packet.md', import.meta.url);

const SCENARIO = `version: 1
scenarios:
  one-request:
    shows: One request of 100 bytes and its answer of 200.
    hosts: { client: {}, server: {} }
    links:
      - { between: [client, server], rate: 1 Gbit/s, delay: 50 us }
    apps:
      server: { host: server, model: blocking, listen: 80, request: 100 B, response: 200 B, work: 20 us }
      client: { host: client, model: client, connect: server:80, requests: 2, request: 100 B, response: 200 B, start: 1 ms }
    stop: { when: client.closed, limit: 1 s }
`;

interface Step {
  readonly time: number;
  readonly where: string;
  readonly what: string;
  readonly code: string;
}

interface Life {
  readonly steps: readonly Step[];
  /** What the client itself measured: from when the request was meant to the last byte of its answer read. */
  readonly latency: number;
}

/** Frames on the wire tell their own times, where the trace has only what a host sees. */
function live(): Life {
  const recorder = new Recorder();
  const world = new World(load(SCENARIO, { file: 'one-request.yaml' })[0]!, { trace: recorder });
  const wire: Step[] = [];
  for (const { link, spec } of world.wires) {
    link.tap = {
      onFrame(train, _index, _mark, start, departure, arrival) {
        const bytes = train.headerLen + train.len;
        wire.push({
          time: start,
          where: spec.name,
          what: `the first bit of ${bytes} B leaves`,
          code: 'sim/net/link.ts',
        });
        wire.push({
          time: departure,
          where: spec.name,
          what: 'the last bit has left',
          code: 'sim/net/link.ts',
        });
        wire.push({
          time: arrival,
          where: spec.name,
          what: 'the last bit arrives: DMA into the receive ring',
          code: 'kernel/rx-ring.ts',
        });
      },
      onDrop() {},
    };
  }
  let latency = 0;
  const client = world.apps.get('client')!;
  client.latency = (intended, done) => void (latency = done - intended);
  expect(run(world).reason).toBe('when');
  const records = recorder.sorted();
  const calls = records.filter((r) => r.what === 'syscall' && r.lane === 'client/thread/client');
  // The second request: the connection is open and nobody is new.
  const reads = calls.filter((r) => r.fields['call'] === 'read');
  const [from, to] = [reads[0]!.time, reads[1]!.time];
  const meant = {
    time: from,
    where: 'client',
    what: 'the request is meant',
    code: 'app/load/client.ts',
  };
  const rest = [...records.map(stepOf), ...wire].filter((s) => s.time > from && s.time <= to);
  return { steps: [meant, ...rest.toSorted((a, b) => a.time - b.time)], latency };
}

function stepOf(r: TraceRecord): Step {
  const { time, fields } = r;
  const where = r.lane.replace('/thread/', ' thread ').replace('/', ' ');
  switch (r.what) {
    case 'syscall':
      return {
        time,
        where,
        what: `\`${fields['call']}\` returns ${fields['result']}`,
        code: 'kernel/syscalls/, app/',
      };
    case 'tx':
      return {
        time,
        where,
        what: `TCP's segment of ${fields['bytes']} B is in the transmit ring`,
        code: 'tcp/output.ts, kernel/tx-ring.ts',
      };
    case 'irq':
      return {
        time,
        where,
        what: 'hard interrupt: the queue is masked, NAPI scheduled',
        code: 'kernel/nic.ts, kernel/irq.ts',
      };
    case 'rx':
      return {
        time,
        where,
        what: `softirq: ${fields['bytes']} B polled (${us(Number(fields['inRing']))} µs in the ring), to GRO`,
        code: 'kernel/softirq.ts, kernel/nic.ts, kernel/gro.ts',
      };
    case 'netif_receive_skb':
      return {
        time,
        where,
        what: `an skb of ${fields['bytes']} B has been through IP and TCP input`,
        code: 'kernel/stack.ts, tcp/input.ts',
      };
    case 'wakeup':
      return {
        time,
        where,
        what: `${fields['task']} is made runnable`,
        code: 'kernel/wait-queue.ts, kernel/sched.ts',
      };
    case 'switch':
      return { time, where, what: `context switch to ${fields['task']}`, code: 'kernel/sched.ts' };
    default:
      return { time, where, what: r.what, code: '' };
  }
}

const us = (ns: number): string => (ns / 1000).toFixed(2);

function page(all: readonly Step[]): string {
  const start = all[0]!.time;
  const rows = all.map((s, i) => {
    const after = i === 0 ? '' : us(s.time - all[i - 1]!.time);
    return `| ${us(s.time - start)} | ${after} | ${s.where} | ${s.what} | ${s.code} |`;
  });
  const total = all.at(-1)!.time - start;
  return `# Life of a packet

One request of 100 bytes and its answer of 200, on an open connection between two hosts of \`profile: linux-6.18\`, 1 Gbit/s and 50 µs
apart. The server computes for 20 µs. Every line is a record of that run; the times are what the run says, and a test
(\`tests/docs/life-of-a-packet.test.ts\`) writes this page. The steps sum to the whole: ${us(total)} µs.

| µs | after | where | what happens | code, in src/ |
|---:|---:|---|---|---|
${rows.join('\n')}

What to look for: the interrupt comes 16 µs after the frame because \`rx-usecs: 16\` lets a NIC wait for more; the context switch
costs 2 µs each time a thread that slept is woken; an ACK travels with the answer instead of by itself, because TCP holds it back.
To see other numbers, change the scenario: \`hostwire run one-request.yaml --trace --set 'hosts.server.nic.coalesce.rx-usecs=0'\`.

\`\`\`yaml
${SCENARIO}\`\`\`
`;
}

it('the page says what a run says', () => {
  const now = page(live().steps);
  if (process.env['HOSTWIRE_UPDATE'] === '1') writeFileSync(PAGE, now);
  expect(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '').toBe(now);
});

it('the steps span exactly the latency that the client measures, and each names its code', () => {
  const { steps, latency } = live();
  expect(steps.at(-1)!.time - steps[0]!.time).toBe(latency);
  expect(latency).toBeGreaterThan(2 * 50_000 + 20_000);
  for (const s of steps) expect(s.code).not.toBe('');
});
