/**
 * The form of every error of the SCIM endpoint (RFC 7644 §3.12), with just these keys, because clients are strict.
 */

export const SCIM_TYPE = 'application/scim+json';

/** Every answer below this path has this form, whichever part of the process gives it. */
export const SCIM_PATH = /^\/scim\/v2(?:[/?]|$)/i;

export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'invalidVers'
  | 'invalidCursor'
  | 'sensitive';

export interface ScimErrorBody {
  readonly schemas: readonly string[];
  readonly status: string;
  readonly scimType?: ScimType;
  readonly detail: string;
}

export function scimErrorBody(status: number, scimType: ScimType | null, detail: string): ScimErrorBody {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(status),
    ...(scimType ? { scimType } : {}),
    detail,
  };
}
