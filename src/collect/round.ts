/**
 * One round over the log. What did not land yet goes to the engine batch by batch, so that memory holds a batch of events and the keys of a round, and neither
 * the rows of a round nor what is made of them on the way.
 */
import { keyText } from './landed-ids.ts'
import type { EventKey, LandedIds } from './landed-ids.ts'
import type { LogPosition, LogReader } from './log.ts'
import { readBatch } from './read-batch.ts'
import { decodeRequest } from './record.ts'
import { readRows } from './rows.ts'
import type { EventRow, QuarantineRow } from './rows.ts'
import type { AddRows } from './spool.ts'

export interface Round {
  /** Of the rows that were added. */
  readonly fresh: readonly EventKey[]
  readonly duplicates: number
  readonly quarantined: readonly QuarantineRow[]
  readonly positions: Positions
  /** When the newest of what was read was received; 0: nothing was. */
  readonly newestMs: number
  readonly isAtEnd: boolean
}

export type Positions = ReadonlyMap<string, LogPosition>

type LandedRow = EventRow & { readonly partition: number }

export interface RoundOptions {
  readonly reader: LogReader
  readonly landed: Positions
  readonly ids: LandedIds
  readonly add: AddRows
  readonly onError: (error: unknown) => void
}

const batchBytesMax = 512 * 1024
/** Of all sequences. */
const roundBytesMax = 8 * 1024 * 1024
/** Rows that may have landed wait for others, since each question to the table costs. */
const doubtfulMax = 2_048

export async function readRound(options: RoundOptions): Promise<Round> {
  const round = new RoundReader(options)
  const sequences = await options.reader.sequences()
  for (const sequence of sequences) await round.read(sequence, roundBytesMax / sequences.length)
  return await round.end()
}

class RoundReader {
  readonly #options: RoundOptions
  readonly #fresh = new Map<string, EventKey>()
  readonly #quarantined: QuarantineRow[] = []
  readonly #positions = new Map<string, LogPosition>()
  #doubtful: LandedRow[] = []
  #events = 0
  #newestMs = 0
  #isAtEnd = true

  constructor(options: RoundOptions) {
    this.#options = options
  }

  async read(sequence: string, bytesMax: number): Promise<void> {
    const { reader, landed, onError } = this.#options
    let position = landed.get(sequence)
    let bytes = 0
    while (bytes <= bytesMax) {
      const batch = await readBatch(reader, {
        sequence,
        position,
        bytesMax: batchBytesMax,
        onError,
      })
      const rows: LandedRow[] = []
      for (const record of batch.records) {
        bytes += record.bytes.length
        const request = decodeRequest(record.bytes)
        this.#newestMs = Math.max(this.#newestMs, request.receivedAtMs)
        const { events, quarantined } = readRows(request)
        for (const row of events) rows.push({ ...row, partition: record.partition })
        for (const row of quarantined) this.#quarantined.push(row)
      }
      await this.#take(rows)
      if (batch.position !== undefined && batch.position !== position) {
        position = batch.position
        this.#positions.set(sequence, position)
      }
      if (batch.atEnd || batch.records.length === 0) return
    }
    this.#isAtEnd = false
  }

  async end(): Promise<Round> {
    await this.#settle()
    return {
      fresh: [...this.#fresh.values()],
      duplicates: this.#events - this.#fresh.size,
      quarantined: this.#quarantined,
      positions: this.#positions,
      newestMs: this.#newestMs,
      isAtEnd: this.#isAtEnd,
    }
  }

  async #take(rows: readonly LandedRow[]): Promise<void> {
    this.#events += rows.length
    const sure: LandedRow[] = []
    for (const row of rows) (this.#options.ids.mayHaveLanded(row) ? this.#doubtful : sure).push(row)
    await this.#add(sure)
    if (this.#doubtful.length >= doubtfulMax) await this.#settle()
  }

  async #settle(): Promise<void> {
    const doubtful = this.#doubtful
    this.#doubtful = []
    const there = await this.#options.ids.landed(doubtful)
    await this.#add(doubtful.filter((row) => !there.has(keyText(row))))
  }

  /** All but those that the round has already. */
  async #add(rows: readonly LandedRow[]): Promise<void> {
    const added = rows.filter(({ source, id }) => {
      const key = keyText({ source, id })
      if (this.#fresh.has(key)) return false
      this.#fresh.set(key, { source, id })
      return true
    })
    if (added.length > 0) await this.#options.add(added)
  }
}
