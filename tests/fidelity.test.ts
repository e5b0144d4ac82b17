/**
 * Recorded transfers of a real Linux 6.18, repeated: every row within its tolerances but for those that fidelity/explained.ts
 * names, with the mechanism; and the way they are counted held against Wireshark itself.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TcpAnalysis } from '../fidelity/analysis.ts';
import { compare, outside, simulated } from '../fidelity/compare.ts';
import { EXPLAINED } from '../fidelity/explained.ts';
import { mean, rowsOf, scenarioOf } from '../fidelity/transfers.ts';
import { PcapCapture } from '../src/report/pcap.ts';
import type { CapturedFrame } from '../src/sim/run/capture.ts';
import { runScenario } from '../src/sim/run/runner.ts';
import { load } from '../src/sim/scenario/load.ts';

const rows = rowsOf(
  readFileSync(new URL('./vectors/linux-transfers.jsonl', import.meta.url), 'utf8'),
);
const compared = rows.map((row) => [row.name, outside(compare(row))] as const);

describe('a recorded transfer [tests/vectors/linux-transfers.jsonl]', () => {
  it.each(compared)('%s', (name, off) => {
    const explained = EXPLAINED[name];
    expect(off).toEqual(explained === undefined ? [] : [explained.quantity]);
  });

  const inside = compared.filter(([, off]) => off.length === 0).length;
  it('at least 22 of the 24 rows are inside', () => {
    expect(rows).toHaveLength(24);
    expect(inside).toBeGreaterThanOrEqual(22);
  });

  it('[mutant] a receive buffer that is not doubled is far outside', () => {
    const row = rows.find((r) => r.name === 'rcvbuf-65536-rtt20')!;
    const halved = scenarioOf(row).replace('SO_RCVBUF: 65536', 'SO_RCVBUF: 32768');
    expect(simulated(row, 1, halved).goodput / mean(row.recorded.goodput)).toBeLessThan(0.6);
  });
});

describe('a capture is counted', () => {
  const frame = (over: Partial<CapturedFrame>): CapturedFrame =>
    ({ flags: 16, window: 100, wscale: -1, seq: 0, ack: 0, len: 0, ...over }) as CapturedFrame;
  const counted = (...frames: (readonly [inbound: boolean, Partial<CapturedFrame>])[]): string => {
    const a = new TcpAnalysis('server:tun0');
    frames.forEach(([inbound, f], i) => a.frame('server:tun0', i, frame(f), inbound));
    a.finish();
    const { zeroWindow, windowFull, windowUpdate, zeroWindowProbe, acks } = a;
    return [zeroWindow, windowFull, windowUpdate, zeroWindowProbe, acks].join();
  };
  const DATA = [true, { len: 100 }] as const;

  it('as tcp.analysis says: window full, zero window, probe, update', () => {
    expect(counted([false, {}], DATA)).toBe('0,1,0,0,1');
    expect(counted([false, {}], [true, { len: 99 }])).toBe('0,0,0,0,1');
    expect(counted(DATA, [false, { ack: 100, window: 0 }])).toBe('1,0,0,0,1');
    expect(counted(DATA, [false, { ack: 100, window: 0 }], [true, { seq: 100, len: 1 }])).toBe(
      '1,0,0,1,1',
    );
    expect(counted([false, { ack: 1 }], [false, { ack: 1, window: 200 }])).toBe('0,0,1,0,2');
    expect(counted([false, { ack: 1 }], [false, { ack: 2, window: 200 }])).toBe('0,0,0,0,2');
  });

  const tshark = ((): boolean => {
    try {
      execFileSync('tshark', ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })();
  it.skipIf(!tshark).each(['stalled', 'rcvbuf-4096-rtt20', 'queue64k-cubic'])(
    'as tshark counts it: %s',
    (name) => {
      const row = rows.find((r) => r.name === name)!;
      const dir = mkdtempSync(join(tmpdir(), 'hostwire-'));
      try {
        const count = (file: string, filter: string): number =>
          execFileSync('tshark', ['-r', file, '-Y', filter], {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'],
          })
            .split('\n')
            .filter((line) => line !== '').length;
        const file = join(dir, 'server.pcapng');
        const bytes: Uint8Array[] = [];
        const capture = new PcapCapture(
          (iface) => (block) => void (iface === 'server:tun0' && bytes.push(block)),
          'test',
        );
        const [scenario] = load(scenarioOf(row), { file: 'row.yaml', seed: '1' });
        runScenario(scenario!, { capture });
        capture.close();
        writeFileSync(file, Buffer.concat(bytes));
        const ours = simulated(row, 1);
        expect({
          zeroWindows: count(file, 'tcp.analysis.zero_window'),
          windowFull: count(file, 'tcp.analysis.window_full'),
          windowUpdates: count(file, 'tcp.analysis.window_update'),
          probes: count(file, 'tcp.analysis.zero_window_probe'),
          acks: count(file, 'tcp.srcport == 5001 && tcp.len == 0 && tcp.flags.syn == 0'),
        }).toEqual({
          zeroWindows: ours.zeroWindows,
          windowFull: ours.windowFull,
          windowUpdates: ours.windowUpdates,
          probes: ours.probes,
          acks: ours.acks,
        });
      } finally {
        rmSync(dir, { recursive: true });
      }
    },
  );
});
