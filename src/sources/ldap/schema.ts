/**
 * Reads from the server's schema what a class demands: some servers made attributes optional that the standards
 * require.
 */

import { CODE, isCode } from './protocol/errors.ts';
import type { Tree } from './tree.ts';

/** Whether every entry of the class must have the attribute. */
export type Demands = (objectClass: string, attribute: string) => Promise<boolean>;

/**
 * Reads the schema at the first question. Where the account may not read it, RFC 4519 counts, except for the family
 * of 389 Directory Server, whose groups may be empty.
 */
export function createDemands(tree: Tree): Demands {
  const { kind, schema } = tree.server;
  let reading: Promise<readonly string[]> | null = null;
  return async (objectClass, attribute) => {
    reading ??= schema === null ? Promise.resolve([]) : readClasses(tree, schema);
    const own = (await reading).find((line) => namesOf(line).includes(objectClass.toLowerCase()));
    if (own === undefined) return kind !== 'FreeIPA';
    const [, several, one = ''] = /\sMUST\s+(?:\(([^)]*)\)|([\w.-]+))/i.exec(own) ?? [];
    const names = (several ?? one).split('$').map((name) => name.trim().toLowerCase());
    return names.includes(attribute.toLowerCase());
  };
}

/** Schema lines (RFC 4512 §4.1.1) without their descriptions. */
async function readClasses(tree: Tree, schema: string): Promise<readonly string[]> {
  try {
    const entry = await tree.entry(schema, ['objectClasses'], 'read the schema');
    return entry.texts('objectClasses').map((line) => line.replace(/\sDESC\s+'[^']*'/i, ''));
  } catch (error) {
    if (!isCode(error, CODE.noSuchObject, CODE.insufficientAccess)) throw error;
    return [];
  }
}

function namesOf(line: string): readonly string[] {
  const [, names = ''] = /\sNAME\s+(\([^)]*\)|'[^']*')/i.exec(line) ?? [];
  return [...names.matchAll(/'([^']+)'/g)].map(([, name = '']) => name.toLowerCase());
}
