/**
 * A bare Express and Knex handler in a process of its own: it checks nothing, and writes what the endpoint writes for
 * the same requests. It prints its address and its users.
 */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { migrate } from '../src/db/migrations.ts';
import { openDatabase, parseDatabaseUrl } from '../src/db/open.ts';
import { person } from '../test/bridge.ts';

const [databaseUrl = '', userName = ''] = process.argv.slice(2);
// Sessions of the driver as it comes: the bridge prepares statements and sends `BEGIN` along, a bare handler does not.
const db = openDatabase(parseDatabaseUrl(databaseUrl), undefined, 'long');
const ENVIRONMENT = 'e';
const CONNECTION = 'c';

interface User {
  readonly userName: string;
  readonly emails: readonly { readonly value: string }[];
}

function event(kind: string, id: string, at: string, request: unknown, after: unknown) {
  return {
    ...{ environment_id: ENVIRONMENT, at, correlation_id: randomUUID(), kind, outcome: 'success' },
    ...{ actor_type: 'connection', actor_id: CONNECTION, actor_name: CONNECTION },
    ...{ subject_kind: 'user', subject_id: id },
    ...{ request: JSON.stringify(request), after: JSON.stringify(after) },
  };
}

async function insert(user: User) {
  const id = randomUUID();
  const at = new Date().toISOString();
  const email = user.emails[0]?.value ?? '';
  await db.transaction(async (tx) => {
    await tx('persons').insert({ id, environment_id: ENVIRONMENT, created_at: at });
    await tx('users').insert({
      ...{ id, environment_id: ENVIRONMENT, connection_id: CONNECTION, person_id: id },
      ...{ user_name: user.userName, user_name_lower: user.userName.toLowerCase() },
      ...{ primary_email_lower: email, active: true, resource: JSON.stringify(user), version: 1 },
      ...{ created_at: at, updated_at: at },
    });
    await tx('user_emails').insert({ connection_id: CONNECTION, user_id: id, value_lower: email });
    await tx('events').insert(event('user.created', id, at, user, user));
  });
  return { ...user, id, meta: { resourceType: 'User', created: at, lastModified: at } };
}

async function setActive(id: string, active: boolean, request: unknown) {
  const at = new Date().toISOString();
  return db.transaction(async (tx) => {
    const row = await tx('users').where({ id }).first();
    const user = { ...toUser(row), active };
    const changed = { active, resource: JSON.stringify(user), version: row.version + 1, updated_at: at };
    await tx('users').where({ id }).update(changed);
    await tx('events').insert(event('user.updated', id, at, request, user));
    return user;
  });
}

function toUser({ id, resource }: { readonly id: string; readonly resource: string | object }) {
  return { id, ...(typeof resource === 'string' ? JSON.parse(resource) : resource) };
}

await migrate(db);
const at = new Date().toISOString();
const since = { created_at: at, updated_at: at };
await db('environments').insert({ id: ENVIRONMENT, name: ENVIRONMENT, ...since });
await db('connections').insert({
  ...{ id: CONNECTION, environment_id: ENVIRONMENT, name: CONNECTION, strategy: 'scim', is_primary: true },
  ...{ unknown_attributes: 'Ignore', metadata: '{}', user_id_attribute: 'userName', ...since },
});
const { id: userId } = await insert({
  ...(person(userName.split('@')[0] ?? '') as object as User),
  userName,
});

const app = express();
app.use(express.json({ type: '*/*' }));
app.post('/Users', async (req, res) => {
  res.status(201).json(await insert(req.body));
});
app.patch('/Users/:id', async (req, res) => {
  res.json(await setActive(req.params.id, req.body.Operations[0].value, req.body));
});
app.get('/Users', async (req, res) => {
  const [, name = ''] = /^userName eq "(.*)"$/.exec(String(req.query.filter)) ?? [];
  const rows = await db('users').where({ connection_id: CONNECTION, user_name_lower: name.toLowerCase() });
  res.json({ totalResults: rows.length, Resources: rows.map(toUser) });
});
const server = createServer(app).listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, userId });
