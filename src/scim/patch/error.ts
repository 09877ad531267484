/** Why a PATCH was refused; nothing of it was done (RFC 7644 §3.5.2: all operations or none). */

/** As RFC 7644 §3.12 names them; the answer is always 400. */
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
