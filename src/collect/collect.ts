/**
 * Collect: events over HTTP, judged by the catalog, on disk before the answer, in the lake seconds later. This is the face; the port of the log is `log.ts`,
 * what a process works by is `settings.ts`.
 */
export { decodeRequest, encodeRequest, quarantineRules } from './record.ts'
export type { DialectName, QuarantineRule, RequestRecord, Verdict } from './record.ts'
export { ship } from './ship.ts'
export type { ShipOptions, ShipReader } from './ship.ts'
export { compareCatalogs, compileSettings } from './compile-settings.ts'
export { createKey, keysInForce, listKeys, revokeKey, rotateKey } from './keys.ts'
export type { NewKey, WriteKey } from './keys.ts'
export { compileJudge } from './judge.ts'
export type { Judge, Judgement } from './judge.ts'
export { openDuplicates } from './duplicates.ts'
export type { Duplicates } from './duplicates.ts'
export { readSettings, watchSettings, writeSettings } from './settings-file.ts'
export { startCollector } from './server.ts'
export type { Collector, CollectorOptions } from './server.ts'
export { eachEventId, readRows } from './rows.ts'
export type { EventRow, QuarantineRow, Rows } from './rows.ts'
export type { CollectSettings } from './settings.ts'
export { startLanding } from './land.ts'
export type { Landing, LandingOptions, LandingProgress } from './land.ts'
