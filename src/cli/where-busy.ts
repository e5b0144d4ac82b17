/**
 * Where a worker thread is busy that never comes back: the main thread's inspector may interrupt it and read its stack.
 * That is all that can be learnt from a loop without end; afterwards the worker is to be ended.
 */
import {
  type Debugger,
  type InspectorNotification,
  type NodeWorker,
  Session,
} from 'node:inspector';
import { SourceMap } from 'node:module';
import { type Place, placeOf } from './modules.ts';

/** An interrupted thread answers within a fraction of a second, or never. */
const PATIENCE_MS = 2000;

/** @param thread  its worker_threads.threadId  @returns the lines of its stack that are the user's; [] when nothing answers */
export async function whereBusy(thread: number): Promise<Place[]> {
  const session = new Session();
  let timer: NodeJS.Timeout | undefined;
  try {
    session.connect();
    return await new Promise<Place[]>((resolve) => {
      const interruption = new Interruption(session, thread, (places) => {
        interruption.end();
        resolve(places);
      });
      timer = setTimeout(() => {
        interruption.end();
        resolve([]);
      }, PATIENCE_MS);
      interruption.begin();
    });
  } catch {
    // An engine without an inspector: the message then has to do without a place.
    return [];
  } finally {
    clearTimeout(timer);
    session.disconnect();
  }
}

/** What a thread's debugger sends: answers are of no interest, two kinds of event are. */
interface Message {
  readonly method?: string;
  readonly params?: unknown;
}

class Interruption {
  private readonly session: Session;
  private readonly thread: number;
  private readonly found: (places: Place[]) => void;
  private readonly scripts = new Map<string, Debugger.ScriptParsedEventDataType>();
  private sessionId: string | null = null;
  private sent = 0;

  constructor(session: Session, thread: number, found: (places: Place[]) => void) {
    this.session = session;
    this.thread = thread;
    this.found = found;
  }

  begin(): void {
    const { session } = this;
    session.on('NodeWorker.attachedToWorker', ({ params }) => this.attached(params));
    session.on('NodeWorker.receivedMessageFromWorker', (m) => this.received(m));
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  }

  /** Every worker is attached to; only the one that is meant is stopped. */
  private attached({ sessionId, workerInfo }: NodeWorker.AttachedToWorkerEventDataType): void {
    if (!workerInfo.title.startsWith(`[worker ${this.thread}]`)) return;
    this.sessionId = sessionId;
    this.send('Debugger.enable');
    this.send('Debugger.pause');
  }

  /** Lets go of it, whether it stands still already or not: a thread that a debugger holds cannot be ended. */
  end(): void {
    this.send('Debugger.disable');
  }

  private send(method: string): void {
    const { sessionId } = this;
    if (sessionId === null) return;
    const message = JSON.stringify({ id: ++this.sent, method });
    this.session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
  }

  private received({
    params,
  }: InspectorNotification<NodeWorker.ReceivedMessageFromWorkerEventDataType>): void {
    const m = JSON.parse(params.message) as Message;
    if (m.method === 'Debugger.scriptParsed') {
      const script = m.params as Debugger.ScriptParsedEventDataType;
      this.scripts.set(script.scriptId, script);
    } else if (m.method === 'Debugger.paused') {
      const { callFrames } = m.params as Debugger.PausedEventDataType;
      this.found(callFrames.flatMap((f) => this.place(f) ?? []));
    }
  }

  private place({ functionName, location }: Debugger.CallFrame): Place | null {
    const { scriptId, lineNumber, columnNumber = 0 } = location;
    const script = this.scripts.get(scriptId);
    if (script === undefined) return null;
    const at = original(script.sourceMapURL ?? '', lineNumber, columnNumber);
    return placeOf(functionName, script.url, at.line + 1, at.column + 1);
  }
}

/** From a place in what tsx has made of a module to that in the module; line and column from 0. */
function original(mapUrl: string, line: number, column: number): { line: number; column: number } {
  const base64 = /^data:application\/json[^,]*;base64,(.*)$/.exec(mapUrl)?.[1];
  if (base64 === undefined) return { line, column };
  const payload = JSON.parse(Buffer.from(base64, 'base64').toString()) as SourceMap['payload'];
  const entry = new SourceMap(payload).findEntry(line, column);
  return 'originalSource' in entry
    ? { line: entry.originalLine, column: entry.originalColumn }
    : { line, column };
}
