/**
 * The sysctls of the host under test. A name is one of those that the simulated machine has (kernel/sysctl-options.ts), one that
 * makes no difference (defaults.ts), or not supported: nothing is taken and then ignored.
 */
import { nearest } from '../base/nearest.ts';
import {
  KEY,
  MASK,
  SYSCTLS,
  sysctlNamed,
  type SysctlDef,
  type SysctlValue,
} from '../kernel/sysctl-options.ts';
import type { TcpOptions } from '../kernel/tcp.ts';
import { ABSENT, AS_MODELLED, DEFAULTS, WITHOUT_EFFECT } from './defaults.ts';
import type { SysctlWrite } from './shell-actions.ts';
import { NotSupported } from './verdict.ts';

/** Copied into a socket when it is made (net/ipv4/tcp.c tcp_init_sock()), but here read where they are used. */
const COPIED: readonly string[] = [
  'net.ipv4.tcp_rto_min_us',
  'net.ipv4.tcp_rto_max_ms',
  'net.ipv4.tcp_reordering',
];

export class Sysctls {
  /** All that is not the profile's. */
  readonly values: Record<string, SysctlValue> = {};
  /** What was said of names that are not modelled. */
  private readonly said = new Map<string, string>();
  /** What `set_sysctls.py` has last written over; null: it was never called. */
  private kept: SysctlWrite[] | null = null;

  /**
   * Throws NotSupported.
   *
   * @param sockets  there are some already
   * @returns false: Linux has no such sysctl
   */
  write({ name, value }: SysctlWrite, sockets: boolean): boolean {
    if (ABSENT.includes(name)) return false;
    const def = sysctlNamed(name);
    if (Object.hasOwn(WITHOUT_EFFECT, name)) return true;
    if (def === undefined) this.writeUnmodelled(name, value);
    else {
      const next = valueOf(def, value, this.value(def));
      const changes = String(next) !== String(this.value(def));
      if (changes && sockets && COPIED.includes(name))
        throw new NotSupported(`sysctl ${name} while there are sockets`);
      this.values[name] = next;
    }
    return true;
  }

  /** `defaults.sh`. What of it is not modelled is how every script begins, and so what the model is held against. */
  writeDefaults(): void {
    for (const { name, value } of DEFAULTS) {
      const def = sysctlNamed(name);
      if (def === undefined) this.said.set(name, value);
      else this.values[name] = valueOf(def, value, this.value(def));
    }
  }

  /** Remembers what these are now, for restore(). */
  keep(writes: readonly SysctlWrite[]): void {
    this.kept = writes
      .map(({ name }) => ({ name, value: this.text(name) }))
      .filter(({ value }) => value !== '');
  }

  /** Puts back what was kept last. False: nothing was ever kept. */
  restore(sockets: boolean): boolean {
    if (this.kept === null) return false;
    for (const w of this.kept) this.write(w, sockets);
    return true;
  }

  /** As `sysctl -n` prints it. */
  private text(name: string): string {
    const def = sysctlNamed(name);
    if (def === undefined) return this.said.get(name) ?? AS_MODELLED[name] ?? '';
    const value = this.value(def);
    return typeof value === 'string' ? value : value.join(' ');
  }

  private value(def: SysctlDef): SysctlValue {
    return this.values[def.name] ?? valueOf(def, def.fallback, []);
  }

  private writeUnmodelled(name: string, value: string): void {
    const now = this.said.get(name) ?? AS_MODELLED[name];
    if (now !== undefined && plain(value) === plain(now)) return;
    const near = nearestSysctl(name);
    const hint = now !== undefined || near === undefined ? '' : ` (there is ${near})`;
    throw new NotSupported(`sysctl ${name}=${value}${hint}`);
  }
}

/** By what follows the part that all have: names would be near one another by that alone. */
function nearestSysctl(name: string): string | undefined {
  const own = (n: string): string => n.replace(/^net\.(ipv4\.tcp_|ipv4\.|core\.)/, '');
  const near = nearest(
    own(name),
    SYSCTLS.map((d) => own(d.name)),
  );
  return SYSCTLS.find((d) => own(d.name) === near)?.name;
}

const NUMBER = /^-?(0x[\da-f]+|0|[1-9]\d*)$/i;

/** Numbers as the kernel reads them, decimal or hexadecimal; other words as they are. */
function plain(text: string): string {
  const words = text.trim().split(/\s+/);
  return words.map((w) => (NUMBER.test(w) ? String(Number(w)) : w)).join(' ');
}

/** @param now  of a list of three, what stays where fewer are written */
function valueOf(def: SysctlDef, text: string, now: SysctlValue): SysctlValue {
  const bad = (): never => {
    throw new NotSupported(`sysctl ${def.name}=${text}`);
  };
  if (def.kind === 'word') return def.words.includes(text) ? text : bad();
  if (def.kind === 'mask') return MASK.test(text) ? text : bad();
  if (def.kind === 'key') return KEY.test(text) ? text : bad();
  const words = text.trim().split(/\s+/);
  const numbers = words.map((w) => (NUMBER.test(w) ? Number(w) : bad()));
  if (numbers.some((n) => n < 0 || n > def.most)) bad();
  const count = def.kind === 'triple' ? 3 : 1;
  if (numbers.length > count) bad();
  return [...numbers, ...(now as readonly number[]).slice(numbers.length)];
}

/** Parameters of tcp_cubic that are options here; the value is a whole number. */
const CUBIC: Readonly<Record<string, (value: number) => Partial<TcpOptions> | null>> =
  Object.freeze({
    hystart: (n) => (n <= 1 ? { hystart: n === 1 } : null),
    hystart_detect: (n) => (n <= 3 ? { hystartDetect: n } : null),
  });

/** Those that are not, and what they are (net/ipv4/tcp_cubic.c). */
const CUBIC_AS_MODELLED: Readonly<Record<string, string>> = Object.freeze({
  fast_convergence: '1',
  beta: '717',
  initial_ssthresh: '0',
  bic_scale: '41',
  tcp_friendliness: '1',
  hystart_low_window: '16',
  hystart_ack_delta_us: '2000',
});

/** What a write to /sys/module/tcp_cubic/parameters changes. Throws NotSupported. */
export function cubicChange(parameter: string, value: string): Partial<TcpOptions> {
  const read = Object.hasOwn(CUBIC, parameter) ? CUBIC[parameter] : undefined;
  const change = read !== undefined && /^\d{1,9}$/.test(value) ? read(Number(value)) : null;
  if (change !== null) return change;
  if (Object.hasOwn(CUBIC_AS_MODELLED, parameter) && CUBIC_AS_MODELLED[parameter] === value)
    return {};
  throw new NotSupported(`tcp_cubic parameter ${parameter}=${value}`);
}
