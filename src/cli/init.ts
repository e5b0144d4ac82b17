/** `hostwire init`: a file to start from. */
import { DEFAULT_FILE } from './file.ts';
import type { Io } from './io.ts';
import { EXIT } from './run.ts';

export const STARTER = `# yaml-language-server: $schema=./node_modules/hostwire/schema.json
#
# Run it:      npx hostwire run
# Check it:    npx hostwire validate
# Change it:   npx hostwire run --set apps.server.read="4 KiB"
# All metrics: npx hostwire metrics          All defaults, with sources: npx hostwire show linux-6.18
version: 1

defaults:                       # under every scenario: maps are merged, lists are replaced
  seed: 1
  profile: linux-6.18

scenarios:
  first-transfer:
    shows: One connection over a clean 100 Mbit/s link of 20 ms round trip.
    hosts:
      client: {}
      server: { cpus: 2 }
    links:
      - between: [client, server]
        rate: 100 Mbit/s        # every quantity carries its unit
        delay: 10 ms            # one way, in each direction
        # client->server: { loss: 0.1 % }      # netem's words, per direction
    apps:
      server: { host: server, model: blocking, listen: 8080, read: 64 KiB }
      upload: { host: client, model: bulk, connect: server:8080, bytes: 4 MB }
    stop: { when: upload.closed, limit: 60 s } # reaching the limit fails the run
    each: { apps.server.model: [blocking, epoll] }       # variants, side by side
    expect:
      - { that: server.bytes_read, is: 4 MB, source: 'all that was sent, once and in order' }
      - { that: goodput, is: <= 100 Mbit/s, source: 'no more than the link carries' }
`;

export function init(path: string | undefined, io: Io): number {
  const file = path ?? DEFAULT_FILE;
  io.createText(file, STARTER);
  io.out(`wrote ${file}; run it with: npx hostwire run${path === undefined ? '' : ` ${path}`}\n`);
  return EXIT.good;
}
