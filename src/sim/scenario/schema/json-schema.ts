/** The JSON Schema of a scenario file, for editors: the input side, as it is written, with descriptions and examples. */
import { z } from 'zod';
import { VERSION } from '../load.ts';
import { notesOf } from './fields.ts';
import { scenarioSchema } from './scenario.ts';

type Json = z.core.JSONSchema.BaseSchema;

export function jsonSchema(): Json {
  const scenario = convert(scenarioSchema);
  // What is required may come from `defaults:`, so an editor must not ask for it in each place.
  delete scenario.required;
  const ref = { $ref: '#/$defs/scenario' };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'hostwire scenarios',
    type: 'object',
    properties: {
      version: { const: VERSION, description: 'Of this format.' },
      defaults: {
        ...ref,
        description: 'Put under every scenario: maps are merged, lists are replaced.',
      },
      scenarios: {
        type: 'object',
        description: 'Scenarios by name.',
        minProperties: 1,
        additionalProperties: ref,
      },
    },
    required: ['version', 'scenarios'],
    additionalProperties: false,
    $defs: { scenario },
  };
}

function convert(schema: z.core.$ZodType): Json {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: out }) => {
      const { expects, body } = notesOf(zodSchema);
      // Our own notes are no words of JSON Schema.
      delete out['expects'];
      delete out['body'];
      if (body !== undefined) replace(out, withBody(out, convert(body), expects));
      else if (expects !== undefined && out.examples === undefined) out.examples = [expects];
      directions(out);
      impliedModel(out);
    },
  });
  delete json.$schema;
  return json;
}

/** A field with a short form and a map: either. A map without a short form is just the map. */
function withBody(short: Json, body: Json, expects: string | undefined): Json {
  const types = short.anyOf ?? [];
  const simple = types.filter((t) => (t as Json).type !== 'object');
  const example = expects === undefined ? {} : { examples: [expects] };
  const described = short.description === undefined ? {} : { description: short.description };
  if (Array.isArray(short.type))
    return { ...described, ...example, anyOf: [{ type: short.type }, body] };
  return simple.length === 0
    ? { ...body, ...described }
    : { ...described, ...example, anyOf: [...simple, body] };
}

/** The key `->` stands for all keys `a->b`. */
function directions(out: Json): void {
  const direction = out.properties?.['->'];
  if (direction === undefined) return;
  delete out.properties!['->'];
  out.patternProperties = { '^\\S+ ?-> ?\\S+$': direction };
}

/** `app:` alone says `model: user` (load.ts). */
function impliedModel(out: Json): void {
  if ((out.properties?.['model'] as Json | undefined)?.const !== 'user') return;
  out.required = (out.required ?? []).filter((key) => key !== 'model');
}

function replace(out: Json, by: Json): void {
  for (const key of Object.keys(out)) delete out[key];
  Object.assign(out, by);
}
