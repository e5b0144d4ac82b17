/** The traces that the clients of a file's scenarios name: each is read once, however many variants have it. */
import { SIZED_HEADER } from '../../app/codec/frame-options.ts';
import { UNSAID } from './schema/client.ts';
import type { Problem, Problems } from './problems.ts';
import { readTrace, type Recorded, type TraceText } from './trace.ts';
import type { AppSpec, ClientApp, Path } from './types.ts';

/** The text of a file by its path from the scenario's own; `file` is its name for messages. */
export type ReadFile = (path: string) => TraceText;

type Report = (path: Path, message: string, hint?: string) => void;

export class Traces {
  private readonly read: ReadFile | undefined;
  private readonly texts: Map<string, string>;
  private readonly problems: Problems;
  private readonly sources = new Map<string, TraceText>();
  private readonly known = new Map<string, Recorded | null>();

  /** @param texts  where the text of each goes, for the frames of errors */
  constructor(read: ReadFile | undefined, texts: Map<string, string>, problems: Problems) {
    this.read = read;
    this.texts = texts;
    this.problems = problems;
  }

  /** A client with the requests of its trace in place; any other application as it is. */
  fill(app: AppSpec, report: Report): AppSpec {
    if (app.model !== 'client' || !('file' in app.load) || app.load.file === undefined) return app;
    const { file } = app.load;
    const at: Path = [...app.path, 'trace'];
    if (this.read === undefined) {
      report(
        at,
        `${file} cannot be read from here`,
        'from code: `load(text, { readFile })`, or `at:`',
      );
      return app;
    }
    let source = this.sources.get(file);
    if (source === undefined) this.sources.set(file, (source = this.read(file)));
    if (source.text === null) {
      report(at, `there is no ${source.file}`, 'the path is meant from this file');
      return app;
    }
    const recorded = this.recorded(source.file, source.text);
    if (recorded === null) return app;
    const { trace } = recorded;
    const there = trace.timesNs.length;
    if (app.requests > there)
      report([...app.path, 'requests'], `${app.requests} requests, and ${file} has ${there}`);
    const sized = trace.requests !== null || trace.answers !== null;
    if (sized && (app.codec ?? 'fixed') === 'fixed')
      report(at, `${file} has sizes, which the server has to be told`, 'add `codec: sized`');
    if (trace.answers !== null && app.codec === 'http')
      report(
        at,
        `${file} has sizes of answers, which HTTP does not ask for`,
        'leave them out of it',
      );
    for (const [key, column, name] of [
      ['request', trace.requests, 'size'],
      ['response', trace.answers, 'answer'],
    ] as const)
      if (column === null && app[key] === UNSAID)
        report([...app.path, key], `missing key \`${key}\``, `or a column \`${name}\` of ${file}`);
    this.checkRows(app, source.file, recorded);
    const requests = app.requests === 0 ? there : Math.min(app.requests, there);
    return { ...app, requests, load: { ...app.load, trace } };
  }

  private recorded(file: string, text: string): Recorded | null {
    let r = this.known.get(file);
    if (r === undefined) {
      this.texts.set(file, text);
      r = readTrace({ file, text }, (p: Problem) => this.problems.add(p));
      this.known.set(file, r);
    }
    return r;
  }

  /** What only the client knows: how many users it has, and that its requests hold their sizes. */
  private checkRows(app: ClientApp, file: string, { trace, firstLine }: Recorded): void {
    const users = app.connections * (app.pipeline ?? 1);
    const give = (k: number, message: string, hint: string): void =>
      this.problems.add({ at: { file, line: firstLine + k, column: 1 }, message, hint });
    const alien = trace.users?.findIndex((u) => u >= users) ?? -1;
    if (alien >= 0)
      give(
        alien,
        `user ${trace.users![alien]!} of ${users}: they are numbered from 0`,
        `\`connections: ${trace.users!.reduce((a, b) => Math.max(a, b)) + 1}\` of \`${app.name}\``,
      );
    if (app.codec === 'http') return;
    const short = trace.requests?.findIndex((n) => n < SIZED_HEADER) ?? -1;
    if (short >= 0)
      give(short, `${trace.requests![short]!} bytes hold no header`, `at least ${SIZED_HEADER} B`);
  }
}
