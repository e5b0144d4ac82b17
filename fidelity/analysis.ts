/**
 * What Wireshark's TCP analysis says of a capture of one connection, in as far as the recorded transfers were counted by it
 * (tcp.analysis.zero_window, window_full, window_update, zero_window_probe). tests/fidelity.test.ts holds it against tshark
 * where there is one.
 */
import type { CapturedFrame, CaptureSink } from '../src/sim/run/capture.ts';

const FIN = 1;
const SYN = 2;
const RST = 4;

/** One direction, as far as it was seen. */
interface Side {
  /** Sequence number of the next byte, and the last acknowledgement. */
  next: number;
  ack: number;
  /** As in the header. */
  window: number;
  /** The shift that its SYN announced; −1: none was seen. */
  wscale: number;
}

const side = (): Side => ({ next: -1, ack: -1, window: -1, wscale: -1 });

export class TcpAnalysis implements CaptureSink {
  zeroWindow = 0;
  windowFull = 0;
  windowUpdate = 0;
  zeroWindowProbe = 0;
  /** Segments without data, SYN and RST apart, that the interface sent. */
  acks = 0;
  /** When the handshake was complete, and when the interface sent its FIN: a reader that has seen the end closes. ns */
  openedAt: number = NaN;
  closedAt: number = NaN;
  private readonly iface: string;
  /** Frames as they come; the interface tells arrivals ahead of their time. */
  private readonly waiting: {
    at: number;
    order: number;
    frame: CapturedFrame;
    inbound: boolean;
  }[] = [];

  /** @param iface whose capture is looked at, e.g. `server:tun0` */
  constructor(iface: string) {
    this.iface = iface;
  }

  frame(iface: string, time: number, frame: CapturedFrame, inbound: boolean): void {
    if (iface === this.iface)
      this.waiting.push({ at: time, order: this.waiting.length, frame, inbound });
  }

  /** Looks at all of it, in order of time. */
  finish(): void {
    const sides = { in: side(), out: side() };
    for (const { at, frame, inbound } of this.waiting.toSorted(
      (a, b) => a.at - b.at || a.order - b.order,
    )) {
      const [fwd, rev] = inbound ? [sides.in, sides.out] : [sides.out, sides.in];
      this.look(frame, fwd, rev);
      if (frame.flags & (SYN | RST)) continue;
      if (!inbound && frame.len === 0) this.acks++;
      if (inbound && Number.isNaN(this.openedAt)) this.openedAt = at;
      if (!inbound && frame.flags & FIN && Number.isNaN(this.closedAt)) this.closedAt = at;
    }
  }

  private look(f: CapturedFrame, fwd: Side, rev: Side): void {
    const plain = (f.flags & (FIN | SYN | RST)) === 0;
    if (f.flags & SYN) fwd.wscale = f.wscale;
    // A scale holds when both ends announced one, and not for the SYN itself.
    const scale = rev.wscale >= 0 && fwd.wscale >= 0 ? rev.wscale : 0;
    if (plain) {
      if (f.window === 0) this.zeroWindow++;
      const probe = f.len === 1 && f.seq === fwd.next && rev.window === 0;
      if (probe) this.zeroWindowProbe++;
      const edge = (rev.ack + rev.window * 2 ** scale) >>> 0;
      if (f.len > 0 && (f.seq + f.len) >>> 0 === edge && !probe) this.windowFull++;
      if (
        f.len === 0 &&
        f.window !== 0 &&
        f.window !== fwd.window &&
        f.seq === fwd.next &&
        f.ack === fwd.ack
      )
        this.windowUpdate++;
    }
    const end = (f.seq + f.len + ((f.flags & 1) | ((f.flags >> 1) & 1))) >>> 0;
    if (fwd.next < 0 || (end - fwd.next) >>> 0 < 2 ** 31) fwd.next = end;
    fwd.ack = f.ack;
    fwd.window = f.window;
  }
}
