/** The laws hold from a connection's first segment on, before there is a record of its data. */
import { expect, it } from 'vitest';
import { audit } from '../../src/sim/run/audit.ts';
import { run } from '../../src/sim/run/runner.ts';
import { World } from '../../src/sim/run/world.ts';
import { load } from '../../src/sim/scenario/load.ts';
import type { Sock } from '../../src/kernel/socket.ts';
import { seqAdd } from '../../src/tcp/seq.ts';

function world(bytes: string): World {
  const text = `version: 1
scenarios:
  small:
    shows: A transfer through a small window.
    hosts: { client: {}, server: { sysctl: { net.ipv4.tcp_rmem: 4096 4096 4096 } } }
    links: [ { between: [client, server], rate: 100 Mbit/s, delay: 5 ms } ]
    apps:
      server: { host: server, model: blocking, listen: 80 }
      upload: { host: client, model: bulk, connect: server:80, bytes: ${bytes} }
    stop: { when: upload.closed, limit: 100 s }
`;
  return new World(load(text, { file: 'small.yaml' })[0]!);
}

function firstBroken(w: World): string | null {
  audit(w, run(w));
  return w.ledger.first;
}

it('a good run keeps them', () => {
  expect(firstBroken(world('100 kB'))).toBe(null);
  expect(firstBroken(world('1 kB'))).toBe(null);
});

it('[mutant] a sender that misreads the very first window is outside of it with its first flight', () => {
  const w = world('100 kB');
  const { stack } = w.host('client');
  const receive = stack.receive.bind(stack);
  let inflated = false;
  stack.receive = (skb, core) => {
    const s = stack.ehash.lookup(skb.dst, skb.dport, skb.src, skb.sport) as Sock | null;
    receive(skb, core);
    if (s?.c != null && !inflated) {
      s.c.sndWnd = 60_000;
      inflated = true;
    }
  };
  expect(firstBroken(w)).toBe('inside-window');
});

it('[mutant] a stream that ends without its only segment is missed, though nothing of it was ever queued', () => {
  const w = world('1 kB');
  const { stack } = w.host('server');
  const receive = stack.receive.bind(stack);
  let swallowed = false;
  stack.receive = (skb, core) => {
    const s = stack.ehash.lookup(skb.dst, skb.dport, skb.src, skb.sport) as Sock | null;
    if (skb.len > 0 && s?.c != null && !swallowed) {
      swallowed = true;
      s.c.rcvNxt = seqAdd(s.c.rcvNxt, skb.len);
      s.c.copiedSeq = s.c.rcvNxt;
    }
    receive(skb, core);
  };
  expect(firstBroken(w)).toBe('conserve-bytes');
});
