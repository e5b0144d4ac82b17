/**
 * From one checked body to a Scenario: names are followed to what they name, links get both their directions, expectations
 * are parsed. What the schema cannot see is checked here: references, reachability, whether there is traffic at all.
 */
import { ScenarioError } from '../../base/assert.ts';
import type { VariantName } from './axes.ts';
import { matchMetric, METRICS, NAMED_COUNTERS } from './metrics.ts';
import { checkLink, LINK_DEFAULTS, type LinkOptions } from '../net/options.ts';
import { checkIdle } from './check-links.ts';
import { checkBusyPoll, checkNic } from './check-nic.ts';
import { didYouMean } from './did-you-mean.ts';
import { metricsIn, metricsInCheck, parseIs, parseThat, type Resolve } from './expression.ts';
import type { Problem } from './problems.ts';
import { SOURCES } from './schema/app.ts';
import { MOST_TIME } from './schema/app-fields.ts';
import type { LinkBody } from './schema/link.ts';
import type { CompareBody, ExpectBody, ScenarioBody } from './schema/scenario.ts';
import type { Traces } from './traces.ts';
import {
  type AppSpec,
  type ComparedMetric,
  type Comparison,
  type Expectation,
  type Expr,
  type FaultSpec,
  type HostSpec,
  type LinkDirection,
  type LinkSpec,
  locate,
  type Path,
  type Position,
  type Scenario,
  type Source,
  type StopEvent,
} from './types.ts';

type Report = (path: Path, message: string, hint?: string) => void;

export function resolve(
  name: string,
  body: ScenarioBody,
  variant: VariantName,
  source: Source,
  traces: Traces,
  problems: (p: Problem) => void,
): Scenario {
  const start: Position = { file: source.file, line: 1, column: 1 };
  const report: Report = (path, message, hint) =>
    problems({
      at: locate(source, path) ?? start,
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  const hosts = Object.entries(body.hosts).map(([host, h]): HostSpec => ({
    name: host,
    ...h,
    profile: h.profile || body.profile,
  }));
  const routers = Object.entries(body.routers).map(([router, r]) => ({ name: router, ...r }));
  for (const r of routers) {
    if (Object.hasOwn(body.hosts, r.name))
      report(['routers', r.name], `\`${r.name}\` is a host already`);
  }
  const nodes = [...hosts.map((h) => h.name), ...routers.map((r) => r.name)];
  const links = resolveLinks(body.links, nodes, report);
  const apps = Object.entries(body.apps).map(([app, a]): AppSpec =>
    traces.fill({ ...a, name: app, path: ['apps', app] } as AppSpec, report),
  );
  checkHosts(hosts, report);
  checkApps(apps, hosts, report);
  for (const h of hosts) checkBusyPoll(h, apps, report);
  checkReach(apps, links, nodes, report);
  const faults = body.faults.map((f, i): FaultSpec => ({ ...f, path: ['faults', i] }));
  checkFaults(faults, apps, hosts, report);
  const stop = { when: stopEvents(body.stop.when, apps, report), limitNs: body.stop.limitNs };
  const world: World = { hosts, apps, links };
  const expect = body.expect.map((e, i) => expectation(e, i, world, variant, source, report));
  return {
    name,
    shows: body.shows,
    label: variant.label,
    variant: variant.variant,
    settings: variant.settings,
    seed: body.seed,
    profile: body.profile,
    hosts,
    routers,
    links,
    apps,
    faults,
    stop,
    compare: comparison(body.compare, world, variant, report),
    expect,
    source,
  };
}

/** What metrics and expectations may speak of. */
export interface World {
  readonly hosts: readonly HostSpec[];
  readonly apps: readonly AppSpec[];
  readonly links: readonly LinkSpec[];
}

function resolveLinks(
  bodies: readonly LinkBody[],
  nodes: readonly string[],
  report: Report,
): LinkSpec[] {
  const used = new Map<string, number>();
  return bodies.map((b, i): LinkSpec => {
    const path: Path = ['links', i];
    const [a, z] = b.between;
    b.between.forEach((node, k) => {
      if (!nodes.includes(node)) {
        report(
          [...path, 'between', k],
          `no host or router is called \`${node}\``,
          didYouMean(node, nodes, 'there are'),
        );
      }
    });
    if (a === z)
      report(
        [...path, 'between'],
        'a link joins two different hosts',
        'a host reaches itself by `lo`, without a link',
      );
    const valid = [`${a}->${z}`, `${z}->${a}`];
    const known = nodes.includes(a) && nodes.includes(z);
    for (const key of b.overrides.keys()) {
      if (known && !valid.includes(key))
        report(
          [...path, key],
          `\`${key}\` is not a direction of this link`,
          didYouMean(key, valid, 'its directions are'),
        );
    }
    const pair = [a, z].toSorted().join(' ');
    const n = (used.get(pair) ?? 0) + 1;
    used.set(pair, n);
    const suffix = n === 1 ? '' : `-${n}`;
    const direction = (from: string, to: string): LinkDirection => {
      const override = b.overrides.get(`${from}->${to}`);
      const options: LinkOptions = { ...LINK_DEFAULTS, ...b.both, ...override };
      attempt(
        () => checkLink(options, override === undefined ? path : [...path, `${from}->${to}`]),
        path,
        report,
      );
      return { name: `${from}->${to}${suffix}`, from, to, options };
    };
    const directions = [direction(a, z), direction(z, a)] as const;
    checkIdle(b, directions, path, report);
    return {
      name: `${a}-${z}${suffix}`,
      between: b.between,
      directions,
      path,
    };
  });
}

/** Lower rooms refuse with a ScenarioError of their own; here it gets its place in the file. */
function attempt(check: () => void, path: Path, report: Report): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    report(error.path.length > 0 ? error.path : path, error.message, error.hint);
  }
}

function checkHosts(hosts: readonly HostSpec[], report: Report): void {
  if (hosts.length === 0) report(['hosts'], 'no hosts', 'e.g. `hosts: { client: {}, server: {} }`');
  for (const h of hosts) checkNic(h, report);
}

function checkApps(apps: readonly AppSpec[], hosts: readonly HostSpec[], report: Report): void {
  const names = hosts.map((h) => h.name);
  const hostAt = (host: string, path: Path): void => {
    if (!names.includes(host))
      report(path, `no host is called \`${host}\``, didYouMean(host, names, 'there are'));
  };
  const listeners = new Map<string, AppSpec>();
  for (const a of apps) {
    hostAt(a.host, [...a.path, 'host']);
    if (!('listen' in a)) continue;
    const address = `${a.host}:${a.listen}`;
    const other = listeners.get(address);
    if (other !== undefined && !(sharesPort(a) && sharesPort(other)))
      report(
        [...a.path, 'listen'],
        `\`${other.name}\` listens on ${address} already`,
        'give it another port, or both of them `sockopt: { SO_REUSEPORT: 1 }`',
      );
    listeners.set(address, a);
  }
  for (const a of apps) {
    if (a.model === 'raw') hostAt(a.to, [...a.path, 'to']);
    if (!('connect' in a)) continue;
    checkStagger(a, report);
    const address = `${a.connect.host}:${a.connect.port}`;
    if (!names.includes(a.connect.host)) hostAt(a.connect.host, [...a.path, 'connect']);
    else if (!listeners.has(address)) {
      const there = [...listeners.keys()];
      report(
        [...a.path, 'connect'],
        `nothing listens on ${address}`,
        didYouMean(address, there, 'there are'),
      );
    } else checkCodecs(a, listeners.get(address)!, report);
  }
  if (!apps.some(isSource)) {
    const path = apps.length === 0 ? ['apps'] : apps[0]!.path.slice(0, 1);
    report(
      path,
      'no traffic: no application sends anything of itself',
      'add one with `model: bulk`, `model: client` or `model: raw`',
    );
  }
}

/** The last connection's times, as the first one's, must be such that the clock can show them. */
function checkStagger(a: AppSpec, report: Report): void {
  if (!('staggerNs' in a)) return;
  const spans = [['stagger', a.staggerNs]] as [string, number][];
  if (a.model === 'bulk') spans.push(['send-stagger', a.sendStaggerNs ?? 0]);
  for (const [key, ns] of spans)
    if ((a.connections - 1) * ns > MOST_TIME)
      report(
        [...a.path, key],
        `the last of ${a.connections} connections would come after more than 11 days`,
      );
}

/** Who asks and who answers must tell requests apart in the same way. */
function checkCodecs(client: AppSpec, server: AppSpec, report: Report): void {
  if (client.model !== 'client') return;
  const reads = server.model === 'tomcat' ? 'http' : 'codec' in server ? server.codec : null;
  if (reads === null || reads === client.codec) return;
  const at = [...client.path, 'codec'];
  if (client.codec === 'sized')
    report(
      at,
      `its requests say how long they are, and \`${server.name}\` does not read that`,
      reads === 'http'
        ? 'leave `codec: sized` out'
        : `add \`codec: sized\` to \`${server.name}\`, and leave out its \`request\` and \`response\``,
    );
  else if (reads === 'sized')
    report(
      at,
      `\`${server.name}\` reads sizes, and these requests do not say theirs`,
      'add `codec: sized` here',
    );
  else if (reads === 'http')
    report(
      at,
      `\`${server.name}\` speaks HTTP, and these requests do not`,
      'add `codec: http` here',
    );
  else if (client.codec === 'http')
    report(
      at,
      `its requests are HTTP, and \`${server.name}\` does not speak it`,
      server.model === 'netty'
        ? `add \`codec: http\` to \`${server.name}\`, and leave out its \`request\``
        : '`model: tomcat`, and `model: netty` with `codec: http`, do',
    );
}

/** Who is paused must be there, and have what is taken away. */
function checkFaults(
  faults: readonly FaultSpec[],
  apps: readonly AppSpec[],
  hosts: readonly HostSpec[],
  report: Report,
): void {
  for (const f of faults) {
    const path = [...f.path, f.kind];
    if (f.kind !== 'steal') {
      const app = apps.find((a) => a.name === f.target);
      const names = apps.filter((a) => a.model !== 'raw').map((a) => a.name);
      if (app === undefined)
        report(
          path,
          `no application is called \`${f.target}\``,
          didYouMean(f.target, names, 'there are'),
        );
      else if (app.model === 'raw')
        report(path, `\`${f.target}\` sends raw frames: it has no process that could be stopped`);
      continue;
    }
    const host = hosts.find((h) => h.name === f.target);
    if (host === undefined) {
      const names = hosts.map((h) => h.name);
      report(path, `no host is called \`${f.target}\``, didYouMean(f.target, names, 'there are'));
      continue;
    }
    const beyond = (f.cores ?? []).find((core) => core >= host.cpus);
    if (beyond !== undefined)
      report(
        [...f.path, 'cores'],
        `\`${host.name}\` has no core ${beyond}`,
        `its cores are 0 .. ${host.cpus - 1}; \`cpus:\` says how many`,
      );
  }
}

/** Does its listener share its port with others that do so (SO_REUSEPORT)? */
const sharesPort = (a: AppSpec): boolean => 'sockopt' in a && a.sockopt['SO_REUSEPORT'] === 1;

/** What sends something of itself: by its model, and an application of the user's own that only connects. */
function isSource(a: AppSpec): boolean {
  if (a.model === 'user') return 'connect' in a && !('listen' in a);
  return SOURCES.includes(a.model);
}

/** Of the sources, those that are through at some time. */
const ends = (a: AppSpec): boolean =>
  isSource(a) && !(a.model === 'slow-loris' && a.holdNs === null);

/** There must be links from whoever connects to whoever listens. Names that mean nothing have been complained of before. */
function checkReach(
  apps: readonly AppSpec[],
  links: readonly LinkSpec[],
  nodes: readonly string[],
  report: Report,
): void {
  if (!links.every((l) => l.between.every((n) => nodes.includes(n)))) return;
  const next = new Map<string, string[]>();
  for (const { between } of links) {
    for (const [from, to] of [between, [between[1], between[0]]] as const) {
      next.set(from, [...(next.get(from) ?? []), to]);
    }
  }
  for (const a of apps) {
    const target = a.model === 'raw' ? a.to : 'connect' in a ? a.connect.host : null;
    if (target === null || target === a.host) continue;
    if (!nodes.includes(target) || !nodes.includes(a.host)) continue;
    const seen = new Set([a.host]);
    for (const node of seen) for (const n of next.get(node) ?? []) seen.add(n);
    if (seen.has(target)) continue;
    const hint = `add \`- between: [${a.host}, ${target}]\` under \`links:\``;
    report(
      [...a.path, a.model === 'raw' ? 'to' : 'connect'],
      `no link leads from \`${a.host}\` to \`${target}\``,
      hint,
    );
  }
}

function stopEvents(
  when: readonly string[] | null,
  apps: readonly AppSpec[],
  report: Report,
): StopEvent[] {
  if (when === null) {
    return apps.filter(ends).map((a) => ({ app: a.name, event: 'closed' }));
  }
  const valid = apps.map((a) => `${a.name}.closed`);
  return when.map((text, i): StopEvent => {
    const [app = '', event = ''] = text.split('.');
    if (!valid.includes(text)) {
      const message =
        apps.some((a) => a.name === app) && event !== 'closed'
          ? `\`${text}\` never happens`
          : `no application is called \`${app}\``;
      report(['stop', 'when', i], message, didYouMean(text, valid, 'it may wait for'));
    }
    return { app, event: 'closed' };
  });
}

const ZERO: Expr = { kind: 'number', value: 0, dimension: null };

function expectation(
  e: ExpectBody,
  index: number,
  world: World,
  variant: VariantName,
  source: Source,
  report: Report,
): Expectation {
  const path: Path = ['expect', index];
  const base = {
    text: expectationText(e),
    source: e.source,
    applies: appliesTo(e.for, variant, path, report),
    position: locate(source, path),
  };
  const named: Resolve = (name) => resolveMetric(name, world);
  let that: Expr = ZERO;
  try {
    that = parseThat(e.that, named);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    report([...path, 'that'], error.message, error.hint);
    return { ...base, that, is: { kind: 'compare', op: '=', value: ZERO } };
  }
  try {
    const is = parseIs(String(e.is), that, named);
    for (const m of [...metricsIn(that), ...metricsInCheck(is)]) checkSelector(m.where, variant);
    return { ...base, that, is };
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    report([...path, 'is'], error.message, error.hint);
    return { ...base, that, is: { kind: 'compare', op: '=', value: ZERO } };
  }
}

function comparison(
  compare: CompareBody | null,
  world: World,
  variant: VariantName,
  report: Report,
): Comparison | null {
  if (compare === null) return null;
  const labels = labelsOf(variant);
  if (!labels.includes(compare.to)) {
    report(
      ['compare', 'to'],
      `no variant is called \`${compare.to}\``,
      labels.length === 0
        ? 'there is nothing to compare without `each:`'
        : didYouMean(compare.to, labels, 'there are'),
    );
  }
  const metrics = compare.metrics.flatMap((text, i): ComparedMetric[] => {
    try {
      return [{ text, ...resolveMetric(text, world) }];
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      report(['compare', 'metrics', i], error.message, error.hint);
      return [];
    }
  });
  return { to: compare.to, metrics };
}

/** What the variants are called; none without `each:`. */
function labelsOf(variant: VariantName): string[] {
  let labels: string[] = [];
  for (const values of variant.axes.values())
    labels =
      labels.length === 0 ? [...values] : labels.flatMap((l) => values.map((v) => `${l}, ${v}`));
  return labels;
}

/** `goodput 25 .. 34 Mbit/s`, `x <= y`, `x = 0`. */
export function expectationText(e: Pick<ExpectBody, 'that' | 'is'>): string {
  const is = String(e.is).trim();
  const range = /^([\d.]+) ?([^\s\d]\S*) \.\. ([\d.]+) ?([^\s\d]\S*)$/.exec(is);
  if (range !== null && range[2] === range[4])
    return `${e.that} ${range[1]} .. ${range[3]} ${range[2]}`;
  return /^[<>=]|\.\.|±|\+-/.test(is) ? `${e.that} ${is}` : `${e.that} = ${is}`;
}

function appliesTo(
  only: readonly string[] | null,
  variant: VariantName,
  path: Path,
  report: Report,
): boolean {
  if (only === null) return true;
  const words = new Set<string>();
  for (const [axis, values] of variant.axes)
    for (const v of values) words.add(v).add(`${axis}=${v}`);
  for (const label of labelsOf(variant)) words.add(label);
  const mine = new Set([variant.label]);
  for (const [axis, v] of Object.entries(variant.variant)) mine.add(v).add(`${axis}=${v}`);
  only.forEach((word, i) => {
    if (!words.has(word) && !mine.has(word)) {
      report(
        [...path, 'for', i],
        `no variant is called \`${word}\``,
        didYouMean(word, [...words], 'there are'),
      );
    }
  });
  return only.some((word) => mine.has(word));
}

/** @throws ScenarioError when a selector names an axis or a value that is not there */
export function checkSelector(
  where: Readonly<Record<string, string>> | null,
  variant: VariantName,
): void {
  for (const [axis, value] of Object.entries(where ?? {})) {
    const values = variant.axes.get(axis);
    if (values === undefined) {
      throw new ScenarioError(
        `\`${axis}\` is not varied`,
        [],
        didYouMean(axis, [...variant.axes.keys()], '`each:` varies'),
      );
    }
    if (!values.includes(value)) {
      throw new ScenarioError(
        `\`${axis}\` never is \`${value}\``,
        [],
        didYouMean(value, values, 'its values'),
      );
    }
  }
}

/** The canonical name: a host's metric asked for under an application's name goes to the application's host. */
export function resolveMetric(name: string, world: World): ReturnType<Resolve> {
  for (const { def, subject } of matchMetric(name)) {
    if (subject.kind === 'run') return { name, dimension: def.dimension };
    if (subject.kind === 'link') {
      if (world.links.some((l) => l.directions.some((d) => d.name === subject.name)))
        return { name, dimension: def.dimension };
      continue;
    }
    const app = world.apps.find((a) => a.name === subject.name);
    if (subject.kind === 'app') {
      if (app !== undefined) return { name, dimension: def.dimension };
      continue;
    }
    const host = world.hosts.find((h) => h.name === subject.name)?.name ?? app?.host;
    if (host === undefined) continue;
    return { name: host + name.slice(subject.name.length), dimension: def.dimension };
  }
  throw new ScenarioError(
    `no metric is called \`${name}\``,
    [],
    didYouMean(name, metricNames(world), 'hostwire metrics lists them; e.g.'),
  );
}

/** All names that could be meant in this world. */
function metricNames(world: World): string[] {
  const subjects: Readonly<Record<string, readonly string[]>> = {
    '<host>': [...new Set([...world.hosts.map((h) => h.name), ...world.apps.map((a) => a.name)])],
    '<app>': world.apps.map((a) => a.name),
    '<a->b>': world.links.flatMap((l) => l.directions.map((d) => d.name)),
    ...NAMED_COUNTERS,
  };
  let names = METRICS.map((m) => m.pattern);
  for (const [placeholder, values] of Object.entries(subjects)) {
    names = names.flatMap((n) =>
      n.includes(placeholder) ? values.map((v) => n.replace(placeholder, v)) : [n],
    );
  }
  return names;
}
