/** Whom a command means: by a name, an address, a user name, an account or an id, as the API finds people. */

import type { Client } from '../client/client.ts';
import { nothing } from './exit.ts';
import { PEOPLE } from './paths.ts';

const NAMED_MAX = 10;

interface Found {
  readonly id: string;
  readonly display: string;
  readonly lifecycle: string;
  readonly users: readonly { readonly userName: string; readonly connection: { readonly name: string } }[];
}

/** The only one that is found, or the only one that is called exactly so. */
export async function findPerson(client: Client, wanted: string): Promise<Found> {
  const q = wanted.trim();
  const { body } = await client.get(PEOPLE, { query: { q, limit: NAMED_MAX + 1 } });
  const people: readonly Found[] = body._embedded.people;
  const isExact = ({ id, display, users }: Found) =>
    [id, display, ...users.map(({ userName }) => userName)].some(
      (name) => name.toLowerCase() === q.toLowerCase(),
    );
  const exact = people.filter(isExact);
  const [one, ...others] = exact.length > 0 ? exact : people;
  if (!one) throw nothing(`Nobody here is called ${wanted}.`);
  if (others.length === 0) return one;
  const lines = [one, ...others].slice(0, NAMED_MAX).map(({ id, display, lifecycle, users }) => {
    const from = users.map(({ connection }) => connection.name).join(', ');
    return `  ${display} (${[lifecycle, from].filter(Boolean).join(', from ')}): ${id}`;
  });
  const more = others.length >= NAMED_MAX ? '\n  and more' : '';
  throw nothing(`Several people are called so; give the id:\n${lines.join('\n')}${more}`);
}
