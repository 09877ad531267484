/**
 * The part of a request body that the audit log keeps: enough to see what was asked, never a password, and cut to
 * size.
 */

const TEXT_CHARACTERS_MAX = 500;
const ELEMENTS_MAX = 20;
const KEYS_MAX = 60;
const DEPTH_MAX = 8;

const HIDDEN = '[redacted]';
const SECRET = /password/i;

/** For the JSON in one event. */
const BODY_CHARACTERS_MAX = 20_000;

/** A copy cut to size that says where something is missing. */
export function redactBody(body: unknown): unknown {
  if (body === undefined) return undefined;
  const kept = redact(body, 0);
  const size = JSON.stringify(kept).length;
  return size <= BODY_CHARACTERS_MAX ? kept : `[${size} characters left out]`;
}

function redact(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEPTH_MAX) return '[nested deeper]';
  if (Array.isArray(value)) {
    const kept = value.slice(0, ELEMENTS_MAX).map((item) => redact(item, depth + 1));
    return value.length > ELEMENTS_MAX ? [...kept, `[${value.length - ELEMENTS_MAX} more]`] : kept;
  }
  const entries = Object.entries(value);
  // PATCH operations may write their keys in any case.
  const hidesValue = entries.some(
    ([key, child]) => key.toLowerCase() === 'path' && SECRET.test(String(child)),
  );
  const kept = entries.slice(0, KEYS_MAX).map(([key, child]): [string, unknown] => {
    const hidden = SECRET.test(key) || (hidesValue && key.toLowerCase() === 'value');
    return [cut(key), hidden ? HIDDEN : redact(child, depth + 1)];
  });
  if (entries.length > KEYS_MAX) kept.push(['…', `[${entries.length - KEYS_MAX} more]`]);
  return Object.fromEntries(kept);
}

function cut(text: string): string {
  if (text.length <= TEXT_CHARACTERS_MAX) return text;
  return `${text.slice(0, TEXT_CHARACTERS_MAX).toWellFormed()}…`;
}
