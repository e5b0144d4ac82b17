/**
 * Static routes: from every host and router, which of its links leads to each host by the fewest hops (ties: the link that
 * stands first in the scenario). Only routers pass on what is not theirs.
 */
import { ScenarioError } from '../../base/assert.ts';

/** One direction of a link, by the index that its user knows it by. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly index: number;
}

/**
 * For each node, destination → index of the first edge on the way.
 *
 * @param routers  names of the nodes that forward
 */
export function routesOf(
  edges: readonly Edge[],
  routers: ReadonlySet<string>,
): Map<string, Map<string, number>> {
  const out = new Map<string, Edge[]>();
  for (const e of edges) {
    const list = out.get(e.from);
    if (list === undefined) out.set(e.from, [e]);
    else list.push(e);
  }
  const routes = new Map<string, Map<string, number>>();
  for (const from of out.keys()) routes.set(from, breadthFirst(from, out, routers));
  return routes;
}

function breadthFirst(
  from: string,
  out: ReadonlyMap<string, Edge[]>,
  routers: ReadonlySet<string>,
): Map<string, number> {
  const first = new Map<string, number>();
  const seen = new Set([from]);
  let ring: { node: string; via: number }[] = [{ node: from, via: -1 }];
  while (ring.length > 0) {
    const next: { node: string; via: number }[] = [];
    for (const { node, via } of ring) {
      for (const e of out.get(node) ?? []) {
        if (seen.has(e.to)) continue;
        seen.add(e.to);
        const edge = via < 0 ? e.index : via;
        first.set(e.to, edge);
        if (routers.has(e.to)) next.push({ node: e.to, via: edge });
      }
    }
    ring = next;
  }
  return first;
}

/** @throws ScenarioError when there is no way */
export function mustReach(
  routes: ReadonlyMap<string, ReadonlyMap<string, number>>,
  from: string,
  to: string,
  path: readonly (string | number)[],
): void {
  if (from === to || routes.get(from)?.has(to) === true) return;
  throw new ScenarioError(
    `no link leads from ${from} to ${to}`,
    path,
    `add a link between: [${from}, ${to}], or join both to a router`,
  );
}
