/**
 * The outside world as the commands see it. Tests hand in another one; the real one is in real-io.ts. Nothing else in the
 * program knows files, terminals, the environment or the clock.
 */
import type { RunResult } from '../sim/run/result.ts';
import type { Scenario } from '../sim/scenario/types.ts';

export interface Io {
  /** To standard output. After the reader has gone (`| head`) it does nothing. */
  out(text: string): void;
  /** To standard error. */
  err(text: string): void;
  readonly terminal: {
    /** Standard output is one, and colours are welcome. */
    readonly colour: boolean;
    /** Standard error is one: a progress bar may move on it. */
    readonly progress: boolean;
    /** Of standard output; 80 where it is no terminal, and never less. */
    readonly columns: number;
  };
  /** @param path  `-`: standard input. Throws UsageError when it cannot be read. */
  readText(path: string): string;
  exists(path: string): boolean;
  /** null: there is nothing. */
  kindOf(path: string): 'file' | 'folder' | null;
  /** The files below a folder, in all its folders, whose names end so; sorted. Links to folders are not followed. */
  filesBelow(folder: string, ending: string): string[];
  /** Throws UsageError when something is there already. */
  createText(path: string, text: string): void;
  /** Makes a folder that can be written to. Throws UsageError when that is not possible. */
  writableFolder(path: string): void;
  /** Writes a file as a whole: under another name first, so that nothing half-written is left. */
  replaceText(path: string, text: string): void;
  replaceBytes(path: string, bytes: Uint8Array): void;
  /** Removes what an interrupted run has left half-written in this folder. */
  removePartial(folder: string): void;
  /** Milliseconds, from anywhere. */
  now(): number;
  readonly cpus: number;
  /** Calls back when the user interrupts; returns how to stop listening. */
  onInterrupt(handler: () => void): () => void;
  readonly runner: Runner;
}

/** What the user asked for cannot be done; exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Runs jobs somewhere: in worker threads, or in a test. */
export interface Runner {
  /** @param parallel  1: a job begins when `onDone` of the one before it has returned */
  start(jobs: Jobs, parallel: number, events: RunEvents): Running;
}

/** A list of jobs, or what makes each when its turn comes: a hundred thousand of them are never there at once. */
export interface Jobs {
  readonly length: number;
  /** Asked once for each, in order. What it throws ends all, through `done`. */
  at(index: number): Job | undefined;
}

export interface Running {
  /** Resolves when every job is done, or cancelled. */
  readonly done: Promise<void>;
  /** Ends what is running; jobs that are not done stay so. Resolves when nothing runs any more. */
  cancel(): Promise<void>;
  /** Of all jobs together, 0 to 1. */
  progress(): number;
}

export interface RunEvents {
  onDone(index: number, outcome: Outcome): void;
}

/** One run, as plain data: it may cross to another thread. */
export interface Job {
  readonly scenario: Scenario;
  readonly invariants: boolean;
  /** What is broken on purpose; null: nothing. */
  readonly mutant: string | null;
  readonly eventHash: boolean;
  /** Seconds of wall-clock time that an application of the user's own may run without yielding. */
  readonly timeout: number;
  /** Run it twice, once with all traces on, and compare. */
  readonly verify: boolean;
  /** `path` null: to standard output. */
  readonly trace: { readonly format: 'text' | 'ndjson'; readonly path: string | null } | null;
  /** Files are called `<prefix>.<interface>.pcapng`. */
  readonly pcap: { readonly folder: string; readonly prefix: string } | null;
}

export type Outcome =
  | { readonly kind: 'result'; readonly result: RunResult; readonly verified: Verified | null }
  /** The scenario cannot be run; found out while it ran. */
  | {
      readonly kind: 'bad-scenario';
      readonly message: string;
      readonly path: readonly (string | number)[];
      readonly hint: string | null;
    }
  /** An application of the user's own failed, or never yielded. The lines say where, what, who and when. */
  | { readonly kind: 'app-fault'; readonly lines: readonly string[] }
  /** A module of the user's own cannot be loaded; ready to be printed. */
  | { readonly kind: 'bad-app'; readonly message: string }
  /** A bug of ours. */
  | { readonly kind: 'bug'; readonly message: string; readonly stack: string }
  /** An output could not be written. */
  | { readonly kind: 'output'; readonly message: string }
  /** Whoever read standard output has gone (`| head`). */
  | { readonly kind: 'unread' };

export interface Verified {
  readonly ok: boolean;
  /** On a difference: the first record that differs. */
  readonly message: string;
}
