/** `hostwire list`, `validate`, `schema`, `metrics`, `show`: commands that only print. */
import { wrap } from '../report/style.ts';
import { LINUX_COSTS } from '../kernel/costs.ts';
import { LINUX_6_18, PROFILES } from '../kernel/profile.ts';
import { LINK_SOURCES } from '../sim/net/options.ts';
import { list } from '../sim/scenario/load.ts';
import { METRICS } from '../sim/scenario/metrics.ts';
import { jsonSchema } from '../sim/scenario/schema/json-schema.ts';
import { SYSCTLS } from '../sim/scenario/sysctl.ts';
import { TCP_TUNABLES, tcpOptions, type TcpOptions } from '../tcp/options.ts';
import { loadFile, openFile } from './file.ts';
import { type Io, UsageError } from './io.ts';
import { schemaPage } from './schema-page.ts';
import { EXIT } from './run.ts';

export function listScenarios(words: readonly string[], io: Io): number {
  const { text, title, names } = openFile(words, io);
  io.out(`${listText(text, title, names).join('\n')}\n`);
  return EXIT.good;
}

/** Name, number of variants, and what it shows. */
export function listText(text: string, title: string, names: readonly string[] = []): string[] {
  return list(text, title, names).flatMap(({ name, shows, variants }) => [
    variants > 1 ? `${name}  (${variants} variants)` : name,
    ...wrap(shows, 76).map((line) => `    ${line}`),
  ]);
}

export function validate(words: readonly string[], set: readonly string[], io: Io): number {
  const opened = openFile(words, io);
  const scenarios = loadFile(opened, { set });
  const names = new Set(scenarios.map((s) => s.name));
  const count = names.size === 1 ? '1 scenario' : `${names.size} scenarios`;
  const runs = scenarios.length === 1 ? '1 run' : `${scenarios.length} runs`;
  io.out(`${opened.title}: ${count}, ${runs}: valid\n`);
  return EXIT.good;
}

export function schema(markdown: boolean, io: Io): number {
  if (markdown) {
    io.out(schemaPage(jsonSchema()));
    return EXIT.good;
  }
  io.out(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
  return EXIT.good;
}

export function metrics(markdown: boolean, io: Io): number {
  if (markdown) {
    io.out(metricsMarkdown());
    return EXIT.good;
  }
  const lines = METRICS.flatMap(({ pattern, unit, definition }) => [
    unit === '' ? pattern : `${pattern}  [${unit}]`,
    ...wrap(definition, 74).map((line) => `      ${line}`),
  ]);
  io.out(`${lines.join('\n')}\n`);
  return EXIT.good;
}

/** docs/metrics.md. */
function metricsMarkdown(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const rows = METRICS.map((m) => `| \`${m.pattern}\` | ${m.unit} | ${cell(m.definition)} |`);
  const head = [
    '# Metrics',
    '',
    'Printed by `hostwire metrics --markdown`; a test keeps this page up to date. These names hold everywhere: in `expect:`,',
    'in tables, in JSON. JSON has the unit given here; in `expect:` write any unit of the same kind.',
    '',
    'In a name, `<host>`, `<app>` and `<a->b>` stand for names of the scenario, `<call>` for a system call, `<LinuxName>` for a',
    'counter of Linux, `<why>` for a cause on the wire. A metric of a host may be asked for under the name of an application:',
    'it is then that of the host it runs on.',
    '',
    '| metric | unit | definition |',
    '| --- | --- | --- |',
  ];
  return `${[...head, ...rows].join('\n')}\n`;
}

/** Every default of a profile: name, value, source. */
export function show(profile: string, io: Io): number {
  if (!Object.hasOwn(PROFILES, profile))
    throw new UsageError(
      `no profile is called ${profile}; there is ${Object.keys(PROFILES).join(', ')}`,
    );
  const tcp = tcpOptions(PROFILES[profile]);
  const said = new Set<string>();
  const lines: string[] = [];
  const entry = (key: string, value: string, source: string): void => {
    if (said.has(key)) return;
    said.add(key);
    lines.push(`  ${key.padEnd(36)} ${value}`, ...wrap(source, 70).map((l) => `      ${l}`));
  };
  lines.push(`${profile}: what a scenario has that it does not write`, '', 'machine');
  for (const e of LINUX_6_18) entry(e.key, e.value, e.source);
  lines.push('', 'sysctl');
  for (const d of SYSCTLS)
    entry(d.name, `${d.fallback} ${d.unit}`.trimEnd(), `${d.meaning}; ${d.source}`);
  lines.push('', 'tcp: constants of the source, and switches that Linux does not have');
  for (const key of Object.keys(TCP_TUNABLES) as (keyof TcpOptions)[]) {
    const t = TCP_TUNABLES[key];
    if (t.sysctl === null)
      entry(`tcp.${key}`, `${String(tcp[key])} ${t.unit}`.trimEnd(), `${t.meaning}; ${t.source}`);
  }
  lines.push('', 'costs, on machine: linux (machine: ideal has 0 everywhere)');
  for (const [step, c] of Object.entries(LINUX_COSTS))
    entry(`costs.${step}`, `${c.ns} ns`, c.source);
  lines.push('', 'links');
  const links: Readonly<Record<string, string>> = {
    rate: 'none',
    delay: '0 ns',
    mtu: '1500 B',
    overhead: '38 B',
    limit: 'none',
  };
  for (const [key, value] of Object.entries(links)) {
    entry(`links.${key}`, value, LINK_SOURCES[key as keyof typeof LINK_SOURCES]);
  }
  io.out(`${lines.join('\n')}\n`);
  return EXIT.good;
}
