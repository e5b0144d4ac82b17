/** The application as a script plays it: system calls, one of which may sleep while the script goes on. */
import { ENOPROTOOPT, ENOSYS } from '../base/errno.ts';
import { add, us } from '../base/units.ts';
import type { Call } from './ast.ts';
import { formatCall, formatResult } from './call-notation.ts';
import { prepare, type CallContext, type Prepared } from './calls.ts';
import type { Running } from './rig.ts';
import type { Stage } from './stage.ts';
import { timingError, type Due } from './timing.ts';
import { Failure, NotSupported } from './verdict.ts';

/** How long a call waits for one that sleeps, µs. */
const PATIENCE = 1_000_000;

/** A call that may sleep, on its way. */
interface Pending {
  readonly call: Call;
  readonly prepared: Prepared;
  readonly running: Running;
  /** When it must return, and µs from its start to then. */
  readonly due: Due;
  readonly span: number;
}

export class Application {
  private readonly stage: Stage;
  private readonly context: CallContext;
  private pending: Pending | null = null;

  constructor(stage: Stage) {
    this.stage = stage;
    this.context = {
      ends: stage.options.ends,
      fds: stage.fds,
      flows: stage.flows,
      sock: (live) => stage.sock(live),
      nonblock: (live) => stage.rig.files.get(live)?.nonblock ?? null,
      fileSize: stage.options.fileSize,
    };
  }

  /** Makes a call. Without a time for its return the script stands still until it returns. */
  call(call: Call, due: Due): void {
    const { rig } = this.stage;
    const prepared = prepare(call, this.context);
    prepared.before?.();
    const running = rig.call(prepared.body);
    if (call.untilUs === null) {
      if (!rig.wait(rig.endOfPatience, () => running.done))
        throw new Failure(call.line, `${call.name}: never returns`);
      this.judge(call, prepared, running);
      return;
    }
    if (!running.done) this.stage.tell(`${formatCall(call)} sleeps`);
    const span = call.untilUs - startOf(call);
    const until = due.from + span;
    this.pending = { call, prepared, running, due: { from: until, to: until }, span };
  }

  /** Only one call may sleep: before the next one begins it has a second to return. */
  awaitTurn(next: Call): void {
    if (this.pending === null) return;
    this.waitFor(this.pending);
    if (this.pending !== null && next.untilUs !== null)
      throw new Failure(next.line, `${next.name}: ${this.pending.call.name} still sleeps`);
  }

  /** The script has ended. */
  finish(): void {
    if (this.pending === null) return;
    const { call } = this.pending;
    this.waitFor(this.pending);
    if (this.pending !== null)
      throw new Failure(call.line, `${call.name}: still sleeps at the end of the script`);
  }

  private waitFor({ running }: Pending): void {
    const { rig } = this.stage;
    rig.wait(add(rig.now, us(PATIENCE)), () => running.done);
    this.reap();
  }

  /** Judges the call that slept, if it has returned. */
  reap(): void {
    const p = this.pending;
    if (p === null || !p.running.done) return;
    this.pending = null;
    this.judge(p.call, p.prepared, p.running);
    const at = Math.floor(p.running.endedAt / 1000);
    const wrong = timingError('its return', p.due, at, p.span, this.stage.options.tolerance);
    if (wrong !== null) this.fail(p.call, wrong);
  }

  private judge(call: Call, prepared: Prepared, { result, endedAt }: Running): void {
    const opened = prepared.opens === true && result >= 0 && call.result >= 0;
    const shown = formatResult(opened ? call.result : result);
    this.stage.tell(`${formatCall(call)} = ${shown}`, Math.floor(endedAt / 1000));
    prepared.after?.(result);
    // Before the result is looked at: what is not modelled is not what a script meant by -1.
    if (result === -ENOSYS) throw new NotSupported(`system call ${call.name}`, call.line);
    if (result === -ENOPROTOOPT && prepared.lacks !== undefined)
      throw new NotSupported(`${call.name} ${prepared.lacks}`, call.line);
    const wrong = resultError(call, prepared, result);
    if (wrong !== null) this.fail(call, wrong);
    if (opened) this.stage.fds.set(call.result, result);
    const left = prepared.check?.(result) ?? null;
    if (left !== null) this.fail(call, left);
  }

  private fail(call: Call, what: string): void {
    const failure = new Failure(call.line, `${call.name}: ${what}`);
    this.stage.forgive(failure, this.stage.options.settings.nonFatalSyscall);
  }
}

/** When the call begins, in the base of its `untilUs`. */
const startOf = ({ time }: Call): number => ('us' in time ? time.us : 0);

function resultError(call: Call, prepared: Prepared, result: number): string | null {
  const expected = call.errno === null ? String(call.result) : `${call.result} ${call.errno.name}`;
  const wrong = `expected ${expected}, was ${formatResult(result)}`;
  if (prepared.opens === true && call.result >= 0) return result >= 0 ? null : wrong;
  if ((result < 0 ? -1 : result) !== call.result) return wrong;
  return call.errno !== null && call.errno.value !== -result ? wrong : null;
}
