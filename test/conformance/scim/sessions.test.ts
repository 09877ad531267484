/** Every session in `sessions/`, against the endpoint on both databases. */

import { onEachDatabase } from '../../database.ts';
import { type EndpointUnderTest, startEndpoint } from './endpoint.ts';
import { playSession, publishedSchemas, type Schemas, sessions } from './sessionPlayer.ts';

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let schemas: Schemas;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
    schemas = await publishedSchemas(await endpoint.connect());
  });
  afterAll(() => endpoint.close());

  it.each(sessions.map((session) => [session.name, session] as const))('%s', async (_, session) => {
    const { unknownAttributes = 'Reject' } = session;
    await playSession(await endpoint.connect({ unknownAttributes }), session, schemas);
  });
});
