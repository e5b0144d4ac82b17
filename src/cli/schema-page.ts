/** docs/scenarios.md: every key of a scenario file, read off the JSON Schema that editors use. */
import type { z } from 'zod';

type Json = z.core.JSONSchema.BaseSchema;

/** One table: where its keys stand, and what they are. */
interface Section {
  title: string;
  readonly text: string;
  readonly properties: Readonly<Record<string, Json>>;
}

const HEAD = `# Scenario files

Printed by \`hostwire schema --markdown\`; a test keeps this page up to date. Editors know all of it from the first line that
\`hostwire init\` writes (\`# yaml-language-server: $schema=…\`).

A file has \`version: 1\`, \`scenarios:\` (a map by name) and, if you like, \`defaults:\`, which is put under every scenario: maps are
merged, lists are replaced. A quantity carries its unit (\`10 ms\`, \`100 Mbit/s\`, \`64 KiB\`, \`0.1 %\`); a key that is Linux's own
takes Linux's plain number. A name in angle brackets is yours to choose.
`;

/** @param schema  what \`jsonSchema()\` gives */
export function schemaPage(schema: Json): string {
  const scenario = (schema['$defs'] as Record<string, Json>)['scenario']!;
  const sections: Section[] = [];
  collect('A scenario', scenario, sections);
  return `${HEAD}${sections.map(print).join('')}`;
}

/** A map of known keys is a table; what its values hold are tables of their own, behind it. */
function collect(title: string, schema: Json, into: Section[]): void {
  for (const map of mapsIn(schema)) {
    const named = modelOf(map);
    const name = named === null ? title : `${title} with \`model: ${named}\``;
    const properties = { ...map.properties };
    for (const [pattern, value] of Object.entries(map.patternProperties ?? {}))
      properties[pattern.includes('->') ? '<a>-><b>' : pattern] = value as Json;
    if (isThere(name, properties as Record<string, Json>, into)) continue;
    into.push({
      title: name,
      text: schema.description ?? '',
      properties: properties as Record<string, Json>,
    });
    for (const [key, value] of Object.entries(properties))
      collect(inside(title, named, key), value as Json, into);
  }
  const { additionalProperties: each, items } = schema;
  if (typeof each === 'object') collect(title.replace(/`$/, '.<name>`'), each as Json, into);
  if (typeof items === 'object') collect(title, items as Json, into);
}

/** The same table stands already; a title that names one model of several then names none. */
function isThere(
  title: string,
  properties: Readonly<Record<string, Json>>,
  all: Section[],
): boolean {
  const text = JSON.stringify(properties);
  const same = all.find((s) => JSON.stringify(s.properties) === text);
  if (same === undefined) return false;
  if (same.title !== title) same.title = same.title.replace(/\(\w+\)/, '');
  return true;
}

function inside(title: string, model: string | null, key: string): string {
  if (title === 'A scenario') return `\`${key}\``;
  const path = title.slice(1, -1);
  return `\`${path}${model === null ? '' : `(${model})`}.${key}\``;
}

/** The maps with keys of their own that a value may be. */
function mapsIn(schema: Json): Json[] {
  if (schema.properties !== undefined) return [schema];
  return [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((s) => mapsIn(s as Json));
}

function modelOf(map: Json): string | null {
  const model = map.properties?.['model'] as Json | undefined;
  return typeof model?.const === 'string' ? model.const : null;
}

function print({ title, text, properties }: Section): string {
  const rows = Object.entries(properties).map(
    ([key, value]) => `| \`${key}\` | ${cell(takes(value))} | ${cell(value.description ?? '')} |\n`,
  );
  const said = text === '' ? '' : `${text}\n\n`;
  return `\n## ${title}\n\n${said}| key | takes | what it is |\n| --- | --- | --- |\n${rows.join('')}`;
}

/** What may be written, in a few words: the allowed words, an example, or the kind of value. */
function takes(schema: Json): string {
  const words = wordsOf(schema);
  if (words.length > 0) return words.map((w) => `\`${w}\``).join(', ');
  const example = schema.examples?.[0];
  if (example !== undefined && example !== null) {
    const map = mapsIn(schema).length > 0 && schema.properties === undefined;
    return `e.g. \`${String(example)}\`${map && !String(example).startsWith('{') ? ', or a map' : ''}`;
  }
  if (schema.type === 'integer') return 'a whole number';
  if (schema.type === 'boolean') return 'yes or no';
  if (schema.type === 'array') return 'a list';
  if (schema.type === 'object' || mapsIn(schema).length > 0) return 'a map';
  return schema.type === 'string' ? 'a word' : 'a value';
}

function wordsOf(schema: Json): string[] {
  if (schema.const !== undefined) return [String(schema.const)];
  if (schema.enum !== undefined)
    return schema.enum.filter((w) => typeof w === 'string').map(String);
  const parts = schema.anyOf?.map((s) => wordsOf(s as Json)) ?? [];
  return parts.length > 0 && parts.every((p) => p.length > 0) ? parts.flat() : [];
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
