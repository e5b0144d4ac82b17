/**
 * A world as plain data: the object that a scenario file holds under a scenario's name. Arbitraries make such objects, so
 * that a counterexample can be printed as a file, edited, and replayed by `hostwire run`.
 */
import { Document, visit } from 'yaml';

/** Keys and values as in YAML; quantities carry their units (`'64 KiB'`, `'10 ms'`). */
export type Written = Readonly<Record<string, unknown>>;

/** One scenario as written. The reference of all keys is the JSON Schema, `hostwire schema`. */
export interface WorldObject {
  /** What it shows, in a sentence. */
  readonly shows: string;
  /** Everything random in the run is drawn from it. Default: 1. */
  readonly seed?: number | string;
  readonly hosts: Readonly<Record<string, Written>>;
  readonly routers?: Readonly<Record<string, Written>>;
  readonly links?: readonly Written[];
  readonly apps: Readonly<Record<string, Written>>;
  /** When the run ends, and after how much simulated time it has failed. */
  readonly stop?: Written;
  readonly [key: string]: unknown;
}

/** Drops keys whose value is undefined: they are not written. */
export function written(o: object): Written {
  return Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));
}

/** As `written`, but nothing at all of what would be empty. */
export function writtenOrNothing(o: object): Written | undefined {
  const w = written(o);
  return Object.keys(w).length > 0 ? w : undefined;
}

/** Levels of the file that are written as blocks: file, scenarios, scenario, and each of its groups. */
const BLOCKS = 4;

/**
 * The world as a file that `hostwire run` takes.
 *
 * @param name  what the scenario is called in it
 *
 *     writeFileSync('failing.yaml', yaml(world));
 */
export function yaml(world: WorldObject, name = 'generated'): string {
  const file = { version: 1, scenarios: { [name]: world } };
  const doc = new Document(file, { aliasDuplicateObjects: false });
  visit(doc, {
    Collection(_, node, path) {
      // A host, a link, an application: one line each, as people write them.
      const depth = path.filter((n) => 'items' in n).length;
      node.flow = depth >= BLOCKS;
    },
  });
  return doc.toString({ lineWidth: 0 });
}
