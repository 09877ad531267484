/** Cuts a filter into tokens and resolves JSON escapes in strings. */

import { FilterError } from './ast.ts';

export interface Token {
  readonly kind: '(' | ')' | '[' | ']' | 'string' | 'word';
  readonly text: string;
  /** How many characters come before the token. */
  readonly at: number;
}

const BLANK = /[ \t\r\n]+/y;
const STRING = /"(?:[^"\\]|\\.)*"/sy;
const WORD = /[^\s()[\]"]+/y;

/** Throws FilterError. */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const blank = matchAt(BLANK, text, at);
    if (blank !== null) {
      at += blank.length;
      continue;
    }
    const token = tokenAt(text, at);
    tokens.push(token.token);
    at += token.length;
  }
  return tokens;
}

function tokenAt(text: string, at: number): { token: Token; length: number } {
  const character = text[at];
  if (character === '(' || character === ')' || character === '[' || character === ']') {
    return { token: { kind: character, text: character, at }, length: 1 };
  }
  if (character === '"') {
    const quoted = matchAt(STRING, text, at);
    if (quoted === null) throw new FilterError(`The string that begins at character ${at + 1} has no end.`);
    return { token: { kind: 'string', text: unquote(quoted, at), at }, length: quoted.length };
  }
  const word = matchAt(WORD, text, at);
  if (word === null) throw new FilterError(`The filter cannot be read at character ${at + 1}.`);
  return { token: { kind: 'word', text: word, at }, length: word.length };
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

/** RFC 7644 §3.4.2.2: strings are JSON strings (RFC 7159). */
function unquote(quoted: string, at: number): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw new FilterError(
      `The string at character ${at + 1} is not a JSON string: a backslash is written \\\\.`,
    );
  }
}

const SHOWN_MAX = 80;

/** Shortens what a client sent for the text of an error. */
export function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text);
}
