/** Shows a setting of a store or of a pulled connection in its metadata. */

import type { SettingSpec } from '../../model/settings.ts';

export function showSetting(spec: SettingSpec) {
  const { key, type, required = false, secret = false, aliasOf, notYet, description } = spec;
  return {
    key,
    type,
    required,
    secret,
    ...(spec.default === undefined ? {} : { default: spec.default }),
    ...(spec.allowed ? { allowed: spec.allowed } : {}),
    ...(spec.min === undefined ? {} : { min: spec.min }),
    ...(spec.max === undefined ? {} : { max: spec.max }),
    ...(aliasOf ? { deprecated: true as const, aliasOf } : {}),
    ...(notYet ? { notYet } : {}),
    description,
  };
}
