/**
 * An application of the user's own: `app: ./my-server.ts` in place of a model. What the module does is its own affair; the
 * scenario says where it runs, whether it listens or connects (for references, metrics and the end of the run), and what
 * else it reads.
 */
import { z } from 'zod';
import type { Plain, Target, UserOptions } from '../../../app/user-options.ts';
import { documented, port } from './fields.ts';

const FILE = /\.[cm]?[jt]s$/;

const file = documented(
  z.string().transform((text, ctx) => {
    if (FILE.test(text)) return text;
    const hint = 'a path from this file, e.g. `./my-server.ts`';
    const message = `\`${text}\` is no module: its name ends in .ts, .mts, .js or .mjs`;
    ctx.issues.push({ code: 'custom', message, input: text, params: { hint } });
    return z.NEVER;
  }),
  {
    text: 'A module of your own, by its path from this file; its default export is the application (docs/guide/your-own-server.md).',
    example: './my-server.ts',
  },
);

type UserBody = UserOptions & { readonly model: 'user'; readonly host: string };

/** @param place  what every application says of its host  @param target  the reader of `host:port` */
export function userApp(
  place: z.ZodType<string>,
  target: z.ZodType<Target>,
): z.ZodType<UserBody> & z.core.$ZodTypeDiscriminable {
  const shape = {
    // load.ts writes it where `app:` stands alone.
    model: documented(z.literal('user'), { text: 'May be left out: `app:` says it.' }),
    app: file,
    host: place,
    listen: port({ text: 'The port that it listens on, if it does.', example: '8080' }).optional(),
    connect: target.optional(),
    options: documented(z.record(z.string(), z.unknown()), {
      text: 'Handed to the module as it stands here.',
      example: '{ anything: the module reads }',
    }).prefault({}),
  };
  return z.strictObject(shape).transform(({ listen, connect, options, ...rest }) => ({
    ...rest,
    options: options as Readonly<Record<string, Plain>>,
    ...(listen === undefined ? {} : { listen }),
    ...(connect === undefined ? {} : { connect }),
  }));
}
