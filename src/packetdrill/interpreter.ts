/**
 * Runs the events of a script, one after the other, in virtual time. The script plays the application and the other end of
 * the wire; the host under test is the rig's.
 *
 * An inbound packet, a call, a command, a code block happen at their time. An outbound line takes the next packet of the
 * connection under test, which may have been sent long ago, or waits for it, and then compares when it was sent.
 */
import { add, ns, START, us } from '../base/units.ts';
import type { Event, Shell } from './ast.ts';
import { Application } from './application.ts';
import type { Rig } from './rig.ts';
import { snapshotOf } from './snapshot.ts';
import { Stage, type StageOptions } from './stage.ts';
import { dueOf, timingError, type Due } from './timing.ts';
import { Failure, NotSupported } from './verdict.ts';
import { Wire } from './wire.ts';

/**
 * What a call takes of the script's time, where that is not looked at to the microsecond: that of a getppid, 0.15 µs. An ACK that
 * follows ten calls so shows a longer round trip than one that follows none, as on a real machine, and whether what was sent
 * again has really arrived is judged by that (tcp_rack_advance).
 */
const CALL = ns(150);

export interface InterpreterOptions extends StageOptions {
  /** Packets that no line has read by the end fail the script. */
  readonly strict: boolean;
  /** Carries out a shell text at its time. */
  readonly shell: (shell: Shell) => void;
  /** Told the line of each event when its turn comes. */
  readonly at: (line: number) => void;
}

export class Interpreter {
  /** One snapshot per code block, in their order. */
  readonly snapshots: Map<string, number>[] = [];
  private readonly options: InterpreterOptions;
  private readonly stage: Stage;
  private readonly wire: Wire;
  private readonly application: Application;

  constructor(rig: Rig, options: InterpreterOptions) {
    this.options = options;
    this.stage = new Stage(rig, options);
    this.wire = new Wire(this.stage);
    this.application = new Application(this.stage);
  }

  /** @throws Failure, NotSupported */
  run(events: readonly Event[]): void {
    const { stage, application } = this;
    let before: Event | null = null;
    for (const event of events) {
      this.options.at(event.line);
      const chained = before?.kind === 'in' && event.kind === 'in';
      const due = dueOf(event.time, chained ? stage.lastDue : stage.now);
      if (event.kind === 'out') this.wire.outbound(event, due);
      else this.act(event, due);
      application.reap();
      stage.lastDue = due.from;
      before = event;
    }
    const end = stage.rig.now;
    application.finish();
    if (this.options.strict && before !== null) this.wire.nothingLeft(before, end);
  }

  /** What the script does itself, at its time. */
  private act(event: Exclude<Event, { kind: 'out' }>, due: Due): void {
    const { stage, application } = this;
    if (event.kind === 'unsupported') throw new NotSupported(event.reason, event.line);
    if (event.kind === 'call') application.awaitTurn(event);
    stage.rig.advance(add(START, us(due.from)));
    application.reap();
    this.onTime(event, due);
    switch (event.kind) {
      case 'in':
        this.wire.inbound(event);
        break;
      case 'call':
        application.call(event, due);
        if (!this.options.strict) stage.rig.advance(add(stage.rig.now, CALL));
        break;
      case 'command':
        stage.tell(`\`${event.text.trim()}\``);
        this.options.shell(event);
        stage.rig.settle();
        break;
      case 'code':
        this.snapshots.push(this.snapshot(event.line));
    }
  }

  /** Nothing is late in a simulator but what an event before has held up. */
  private onTime(event: Event, due: Due): void {
    const { now, lastDue, options } = this.stage;
    const what = event.kind === 'in' ? 'inbound packet' : event.kind;
    const wrong = timingError(what, due, now, due.from - lastDue, options.tolerance);
    if (wrong !== null) throw new Failure(event.line, wrong);
  }

  private snapshot(line: number): Map<string, number> {
    const { flows, fds } = this.stage;
    const live = fds.get(flows.underTest?.fd ?? -1);
    const sock = live === undefined ? null : this.stage.sock(live);
    if (sock === null)
      throw new Failure(line, 'a code block needs a socket under test with a descriptor');
    return snapshotOf(sock);
  }
}
