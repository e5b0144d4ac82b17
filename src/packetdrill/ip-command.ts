/** ip(8): the route to the script and the device under it. */
import type { Route, ShellAction } from './shell-actions.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** From the words behind `ip`; null: not understood. */
export function ip(args: readonly string[]): ShellAction | null {
  const [object, verb, ...rest] = args[0] === '-4' ? args.slice(1) : args;
  if (object === undefined || verb === undefined) return null;
  if (object === 'tcp_metrics' || object === 'tcpmetrics')
    return verb === 'flush' && (rest.length === 0 || rest.join(' ') === 'all')
      ? { kind: 'flush-metrics' }
      : null;
  if ('link'.startsWith(object)) return verb === 'set' ? link(rest) : null;
  if ('route'.startsWith(object))
    return verb === 'change' || verb === 'replace' ? route(rest) : null;
  return null;
}

const whole = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;

/** ip link set [dev] tun0 [mtu N] [up] */
function link(words: readonly string[]): ShellAction | null {
  const rest = words[0] === 'dev' ? words.slice(1) : words;
  if (rest[0] !== 'tun0') return null;
  let mtu: number | null = null;
  for (let i = 1; i < rest.length; i++) {
    const word = rest[i]!;
    if (word === 'up') continue;
    mtu = whole(rest[++i]);
    if (word !== 'mtu' || mtu === null) return null;
  }
  return { kind: 'link', mtu };
}

/** ip route change|replace ADDRESS [via ADDRESS] [dev tun0] and what holds on that way */
function route(words: readonly string[]): ShellAction | null {
  const [destination, ...rest] = words;
  if (destination === undefined || !/^[\d.]+(\/\d+)?$/.test(destination)) return null;
  const said: Mutable<Route> = {};
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i]!;
    const locked = rest[i + 1] === 'lock';
    if (locked && word !== 'mtu') return null;
    if (locked) i++;
    const value = rest[++i];
    if (!put(said, word, value, locked)) return null;
  }
  return { kind: 'route', destination, route: said };
}

function put(
  said: Mutable<Route>,
  word: string,
  value: string | undefined,
  lock: boolean,
): boolean {
  if (word === 'via') return value !== undefined && /^[\d.]+$/.test(value);
  if (word === 'dev') return value === 'tun0';
  // Who has made a route, and how far it goes, are of no effect.
  if (word === 'proto' || word === 'scope') return value !== undefined;
  if (word === 'src') {
    if (value === undefined || !/^[\d.]+$/.test(value)) return false;
    said.src = value;
    return true;
  }
  if (word === 'rto_min') {
    const ms = /^(\d{1,6})(ms|s)$/.exec(value ?? '');
    if (ms === null) return false;
    said.rtoMinMs = Number(ms[1]) * (ms[2] === 's' ? 1000 : 1);
    return true;
  }
  const n = whole(value);
  if (n === null) return false;
  switch (word) {
    case 'mtu':
      said.mtu = n;
      said.mtuLock = lock;
      return true;
    case 'advmss':
      said.advmss = n;
      return true;
    case 'initcwnd':
      said.initcwnd = n;
      return true;
    case 'initrwnd':
      said.initrwnd = n;
      return true;
    case 'quickack':
      said.quickack = n !== 0;
      return true;
    default:
      return false;
  }
}
