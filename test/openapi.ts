/** `npm run openapi`: writes the description of the admin API to docs/openapi.json, where a change is reviewed. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOCUMENT } from './contract.ts';

writeFileSync(join(import.meta.dirname, '../docs/openapi.json'), `${JSON.stringify(DOCUMENT, null, 2)}\n`);
