// Mini-scripts for the tests of the interpreter: a server with one established connection, and what a script says of it.
import { runScript, type RunOptions, type Verdict } from '../../src/packetdrill/index.ts';

/** The settings that all scripts begin with, and a listener: descriptor 3. */
export const LISTEN = `\`defaults.sh\`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
`;

/** One connection from a peer with an MSS of 1000, accepted as descriptor 4 at 0.1 s. 14 lines with LISTEN are before what follows. */
export const SERVER: string = `${LISTEN}+0 < S 0:0(0) win 30000 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 8>
+.1 < . 1:1(0) ack 1 win 300
+0 accept(3, ..., ...) = 4
`;

/** The line on which the text after `before` begins. */
export const lineAfter = (before: string): number => before.split('\n').length;

export function run(text: string, options: RunOptions = {}): Verdict {
  return runScript(text, options);
}

/** "pass", or "fail 12: why". */
export function inShort({ verdict, line, message }: Verdict): string {
  return verdict === 'pass' ? verdict : `${verdict} ${line}: ${message}`;
}
