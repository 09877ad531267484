/**
 * A message in the format of each kind of receiver. Strangers choose the names in it, so no name may format text,
 * mention anybody or add a header.
 */

import { createHmac } from 'node:crypto';
import type { Letter } from '../../model/alerts/mail.ts';
import { headingOf, type Message } from './message.ts';

/** Standard Webhooks 1.0.0: https://www.standardwebhooks.com. `timestamp` in seconds, of the attempt. */
export function webhookHeaders(secret: string, id: string, timestamp: number, body: string): Headers {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return new Headers({
    'content-type': 'application/json',
    'user-agent': 'scim-bridge',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  });
}

const SLACK_TEXT_MAX = 2_900;

/** Plain text only, so that no star or underscore in a name formats; what Slack would still interpret is escaped. */
export function slackBody(message: Message): string {
  const { summary, link } = message.data;
  const heading = escaped(headingOf(message));
  const text = cut(escaped(summary), SLACK_TEXT_MAX);
  const plain = (words: string) => ({
    type: 'section',
    text: { type: 'plain_text', text: words, emoji: false },
  });
  return JSON.stringify({
    text: `${heading}: ${text}\n${escaped(link)}`,
    mrkdwn: false,
    unfurl_links: false,
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: heading, emoji: false } },
      plain(text),
      plain(escaped(link)),
    ],
  });
}

/** https://docs.slack.dev/messaging/formatting-message-text#escaping */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Cuts the text, but never within an escaped character. */
function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max).replace(/&[a-z]*$/, '')}…`;
}

const SUBJECT_MAX = 150;

export function letterOf(message: Message): Letter {
  const { store, connection, environment, summary, link, correlationId } = message.data;
  const about = store?.name ?? connection?.name;
  const subject = oneLine(`[scim-bridge] ${headingOf(message)}${about ? `: ${about}` : ''}`);
  const text = [
    summary,
    '',
    link,
    '',
    `Type ${message.type}, environment ${environment}, at ${message.timestamp}, correlation id ${correlationId}.`,
    '',
  ];
  return { subject: subject.slice(0, SUBJECT_MAX), text: text.map(oneLine).join('\n') };
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}
