/** What rooms above the kernel use of TCP's own vocabulary: numbers of segments, counters, and the options of a host. */
export { TcpMib } from '../tcp/context.ts';
export {
  tcpOptions,
  TCP_TUNABLES,
  type PathOptions,
  type TcpOptions,
  type Tunable,
} from '../tcp/options.ts';
export type { FastOpenOption } from '../tcp/fastopen-option.ts';
export { BASE_HEADER, ecnField, sackRoom } from '../tcp/segment.ts';
export { seq } from '../tcp/seq.ts';
