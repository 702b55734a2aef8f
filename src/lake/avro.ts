/**
 * Avro object container files, as far as Iceberg's manifests need them: null and deflate codecs, 64-bit integers
 * without loss, maps with integer keys (Iceberg's `logicalType: map` arrays) as `Map`. The header's schema is written
 * verbatim, so field ids stay. Decoding follows the writer's schema in the file.
 */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import { AvroReader } from './avro-reader.ts'
import type { AvroRecord, AvroSchema } from './avro-schema.ts'
import { AvroWriter } from './avro-writer.ts'

export interface AvroFile {
  readonly metadata: ReadonlyMap<string, string>
  readonly records: readonly AvroRecord[]
}

const magic = Buffer.from('Obj\u0001', 'latin1')
const blockSizeMax = 512 * 1024
/** Deflate has no checksum of its own: this header entry, which other readers skip, shows a damaged block or header. */
const checksumKey = 'maru.crc32'

export function encodeAvro(
  schema: AvroSchema,
  metadata: Readonly<Record<string, string>>,
  records: Iterable<AvroRecord>,
): Uint8Array {
  const blocks = encodeBlocks(schema, records)
  const described = {
    ...metadata,
    'avro.schema': JSON.stringify(schema),
    'avro.codec': 'deflate',
  }
  let checksum = headerChecksum(Object.entries(described))
  for (const block of blocks) checksum = crc32(block.data, checksum)
  const header = new AvroWriter()
  header.bytes(magic)
  const entries = Object.entries({ ...described, [checksumKey]: String(checksum) })
  header.long(entries.length)
  for (const [key, value] of entries) {
    header.text(key)
    header.text(value)
  }
  header.long(0)
  // The marker separates blocks; derived from the content, the same table state gives the same bytes.
  const sync = Buffer.alloc(16)
  sync.writeUInt32LE(checksum, 0)
  sync.write('maru-manifes', 4, 'latin1')
  header.bytes(sync)
  for (const block of blocks) {
    header.long(block.count)
    header.long(block.data.length)
    header.bytes(block.data)
    header.bytes(sync)
  }
  return header.finish()
}

interface Block {
  readonly count: number
  readonly data: Uint8Array
}

function encodeBlocks(schema: AvroSchema, records: Iterable<AvroRecord>): Block[] {
  const blocks: Block[] = []
  let writer = new AvroWriter()
  let count = 0
  const flush = (): void => {
    blocks.push({ count, data: deflateRawSync(writer.finish(), { level: 2 }) })
    writer = new AvroWriter()
    count = 0
  }
  const write = AvroWriter.compile(schema)
  for (const record of records) {
    write(writer, record)
    count++
    if (writer.length >= blockSizeMax) flush()
  }
  if (count > 0) flush()
  return blocks
}

function headerChecksum(entries: Iterable<readonly [string, string]>): number {
  let checksum = 0
  for (const [key, value] of entries) {
    if (key !== checksumKey) checksum = crc32(`${key}\0${value}\0`, checksum)
  }
  return checksum
}

/** Throws a plain error on anything that is not a whole, undamaged file; the caller knows the path. */
export function decodeAvro(bytes: Uint8Array): AvroFile {
  const input = new AvroReader(bytes)
  if (!magic.equals(input.raw(4))) throw new Error('not an Avro file')
  const metadata = readHeader(input)
  const sync = Buffer.from(input.raw(16))
  const codec = metadata.get('avro.codec') ?? 'null'
  if (codec !== 'null' && codec !== 'deflate') throw new Error(`Avro codec ${codec} is not read`)
  const read = AvroReader.compile(JSON.parse(metadata.get('avro.schema') ?? 'null'))
  const records: AvroRecord[] = []
  let checksum = headerChecksum(metadata)
  while (!input.atEnd) {
    const count = input.count()
    const block = input.raw(input.count())
    if (!sync.equals(input.raw(16))) throw new Error('a block does not end where it should')
    checksum = crc32(block, checksum)
    const reader = new AvroReader(codec === 'deflate' ? inflateRawSync(block) : block)
    for (let index = 0; index < count; index++) records.push(read(reader) as AvroRecord)
    if (!reader.atEnd) throw new Error('a block holds more than its records')
  }
  const expected = metadata.get(checksumKey)
  if (expected !== undefined && expected !== String(checksum))
    throw new Error('the checksum differs')
  return { metadata, records }
}

function readHeader(input: AvroReader): Map<string, string> {
  const metadata = new Map<string, string>()
  for (;;) {
    let count = input.long()
    if (count === 0) return metadata
    if (count < 0) {
      count = -count
      input.long()
    }
    for (let index = 0; index < count; index++) {
      const key = input.text()
      metadata.set(key, input.text())
    }
  }
}
