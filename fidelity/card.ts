/** docs/fidelity.md, from what holds: FEATURES, the scripts that were run, and the recorded transfers. */
import { type Compared, outside, type Pair } from './compare.ts';
import { EXPLAINED } from './explained.ts';
import { type Feature, FEATURES, MACHINE, NOT_MODELLED, UNMEASURED } from './features.ts';
import { mean, type Quantity, type Row } from './transfers.ts';
import { MEAN_WINDOWS, type MeanWindow } from './windows.ts';

const percent = (p: Pair): string =>
  `${p.ratio >= 1 ? '+' : '−'}${Math.abs(100 * (p.ratio - 1)).toFixed(1)} %`;

const testsOf = (f: Feature): string =>
  f.tests.map(([file, title]) => `[${title}](../tests/${file})`).join('; ');

function featureRow(f: Feature): string {
  const scripts = f.scripts.map((s) => `\`${s}\``).join(', ');
  return `| ${f.name} | ${f.basis} | ${scripts} | ${testsOf(f)} |`;
}

const machineRow = (f: Feature): string => `| ${f.name} | ${f.basis} | ${testsOf(f)} |`;

const COLUMNS: readonly (readonly [Quantity, string])[] = [
  ['goodput', 'goodput'],
  ['reads', '`read()` calls'],
  ['switches', 'voluntary switches'],
  ['acks', 'ACKs'],
  ['zeroWindows', 'zero windows'],
  ['windowFull', 'window full'],
  ['windowUpdates', 'window updates'],
];

/** Counts below this are shown themselves, not as a percentage. */
const FEW = 50;
const count = (x: number): string => String(Number(x.toFixed(1)));

function cell(quantity: Quantity, p: Pair): string {
  if (p.linux === 0 && p.ours === 0) return '–';
  if (p.inside === null) return '';
  const few = quantity !== 'goodput' && p.linux < FEW;
  const text = few ? `${count(p.linux)} → ${count(p.ours)}` : percent(p);
  return p.inside ? text : `**${text}**`;
}

function transferRow([row, c]: readonly [Row, Compared]): string {
  const goodput = mean(row.recorded.goodput).toFixed(2);
  return `| ${row.name} | ${goodput} | ${COLUMNS.map(([q]) => cell(q, c[q])).join(' | ')} |`;
}

const CLOSED_FORMS = { T3: 'Reno, √(1.5/p)', T6: 'CUBIC, RFC 9438 Table 1', T7: 'CUBIC, Table 2' };

function windowRow(w: MeanWindow): string {
  const share = (x: number | null): string => (x === null ? '' : percent({ ratio: 1 + x } as Pair));
  const p = `1e-${Math.round(-Math.log10(w.p))}`;
  const formula = w.formula < 1000 ? Math.round(10 * w.formula) / 10 : w.formula;
  const cells = [w.alone, w.avoidance, w.linux].map(share);
  return `| ${CLOSED_FORMS[w.of]} | ${w.rttMs} ms | ${p} | ${formula} | ${cells.join(' | ')} |`;
}

/** One recorded run of Reactor-Netty: its numbers there and here. */
export interface ReactiveRow {
  readonly name: string;
  readonly transport: string;
  /** How it is held to its recording, in a word. */
  readonly held: string;
  readonly linux: ReactiveCounts;
  readonly ours: ReactiveCounts;
}

/** As far as the card shows them. */
export interface ReactiveCounts {
  readonly reads: number;
  readonly on: number;
  readonly off: number;
  readonly requests: number;
  readonly flushes: number;
  readonly pending: number;
}

function reactiveRow({ name, transport, held, linux, ours }: ReactiveRow): string {
  const pair = (theirs: number | string, here: number | string): string =>
    theirs === here ? String(theirs) : `${theirs} → ${here}`;
  const cells = [
    pair(linux.reads, ours.reads),
    pair(`${linux.on}/${linux.off}`, `${ours.on}/${ours.off}`),
    pair(linux.requests, ours.requests),
    pair(linux.flushes, ours.flushes),
    pair(linux.pending, ours.pending),
  ];
  return `| ${name} | ${transport} | ${held} | ${cells.join(' | ')} |`;
}

/**
 * @param passed  scripts of tests/packetdrill/scripts that pass, also with --strict
 * @param rows    recorded transfers, each beside the simulated one
 * @param runs    recorded runs of Reactor-Netty, the same
 */
export function card(
  passed: number,
  rows: readonly (readonly [Row, Compared])[],
  runs: readonly ReactiveRow[],
): string {
  const inside = rows.filter(([, c]) => outside(c).length === 0).length;
  return `# How true it is

What is modelled of Linux 6.18, and what holds it. This page is written by a test, from checks that pass: it runs the
${passed} scripts of [tests/packetdrill/scripts](../tests/packetdrill/scripts/README.md) with no tolerance (\`--strict\`), and looks
for each test that it names. 76 of the scripts were seen to pass on a real Linux 6.18.44; those in \`${UNMEASURED.join('`, `')}\`
were written from RFCs and sources and have not been run there.

## TCP, feature by feature

| feature | rule | scripts | tests |
| --- | --- | --- | --- |
${FEATURES.map(featureRow).join('\n')}

## The machine around it

| feature | rule | tests |
| --- | --- | --- |
${MACHINE.map(machineRow).join('\n')}

## Not modelled

${NOT_MODELLED.map((line) => `- ${line}`).join('\n')}

A script that needs one of these is *unsupported*, with the reason; it never passes.

## Mean windows under periodic loss

How far they are from their closed forms: the congestion control alone with \`profile: rfc\`, the same on a connection in
congestion avoidance, and Linux's with the round trips of its recoveries. RFC 9438's own equations are 5.3 % above its Table 2 at
p = 1e-6. [The tests](../tests/validation/mean-window.test.ts) say how each is measured, and why Linux's is where it is.

| closed form | RTT | p | segments | control alone | connection | Linux |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${MEAN_WINDOWS.map(windowRow).join('\n')}

## Transfers recorded on Linux 6.18

One bulk transfer each, between two hosts on tun devices; the mean of two runs there, and the mean of five seeds here. ${inside} of
${rows.length} rows are inside: goodput within 5 %, calls, switches and ACKs within 15 %, windows as Wireshark counts them within 25 %, each
also by as much as the two runs differ, counts also by 3. Rows with random loss are the mean of twenty seeds, and of them goodput
alone is compared, within 20 %. What is outside is bold.

| transfer | Mbit/s on Linux | ${COLUMNS.map(([, head]) => head).join(' | ')} |
| --- | ---: |${' ---: |'.repeat(COLUMNS.length)}
${rows.map(transferRow).join('\n')}

${Object.entries(EXPLAINED)
  .map(([name, { quantity, why }]) => `- ${name}, ${quantity}: ${why}.`)
  .join('\n')}

## Reactor-Netty's recorded runs

${runs.length} runs of Reactor-Netty 1.2.2 (Netty 4.1.116) over loopback on Linux 6.18: recorded → here, one number where both are the same.
[The test](../tests/app/reactor-netty/recorded-runs.test.ts) holds each to its recording: *order*, event by event; *cycles*, the
same cycles in the same order, reads and autoRead within 15 %; *totals*, reads and autoRead within 15 % (s3b misses it: there a thread
that is woken waits for one that spins on its core, here it pre-empts it); *forms*, what follows from the number of reads; *edge*, how the stream ends.

| run | transport | held to | reads | autoRead on/off | requests | flushes | most bytes pending |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |
${runs.map(reactiveRow).join('\n')}
`;
}
