/** `mapping`: which attribute feeds which, and which group feeds which. */

import type { AddCommand } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { misused } from '../exit.ts';
import { findStore } from '../find.ts';
import { STORE } from '../paths.ts';
import { inWords } from '../words.ts';

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
      if (out.isJson || body.groupMappings.length === 0) return;
      out.rows(body.groupMappings, {
        group: (row) => row.original ?? row.externalId,
        'is there': (row) => row.translation,
        level: (row) => row.accessLevel,
      });
    });

  mapping
    .command('set <store> <entries...>')
    .description('change entries: target=source, or target= for nothing; the others stay')
    .option('--preview', 'only say what would follow')
    .option('--yes', 'do not ask before losses')
    .addHelpText('after', '\nExample:\n  scim-bridge mapping set GitLab bio=title --preview')
    .action(
      async (
        store: string,
        entries: readonly string[],
        { preview, yes }: { preview?: boolean; yes?: boolean },
      ) => {
        const { id: storeId } = await findStore(client(), store);
        const { body: now } = await client().get(MAPPINGS, { params: { storeId } });
        const changed = new Map(now.mappings.map((entry) => [entry.targetAttribute, entry.sourceAttribute]));
        for (const [target, source] of entries.map(readEntry)) changed.set(target, source);
        const mappings = [...changed].map(([targetAttribute, sourceAttribute]) => ({
          targetAttribute,
          sourceAttribute,
        }));
        const given = { params: { storeId }, body: { mappings, groupMappings: now.groupMappings } };
        const { body: tried } = await client().put(MAPPINGS, { ...given, query: { preview: true } });
        const { summary } = tried.impact;
        if (preview) return out.result(`It would bring: ${inWords(summary)}. Nothing was saved.`, tried);
        if (summary.disable + summary.delete + summary.revoke > 0)
          await confirm(`It brings: ${inWords(summary)}. Go on?`, yes);
        const { body: saved } = await client().put(MAPPINGS, given);
        out.result(`Saved; it brings: ${inWords(summary)}.`, saved);
      },
    );
};

function readEntry(entry: string): readonly [target: string, source: string | null] {
  const at = entry.indexOf('=');
  if (at < 1) throw misused(`${entry} is no entry; write target=source.`);
  return [entry.slice(0, at), entry.slice(at + 1) || null];
}
