/**
 * What an editor makes of a scenario file: the schema, driven through yaml-language-server as Visual Studio Code and others do.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jsonSchema } from '../src/sim/scenario/schema/json-schema.ts';
import { STARTER } from '../src/cli/init.ts';
import { root } from './support/dist.ts';

const SERVER = join(root, 'node_modules/yaml-language-server/bin/yaml-language-server');

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
}

/** The server, and the messages of the Language Server Protocol over its standard input and output. */
class LanguageServer {
  private readonly child: ChildProcess;
  private readonly answers = new Map<number, (result: unknown) => void>();
  private readonly reports = new Map<string, (problems: { message: string }[]) => void>();
  private buffer = Buffer.alloc(0);
  private ids = 0;

  constructor() {
    this.child = spawn(process.execPath, [SERVER, '--stdio'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.child.stdout!.on('data', (data: Buffer) => {
      this.buffer = Buffer.concat([this.buffer, data]);
      for (let message = this.next(); message !== null; message = this.next()) this.take(message);
    });
  }

  request(method: string, params: unknown): Promise<unknown> {
    const id = ++this.ids;
    this.send({ id, method, params });
    return new Promise((resolve) => {
      this.answers.set(id, resolve);
    });
  }

  notify(method: string, params: unknown): void {
    this.send({ method, params });
  }

  /** What the server finds wrong with a document. */
  problems(uri: string, text: string): Promise<{ message: string }[]> {
    const reported = new Promise<{ message: string }[]>((resolve) => {
      this.reports.set(uri, resolve);
    });
    this.notify('textDocument/didOpen', {
      textDocument: { uri, languageId: 'yaml', version: 1, text },
    });
    return reported;
  }

  stop(): void {
    this.child.kill();
  }

  private send(message: Message): void {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.child.stdin!.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  private next(): Message | null {
    const end = this.buffer.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const length = Number(/Content-Length: (\d+)/i.exec(this.buffer.toString('utf8', 0, end))![1]);
    if (this.buffer.length < end + 4 + length) return null;
    const body = this.buffer.toString('utf8', end + 4, end + 4 + length);
    this.buffer = this.buffer.subarray(end + 4 + length);
    return JSON.parse(body) as Message;
  }

  private take(message: Message): void {
    if (message.method === 'textDocument/publishDiagnostics') {
      const { uri, diagnostics } = message.params as {
        uri: string;
        diagnostics: { message: string }[];
      };
      this.reports.get(uri)?.(diagnostics);
    } else if (message.method !== undefined && message.id !== undefined) {
      // The server asks for settings and registers for changes: it gets nothing, and goes on.
      const asked = (message.params as { items?: unknown[] } | undefined)?.items;
      const result = asked === undefined ? null : asked.map(() => ({}));
      const body = JSON.stringify({ jsonrpc: '2.0', id: message.id, result });
      this.child.stdin!.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    } else if (message.id !== undefined) {
      this.answers.get(message.id)?.(message.result);
    }
  }
}

describe('in an editor', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-editor-'));
  const server = new LanguageServer();
  const uri = (name: string): string => pathToFileURL(join(folder, name)).href;

  /** A file that begins with the line that `hostwire init` writes. */
  const modeline = (body: string): string =>
    `# yaml-language-server: $schema=${pathToFileURL(join(folder, 'schema.json')).href}\n${body}`;

  beforeAll(async () => {
    writeFileSync(join(folder, 'schema.json'), JSON.stringify(jsonSchema()));
    await server.request('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: { textDocument: { completion: { completionItem: {} }, hover: {} } },
    });
    server.notify('initialized', {});
  }, 60_000);

  afterAll(() => {
    server.stop();
    rmSync(folder, { recursive: true });
  });

  /** What is offered at the place of `|`. */
  async function offered(name: string, textWithCursor: string): Promise<string[]> {
    const text = modeline(textWithCursor);
    const before = text.slice(0, text.indexOf('|')).split('\n');
    await server.problems(uri(name), text.replace('|', ''));
    const result = (await server.request('textDocument/completion', {
      textDocument: { uri: uri(name) },
      position: { line: before.length - 1, character: before.at(-1)!.length },
    })) as { items: { label: string }[] };
    return result.items.map((item) => item.label);
  }

  const inApp = (line: string): string => `version: 1
scenarios:
  one:
    shows: A test.
    hosts: { server: {} }
    apps:
      server:
        host: server
        ${line}
`;

  test('a file that hostwire init writes has nothing wrong', async () => {
    expect(await server.problems(uri('starter.yaml'), modeline(STARTER))).toEqual([]);
  });

  test('models are offered by name', async () => {
    const models = await offered('models.yaml', inApp('model: |'));
    expect(models).toEqual(expect.arrayContaining(['blocking', 'epoll', 'netty', 'reactive']));
  });

  test('the keys of a model are offered, and a socket option by the name that Linux gives it', async () => {
    expect(await offered('keys.yaml', inApp('model: netty\n        |'))).toEqual(
      expect.arrayContaining(['water-marks', 'backpressure', 'loops']),
    );
    const options = await offered(
      'options.yaml',
      inApp('model: blocking\n        listen: 80\n        sockopt:\n          |'),
    );
    expect(options).toEqual(expect.arrayContaining(['SO_RCVBUF', 'TCP_NODELAY']));
  });

  test('a sysctl is explained where the pointer rests', async () => {
    const text = modeline(
      'version: 1\nscenarios:\n  one:\n    shows: A test.\n    hosts:\n      server:\n        sysctl:\n          net.ipv4.tcp_rmem: 4096 8192 16384\n    apps: {}\n',
    );
    await server.problems(uri('hover.yaml'), text);
    const lines = text.split('\n');
    const line = lines.findIndex((l) => l.includes('tcp_rmem'));
    const hover = await server.request('textDocument/hover', {
      textDocument: { uri: uri('hover.yaml') },
      position: { line, character: 14 },
    });
    expect(JSON.stringify(hover)).toMatch(/receive buffer: least, initial, most/);
  });

  test('a key that is none is marked', async () => {
    const problems = await server.problems(uri('wrong.yaml'), modeline(inApp('modell: netty')));
    expect(problems.map((p) => p.message).join('\n')).toMatch(/modell/);
  });
});
