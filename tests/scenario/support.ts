import { LoadError, type Problem } from '../../src/sim/scenario/problems.ts';
import { load, type LoadOptions } from '../../src/sim/scenario/load.ts';
import type { Scenario } from '../../src/sim/scenario/types.ts';

/** A file that says a bit of everything. */
export const VALID: string = `version: 1
defaults:
  seed: 1
  hosts:
    server: { cpus: 2 }

scenarios:
  upload:
    shows: One connection over a clean link.
    hosts:
      client:
      server:
        sysctl:
          net.ipv4.tcp_rmem: 4096 131072 6291456
        nic: { ring: { rx: 512 }, coalesce: { rx-usecs: 16, rx-frames: 32, adaptive-rx: off } }
    links:
      - between: [client, server]
        rate: 100 Mbit/s
        delay: 10 ms
        limit: 1000 packets
        server->client: { loss: 0.1 % }
    apps:
      server: { host: server, model: blocking, listen: 8080, read: 64 KiB, sockopt: { SO_RCVBUF: 65536 } }
      sender: { host: client, model: bulk, connect: server:8080, bytes: 4 MB }
    stop: { when: sender.closed, limit: 60 s }
    each: { apps.server.model: [blocking, epoll] }
    expect:
      - { that: goodput, is: 25 .. 34 Mbit/s, source: measured }
      - { that: server.syscalls.read, is: 2714 ± 25 %, for: blocking, source: measured }
      - { that: sender.tcp.retransmitted, is: 0, source: nothing is lost }
      - { that: 'goodput[model=blocking]', is: '>= goodput[model=epoll] * 0.9', source: same window }
`;

export const read = (text: string, options: Partial<LoadOptions> = {}): Scenario[] =>
  load(text, { file: 'my.yaml', ...options });

function refusal(text: string, options: Partial<LoadOptions>): LoadError {
  try {
    read(text, options);
  } catch (error) {
    if (error instanceof LoadError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

/** The problems of a text that must have some. */
export const problems = (text: string, options: Partial<LoadOptions> = {}): readonly Problem[] =>
  refusal(text, options).problems;

/** What is printed. */
export const messageOf = (text: string, options: Partial<LoadOptions> = {}): string =>
  refusal(text, options).message;

/** `file:line:column message [hint]`, of each. */
export const said = (list: readonly Problem[]): string[] =>
  list.map(
    (p) =>
      `${p.at.file}:${p.at.line}:${p.at.column} ${p.message}${p.hint === undefined ? '' : ` [${p.hint}]`}`,
  );
