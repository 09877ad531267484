/** jest's globalTeardown for `postgres.ts`. */
export { stopPostgres as default } from './postgres.ts';
