/** Types for the one file of swagger-ui-dist that the bridge imports. */

declare module 'swagger-ui-dist/absolute-path.js' {
  /** The folder with the viewer's files. */
  export default function getAbsoluteFSPath(): string;
}
