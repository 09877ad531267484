/**
 * A new store type is one folder and one line: a type of the tests passes the suite and is served like any
 * other.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/support/clock.ts';
import { patch, person, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl } from '../../database.ts';
import { describeConnector } from '../connector.ts';
import type { ConnectorWorld } from '../world.ts';
import { notebookType } from './notebook/index.ts';
import { Notebook } from './notebook/notebook.ts';

const someone = (name: string) => ({
  identifier: `${name}@example.com`,
  attributes: { email: `${name}@example.com`, name: `The ${name}` },
});

function world(notebook: Notebook): ConnectorWorld {
  const connector = notebookType(() => notebook).create({
    configuration: { TITLE: 'Staff' },
    now: () => 0,
    sleep: async () => {},
    fetch,
    storeId: 'store',
  });
  return {
    connector,
    impostor: null,
    stranded: null,
    secrets: [],
    person: someone,
    groupName: (name) => name,
    update: { name: 'name', to: 'Somebody else' },
    level: null,
    scanCount: 12,
    remote: {
      seedAccount: async (name, state) => {
        const { identifier, attributes } = someone(name);
        return notebook.addAccount(identifier, attributes, state === 'enabled').id;
      },
      seedGroup: async (name) => notebook.addGroup(name).id,
      removeAccount: async (id) => void notebook.removeAccount(id),
      removeGroup: async (id) => void notebook.groups.delete(id),
      account: async (id) => notebook.accounts.get(id) ?? null,
      group: async (id) => {
        const group = notebook.groups.get(id);
        return group
          ? { name: group.name, members: [...group.members].map((m) => ({ id: m, level: null })) }
          : null;
      },
      accountCount: async () => notebook.accounts.size,
    },
    faults: null,
    protectedAccount: async () => null,
    close: async () => {},
  };
}

describeConnector('A store type that is not the product’s', async () => world(new Notebook()), {
  callsVendor: false,
});

describe('a bridge with a store type of its own', () => {
  it('shows, configures and serves it like any other', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-test-'));
    const notebooks = new Map<string, Notebook>();
    const open = (title: string) => {
      const notebook = notebooks.get(title) ?? new Notebook();
      notebooks.set(title, notebook);
      return notebook;
    };
    const url = await freshDatabaseUrl('sqlite', directory);
    const bridge = await startBridge(url, systemClock, { moreTypes: [notebookType(open)] });
    try {
      const metadata = await bridge.admin('GET', '/propagation/storeMetadata/Notebook');
      expect(metadata.body).toMatchObject({ type: 'Notebook', capabilities: { renameGroups: false } });

      const store = { type: 'Notebook', name: 'Staff', status: 'ACTIVE' };
      const nameless = await bridge.admin('POST', '/propagation/stores', { ...store, configuration: {} });
      expect(nameless.status).toBe(400);
      const made = await bridge.admin('POST', '/propagation/stores', {
        ...store,
        configuration: { TITLE: 'Staff' },
      });
      expect(made.status).toBe(201);

      const jane = await bridge.scim('POST', '/Users', person('jane'));
      await bridge.settled();
      expect(open('Staff').accountOf('jane@acme.example')).toMatchObject({
        enabled: true,
        attributes: { name: 'jane Doe' },
      });

      await bridge.scim(
        'PATCH',
        `/Users/${jane.body.id}`,
        patch({ op: 'replace', value: { active: false } }),
      );
      await bridge.settled();
      expect(open('Staff').accountOf('jane@acme.example')).toMatchObject({ enabled: false });
    } finally {
      await bridge.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
