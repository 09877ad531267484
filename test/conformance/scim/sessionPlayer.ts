/**
 * Plays whole sessions of identity providers, in the shape in which they were recorded: each file in
 * `sessions/` step by step, against whatever answers. Adding a dialect is adding a file.
 *
 * A step is `{do: "METHOD /path", note?, send?, status, answer?, keep?}`. `answer` is the part of the body
 * that matters; `keep` names values of the body, by dotted path, for `{{name}}` in later steps. Every 2xx
 * body is checked against the published schemas, as strict clients do.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, expectScimError, type Reply } from './endpoint.ts';

type Requests = Pick<Client, 'request'>;

interface Step {
  readonly do: string;
  readonly note?: string;
  readonly send?: unknown;
  readonly status: number;
  readonly answer?: unknown;
  readonly keep?: Readonly<Record<string, string>>;
}

export interface Session {
  readonly name: string;
  readonly source: string;
  readonly contentType: string;
  readonly unknownAttributes?: 'Reject' | 'Ignore';
  readonly steps: readonly Step[];
}

interface Published {
  readonly name: string;
  readonly type: string;
  readonly multiValued: boolean;
  readonly returned: string;
  readonly subAttributes?: readonly Published[];
}

const FOLDER = join(__dirname, 'sessions');
export const sessions = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file): Session => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')));

/** Attributes by schema. */
export type Schemas = ReadonlyMap<string, readonly Published[]>;

export async function publishedSchemas(client: Requests): Promise<Schemas> {
  const { body } = await client.request('GET', '/Schemas');
  return new Map(
    body.Resources.map((schema: { id: string; attributes: Published[] }) => [schema.id, schema.attributes]),
  );
}

/** `client` is a connection of its own. Fails at the first step that is answered otherwise. */
export async function playSession(client: Requests, session: Session, schemas: Schemas): Promise<void> {
  const kept = new Map<string, string>();
  for (const step of session.steps) {
    const reply = await play(client, session, filled(step, kept), schemas);
    for (const [name, path] of Object.entries(step.keep ?? {}))
      kept.set(name, String(valueAt(reply.body, path)));
  }
}

async function play(client: Requests, session: Session, step: Step, schemas: Schemas): Promise<Reply> {
  const [method = '', path = ''] = step.do.split(/ (.*)/);
  const [resource, query] = path.split(/\?(.*)/);
  const encoded = query === undefined ? resource : `${resource}?${new URLSearchParams(query)}`;
  const reply = await client.request(method, encoded ?? '', step.send, {
    ...(step.send !== undefined && { 'Content-Type': session.contentType }),
  });
  expect({ step: step.do, status: reply.status, text: reply.text }).toMatchObject({ status: step.status });
  if (step.answer !== undefined) expect(reply.body).toMatchObject(step.answer as object);
  if (step.status >= 400) expectScimError(reply, step.status, reply.body.scimType);
  else
    for (const shown of reply.body?.Resources ?? (reply.body ? [reply.body] : []))
      expectValid(shown, schemas);
  return reply;
}

function expectValid(resource: Record<string, unknown>, schemas: Schemas): void {
  const [core = '', ...extensions] = resource.schemas as string[];
  const own = Object.fromEntries(
    Object.entries(resource).filter(([name]) => ![...COMMON, ...extensions].includes(name)),
  );
  expectFits(own, schemas.get(core) ?? [], core);
  for (const urn of extensions) expectFits(resource[urn], schemas.get(urn) ?? [], urn);
}

const COMMON = ['schemas', 'id', 'externalId', 'meta'];
const TYPES: Readonly<Record<string, string>> = { boolean: 'boolean', complex: 'object' };

function expectFits(value: unknown, attributes: readonly Published[], where: string): void {
  for (const [name, part] of Object.entries(value as object)) {
    const attribute = attributes.find((published) => published.name === name);
    if (!attribute || attribute.returned === 'never') throw new Error(`${where} shows ${name}`);
    expect([name, Array.isArray(part)]).toEqual([name, attribute.multiValued]);
    for (const one of Array.isArray(part) ? part : [part]) {
      expect([name, typeof one]).toEqual([name, TYPES[attribute.type] ?? 'string']);
      if (attribute.subAttributes) expectFits(one, attribute.subAttributes, `${where}:${name}`);
    }
  }
}

function filled(step: Step, kept: ReadonlyMap<string, string>): Step {
  const text = JSON.stringify(step).replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = kept.get(name);
    if (value === undefined) throw new Error(`${step.do} needs ${name}, which no step kept`);
    return value;
  });
  return JSON.parse(text);
}

function valueAt(body: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], body);
}
