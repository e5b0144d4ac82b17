/** What shell texts ask of the machine, as plain data. */
import type { Pattern } from './grep.ts';

export type ShellAction =
  /** `defaults.sh`: what every script of the collections begins with. */
  | { readonly kind: 'defaults' }
  | { readonly kind: 'sysctl'; readonly writes: readonly SysctlWrite[]; readonly lenient: boolean }
  /** `set_sysctls.py` keeps the old values; `sysctl_restore_….sh` puts them back. */
  | { readonly kind: 'set-sysctls'; readonly writes: readonly SysctlWrite[] }
  | { readonly kind: 'restore-sysctls' }
  /** A parameter of tcp_cubic. */
  | { readonly kind: 'cubic'; readonly parameter: string; readonly value: string }
  /** null: what the device has by itself. */
  | { readonly kind: 'qdisc'; readonly verb: QdiscVerb; readonly qdisc: QdiscChoice | null }
  | { readonly kind: 'offload'; readonly features: Readonly<Partial<Record<Feature, boolean>>> }
  | { readonly kind: 'link'; readonly mtu: number | null }
  | { readonly kind: 'route'; readonly destination: string; readonly route: Route }
  /** A file of so many zeros; null: there is none any more. */
  | { readonly kind: 'file'; readonly path: string; readonly bytes: number | null }
  | { readonly kind: 'flush-metrics' }
  | { readonly kind: 'status'; readonly success: boolean }
  | NstatAction
  | { readonly kind: 'grep'; readonly pattern: Pattern };

export interface SysctlWrite {
  /** With dots. */
  readonly name: string;
  readonly value: string;
}

export type QdiscVerb = 'add' | 'replace' | 'delete';
export interface QdiscChoice {
  readonly name: 'pfifo' | 'pfifo_fast' | 'fq';
  /** Packets; null: as the device says. */
  readonly limit: number | null;
}
export type Feature = 'tso' | 'gso' | 'gro';

/** What `ip route` says of the way to the script; what it leaves out is as if it was never written. */
export interface Route {
  readonly mtu?: number;
  /** `mtu lock`: not to be lowered by ICMP. */
  readonly mtuLock?: boolean;
  readonly advmss?: number;
  readonly initcwnd?: number;
  readonly initrwnd?: number;
  readonly quickack?: boolean;
  readonly rtoMinMs?: number;
  /** Address of the host: it has one only. */
  readonly src?: string;
}

export interface NstatAction {
  readonly kind: 'nstat';
  /** Print nothing (-n). */
  readonly silent: boolean;
  /** Since the machine began, not since the call before (-a). */
  readonly absolute: boolean;
  /** Leave the history as it is (-s). */
  readonly keep: boolean;
  /** Forget the history first (-r). */
  readonly reset: boolean;
  /** Print counters that are 0 as well (-z). */
  readonly zeros: boolean;
  /** Print only these; none: all. */
  readonly names: readonly string[];
}
