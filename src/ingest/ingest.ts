/**
 * Face of ingest: what a source is (`source.ts`), and the declaration that `maru pull` writes. Bringing a raw table up to date is
 * `detect`, then `read` into a session; staging and publishing the rows, with the detection's marks, are the caller's.
 */
export type { Detection, Source, SourceColumn, SourceTable } from './source.ts'
export { rawDeclaration } from './pull.ts'
