/**
 * What an operator must have requested of its upstream, from what has become of the streams it made: the closed forms of
 * flatMap, flatMapSequential and concatMap (reactor-core 3.7), held against each subscription of a run.
 *
 * A form stands between the operator and its upstream and counts what goes up by itself. Between two signals, when nobody is
 * at work in the operator, the count is exact. In between it is an upper bound: what has ended is made up for a moment later,
 * and never before. Nothing is requested once the stream is over (completed, failed or cancelled): then the form is looked
 * at a last time as things stood and let go. What is still under way when the run ends is looked at there, by the same
 * rule: exact when idle, a bound when a thread was stopped within it.
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { addCap, limitOf, UNBOUNDED } from './demand.ts';
import type { Placed, StreamLaws, Watched } from './laws.ts';
import type { Subscription } from './streams.ts';

export abstract class RequestForm implements Subscription, Watched {
  protected begun = false;
  private readonly operator: string;
  private readonly place: Placed;
  private readonly laws: StreamLaws;
  private readonly upstream: Subscription;
  private readonly thread: string;
  /** Σ request(n), saturating, and its calls. */
  private total = 0;
  private calls = 0;
  private over = false;

  /**
   * @param operator as written, for messages
   * @param place the operator's subscription
   */
  constructor(
    operator: string,
    place: Placed,
    upstream: Subscription,
    laws: StreamLaws,
    on: Worker,
  ) {
    this.operator = operator;
    this.place = place;
    this.upstream = upstream;
    this.laws = laws;
    this.thread = on.name;
    laws.watch(this);
  }

  get origin(): string | undefined {
    return this.upstream.origin;
  }

  request(n: number, on: Worker): Sub<void> {
    this.calls++;
    this.total = addCap(this.total, n);
    return this.upstream.request(n, on);
  }

  cancel(on: Worker): Sub<void> {
    return this.upstream.cancel(on);
  }

  /** The operator is about to ask for the first time. */
  begin(): void {
    this.begun = true;
  }

  /** Upstream gives an element; call it before anything is done with it. */
  element(): void {
    this.look();
  }

  /** Upstream has ended, or the operator is about to leave it; call it before anything is done about that. */
  close(): void {
    if (this.over) return;
    this.look();
    this.over = true;
    this.laws.forget(this);
  }

  broken(): string | null {
    return this.holds() ? null : this.said();
  }

  /** Looks at how things stood before the signal that is about to be counted. */
  protected look(): void {
    if (!this.over) this.laws.look(this);
  }

  /** Somebody is at work in the operator: what has ended may not be made up for yet. */
  protected abstract get atWork(): boolean;
  /** What should have been asked for by now, and in how many calls; at least only counts while nobody is at work. */
  protected abstract get due(): number;
  protected abstract get leastCalls(): number;
  protected abstract get mostCalls(): number;
  /** What the operator has done so far, for the message. */
  protected abstract progress(): string;

  private holds(): boolean {
    const { total, calls } = this;
    if (!this.begun) return calls === 0;
    if (calls > this.mostCalls) return false;
    return this.atWork ? total <= this.due : total === this.due && calls >= this.leastCalls;
  }

  private said(): string {
    const { total, calls, place } = this;
    const [due, least, most] = this.begun ? [this.due, this.leastCalls, this.mostCalls] : [0, 0, 0];
    const where = place.destination ?? place.origin ?? `no connection, on ${this.thread}`;
    const bound = this.atWork ? 'at most ' : '';
    const inCalls = least === most ? `${most}` : `${least} to ${most}`;
    return (
      `${this.operator} of ${where}: ${shown(total)} elements were requested in ${calls} calls; ` +
      `with ${this.progress()} it should be ${bound}${shown(due)} in ${inCalls}`
    );
  }
}

const shown = (n: number): string => (n === UNBOUNDED ? 'unbounded' : String(n));

/** flatMap, as far as its form looks into it. */
export interface FlatMapping extends Placed {
  readonly atWork: boolean;
  /** Streams that have ended and still hold elements which downstream has not asked for. */
  readonly kept: number;
  /** Elements of callable streams that downstream has not asked for. */
  readonly waitingScalars: number;
}

/**
 * flatMap: c + M in 1 + M calls, M being the streams that have ended and been passed on to the end. Fewer calls only where
 * several ended while somebody was at work, or held elements back until downstream asked for them. Streams of one element
 * that is there at once are made up for in batches of 75 % of c; one by one those that had to wait for downstream.
 */
export class FlatMapForm extends RequestForm {
  private readonly stage: FlatMapping;
  private readonly concurrency: number;
  private readonly batch: number;
  /** Streams that have ended; of them, those that did while nobody was at work, with nothing left to pass on. */
  private ended = 0;
  private endedAlone = 0;
  /** Callable streams: all of them, and those that were passed on at once. */
  private scalars = 0;
  private atOnce = 0;

  constructor(
    concurrency: number,
    stage: FlatMapping,
    upstream: Subscription,
    laws: StreamLaws,
    on: Worker,
  ) {
    super(`flatMap(${shown(concurrency)})`, stage, upstream, laws, on);
    this.stage = stage;
    this.concurrency = concurrency;
    this.batch = limitOf(concurrency);
  }

  /** A stream has ended; call it before it is made up for. @param waiting elements of it that are left to pass on */
  end(waiting: number): void {
    this.look();
    this.ended++;
    if (waiting === 0 && !this.stage.atWork) this.endedAlone++;
  }

  /** A callable stream came. @param atOnce it has been passed on, or had nothing to pass on */
  scalar(atOnce: boolean): void {
    this.scalars++;
    if (atOnce) this.atOnce++;
  }

  protected get atWork(): boolean {
    return this.stage.atWork;
  }

  /** Times that 75 % of c were made up for at once. */
  private get batches(): number {
    return Math.floor(this.atOnce / this.batch);
  }

  private get oneByOne(): number {
    const { stage } = this;
    return this.ended - stage.kept + (this.scalars - this.atOnce - stage.waitingScalars);
  }

  protected get due(): number {
    return addCap(this.concurrency, this.oneByOne + this.batches * this.batch);
  }

  protected get leastCalls(): number {
    return 1 + this.endedAlone + this.batches;
  }

  protected get mostCalls(): number {
    return 1 + this.oneByOne + this.batches;
  }

  protected progress(): string {
    const { kept, waitingScalars } = this.stage;
    const scalars = this.scalars - waitingScalars;
    const more = scalars === 0 ? '' : ` and ${scalars} passed on that were there at once`;
    return `${this.ended - kept} streams ended${more}`;
  }
}

/**
 * So many ahead, then `step` each time that `step` elements are through: concatMap without prefetch 1 + M in 1 + M calls (an
 * element is through when its stream has ended), with prefetch p: p + l·⌊M/l⌋ in 1 + ⌊M/l⌋, l = 75 % of p (when it has been
 * taken), flatMapSequential c + M in 1 + M (when its stream has been given to the end).
 *
 * Exact at every moment: what is through is made up for in the same step.
 */
export class StepForm extends RequestForm {
  protected readonly atWork = false;
  private readonly ahead: number;
  private readonly step: number;
  private through = 0;

  constructor(
    operator: string,
    how: { readonly ahead: number; readonly step: number },
    place: Placed,
    upstream: Subscription,
    laws: StreamLaws,
    on: Worker,
  ) {
    super(operator, place, upstream, laws, on);
    this.ahead = how.ahead;
    this.step = how.step;
  }

  /** One more is through; call it before it is made up for. */
  pass(): void {
    this.look();
    this.through++;
  }

  private get steps(): number {
    return Math.floor(this.through / this.step);
  }

  protected get due(): number {
    return addCap(this.ahead, this.steps * this.step);
  }

  protected get leastCalls(): number {
    return 1 + this.steps;
  }

  protected get mostCalls(): number {
    return this.leastCalls;
  }

  protected progress(): string {
    return `${this.through} elements through`;
  }
}
