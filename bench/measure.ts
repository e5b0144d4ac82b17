/** Measuring: CPU time of the process, medians, memory after collection. */
import { fileURLToPath } from 'node:url';

/** User and system CPU time that `work` took, in seconds. */
export function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1e6;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const mid = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[mid]! : (sorted[mid - 1]! + sorted[mid]!) / 2;
}

/** heapUsed + external after two collections. Needs --expose-gc. */
export function liveBytes(): number {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('run with --expose-gc');
  collect();
  collect();
  const m = process.memoryUsage();
  return m.heapUsed + m.external;
}

export type Row = Readonly<Record<string, number | string>>;

/** When this module is the program: prints what `bench` gives as one JSON object. main.ts runs each bench as such a child. */
export function asProgram(url: string, bench: () => Row | Promise<Row>): void {
  if (process.argv[1] !== fileURLToPath(url)) return;
  void Promise.resolve(bench()).then((row) => console.log(JSON.stringify(row)));
}
