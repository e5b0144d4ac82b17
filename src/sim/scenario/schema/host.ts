/** Hosts and routers, in the words of sysctl; their network cards are in nic.ts. */
import { z } from 'zod';
import { type CostEntry, LINUX_COSTS } from '../../../kernel/costs.ts';
import {
  IDLE_DEFAULTS,
  type IdleOptions,
  PROFILES as PROFILE_CHANGES,
  type SchedOptions,
} from '../../../kernel/profile.ts';
import type { HostSpec, RouterSpec, SysctlValue } from '../types.ts';
import { didYouMean } from '../did-you-mean.ts';
import { KEY, MASK, SYSCTLS, type SysctlDef } from '../sysctl.ts';
import { documented, nsecs, quantity, whole } from './fields.ts';
import { limit } from './link.ts';
import { nicSchema } from './nic.ts';

/** Linux's words for lists of numbers: `4096 131072 6291456`; a single number may be a YAML number. */
function sysctl(def: SysctlDef): z.ZodType<SysctlValue> {
  const schema = z.union([z.string(), z.number(), z.array(z.int())]).transform((raw, ctx) => {
    const bad = (message: string, hint: string): never => {
      ctx.issues.push({ code: 'custom', message, input: raw, params: { hint } });
      return z.NEVER;
    };
    if (def.kind === 'word') {
      if (typeof raw === 'string' && def.words.includes(raw)) return raw;
      const hint = didYouMean(String(raw), def.words, 'write one of') ?? '';
      return bad(`\`${String(raw)}\` is none of ${def.words.join(', ')}`, hint);
    }
    if (def.kind === 'key') {
      if (KEY.test(String(raw))) return String(raw);
      return bad('expected four hexadecimal numbers, one key', `e.g. \`${def.fallback}\``);
    }
    if (def.kind === 'mask') {
      const plain = typeof raw === 'string' || (typeof raw === 'number' && raw >= 0 && raw <= 9);
      if (plain && MASK.test(String(raw))) return String(raw);
      return bad('expected a hexadecimal mask of cores', "in quotes, e.g. `'f'` for cores 0 to 3");
    }
    const parts = Array.isArray(raw) ? raw.map(String) : String(raw).trim().split(/\s+/);
    const example = `e.g. \`${def.fallback}\``;
    const count = def.kind === 'triple' ? 3 : 1;
    if (parts.length !== count || !parts.every((p) => /^-?\d+$/.test(p))) {
      const want = def.kind === 'triple' ? 'three plain numbers' : 'one plain number';
      return bad(`expected ${want}, as sysctl takes them`, example);
    }
    const values = parts.map(Number);
    const outside = values.find((v) => v < def.least || v > def.most);
    if (outside !== undefined) {
      return bad(`impossible value: ${outside}; ${def.least} .. ${def.most}`, example);
    }
    if (values.length === 3 && (values[0]! > values[1]! || values[1]! > values[2]!)) {
      return bad(`the three numbers must not fall: ${def.three}`, example);
    }
    return values;
  });
  const unit = def.unit === '' ? '' : ` (${def.unit})`;
  return documented(schema, {
    text: `${def.meaning}${unit}. Default: ${def.fallback}.`,
    source: def.source,
    example: def.fallback,
  });
}

const sysctls = z
  .strictObject(Object.fromEntries(SYSCTLS.map((d) => [d.name, sysctl(d).optional()])))
  .transform((map) => map as Record<string, SysctlValue>);

const costs = z
  .strictObject(
    Object.fromEntries(
      Object.entries(LINUX_COSTS).map(([step, c]) => [step, costOf(c).optional()]),
    ),
  )
  .transform((map) => map as Record<string, number>);

function costOf(c: CostEntry): z.ZodType<number> {
  const text = `Default on \`machine: linux\`: ${c.ns} ns.`;
  return quantity('duration', { text, source: c.source, example: `${c.ns} ns` });
}

const duration = (text: string, example: string): z.ZodType<number> =>
  quantity('duration', { text, example }, { max: 1e9 });

const sched = z
  .strictObject({
    base_slice_ns: nsecs(
      {
        text: 'How long a thread runs before others that wait get their turn (/sys/kernel/debug/sched); it ends at the first tick after that. Default: 0.7 ms on one core, 1.4 ms on two and three, 2.1 ms on four to seven, 2.8 ms on more.',
        source: 'kernel/sched/fair.c sysctl_sched_base_slice, get_update_sysctl_factor()',
        example: '3 ms',
      },
      { min: 100_000, max: 100_000_000 },
    ).optional(),
    migration_cost_ns: nsecs(
      {
        text: 'A thread that ran less than so long ago is not pulled to another core. Default: 500 us.',
        source: 'kernel/sched/fair.c sysctl_sched_migration_cost',
        example: '500 us',
      },
      { max: 1_000_000_000 },
    ).optional(),
    hrtick: documented(z.boolean(), {
      text: 'Slices end when they are used up, not at the next tick (feature HRTICK). Default: false; with `HZ: exact` true.',
      source: 'kernel/sched/features.h HRTICK',
      example: 'false',
    }).optional(),
  })
  .transform((s): Partial<SchedOptions> => ({
    ...(s.base_slice_ns === undefined ? {} : { slice: s.base_slice_ns }),
    ...(s.migration_cost_ns === undefined ? {} : { migrationCost: s.migration_cost_ns }),
    ...(s.hrtick === undefined ? {} : { hrtick: s.hrtick }),
  }));

const cpuidle = z
  .strictObject({
    after: duration(
      'A core that has been idle for no longer is there at once. Default: 4 ms, one tick.',
      '4 ms',
    ).optional(),
    latency: duration(
      'What a core that has been idle for longer takes at least to come back. Default: 0 s.',
      '45 us',
    ).optional(),
    spread: duration(
      '… and at most so much more, drawn each time. Default: 0 s.',
      '50 us',
    ).optional(),
  })
  .refine((i) => i.after === undefined || i.latency !== undefined || i.spread !== undefined, {
    message: '`after` says nothing without `latency` or `spread`: coming back takes no time',
    path: ['after'],
    params: { hint: 'e.g. `latency: 45 us`' },
  })
  .transform((i): IdleOptions => ({
    after: i.after ?? IDLE_DEFAULTS.after,
    latency: i.latency ?? IDLE_DEFAULTS.latency,
    spread: i.spread ?? IDLE_DEFAULTS.spread,
  }));

export type HostBody = Omit<HostSpec, 'name'>;

/** By name; the first is the default. */
export const PROFILES: readonly string[] = Object.keys(PROFILE_CHANGES);

export const hostSchema: z.ZodType<HostBody> = z
  .strictObject({
    cpus: whole({ text: 'Cores. Default: 1.' }, { min: 1, max: 32 }).default(1),
    machine: documented(z.enum(['linux', 'ideal']), {
      text: '`linux`: every step costs what the cost table says. `ideal`: every cost is 0, no interrupt moderation, offloads off unless written; closed forms run on it.',
      example: 'linux',
    }).default('linux'),
    profile: documented(z.enum(PROFILES), {
      text: 'Where defaults come from; the scenario has one too.',
      example: 'rfc',
    }).optional(),
    HZ: documented(z.union([z.literal([100, 250, 300, 1000]), z.literal('exact')]), {
      text: 'Jiffies per second; `exact` switches the rounding of timers to jiffies off. Default: 250.',
      source: 'CONFIG_HZ',
      example: '250',
    }).default(250),
    sysctl: sysctls.prefault({}),
    device: documented(z.enum(['nic', 'tun', 'lo']), {
      text: '`nic`: rings, interrupts, NAPI. `tun`: no ring and no interrupt, each frame is one skb through netif_rx(). `lo`: loopback.',
      example: 'nic',
    }).default('nic'),
    nic: nicSchema.prefault({}),
    costs: documented(costs, {
      text: 'Prices of kernel steps, in place of the machine’s.',
      example: '{ syscall: 150 ns }',
    }).default({}),
    nofile: whole(
      {
        text: 'Descriptors that each process may have open (EMFILE beyond): RLIMIT_NOFILE, `nofile` of limits.conf, `ulimit -n`. Nothing stands at 0, 1 and 2 here. Left out: 1024, or as many as the connections of the scenario take.',
        source: 'include/asm-generic/resource.h; fs.nr_open: at most 1048576',
        example: '1024',
      },
      { min: 1, max: 1_048_576 },
    ).optional(),
    sched: documented(sched, {
      text: 'The scheduler, by the names of /sys/kernel/debug/sched.',
      example: '{ base_slice_ns: 3 ms }',
    }).prefault({}),
    cpuidle: documented(cpuidle, {
      text: 'How long cores that sleep deeply take to come back: what wakes them waits so long. Matters most on virtual machines.',
      source: 'drivers/cpuidle; kernel/time/tick-sched.c',
      example: '{ latency: 45 us, spread: 50 us }',
    }).prefault({}),
  })
  .transform((h): HostBody => ({
    cpus: h.cpus,
    machine: h.machine,
    profile: h.profile ?? '',
    hz: h.HZ,
    sysctl: h.sysctl,
    device: h.device,
    nic: h.nic,
    costs: h.costs,
    nofile: h.nofile ?? null,
    sched: h.sched,
    idle: h.cpuidle,
  }));

export type RouterBody = Omit<RouterSpec, 'name'>;

export const routerSchema: z.ZodType<RouterBody> = z
  .strictObject({
    limit: limit({
      text: 'Drop-tail queue of every port whose link has no `limit:`. Default: 1000 packets.',
      source: 'net/ethernet/eth.c ether_setup(), txqueuelen',
    }).optional(),
  })
  .transform((r): RouterBody => ({ limit: r.limit ?? null }));
