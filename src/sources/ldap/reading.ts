/** What a reading of the tree needs: the settings, completed by the kind of server. */

import { type Filter, FilterParser } from 'ldapts';
import type { CallContext } from '../../connectors/connector.ts';
import type { SourceDeps } from '../source.ts';
import type { Preset } from './presets.ts';
import { type InactiveRule, type LdapSettings, readRule } from './settings.ts';
import { openTree, type Tree } from './tree.ts';

/** A connection to the tree, and the settings completed by the kind of server. */
export interface Reading {
  readonly settings: LdapSettings;
  readonly deps: SourceDeps;
  readonly tree: Tree;
  readonly userFilter: Filter;
  readonly groupFilter: Filter;
  /** Null: Active Directory's own rule. */
  readonly rule: InactiveRule | null;
}

export async function openReading(
  settings: LdapSettings,
  deps: SourceDeps,
  context: CallContext,
): Promise<Reading> {
  const tree = await openTree(settings, deps, context);
  return { settings, deps, tree, ...filtersOf(settings, tree.preset) };
}

export function filtersOf(
  settings: LdapSettings,
  preset: Preset,
): Pick<Reading, 'userFilter' | 'groupFilter' | 'rule'> {
  return {
    userFilter: FilterParser.parseString(settings.userFilter ?? preset.userFilter),
    groupFilter: FilterParser.parseString(settings.groupFilter ?? preset.groupFilter),
    rule: readRule(settings.inactiveWhen ?? preset.inactiveWhen ?? ''),
  };
}

export function userAttributes(preset: Preset, rule: InactiveRule | null): readonly string[] {
  return [
    ...preset.attributes,
    preset.idAttribute,
    preset.changeAttribute,
    ...(rule ? [rule.attribute] : []),
  ];
}
