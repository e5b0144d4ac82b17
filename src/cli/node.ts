/**
 * What a library user needs that opens files, `hostwire/node`: loading applications of one's own as the command line does.
 * `hostwire` itself opens none and runs in a browser.
 *
 *     import { load, run } from 'hostwire';
 *     import { loadApps } from 'hostwire/node';
 *     for (const s of load(text, { file: 'my-server.yaml' })) run(s, { apps: await loadApps(s) });
 */
export { loadApps } from './user-apps.ts';
export type { UserApps } from '../app/user.ts';
