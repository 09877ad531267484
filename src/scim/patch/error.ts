/** Why a PATCH was refused. Nothing of it was done (RFC 7644 §3.5.2: all operations or none). */

/** The names in RFC 7644 §3.12; the answer is always 400. */
export type PatchErrorType =
  | 'invalidSyntax'
  | 'invalidPath'
  | 'invalidFilter'
  | 'invalidValue'
  | 'mutability'
  | 'noTarget'
  | 'tooMany';

export class PatchError extends Error {
  readonly scimType: PatchErrorType;

  constructor(scimType: PatchErrorType, detail: string) {
    super(detail);
    this.name = 'PatchError';
    this.scimType = scimType;
  }
}
