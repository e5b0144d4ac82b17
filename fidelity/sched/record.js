// Records what tests/kernel/machine/sched-recorded.test.ts compares with: how Linux schedules a few threads that are pinned to
// one core. Prints a JSON line for each set-up, and to standard error for how long others had the core meanwhile.
//
//   node fidelity/sched/record.js [NAME…]      on Linux, as root, with a C compiler
//
// Phases are relative to ticks; those of other cores are not needed, and that CONFIG_HZ is 250 is taken for granted.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CORE = 0;
const TICK_US = 4000;
/** What each thread does, as threads.c says it. */
const SETUPS = {
  two: [500, 's', 's'],
  three: [600, 's', 's', 's'],
  p10: [3000, 's', 'p10000,3000'],
  pss: [2000, 's', 's', 'p1000,100'],
  sspp: [2000, 's', 's', 'p3000,500', 'p7000,2000'],
  w10: [2000, 'w100', 'r10'],
  w60: [2000, 'w100', 'r60'],
  w150: [2000, 'w100', 'r150'],
};
/** Edges of what is counted: turns and waits, µs. */
const TURN_US = [200, 500, 1000, 2000, 3500, 4500];
const WAIT_US = [20, 500, 1000, 2000, 3000];

const dir = mkdtempSync(join(tmpdir(), 'sched-'));
const tracing = join(dir, 'tracing');

function main() {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(SETUPS);
  for (const name of names)
    if (!(name in SETUPS)) {
      console.error(`record: no set-up ${name}; there are ${Object.keys(SETUPS).join(', ')}`);
      process.exitCode = 2;
      return;
    }
  if (process.platform !== 'linux' || process.getuid() !== 0) {
    console.error('record: only on Linux, and as root: the trace of the scheduler is read');
    process.exitCode = 2;
    return;
  }
  const program = join(dir, 'threads');
  execFileSync('cc', ['-O2', '-pthread', '-o', program, join(import.meta.dirname, 'threads.c')]);
  mkdirSync(tracing);
  execFileSync('mount', ['-t', 'tracefs', 'none', tracing]);
  try {
    for (const name of names) console.log(JSON.stringify(record(program, name)));
  } finally {
    execFileSync('umount', [tracing]);
    rmSync(dir, { recursive: true });
  }
}

const set = (file, value) => writeFileSync(join(tracing, file), value);

function record(program, name) {
  const [ms, ...does] = SETUPS[name];
  set('tracing_on', '0');
  set('trace', '');
  set('trace_clock', 'mono');
  set('buffer_size_kb', '40000');
  for (const event of ['sched_switch', 'sched_wakeup']) set(`events/sched/${event}/enable`, '1');
  set('tracing_on', '1');
  const args = ['-w', program, String(CORE), String(ms), ...does];
  const begin = Number(execFileSync('setsid', args, { encoding: 'utf8' })) / 1000;
  set('tracing_on', '0');
  return summary(name, ms, does, begin, eventsOf(readFileSync(join(tracing, 'trace'), 'utf8')));
}

/** Of this core: [µs, what, who came, who went]. */
function eventsOf(text) {
  const core = `[${String(CORE).padStart(3, '0')}]`;
  return text.split('\n').flatMap((line) => {
    if (!line.includes(core)) return [];
    const at = Number(/ ([\d.]+): sched_/.exec(line)?.[1]) * 1e6;
    const woken = /sched_wakeup: comm=(\S+)/.exec(line);
    if (woken !== null) return [[at, 'wakeup', woken[1], '']];
    const s = /sched_switch: prev_comm=(.*) prev_pid=.* ==> next_comm=(.*) next_pid/.exec(line);
    return s === null ? [] : [[at, 'switch', s[2], s[1]]];
  });
}

function summary(name, ms, does, begin, events) {
  const threads = does.map(() => ({ turns: [], waits: [] }));
  const woken = new Map();
  let [since, others] = [begin, 0];
  for (const [at, what, who, went] of events) {
    if (at < begin) continue;
    const i = /^x\d+$/.test(who) ? Number(who.slice(1)) : -1;
    if (what === 'wakeup') woken.set(who, at);
    else {
      if (/^x\d+$/.test(went)) threads[Number(went.slice(1))].turns.push(at - since);
      else if (!went.startsWith('swapper')) others += at - since;
      if (i >= 0 && woken.has(who)) threads[i].waits.push(at - woken.get(who));
      woken.delete(who);
      since = at;
    }
  }
  console.error(`${name}: others had the core for ${(others / 1000).toFixed(1)} ms`);
  return {
    name,
    ms,
    phase: Math.round(begin % TICK_US),
    threads: threads.map(({ turns, waits }, i) => {
      const [kind, first] = [does[i][0], Number.parseInt(does[i].slice(1), 10)];
      const us = turns.reduce((a, b) => a + b, 0);
      const times = kind === 'p' ? Math.ceil((ms * 1000) / first) - 1 : turns.length;
      return {
        ...(kind === 'p' ? { every: first } : kind === 'w' ? { posts: first } : {}),
        ...(kind === 'p' || kind === 'r' ? { work: round(us / times) } : {}),
        ms: round(us / 1000),
        turns: turns.length,
        turn: histogram(turns, TURN_US),
        wait: histogram(waits, WAIT_US),
      };
    }),
  };
}

const round = (x) => Math.round(x * 10) / 10;

function histogram(values, edges) {
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  for (const v of values) counts[edges.filter((e) => v >= e).length]++;
  return counts;
}

main();
