/** Applications: one schema per model, told apart by `model:`. */
import { z } from 'zod';
import type { ModelName } from '../types.ts';
import { type AppBody, connectTo, host } from './app-fields.ts';
import { client } from './client.ts';
import { bulk, raw, slowLoris, talk } from './clients.ts';
import { netty, reactive } from './loops.ts';
import { blocking, echo, epoll, stalled } from './servers.ts';
import { tomcat } from './tomcat.ts';
import { userApp } from './user-app.ts';

export type { AppBody } from './app-fields.ts';

export const MODELS: readonly ModelName[] = [
  'blocking',
  'epoll',
  'tomcat',
  'netty',
  'reactive',
  'echo',
  'stalled',
  'bulk',
  'client',
  'slow-loris',
  'talk',
  'raw',
  'user',
];
/** Those that put something on a wire of themselves. */
export const SOURCES: readonly ModelName[] = ['bulk', 'client', 'slow-loris', 'talk', 'raw'];

export const appSchema: z.ZodType<AppBody> = z.discriminatedUnion('model', [
  blocking,
  epoll,
  tomcat,
  netty,
  reactive,
  echo,
  stalled,
  bulk,
  client,
  slowLoris,
  talk,
  raw,
  userApp(host, connectTo),
]);
