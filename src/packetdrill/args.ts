/** The arguments of one system call, read as what the call takes. What cannot be read so is not supported. */
import { BadAddress, NONBLOCK } from '../kernel/syscall.ts';
import type { Call, Expr, Field } from './ast.ts';
import { Failure, NotSupported } from './verdict.ts';

type Struct = Extract<Expr, { kind: 'struct' }>;

/** Descriptors: the script's numbers and the host's. */
export type Descriptors = Map<number, number>;

export class Args {
  readonly call: Call;
  private readonly fds: Descriptors;
  private readonly exprs: readonly Expr[];

  constructor(call: Call, fds: Descriptors, exprs: readonly Expr[] = call.args) {
    this.call = call;
    this.fds = fds;
    this.exprs = exprs;
  }

  /** @throws NotSupported unless there are so many arguments */
  expect(count: number): void {
    if (this.exprs.length !== count)
      throw new NotSupported(`${this.call.name} with ${this.exprs.length} arguments`);
  }

  at(i: number): Expr {
    const e = this.exprs[i];
    if (e === undefined) throw new NotSupported(`${this.call.name} without argument ${i + 1}`);
    return e;
  }

  /** "setsockopt SO_MARK": the call, and what about it. */
  refuse(what: string): never {
    throw new NotSupported(`${this.call.name} ${what}`);
  }

  /** What stands there is no such argument. */
  private odd(e: Expr, i: number): never {
    return this.refuse(`with ${wordFor(e)} as argument ${i + 1}`);
  }

  int(i: number): number {
    const e = this.at(i);
    return e.kind === 'int' ? e.value : this.odd(e, i);
  }

  /** A constant as the script writes it. */
  text(i: number): string {
    const e = this.at(i);
    return e.kind === 'int' ? e.text : wordFor(e);
  }

  string(i: number): string {
    const e = this.at(i);
    return e.kind === 'string' ? e.value : this.odd(e, i);
  }

  /** The host's descriptor for the script's; Failure when the script has none of that number. */
  fd(i: number): number {
    return this.live(this.int(i));
  }

  live(scriptFd: number): number {
    const live = this.fds.get(scriptFd);
    if (live === undefined)
      throw new Failure(this.call.line, `${this.call.name}: there is no descriptor ${scriptFd}`);
    return live;
  }

  /** A buffer of `length` bytes: so many of pattern, or a null pointer. */
  buffer(i: number, length: number): number | BadAddress {
    return this.isNull(i) ? new BadAddress(length) : length;
  }

  /** A null pointer; `...` and strings are not. */
  isNull(i: number): boolean {
    const e = this.at(i);
    if (e.kind === 'int' && e.value === 0) return true;
    return e.kind === 'ellipsis' || e.kind === 'string' ? false : this.odd(e, i);
  }

  /** An address, or its length, that the call may do without: `...`, which the interpreter has, or a null pointer. */
  given(i: number): boolean {
    const e = this.at(i);
    if (e.kind === 'ellipsis') return true;
    return e.kind === 'int' && e.value === 0 ? false : this.odd(e, i);
  }

  /** `...`: an address or its length, which the interpreter has. */
  ellipsis(i: number): void {
    const e = this.at(i);
    if (e.kind !== 'ellipsis') this.odd(e, i);
  }

  /** `[n]` */
  boxed(i: number): number {
    const [e, more] = this.items(i);
    if (e?.kind !== 'int' || more !== undefined) return this.odd(this.at(i), i);
    return e.value;
  }

  items(i: number): readonly Expr[] {
    const e = this.at(i);
    return e.kind === 'list' ? e.items : this.odd(e, i);
  }

  struct(i: number): Fields {
    const e = this.at(i);
    return e.kind === 'struct' ? new Fields(this, e) : this.odd(e, i);
  }

  structs(i: number): Fields[] {
    return this.items(i).map((e) => (e.kind === 'struct' ? new Fields(this, e) : this.odd(e, i)));
  }
}

/** A structure: every field must be asked for, or it is not understood. None stands twice, and only those of a message have a length. */
export class Fields {
  private readonly args: Args;
  private readonly fields: readonly Field[];

  constructor(args: Args, e: Struct) {
    this.args = args;
    this.fields = e.fields;
    for (const [i, { name, length }] of e.fields.entries()) {
      if (e.fields.findIndex((f) => f.name === name) !== i) args.refuse(`with ${name} twice`);
      if (length !== null && name !== 'msg_name' && name !== 'msg_iov')
        args.refuse(`with a length of ${name}`);
    }
  }

  /** Only these fields occur. */
  only(...names: readonly string[]): this {
    for (const f of this.fields) if (!names.includes(f.name)) this.args.refuse(`with ${f.name}`);
    return this;
  }

  get(name: string): Expr | null {
    return this.fields.find((f) => f.name === name)?.value ?? null;
  }

  /** What stands in brackets behind the name. */
  lengthOf(name: string): Expr | null {
    return this.fields.find((f) => f.name === name)?.length ?? null;
  }

  /** @param fallback where the field is left out */
  int(name: string, fallback: number | null = null): number {
    const e = this.get(name);
    if (e === null && fallback !== null) return fallback;
    return e?.kind === 'int' ? e.value : this.args.refuse(`with such a ${name}`);
  }
}

/** An argument in a message. */
export function wordFor(e: Expr): string {
  switch (e.kind) {
    case 'int':
      return e.text;
    case 'string':
      return 'a string';
    case 'ellipsis':
      return '...';
    case 'list':
      return 'a list';
    case 'tuple':
    case 'struct':
      return 'a structure';
    case 'address':
      return `the address ${e.address}`;
  }
}

export const O_RDWR = 2;
export const O_NONBLOCK: number = NONBLOCK;
