/** Who did something, and under which correlation id. It travels from a request to the last vendor call. */

export interface Actor {
  readonly type: 'connection' | 'admin' | 'system';
  readonly id: string | null;
  readonly name: string;
}

export interface Cause {
  readonly correlationId: string;
  readonly actor: Actor;
}

export const SYSTEM: Actor = { type: 'system', id: null, name: 'scim-bridge' };
