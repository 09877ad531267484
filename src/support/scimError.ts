/** The one shape of an error of the SCIM endpoint (RFC 7644 §3.12): these keys and no other, for strict clients. */

export const SCIM_TYPE = 'application/scim+json';

/** Whatever is asked below it is answered in this shape, by whichever part of the process. */
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
