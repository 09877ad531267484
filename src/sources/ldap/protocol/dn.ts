/** Distinguished names (RFC 4514) in one form for each entry, so that they can be compared. Pure. */

/** In lower case, without unnecessary blanks and escapes. Text that is no DN is only lower-cased. */
export function normalDn(text: string): string {
  const parts = partsOf(text);
  return parts === null ? text.trim().toLowerCase() : parts.map(normalPart).join(',');
}

export function isDn(text: string): boolean {
  const parts = partsOf(text);
  return parts?.every((part) => /^\s*[\w.-]+\s*=/.test(part)) ?? false;
}

/** Whether the entry is the base or below it; both in normal form. */
export function isWithinDn(dn: string, base: string): boolean {
  return base === '' || dn === base || dn.endsWith(`,${base}`);
}

/** The parts between commas that are not escaped or quoted; null where a quote is left open. */
function partsOf(text: string): readonly string[] | null {
  const parts = splitBy(text.replaceAll('\0', ''), ',');
  return parts.some((part) => part.trim() === '' || !part.includes('=')) ? null : parts;
}

function splitBy(text: string, mark: string): readonly string[] {
  const parts: string[] = [''];
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (letter === mark) parts.push('');
    else {
      const escaped = letter === '\\' ? text.charAt(at + 1) : '';
      parts[parts.length - 1] += letter + escaped;
      at += escaped.length;
    }
  }
  return parts;
}

/** One RDN, with several attributes of it in a fixed order. */
function normalPart(part: string): string {
  return splitBy(part, '+')
    .map((pair) => {
      const at = pair.indexOf('=');
      const value = unescaped(pair.slice(at + 1))
        .trim()
        .replace(/\s+/g, ' ');
      // Escapes again, so that a comma in a value does not separate parts.
      return `${pair.slice(0, at).trim()}=${value.replace(/[\\,+"=]/g, '\\$&')}`.toLowerCase();
    })
    .sort()
    .join('+');
}

/** Reads `\,` and `\2C`; several such bytes in a row form one letter in UTF-8. */
function unescaped(value: string): string {
  return value.replace(
    /((?:\\[0-9a-f]{2})+)|\\(.)/gi,
    (_, bytes: string | undefined, letter: string | undefined) =>
      bytes === undefined ? (letter ?? '') : Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
}
