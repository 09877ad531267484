/**
 * Reads request bodies: JSON of a known content type, within limits, and of text that both databases can
 * hold. Must come after authentication, so that nobody unknown makes the bridge parse anything.
 */

import { isUtf8 } from 'node:buffer';
import express, { type Request, type RequestHandler } from 'express';
import { isStorableText } from '../../directory/query/operand.ts';
import { shown } from '../../directory/query/tokens.ts';
import { ScimError } from '../answer/errors.ts';

/** Room for a group of 100,000 members as the bridge answers it: wizard apps PUT what they got. */
export const BODY_BYTES_MAX = 32 * 1024 * 1024;
/** RFC 7643 resources are four deep. */
const NESTING_MAX = 32;

const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);
const CONTENT_TYPES = ['application/scim+json', 'application/json'];
const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;

/** Refuses what is no JSON by its content type (415), parses the rest. A body that means nothing is not read. */
export function bodyParser(): RequestHandler {
  const parse = express.json({ type: () => true, limit: BODY_BYTES_MAX, strict: false, verify: checkUtf8 });
  return (req, res, next) => {
    if (!METHODS_WITH_BODY.has(req.method) || !hasBody(req)) return next();
    const contentType = req.headers['content-type'] ?? '';
    const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
    if (!CONTENT_TYPES.includes(type)) {
      return next(new ScimError(415, null, `The Content-Type must be ${CONTENT_TYPES.join(' or ')}.`));
    }
    const charset = CHARSET.exec(contentType)?.[1] ?? 'utf-8';
    if (!/^utf-8$/i.test(charset)) {
      return next(new ScimError(415, null, 'The body must be JSON in UTF-8.'));
    }
    parse(req, res, next);
  };
}

/** RFC 8259 §8.1. Decoding would put U+FFFD where a name has another letter. */
function checkUtf8(_req: unknown, _res: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw new ScimError(400, 'invalidSyntax', 'The body must be JSON in UTF-8.');
}

function hasBody(req: Request): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

/** The body as an object, all of whose text can be stored. Throws ScimError 400. */
export function objectBody(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ScimError(400, 'invalidSyntax', 'The body must be a JSON object.');
  }
  checkValue(body);
  return body as Record<string, unknown>;
}

/** Walks without recursion: the depth is the caller's. */
function checkValue(root: unknown): void {
  const open: { value: unknown; depth: number }[] = [{ value: root, depth: 1 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value === 'string') checkText(value);
    if (typeof value !== 'object' || value === null) continue;
    if (depth > NESTING_MAX) {
      throw new ScimError(400, 'invalidSyntax', `The body is nested deeper than ${NESTING_MAX} levels.`);
    }
    checkKeys(value);
    for (const [key, child] of Object.entries(value)) {
      checkText(key);
      open.push({ value: child, depth: depth + 1 });
    }
  }
}

/** Attribute names have no case (RFC 7643 §2.1): of two that differ in case alone neither can be meant. */
function checkKeys(value: object): void {
  if (Array.isArray(value)) return;
  const seen = new Set<string>();
  for (const key of Object.keys(value)) {
    const folded = key.toLowerCase();
    if (seen.has(folded)) {
      throw new ScimError(400, 'invalidSyntax', `The body names ${shown(key)} twice, in different case.`);
    }
    seen.add(folded);
  }
}

/** No NUL and no half of a surrogate pair: PostgreSQL can hold neither. Throws ScimError 400. */
function checkText(text: string): void {
  if (!isStorableText(text)) {
    throw new ScimError(
      400,
      'invalidValue',
      'Text must not contain NUL characters or broken surrogate pairs.',
    );
  }
}
