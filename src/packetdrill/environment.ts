/**
 * What surrounds the connections of a script: sysctls, the device and the queue in front of it, the route, files. Shell texts
 * change it, before the first event and between events; what they say is read (shell.ts, commands.ts), never executed.
 */
import { DEFAULT_QDISCS } from '../kernel/qdisc/options.ts';
import type { Stack } from '../kernel/stack.ts';
import { HOST_DEFAULTS } from '../kernel/profile.ts';
import { softnetOptionsOf, stackOptionsOf, writeSysctls } from '../kernel/sysctl.ts';
import type { PathOptions, TcpOptions } from '../kernel/tcp.ts';
import type { Tun, TunOptions } from '../kernel/tun.ts';
import type { Shell } from './ast.ts';
import { actionOf } from './commands.ts';
import { selected } from './grep.ts';
import { counterNames, countersIn, countersOf, Nstat } from './nstat.ts';
import { ipv4, type Settings } from './options.ts';
import type { QdiscChoice, QdiscVerb, Route, ShellAction } from './shell-actions.ts';
import { parseShell, type ShellStep } from './shell.ts';
import { cubicChange, Sysctls } from './sysctls.ts';
import { Failure, NotSupported } from './verdict.ts';

/** The host under test, once it runs. */
export interface Machine {
  readonly stack: Stack;
  readonly tun: Tun;
}

/** A step of a shell text and what it means: one action, or `nstat` and the greps behind it. */
interface Step extends ShellStep {
  readonly actions: readonly ShellAction[];
}

/** What came of a step: why it failed, or null. */
type Outcome = string | null;

/** Packets in front of tun0 (TUN_READQ_SIZE, drivers/net/tun.c). */
const QUEUE = 500;
/** Linux's timers fire up to a tick after they are due. Scripts that pass there allow for it, and some rely on it. */
const TIMER_SLACK_US = 2500;
/** IPV4_MIN_MTU, include/net/ip.h. */
const LEAST_MTU = 68;

export class Environment {
  /** Files that a script made: their length in bytes, all zeros. */
  readonly files: Map<string, number> = new Map<string, number>();
  private readonly sysctls = new Sysctls();
  private readonly nstat = new Nstat();
  private readonly localIp: number;
  private readonly remoteIp: number;
  private mtu: number;
  private tso = true;
  private route: Route = {};
  /** null: what a device has by itself. */
  private qdisc: QdiscChoice | null = null;
  /** What has no sysctl: parameters of tcp_cubic. */
  private cubic: Partial<TcpOptions> = {};
  private machine: Machine | null = null;

  constructor(settings: Settings) {
    this.localIp = settings.localIp;
    this.remoteIp = settings.remoteIp;
    this.mtu = settings.mtu;
  }

  /** What the host's network stack is made with. */
  get stack(): ReturnType<typeof stackOptionsOf> {
    return stackOptionsOf(this.sysctls.values, this.changes);
  }

  /** What its device is made with. */
  get tun(): Partial<TunOptions> {
    return { mtu: this.mtu, tso: this.tso, txqueuelen: QUEUE };
  }

  /** The host is there: what is changed from now on is changed on it. */
  attach(machine: Machine): void {
    this.machine = machine;
    // What was written before the machine was there.
    machine.stack.host.softnet = softnetOptionsOf(this.sysctls.values, HOST_DEFAULTS.hz);
    this.applyPath();
    this.applyQdisc();
  }

  /**
   * Reads shell texts and tries everything that they say, for what of it is not supported. A script with such a text is not
   * understood, wherever in it the text stands. Throws NotSupported.
   */
  static rehearse(shells: readonly Shell[], settings: Settings): void {
    const trial = new Environment(settings);
    for (const shell of shells) for (const step of trial.read(shell)) trial.carryOut(step);
  }

  /** Does what a shell text says. Throws NotSupported before anything is done, Failure when its exit status is not 0. */
  run(shell: Shell): void {
    let success = true;
    let why = '';
    let last: Step | null = null;
    for (const step of this.read(shell)) {
      if (step.join === ';' || success === (step.join === '&&')) {
        const outcome = this.carryOut(step);
        success = (outcome === null) !== step.negate;
        why = outcome ?? 'it succeeded';
        last = step;
      }
      if (step.background) success = true;
    }
    if (success || last === null) return;
    throw new Failure(last.line, `\`${onOneLine(last.text)}\` failed: ${why}`);
  }

  /** Every step, understood. */
  private read(shell: Shell): Step[] {
    return parseShell(shell).map((step) => {
      const notUnderstood = (line: number): never => {
        throw new NotSupported(`shell command \`${onOneLine(step.text)}\``, line);
      };
      const actions = step.pipeline.map((c) => actionOf(c) ?? notUnderstood(c.line));
      const [first, ...rest] = actions;
      const piped = rest.length === 0 ? first?.kind !== 'grep' : first?.kind === 'nstat';
      if (!piped || rest.some((a) => a.kind !== 'grep')) notUnderstood(step.line);
      return { ...step, actions };
    });
  }

  private carryOut(step: Step): Outcome {
    try {
      return this.act(step);
    } catch (error) {
      if (error instanceof NotSupported && error.line === null)
        throw new NotSupported(error.message, step.line);
      throw error;
    }
  }

  private act({ actions }: Step): Outcome {
    const action = actions[0]!;
    switch (action.kind) {
      case 'nstat':
        return this.look(actions);
      case 'defaults':
        this.sysctls.writeDefaults();
        if (this.qdisc === null) this.qdisc = { name: 'pfifo', limit: null };
        this.applySysctls();
        return this.applyQdisc();
      case 'sysctl':
      case 'set-sysctls':
      case 'restore-sysctls':
        return this.writeSysctls(action);
      case 'cubic':
        this.cubic = { ...this.cubic, ...cubicChange(action.parameter, action.value) };
        return this.applySysctls();
      case 'qdisc':
        return this.changeQdisc(action.verb, action.qdisc);
      case 'offload':
        this.tso = action.features.tso ?? this.tso;
        this.machine?.tun.configure({ tso: this.tso });
        return null;
      case 'link':
        return this.setMtu(action.mtu);
      case 'route':
        return this.changeRoute(action.destination, action.route);
      case 'file':
        if (action.bytes === null) this.files.delete(action.path);
        else this.files.set(action.path, action.bytes);
        return null;
      case 'flush-metrics':
        this.machine?.stack.flushMetrics();
        return null;
      case 'status':
        return action.success ? null : 'it always does';
      case 'grep':
        throw new NotSupported('grep without nstat in front');
    }
  }

  // ---- sysctls and counters ----------------------------------------------------------------------------------------

  private writeSysctls(
    action: ShellAction & { kind: 'sysctl' | 'set-sysctls' | 'restore-sysctls' },
  ): Outcome {
    const { sysctls, socketsMade } = this;
    let outcome: Outcome = null;
    if (action.kind === 'restore-sysctls') {
      if (!sysctls.restore(socketsMade)) return 'there is no such file: set_sysctls.py writes it';
    } else {
      if (action.kind === 'set-sysctls') sysctls.keep(action.writes);
      const lenient = action.kind === 'sysctl' && action.lenient;
      for (const write of action.writes)
        if (!sysctls.write(write, socketsMade) && !lenient)
          outcome = `Linux 6.18 has no sysctl ${write.name}`;
    }
    this.applySysctls();
    return outcome;
  }

  private applySysctls(): null {
    const { machine } = this;
    if (machine !== null) writeSysctls(machine.stack, this.sysctls.values, this.changes);
    return null;
  }

  /** What of the route and of modules is an option of TCP here. */
  private get changes(): Partial<TcpOptions> {
    const { rtoMinMs } = this.route;
    const always = { ...this.cubic, timerSlackUs: TIMER_SLACK_US };
    return rtoMinMs === undefined ? always : { ...always, rtoMinUs: rtoMinMs * 1000 };
  }

  /** nstat, and the lines that grep leaves of what it prints. */
  private look([first, ...greps]: readonly ShellAction[]): Outcome {
    if (first?.kind !== 'nstat') throw new NotSupported('a pipe that nstat does not begin');
    const patterns = greps.flatMap((g) => (g.kind === 'grep' ? [g.pattern] : []));
    const names = [...first.names, ...patterns.flatMap((p) => countersIn(p.source))];
    const known = counterNames();
    for (const name of names) if (!known.has(name)) throw new NotSupported(`counter ${name}`);
    if (patterns.length > 0 && names.length === 0)
      throw new NotSupported('grep for something else than the name of a counter');
    const { machine } = this;
    const counters = machine === null ? new Map<string, number>() : countersOf(machine.stack);
    const before = this.nstat.moved(counters);
    let lines = this.nstat.run(first, counters);
    if (patterns.length === 0) return null;
    for (const pattern of patterns) lines = selected(pattern, lines);
    if (lines.length > 0) return null;
    return names.map((name) => `${name} is ${before.get(name) ?? 0}`).join(', ');
  }

  // ---- the device and the way from it ------------------------------------------------------------------------------

  private changeQdisc(verb: QdiscVerb, qdisc: QdiscChoice | null): Outcome {
    if (verb === 'delete' && this.qdisc === null) return 'tun0 has no queue but its own';
    if (verb === 'add' && this.qdisc !== null) return 'tun0 has a queue already';
    this.qdisc = qdisc;
    return this.applyQdisc();
  }

  private applyQdisc(): null {
    const { machine, qdisc } = this;
    if (machine === null) return null;
    const { stack, tun } = machine;
    const fq = qdisc?.name === 'fq';
    const changes = fq !== tun.qdisc.paces;
    if (changes && this.socketsMade)
      throw new NotSupported('a change to or from fq while there are sockets');
    if (!fq) tun.qdisc.replace({ kind: 'pfifo', limit: qdisc?.limit ?? QUEUE });
    else if (changes) tun.qdisc.replace(DEFAULT_QDISCS['fq']!);
    if (changes) stack.changePath(tun, { fq });
    return null;
  }

  private setMtu(mtu: number | null): Outcome {
    if (mtu === null || mtu === this.mtu) return null;
    if (mtu < LEAST_MTU || mtu > 65_535) return `${mtu} is no MTU for tun0`;
    this.mtu = mtu;
    this.machine?.tun.configure({ mtu });
    return this.applyPath();
  }

  private changeRoute(destination: string, route: Route): Outcome {
    const [address = '', bits = '32'] = destination.split('/');
    if (ipv4(address) !== this.remoteIp || bits !== '32')
      throw new NotSupported(`a route to ${destination}`);
    if (route.src !== undefined && ipv4(route.src) !== this.localIp)
      throw new NotSupported(`a route with source address ${route.src}`);
    this.route = route;
    this.applySysctls();
    return this.applyPath();
  }

  /** Tells the stack what holds on the way to the script. */
  private applyPath(): null {
    const { machine, route, mtu } = this;
    if (machine === null) return null;
    const path: Partial<PathOptions> = {
      mtu: Math.min(route.mtu ?? mtu, mtu),
      mtuLocked: route.mtuLock ?? false,
      advmss: route.advmss ?? 0,
      quickack: route.quickack ?? false,
      initCwnd: route.initcwnd ?? 10,
      initRwnd: route.initrwnd ?? 0,
    };
    machine.stack.changePath(machine.tun, path);
    return null;
  }

  /** Scripts open nothing before their first socket that would be mistaken for one. */
  private get socketsMade(): boolean {
    return this.machine?.stack.host.processes.some((p) => p.fds.open > 0) ?? false;
  }
}

/** A command that goes on behind a backslash, as messages show it. */
const onOneLine = (text: string): string => text.replaceAll(/\s*\\?\n\s*/g, ' ');
