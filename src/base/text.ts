/**
 * Text as bytes: UTF-8, as the Encoding Standard has it. Every engine that runs hostwire knows it; ECMAScript's own types do not,
 * and the types of Node or of a browser are none of the model's business.
 */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: string,
  options: { ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

/** A lone surrogate becomes U+FFFD. */
export const encodeText = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What is no UTF-8 becomes U+FFFD; a byte order mark is text like any other. */
export const decodeText = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
