/**
 * Collect: events over HTTP, judged by the catalog, on disk before the answer, in the lake seconds later. This is the face; the port of the log is `log.ts`,
 * what a process works by is `settings.ts`.
 */
export { decodeRequest, encodeRequest, quarantineRules } from './record.ts'
export type { DialectName, QuarantineRule, RequestRecord, Verdict } from './record.ts'
