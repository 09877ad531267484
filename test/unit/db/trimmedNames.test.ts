/** The migration that trims names: what was kept with blanks around it is found without them. */

import { up } from '../../../migrations/0016_trimmed_names.ts';
import { onEachDatabase } from '../../database.ts';
import { addGroup, addUser, openDirectory } from '../directory/people.ts';

onEachDatabase((open) => {
  it('trims what is compared, but where the name without blanks belongs to another', async () => {
    const db = await openDirectory(open);
    const emails = [{ value: ' ann@example.com' }];
    const ann = await addUser(db, { userName: ' Ann ', emails });
    const bob = await addUser(db, { userName: 'Bob' });
    const bobs = await addUser(db, { userName: 'Bob ' });
    const sales = await addGroup(db, { displayName: 'Sales ' });
    await up(db);
    const named = async (id: string) => (await db('users').where({ id }).first()).user_name_lower;
    expect(await Promise.all([ann, bob, bobs].map(named))).toEqual(['ann', 'bob', 'bob ']);
    expect(await db('groups').where({ id: sales }).first()).toMatchObject({ display_name_lower: 'sales' });
    expect(await db('users').where({ id: ann }).first()).toMatchObject({
      primary_email_lower: 'ann@example.com',
    });
    expect(await db('user_emails').select('value_lower')).toEqual([{ value_lower: 'ann@example.com' }]);
  });
});
