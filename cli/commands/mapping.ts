/** `mapping`: which attribute feeds which, and which group feeds which. */

import type { AddCommand } from '../cli.ts';
import { misused } from '../exit.ts';
import { findStore } from '../find.ts';
import { STORE } from '../paths.ts';

const MAPPINGS = `${STORE}/mappings` as const;

export const addMapping: AddCommand = (program, { client, out }) => {
  const mapping = program.command('mapping').description('which attribute feeds which');

  mapping
    .command('list <store>')
    .description('list those of a store')
    .action(async (store: string) => {
      const { id: storeId } = await findStore(client(), store);
      const { body } = await client().get(MAPPINGS, { params: { storeId } });
      out.rows(body.mappings, {
        target: (row) => row.targetAttribute,
        source: (row) => row.sourceAttribute ?? 'nothing',
      });
    });

  mapping
    .command('set <store> <entries...>')
    .description('change entries: target=source, or target= for nothing; the others stay')
    .option('--preview', 'only say what would follow')
    .addHelpText('after', '\nExample:\n  scim-bridge mapping set GitLab bio=title --preview')
    .action(async (store: string, entries: readonly string[], { preview }: { preview?: boolean }) => {
      const { id: storeId } = await findStore(client(), store);
      const { body: now } = await client().get(MAPPINGS, { params: { storeId } });
      const changed = new Map(now.mappings.map((entry) => [entry.targetAttribute, entry.sourceAttribute]));
      for (const [target, source] of entries.map(readEntry)) changed.set(target, source);
      const mappings = [...changed].map(([targetAttribute, sourceAttribute]) => ({
        targetAttribute,
        sourceAttribute,
      }));
      const body = { mappings, groupMappings: now.groupMappings };
      const { body: saved } = await client().put(MAPPINGS, {
        params: { storeId },
        body,
        query: { preview: preview === true },
      });
      out.result(preview ? 'Nothing was saved.' : 'Saved.', saved);
    });
};

function readEntry(entry: string): readonly [target: string, source: string | null] {
  const at = entry.indexOf('=');
  if (at < 1) throw misused(`${entry} is no entry; write target=source.`);
  return [entry.slice(0, at), entry.slice(at + 1) || null];
}
