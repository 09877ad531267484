/**
 * A real OpenLDAP server (Debian's package slapd) on loopback ports, with a company of its own in a folder that goes
 * when it ends. Null where the machine has none.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SLAPD = '/usr/sbin/slapd';
export const SLAPD_SUFFIX = 'dc=acme,dc=example';
export const SLAPD_READER = { dn: `cn=reader,${SLAPD_SUFFIX}`, password: 'a-secret-of-the-reader' };

export interface SlapdOptions {
  /** LDIF below the suffix, which is made. */
  readonly ldif: string;
  /** PEM. */
  readonly certificate: { readonly cert: string; readonly key: string };
  /** Lines of slapd.conf within the database: limits. */
  readonly lines?: readonly string[];
}

export interface Slapd {
  readonly port: number;
  readonly securePort: number;
  readonly root: { readonly dn: string; readonly password: string };
  close(): Promise<void>;
}

export function hasSlapd(): boolean {
  return existsSync(SLAPD);
}

export async function startSlapd({ ldif, certificate, lines = [] }: SlapdOptions): Promise<Slapd> {
  const folder = mkdtempSync(join(tmpdir(), 'slapd-'));
  const root = { dn: `cn=admin,${SLAPD_SUFFIX}`, password: 'a-secret-of-the-admin' };
  const at = (name: string) => join(folder, name);
  mkdirSync(at('data'));
  writeFileSync(at('cert.pem'), certificate.cert);
  writeFileSync(at('key.pem'), certificate.key, { mode: 0o600 });
  const schema = ['core', 'cosine', 'nis', 'inetorgperson'].map(
    (name) => `include /etc/ldap/schema/${name}.schema`,
  );
  const configuration = [
    ...schema,
    ...['modulepath /usr/lib/ldap', 'moduleload back_mdb', 'moduleload refint', 'moduleload ppolicy'],
    ...[
      `pidfile ${at('slapd.pid')}`,
      `TLSCertificateFile ${at('cert.pem')}`,
      `TLSCertificateKeyFile ${at('key.pem')}`,
    ],
    ...[
      'database mdb',
      `suffix "${SLAPD_SUFFIX}"`,
      `rootdn "${root.dn}"`,
      `rootpw ${root.password}`,
      `directory ${at('data')}`,
    ],
    ...lines,
    `access to * by dn.exact="${SLAPD_READER.dn}" read by anonymous auth by * none`,
    ...['overlay refint', 'refint_attributes member manager', 'overlay ppolicy'],
  ];
  writeFileSync(at('slapd.conf'), `${configuration.join('\n')}\n`);
  const top = [
    `dn: ${SLAPD_SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: acme\no: Acme`,
    `dn: ${SLAPD_READER.dn}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: ${SLAPD_READER.password}`,
  ];
  writeFileSync(at('seed.ldif'), `${[...top, ldif].join('\n\n')}\n`);
  execFileSync(SLAPD, ['-T', 'add', '-q', '-f', at('slapd.conf'), '-l', at('seed.ldif')], { stdio: 'pipe' });
  const [port, securePort] = [await freePort(), await freePort()];
  const urls = `ldap://127.0.0.1:${port} ldaps://127.0.0.1:${securePort}`;
  const server = spawn(SLAPD, ['-f', at('slapd.conf'), '-h', urls, '-d', '0'], { stdio: 'ignore' });
  await answering(port, server);
  return {
    ...{ port, securePort, root },
    async close() {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

const START_WITHIN_MS = 20_000;

async function answering(port: number, server: ChildProcess): Promise<void> {
  const { connect } = await import('node:net');
  const until = Date.now() + START_WITHIN_MS;
  while (Date.now() < until && server.exitCode === null) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`slapd did not start (exit code ${server.exitCode})`);
}
