/**
 * Clients that talk: each connection sends messages, framed by a codec, at given gaps, and meanwhile reads what comes back,
 * with a blocking thread for either. Answers are compared byte by byte with what they must be; the first wrong byte ends the
 * comparison, because nothing after it can be told apart.
 *
 * When all is written, or with answers to come, when the last has been read, it half-closes and waits for the other end's
 * FIN. (Servers that close at the end of the stream throw away what they have not sent: a client that wants its answers
 * keeps its own direction open.)
 */
import { Ring } from '../../base/ring.ts';
import { encodeText } from '../../base/text.ts';
import type { Instant } from '../../base/units.ts';
import {
  EAGAIN,
  Futex,
  SHUT_WR,
  type Fd,
  type Sys,
  type ThreadBody,
  type ThreadStart,
} from '../../kernel/syscall.ts';
import { encode, looksAtBytes, upperCase } from '../codec/codec.ts';
import type { AppEnv } from '../env.ts';
import type { TalkOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import { setOptions, sleepUntil, type Sub } from '../setup.ts';
import { Unfinished } from './unfinished.ts';

export function* talk(sys: Sys, o: TalkOptions, probe: Probe, env: AppEnv): ThreadBody {
  const addr = env.resolve(o.connect.host);
  const unfinished = new Unfinished(o.connections, probe);
  const messages = messagesOf(o);
  for (let i = 1; i < o.connections; i++) {
    const writer: ThreadStart = (own) =>
      new Conversation(o, messages, probe, unfinished).run(own, addr, i);
    yield sys.spawn(writer, `writer-${i}`);
  }
  return new Conversation(o, messages, probe, unfinished).run(sys, addr, 0);
}

/** A message on the wire, as bytes or as so many bytes of pattern, and what must come back for it; null: nothing. */
interface Spoken {
  readonly sent: Uint8Array | number;
  readonly answer: Uint8Array | null;
}

/** An answer that is awaited. */
interface Awaited {
  readonly bytes: Uint8Array;
  /** When its message was meant to be sent. */
  readonly intended: Instant;
}

/** What message m says, m from 1. Without real bytes, and without a `#`, all messages are one and the same. */
function messagesOf(o: TalkOptions): (m: number) => Spoken {
  const { text, codec, answer, frame } = o;
  if (text === null && answer === 'none' && !looksAtBytes(codec))
    return always({ sent: o.size, answer: null });
  const spoken = (message: Uint8Array): Spoken => ({
    sent: encode(codec, message, frame),
    answer:
      answer === 'none'
        ? null
        : encode(codec, answer === 'same' ? message : upperCase(message), frame),
  });
  if (text === null) return always(spoken(pattern(o.size)));
  if (!text.includes('#')) return always(spoken(encodeText(text)));
  return (m) => spoken(encodeText(text.replaceAll('#', String(m))));
}

const always =
  (spoken: Spoken): ((m: number) => Spoken) =>
  () =>
    spoken;

/** Bytes that repeat with a period that no buffer size has, so that a shift shows. */
function pattern(size: number): Uint8Array {
  return new Uint8Array(size).map((_, i) => i % 251);
}

/** One connection: what its two threads share. */
class Conversation {
  private readonly o: TalkOptions;
  private readonly messages: (m: number) => Spoken;
  private readonly probe: Probe;
  private readonly unfinished: Unfinished;
  private readonly awaited = new Ring<Awaited>();
  /** Bytes of the oldest awaited answer that have been read. */
  private matched = 0;
  /** Answers that are still to come, of all messages. */
  private answersLeft: number;
  /** 1 when no more answers are expected: the writer waits for it. */
  private readonly satisfied: Futex;
  /** The writer is in, or on its way into, FUTEX_WAIT. */
  private waiting = false;
  private failed = false;
  /** Threads that use the descriptor; the last one closes it. */
  private users = 2;

  constructor(
    o: TalkOptions,
    messages: (m: number) => Spoken,
    probe: Probe,
    unfinished: Unfinished,
  ) {
    this.o = o;
    this.messages = messages;
    this.probe = probe;
    this.unfinished = unfinished;
    this.answersLeft = o.answer === 'none' ? 0 : o.messages;
    this.satisfied = new Futex(this.answersLeft === 0 ? 1 : 0);
  }

  /** Connects as the `i`-th connection, starts the reader, writes. */
  *run(sys: Sys, addr: number, i: number): ThreadBody {
    const { o } = this;
    yield* sleepUntil(sys, o.startNs + i * o.staggerNs);
    const fd = yield sys.socket();
    if (fd < 0) return this.giveUp();
    yield* setOptions(sys, fd, o.sockopt);
    const connected = yield sys.connect(fd, addr, o.connect.port);
    if (connected < 0) {
      yield sys.close(fd);
      return this.giveUp();
    }
    this.probe.count('connections', 1);
    yield sys.spawn((own) => this.listen(own, fd), `reader-${i}`);
    try {
      yield* this.speak(sys, fd);
      yield* this.waitForAnswers(sys);
      yield sys.shutdown(fd, SHUT_WR);
    } finally {
      yield* this.leave(sys, fd);
    }
  }

  private *speak(sys: Sys, fd: Fd): Sub<void> {
    const { o, probe } = this;
    const first = o.gapNs > 0 ? yield sys.clockGettime() : 0;
    for (let m = 1; m <= o.messages; m++) {
      const due = first + (m - 1) * o.gapNs;
      if (o.gapNs > 0) yield* sleepUntil(sys, due);
      const { sent, answer } = this.messages(m);
      const intended = o.gapNs > 0 ? (due as Instant) : probe.now();
      if (answer !== null) this.awaited.push({ bytes: answer, intended });
      if ((yield* writeWhole(sys, fd, sent)) < 0) return this.fail();
      probe.count('messages', 1);
    }
  }

  /** The reader's thread. */
  private *listen(sys: Sys, fd: Fd): ThreadBody {
    const { o } = this;
    const into = o.answer === 'none' ? null : new Uint8Array(o.read);
    try {
      for (;;) {
        const n = yield sys.read(fd, o.read, into);
        if (n <= 0) {
          if (n < 0 || this.answersLeft > 0) this.fail();
          break;
        }
        if (into !== null) this.hear(into.subarray(0, n));
        if (this.answersLeft === 0) yield* this.satisfy(sys);
        if (o.pauseNs > 0) yield sys.nanosleep(o.pauseNs);
      }
      yield* this.satisfy(sys);
    } finally {
      yield* this.leave(sys, fd);
    }
  }

  /** Compares what has come with what must come. */
  private hear(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.failed;) {
      const next = this.awaited.peek();
      if (next === undefined) return this.mismatch();
      const n = Math.min(next.bytes.length - this.matched, bytes.length - at);
      for (let i = 0; i < n; i++)
        if (bytes[at + i] !== next.bytes[this.matched + i]) return this.mismatch();
      at += n;
      this.matched += n;
      if (this.matched < next.bytes.length) return;
      this.awaited.shift();
      this.matched = 0;
      this.answersLeft--;
      this.probe.count('answers', 1);
      this.probe.latency(next.intended, this.probe.now());
    }
  }

  /** A byte is wrong, or nobody asked for it: the rest is read and not looked at. */
  private mismatch(): void {
    this.probe.count('mismatched', 1);
    this.fail();
  }

  /** Once for a connection, whatever goes wrong first. */
  private fail(): void {
    this.answersLeft = 0;
    if (this.failed) return;
    this.failed = true;
    this.probe.count('failed', 1);
  }

  private giveUp(): void {
    this.fail();
    this.unfinished.one();
  }

  private *satisfy(sys: Sys): Sub<void> {
    if (this.satisfied.value === 1) return;
    this.satisfied.value = 1;
    if (this.waiting) yield sys.futexWake(this.satisfied, 1);
  }

  private *waitForAnswers(sys: Sys): Sub<void> {
    while (this.satisfied.value === 0 && !this.failed) {
      this.waiting = true;
      const r = yield sys.futexWait(this.satisfied, 0);
      this.waiting = false;
      if (r < 0 && r !== -EAGAIN) return;
    }
  }

  private *leave(sys: Sys, fd: Fd): Sub<void> {
    if (--this.users > 0) return;
    yield sys.close(fd);
    this.unfinished.one();
  }
}

/** Blocks until all is taken. @returns 0 or −errno */
function* writeWhole(sys: Sys, fd: Fd, data: Uint8Array | number): Sub<number> {
  const bytes = typeof data === 'number' ? data : data.length;
  for (let at = 0; at < bytes;) {
    const rest = typeof data === 'number' ? bytes - at : data.subarray(at);
    const n = yield sys.write(fd, rest);
    if (n < 0) return n;
    at += n;
  }
  return 0;
}
