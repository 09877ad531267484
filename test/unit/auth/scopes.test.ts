/** Which scopes a request needs. */

import { requiredScimScopes, SCIM_SCOPES } from '../../../src/auth/scopes.ts';

describe('requiredScimScopes', () => {
  it.each([
    ['GET', '/Users', ['get:users']],
    ['HEAD', '/Users/1', ['get:users']],
    ['POST', '/Users', ['post:users']],
    ['PUT', '/Users/1', ['put:users']],
    ['PATCH', '/Groups/1', ['patch:groups']],
    ['DELETE', '/groups/1/', ['delete:groups']],
    ['POST', '/Users/.search', ['get:users']],
    ['POST', '/.search', ['get:users', 'get:groups']],
    ['GET', '/Schemas', []],
    ['GET', '/ServiceProviderConfig', []],
    ['GET', '/ResourceTypes/User', []],
    ['GET', '/', []],
  ])('%s %s needs %j', (method, path, scopes) => {
    expect(requiredScimScopes(method, path)).toEqual(scopes);
  });

  it('asks for nothing that a token with all scopes lacks', () => {
    expect(SCIM_SCOPES).toHaveLength(10);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      for (const path of ['/Users/1', '/Groups/1', '/.search']) {
        for (const scope of requiredScimScopes(method, path)) expect(SCIM_SCOPES).toContain(scope);
      }
    }
  });
});
