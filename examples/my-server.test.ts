import { test } from 'node:test';
import { check, invariants, messages, scenarios } from 'hostwire/testing';
import myServer from './my-server.ts';

test('every message comes back once and in order, whatever the network does', () => {
  const workload = messages({ codec: 'length-field', answer: 'same' });
  const worlds = scenarios({ server: './my-server.ts', workload });
  check(worlds, invariants.all, { apps: { './my-server.ts': myServer } });
});
