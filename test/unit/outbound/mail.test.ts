/** The mail server of SMTP_URL: what the variable may say, and what is said of a server that does not take a letter. */

import { PostFailed } from '../../../src/model/alerts/mail.ts';
import { createPost, type MailServer, parseMailServer } from '../../../src/outbound/mail.ts';
import { startMailServer } from '../../receiver.ts';

const LETTER = { id: 'msg_1', to: ['lea@acme.example'], subject: 'A', text: 'B' };
const NEVER = new AbortController().signal;

it('reads host, port, credentials and sender', () => {
  expect(parseMailServer('smtps://u%40acme.example:p%3Aw@mail.acme.example')).toEqual({
    ...{ host: 'mail.acme.example', port: 465, secure: true, from: 'u@acme.example' },
    auth: { user: 'u@acme.example', pass: 'p:w' },
  });
  expect(parseMailServer('smtp://mail.acme.example:25?from=bridge@acme.example')).toEqual({
    ...{ host: 'mail.acme.example', port: 25, secure: false, auth: null, from: 'bridge@acme.example' },
  });
});

it.each([
  'mail.acme.example',
  'http://mail.acme.example',
  'smtp://',
  'smtp://mail.acme.example/path',
  'smtp://mail.acme.example?ignoreTLS=true',
  'smtp://mail.acme.example?from=a@x.example%0d%0aBcc:evil@x.example',
  'smtp://169.254.169.254',
])('refuses %s with a sentence', (url) => {
  expect(() => parseMailServer(url)).toThrow(/SMTP_URL/);
});

async function failureAt(options: Parameters<typeof startMailServer>[0], more: Partial<MailServer> = {}) {
  const { port, stop } = await startMailServer(options);
  const server = { host: '127.0.0.1', port, secure: false, auth: null, from: 'bridge@acme.example', ...more };
  const error = await createPost(server)(LETTER, NEVER).catch((thrown: unknown) => thrown);
  await stop();
  expect(error).toBeInstanceOf(PostFailed);
  return error as PostFailed;
}

const refuse = (responseCode: number, text: string) => Object.assign(new Error(text), { responseCode });

it('says why a server did not take a letter', async () => {
  const refused = await failureAt({
    onRcptTo: (_to, _session, done) => done(refuse(550, 'no such user here')),
  });
  expect(refused).toMatchObject({
    status: 550,
    message: expect.stringContaining('refuses the sender or all'),
  });
  expect(refused.heard).toContain('no such user here');
  // A password must not go in clear, and a certificate that nobody signed is not trusted.
  const auth = { user: 'bridge', pass: 'hunter2-hunter2' };
  expect(await failureAt({}, { auth })).toMatchObject({
    status: expect.any(Number),
    message: expect.stringContaining('TLS'),
  });
  const untrusted = await failureAt({ disabledCommands: [] });
  expect(untrusted.message).toMatch(/certificate|TLS/);
  expect(await failureAt({ secure: true }, { secure: true })).toMatchObject({ status: 0 });
  const gone = await createPost({
    host: '127.0.0.1',
    port: 1,
    secure: false,
    auth: null,
    from: 'a@x.example',
  })(LETTER, NEVER).catch((thrown: unknown) => thrown);
  expect(gone).toMatchObject({ status: 0 });
});

it('delivers to whom the server takes, and names the others', async () => {
  const { port, stop, letters } = await startMailServer({
    onRcptTo: ({ address }, _session, done) =>
      address.startsWith('gone') ? done(refuse(550, 'no such user')) : done(),
  });
  const post = createPost(
    { host: 'localhost', port, secure: false, auth: null, from: 'a@x.example' },
    (_h, _o, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
  );
  const to = ['lea@acme.example', 'gone@acme.example'];
  expect(await post({ ...LETTER, to }, NEVER)).toEqual({ status: 250, refused: ['gone@acme.example'] });
  expect(letters).toHaveLength(1);
  await stop();
});

it('connects to no metadata address, whatever the name leads to', async () => {
  const server = { host: 'mail.acme.example', port: 25, secure: false, auth: null, from: 'a@x.example' };
  const post = createPost(server, (_host, _options, done) =>
    done(null, [{ address: '169.254.169.254', family: 4 }]),
  );
  await expect(post(LETTER, NEVER)).rejects.toThrow(/metadata/);
});
