/**
 * Where more than two hosts meet: a router (or switch) with ports. A frame goes out of the port that its destination's
 * route names, at the instant its last bit has come in, into that port's drop-tail queue.
 *
 * Where several wires come together, times cannot be computed at transmit: another input may come first. A router takes
 * what has arrived from all its inputs in order of arrival, ties by number of the port, up to some time: `sync`. It need
 * not do so frame by frame. Nothing that is decided at s can be seen behind the router before s + the least latency of
 * its outgoing links, so one timer at (first undecided arrival) + that latency is enough; it decides all arrivals before
 * its own time. Who wants to see a port's queue before that calls `link.sync`. With a latency of almost nothing this
 * becomes an event per frame, and stays right.
 *
 * Not modelled: TTL (routes are static: do not build loops), ICMP, fragmentation (a frame that does not fit is dropped),
 * forwarding time, a limit to what all ports forward together.
 */
import { ScenarioError } from '../../base/assert.ts';
import { Flight, type Ingress } from '../../base/train.ts';
import type { Instant } from '../../base/units.ts';
import { type Engine, type Kind, type Timer, WIRE } from '../../engine/engine.ts';
import { ArrivalHeap } from './arrival-heap.ts';
import type { Link } from './link.ts';
import type { Feeder } from './observe.ts';

/** One interface of a router: what comes in here, and the link that goes out here. */
export class Port implements Ingress {
  readonly flight: Flight = new Flight();
  /** Its number: breaks ties between arrivals. */
  readonly index: number;
  /** Null: a dead end. */
  egress: Link | null = null;
  private readonly router: Router;

  constructor(router: Router, index: number) {
    this.router = router;
    this.index = index;
  }

  onAppend(first: Instant): void {
    this.router.onAppend(this.index, first);
  }

  onRetimed(): void {
    this.router.onRetimed(this.index);
  }
}

export class Router implements Feeder {
  readonly name: string;
  readonly ports: Port[] = [];
  /** Frames that went into a port's queue (or were dropped there). */
  forwarded = 0;
  /** Frames without a route, or whose route ends in a port without a link: dropped. */
  dropNoRoute = 0;
  protected readonly engine: Engine;
  private readonly timer: Timer;
  private readonly routes = new Map<number, number>();
  /** Ports with frames in flight, by their first arrival. */
  protected readonly heads: ArrivalHeap = new ArrivalHeap();
  /** The least latency of all links that go out. */
  protected lookAhead: number = Infinity;

  constructor(engine: Engine, name: string) {
    this.engine = engine;
    this.name = name;
    const kind: Kind = engine.define(`router/${name}`, WIRE, () => this.onTimer());
    this.timer = engine.timer(kind, 0, 0);
  }

  /** A new port: the ingress of the link that comes in here. */
  addPort(): Port {
    const port = new Port(this, this.ports.length);
    this.ports.push(port);
    this.heads.grow(this.ports.length);
    return port;
  }

  /**
   * The link that goes out of `port`.
   *
   * @throws ScenarioError when it has no limit: there is no device here that would wait for the wire
   */
  connect(port: Port, link: Link): void {
    if (!link.hasQueue) {
      throw new ScenarioError(
        `the link ${link.name} leaves a router and needs a queue`,
        ['links', link.name, 'limit'],
        'give it a limit, e.g. 1000 packets',
      );
    }
    port.egress = link;
    link.feeder = this;
    this.onLinkChange();
  }

  /** Frames to this address go out of `port`. */
  route(dst: number, port: Port): void {
    this.routes.set(dst, port.index);
  }

  /** Forwards all that has arrived by `now`, in order. */
  sync(now: Instant): void {
    const heads = this.heads;
    while (heads.size > 0 && heads.firstArrival() <= now) {
      const port = this.ports[heads.first()]!;
      this.forwardOne(port);
      const flight = port.flight;
      heads.set(port.index, flight.next);
    }
  }

  onAppend(port: number, first: Instant): void {
    if (first >= this.heads.arrivalOf(port)) return;
    this.heads.set(port, first);
    this.plan();
  }

  /** The frames on their way to a port have other times, or are fewer. */
  onRetimed(port: number): void {
    const flight = this.ports[port]!.flight;
    this.heads.set(port, flight.next);
    this.plan();
  }

  onLinkChange(): void {
    this.lookAhead = Infinity;
    for (const { egress } of this.ports) {
      if (egress !== null && egress.leastLatency < this.lookAhead) {
        this.lookAhead = egress.leastLatency;
      }
    }
    this.plan();
  }

  /** All that arrives at this very instant may not be known yet: other events of the wire class may follow. */
  protected onTimer(): void {
    this.sync((this.engine.now - 1) as Instant);
    this.plan();
  }

  protected plan(): void {
    this.engine.arm(this.timer, (this.heads.firstArrival() + this.lookAhead) as Instant);
  }

  private forwardOne(port: Port): void {
    const flight = port.flight;
    const train = flight.headTrain();
    const index = flight.headFirst();
    const mark = flight.headMark();
    const at = flight.headArrival(0);
    flight.take(1);
    const to = this.routes.get(train.dst);
    const link = to === undefined ? null : this.ports[to]!.egress;
    if (link === null) {
      this.dropNoRoute++;
      train.drop(1);
      return;
    }
    this.forwarded++;
    link.forward(train, index, 1, mark, at);
  }
}
