/** A real browser, without a window: the Chromium that comes in an npm package. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

/** The package is a module, which jest cannot load: a process of its own unpacks the browser, and says where. */
const UNPACK = `
  const { default: packaged } = await import('@sparticuz/chromium');
  process.stdout.write(await packaged.executablePath());
`;

export async function openBrowser(): Promise<Browser> {
  const script = ['--input-type=module', '--eval', UNPACK];
  const { stdout } = await promisify(execFile)(process.execPath, script, { cwd: __dirname });
  // Its own sandbox needs rights that root does not have in a container.
  return chromium.launch({ executablePath: stdout, args: ['--no-sandbox', '--disable-gpu'] });
}
