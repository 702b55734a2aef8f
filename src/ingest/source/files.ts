/**
 * Files as a source: CSV, NDJSON and Parquet, by path or glob. A file is known by its label (the path as the glob found it), and by size,
 * time and hash it is told whether it changed. What the engine cannot read as it lies (packed, another encoding, aligned by blanks) or
 * not in parallel (large CSV) is first written to the given folder as plain parts.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Session, SourceFile } from '../../engine/engine.ts'
import { mapBounded } from '../../base/bounded.ts'
import { parseCsvRecord } from '../../base/csv-records.ts'
import type { CsvShape } from '../../base/csv-records.ts'
import { MaruError } from '../../base/errors.ts'
import { suggest } from '../../base/nearest.ts'
import { filledColumns } from '../../model/model.ts'
import type { RawOrigin, RawTableModel } from '../../model/model.ts'
import { declaredColumns } from '../source.ts'
import type { Detection, Source } from '../source.ts'
import { findFiles, hashOf, parseMark, sizeAndTime } from './find-files.ts'
import type { FileMark, FoundFile } from './find-files.ts'
import {
  firstRecord,
  hasByteOrderMark,
  isPacked,
  refuseOpenQuote,
  splitText,
} from './text-parts.ts'
import type { TextFile } from './text-parts.ts'

type FilesOrigin = Extract<RawOrigin, { kind: 'files' }>

const filesAtOnceMax = 4
/** Plain CSV above this is split, so that several threads read it. */
const splitBytes = 32 * 1024 * 1024

/** Paths and globs are relative to the project folder. Nothing stays open between calls. */
export function openFileSource(options: { readonly projectFolder: string }): Source {
  const { projectFolder } = options
  return {
    detect: (table, loaded) => detect(projectFolder, table, loaded),
    read: (table, detection, into) => read(projectFolder, table, { detection, ...into }),
    // A declaration of files is written by hand: the types that texts stand for are the author's to say.
    describe: async () => [],
    close: async () => undefined,
  }
}

async function detect(
  projectFolder: string,
  table: RawTableModel,
  loaded: ReadonlyMap<string, string>,
): Promise<Detection> {
  const files = await findFiles(projectFolder, originOf(table).globs)
  const added: string[] = []
  const replaced: string[] = []
  const marks = new Map<string, string | null>()
  await mapBounded(files, filesAtOnceMax, async (file) => {
    const before = parseMark(loaded.get(file.label))
    const now = await sizeAndTime(file)
    if (now === undefined) return
    if (before?.sizeBytes === now.sizeBytes && before.modifiedAt === now.modifiedAt) return
    const hash = await hashOf(file)
    if (before?.hash === hash && before.sizeBytes === now.sizeBytes) return
    const mark: FileMark = { ...now, hash }
    marks.set(file.label, JSON.stringify(mark))
    ;(before === undefined ? added : replaced).push(file.label)
  })
  const present = new Set(files.map((file) => file.label))
  const removed = [...loaded.keys()].filter((label) => !present.has(label)).toSorted()
  for (const label of removed) marks.set(label, null)
  if (marks.size === 0) return { kind: 'nothing' }
  return { kind: 'files', added: added.toSorted(), replaced: replaced.toSorted(), removed, marks }
}

interface ReadRequest {
  readonly detection: Detection
  readonly session: Session
  readonly name: string
  readonly folder: string
  readonly signal?: AbortSignal
}

async function read(
  projectFolder: string,
  table: RawTableModel,
  request: ReadRequest,
): Promise<void> {
  const { detection, session, name } = request
  const origin = originOf(table)
  const wanted = new Set(
    detection.kind === 'files' ? [...detection.added, ...detection.replaced] : [],
  )
  const found = await findFiles(projectFolder, origin.globs)
  const files = found.filter((file) => wanted.has(file.label))
  if (files.length < wanted.size)
    throw changedMeanwhile(
      [...wanted].find((label) => !files.some((file) => file.label === label))!,
    )
  const columns = declaredColumns(table)
  const folder = await mkdtemp(path.join(request.folder, 'files-'))
  try {
    const fields = columns.map((column) => column.field)
    const prepared = await mapBounded(files, filesAtOnceMax, (file, index) =>
      prepare({ origin, file, index, columns: fields, folder, signal: request.signal }),
    )
    request.signal?.throwIfAborted()
    const csv = { ...origin.csv, ...shapeOf(origin), nulls: origin.csv?.nulls ?? [''] }
    await session.readFiles(name, {
      format: origin.format,
      files: prepared.flat(),
      columns,
      ...(origin.format === 'csv' ? { csv } : {}),
      labelColumn: filledColumns.sourceFile,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  for (const file of files) await refuseIfChanged(file, detection)
}

interface Preparation {
  readonly origin: FilesOrigin
  readonly file: FoundFile
  readonly index: number
  readonly columns: readonly string[]
  /** For what must be written anew. */
  readonly folder: string
  readonly signal: AbortSignal | undefined
}

/** The file as the engine can read it. */
async function prepare(preparation: Preparation): Promise<readonly SourceFile[]> {
  const { origin, file, columns, folder, signal } = preparation
  if (origin.format === 'parquet') return [file]
  const { csv = {} } = origin
  const shape = shapeOf(origin)
  const text: TextFile = {
    file,
    encoding: encodingOf(csv.encoding),
    ...(csv.collapseSpaces === true ? { collapseTo: shape.delimiter } : {}),
    ...(signal === undefined ? {} : { signal }),
  }
  const isCsv = origin.format === 'csv'
  const isPlain =
    !isPacked(file) &&
    text.encoding === 'utf-8' &&
    text.collapseTo === undefined &&
    (isCsv || !(await hasByteOrderMark(file)))
  const header = isCsv && csv.header !== false
  const fields = isCsv ? { fields: header ? await headerOf(text, shape, columns) : columns } : {}
  const size = await sizeAndTime(file)
  if (isPlain && (!isCsv || (size?.sizeBytes ?? 0) < splitBytes)) {
    await refuseOpenQuote(text, shape)
    return [{ ...file, ...fields, header }]
  }
  const name = `file-${preparation.index}`
  const parts = await splitText(text, { folder, name, shape, skipFirst: header })
  return parts.map((part) => ({ ...part, ...fields, label: file.label, header: false }))
}

async function headerOf(
  text: TextFile,
  shape: CsvShape,
  columns: readonly string[],
): Promise<readonly string[]> {
  const record = await firstRecord(text, shape)
  const fields =
    record === undefined ? [] : parseCsvRecord(record, shape).map((field) => field.trim())
  for (const column of columns) {
    const count = fields.filter((field) => field === column).length
    if (count === 1) continue
    const found =
      count === 0
        ? `has no field "${column}" in its header`
        : `has the field "${column}" ${count} times in its header`
    throw new MaruError('SOURCE_CHANGED', `${text.file.label} ${found}`, {
      hint: `${count === 0 ? `${suggest(column, fields)} ` : ''}Correct the declaration (\`field\`), or the file`,
    })
  }
  return fields
}

function shapeOf(origin: FilesOrigin): CsvShape {
  if (origin.format !== 'csv') return { delimiter: ',', quote: '' }
  const { delimiter, quote, collapseSpaces } = origin.csv ?? {}
  return { delimiter: delimiter ?? (collapseSpaces === true ? ' ' : ','), quote: quote ?? '"' }
}

const encodings: readonly string[] = ['utf-8', 'latin-1', 'utf-16']

function encodingOf(encoding: TextFile['encoding'] = 'utf-8'): TextFile['encoding'] {
  if (encodings.includes(encoding)) return encoding
  throw new MaruError('MODEL_BAD_DECLARATION', `the encoding "${String(encoding)}" is not known`, {
    hint: `set csv.encoding to one of ${encodings.join(', ')}`,
  })
}

/** The marks of the detection must stand for the rows that were read. */
async function refuseIfChanged(file: FoundFile, detection: Detection): Promise<void> {
  const mark = detection.kind === 'files' ? parseMark(detection.marks.get(file.label)) : undefined
  const now = await sizeAndTime(file)
  if (mark?.sizeBytes === now?.sizeBytes && mark?.modifiedAt === now?.modifiedAt) return
  throw changedMeanwhile(file.label)
}

function changedMeanwhile(label: string): MaruError {
  return new MaruError('SOURCE_CHANGED', `${label} changed while it was read; nothing was loaded`, {
    hint: 'run again when the file is complete: write under another name and rename it when done',
    retry: 'later',
  })
}

function originOf(table: RawTableModel): FilesOrigin {
  if (table.origin.kind === 'files') return table.origin
  throw new MaruError('BUG', `${table.id} does not come from files`, { hint: 'please report this' })
}
