/**
 * What a collector process works by, compiled from the project into one JSON file that it reads at start and again when it changes: the event catalog, the
 * sources and their keys. A collector loads neither the project nor an engine. Keys are stored as SHA-256 only.
 */
import type { ColumnType } from '../model/model.ts'

export interface CollectSettings {
  /** Hash of `events`: the version that judges and that rows carry. */
  readonly catalog: string
  readonly events: readonly EventEntry[]
  readonly sources: readonly SourceSettings[]
  /** Addresses and networks of proxies whose `X-Forwarded-For` holds; absent: nobody's does. */
  readonly trustedProxies?: readonly string[]
}

/** One entry of the catalog. `page`, `screen`, `identify`, `alias`, `group` are taken with any properties unless an entry of that name declares them. */
export interface EventEntry {
  /** `raw.event.product_clicked` */
  readonly id: string
  /** As clients send it. */
  readonly event: string
  readonly owner: string
  /** Hash of the properties: the entry's schema version. */
  readonly version: string
  readonly properties: readonly {
    readonly name: string
    readonly type: ColumnType
    readonly required: boolean
  }[]
}

export interface SourceSettings {
  readonly name: string
  readonly keys: readonly KeySettings[]
  /** Events a second over all of a process's requests with one of the keys; absent: no limit. */
  readonly rateMax?: number
  /** What is kept of the sender's address, before anything reaches the disk. */
  readonly address: 'keep' | 'truncate' | 'remove'
  /** Categories without which an event of a sender who stated his consent is not kept at all (answered ok); `unstated` says what holds for one who said nothing. */
  readonly consent?: {
    readonly categories: readonly string[]
    readonly unstated: 'keep' | 'drop'
  }
  /** A property that is not declared: kept (default), or the event is quarantined. */
  readonly unknownProperties: 'keep' | 'quarantine'
}

export interface KeySettings {
  /** Public short name of the key: `web-2`. */
  readonly id: string
  readonly sha256: string
}
