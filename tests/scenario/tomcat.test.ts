/** Tomcat's attributes in a scenario: what is left out, and what cannot be. */
import { describe, expect, it } from 'vitest';
import { TOMCAT_DEFAULTS, type TomcatOptions } from '../../src/app/options.ts';
import { load } from '../../src/sim/scenario/load.ts';

function read(attributes: string): Partial<TomcatOptions> {
  const [scenario] = load(
    `version: 1
scenarios:
  x:
    shows: nothing
    hosts: { a: {}, b: {} }
    links: [{ between: [a, b], delay: 1 ms }]
    apps:
      server: { host: b, model: tomcat, listen: 80, ${attributes} }
      load: { host: a, model: client, connect: b:80, codec: http, requests: 1, request: 0 B, response: 0 B }
`,
    { file: 'x.yaml' },
  );
  return scenario!.apps[0] as Partial<TomcatOptions>;
}

function said(attributes: string): string {
  try {
    read(attributes);
    return '';
  } catch (e) {
    return (e as Error).message;
  }
}

describe('tomcat', () => {
  it('has by itself what a connector without attributes has', () => {
    expect(read('')).toMatchObject({ ...TOMCAT_DEFAULTS, listen: 80 });
  });

  it('waits between requests as long as within one, if nothing else is said', () => {
    expect(read('connectionTimeout: 20 s').keepAliveTimeoutNs).toBe(20e9);
    expect(read('connectionTimeout: 20 s, keepAliveTimeout: 5 s').keepAliveTimeoutNs).toBe(5e9);
    expect(read('connectionTimeout: 20 s, keepAliveTimeout: never').keepAliveTimeoutNs).toBeNull();
  });

  it('takes as many connections as threads with bio [JIoEndpoint.bind]', () => {
    expect(read('protocol: bio').maxConnections).toBe(200);
    expect(read('protocol: bio, maxThreads: 7').maxConnections).toBe(7);
    expect(read('protocol: bio, maxConnections: unlimited').maxConnections).toBeNull();
  });

  it.each([
    ['maxThreads: 0', /at least 1/],
    ['maxThread: 10', /did you mean `maxThreads`/],
    ['maxConnections: -1', /at least 1.*`unlimited`/s],
    ['maxConnections: unlimitted', /unlimited/],
    ['connectionTimeout: 20000', /20000.*unit/s],
    ['connectionTimeout: -1 ms', /negative/],
    ['connectionTimeout: 0 ms', /whole milliseconds, from 1 on/],
    ['keepAliveTimeout: 1500 us', /whole milliseconds.*`never`/s],
    ['protocol: apr', /nio.*bio/s],
    ['disableKeepAlivePercentage: 50', /says nothing with `protocol: nio`.*bio/s],
    ['protocol: bio, disableKeepAlivePercentage: 101', /at most 100/],
    ['backlog: 100', /backlog/],
    ['request: 100 B', /request/],
  ])('does not take `%s`, and says why', (attributes, why) => {
    expect(said(attributes)).toMatch(why);
    expect(said(attributes)).toMatch(/^x\.yaml:8:/);
  });
});
