/** Which id each declaration has: its file's path. Everything that cannot have one is reported and left out. */
import type { Place, Problem } from '../base/errors.ts'
import { folderOf } from './call-place.ts'
import {
  definitionOf,
  describeValue,
  isMetric,
  metricKinds,
  type DefinitionData,
  type MergedData,
  type MetricData,
  type SourceData,
  type TableDefinitionData,
} from './definition.ts'
import type { TableClass, TableId } from './model.ts'
import { optionProblems } from './options.ts'
import { nameFault } from './sql-names.ts'

/** One export of one file. A file that exports nothing is passed as `default` with the value undefined. */
export interface LoadedDeclaration {
  /** Relative to the project folder, with `/`: `act/purchase.ts`. */
  readonly path: string
  readonly exportName: string
  readonly value: unknown
}

export interface TableEntry {
  readonly id: TableId
  readonly class: TableClass
  readonly place: Place
  readonly object: object
  readonly data: TableDefinitionData
  /** Of a database table: the source that it is in. */
  readonly source?: SourceData
}

export interface MergedEntry {
  readonly id: TableId
  readonly place: Place
  readonly data: MergedData
}

export interface MetricEntry {
  readonly id: string
  readonly name: string
  readonly place: Place
  readonly object: object
  readonly data: MetricData
}

/** All that is declared, by identity and by definition object. */
export interface Book {
  readonly tables: ReadonlyMap<TableId, TableEntry>
  readonly merged: readonly MergedEntry[]
  readonly metrics: ReadonlyMap<string, MetricEntry>
  readonly tableOf: ReadonlyMap<unknown, TableEntry>
  readonly metricOf: ReadonlyMap<unknown, MetricEntry>
  /** The project folder as stack traces name it, once known. */
  readonly folder: string | undefined
  readonly report: Report
}

export type Fault = Pick<Problem, 'code' | 'message' | 'hint'>
export interface Subject {
  readonly place: Place
  readonly id?: string
}
export type Report = (subject: Subject, fault: Fault) => void

interface Draft {
  readonly tables: Map<TableId, TableEntry>
  readonly merged: Map<TableId, MergedEntry>
  readonly metrics: Map<string, MetricEntry>
  readonly tableOf: Map<unknown, TableEntry>
  readonly metricOf: Map<unknown, MetricEntry>
  readonly report: Report
}

/** The builder of each folder, for messages, and the kinds that belong there. */
const folders: Readonly<
  Record<string, { readonly builder: string; readonly kinds: readonly DefinitionData['kind'][] }>
> = {
  raw: { builder: 'source, files or event', kinds: ['source', 'files', 'event'] },
  obj: { builder: 'object', kinds: ['object'] },
  act: { builder: 'activity', kinds: ['activity'] },
  obj_attr: { builder: 'attributes', kinds: ['attributes'] },
  merged: { builder: 'merged', kinds: ['merged'] },
  metric: { builder: 'sum, count, ratio, …', kinds: [...metricKinds] as MetricData['kind'][] },
}

export function identify(declarations: readonly LoadedDeclaration[], report: Report): Book {
  const draft: Draft = {
    tables: new Map(),
    merged: new Map(),
    metrics: new Map(),
    tableOf: new Map(),
    metricOf: new Map(),
    report,
  }
  const files = Map.groupBy(declarations, (declaration) => declaration.path)
  for (const [path, exports] of files) identifyFile(draft, path, exports)
  return { ...draft, merged: [...draft.merged.values()], folder: projectFolder(declarations) }
}

function projectFolder(declarations: readonly LoadedDeclaration[]): string | undefined {
  for (const { path, value } of declarations) {
    const data = definitionOf(value)
    const folder =
      data !== undefined && 'place' in data ? folderOf(data.place.file, path) : undefined
    if (folder !== undefined) return folder
  }
  return undefined
}

function identifyFile(draft: Draft, path: string, exports: readonly LoadedDeclaration[]): void {
  const folder = path.split('/', 1)[0]!
  const expected = folders[folder]
  if (expected === undefined) {
    const message = `the folder ${folder}/ is none of those that hold declarations`
    draft.report(
      { place: { file: path } },
      {
        code: 'MODEL_BAD_PATH',
        message,
        hint: `move the file to one of ${Object.keys(folders).join(', ')}`,
      },
    )
    return
  }
  if (folder === 'metric') identifyMetrics(draft, path, exports)
  else identifyDefault(draft, path, exports)
}

function identifyMetrics(draft: Draft, path: string, exports: readonly LoadedDeclaration[]): void {
  let found = 0
  for (const { exportName, value } of exports) {
    const data = definitionOf(value)
    const place = placeIn(path, data)
    if (data !== undefined && isMetric(data)) {
      found++
      addMetric(draft, { name: exportName, place, data, object: value as object })
    } else if (
      data !== undefined &&
      !['column', 'path', 'condition', 'sql', 'operand', 'metric_of'].includes(data.kind)
    ) {
      found++
      const message = `${exportName} is ${describeValue(value)}, but metric/ holds metrics`
      const hint =
        data.kind === 'selection' || data.kind === 'row'
          ? 'a metric is an aggregate: count, sum, distinct, …'
          : 'move it to the folder of its kind'
      draft.report({ place }, { code: 'MODEL_BAD_PATH', message, hint })
    }
  }
  if (found > 0) return
  const message = `no metric is exported; found ${exports.map((one) => describeValue(one.value)).join(', ')}`
  draft.report(
    { place: { file: path } },
    {
      code: 'MODEL_BAD_DECLARATION',
      message,
      hint: 'write `export const sales = sum(purchase.amount)`',
    },
  )
}

function addMetric(draft: Draft, metric: Omit<MetricEntry, 'id'>): void {
  const { name, place } = metric
  if (name === 'default') {
    const message = 'a metric is exported by default, so it has no name'
    draft.report(
      { place },
      { code: 'MODEL_BAD_NAME', message, hint: 'write `export const <name> = …`' },
    )
    return
  }
  const entry: MetricEntry = { ...metric, id: `metric.${name}` }
  const fault = nameFault(name)
  if (fault !== undefined) {
    draft.report(entry, {
      code: 'MODEL_BAD_NAME',
      message: `the metric name "${name}" ${fault.fault}`,
      hint: fault.hint,
    })
    return
  }
  const other = draft.metrics.get(name)
  if (other?.object === metric.object) return
  if (other !== undefined) {
    reportTwice(draft, entry, other)
    return
  }
  draft.metrics.set(name, entry)
  if (!draft.metricOf.has(metric.object)) draft.metricOf.set(metric.object, entry)
}

function reportTwice(
  draft: Draft,
  entry: { readonly id: string; readonly place: Place },
  other: { readonly place: Place },
): void {
  const message = `${entry.id} is declared twice: in ${atLine(other.place)} and ${atLine(entry.place)}`
  draft.report(entry, { code: 'MODEL_DUPLICATE', message, hint: 'rename or remove one of them' })
}

function atLine(place: Place): string {
  return place.line === undefined ? place.file : `${place.file}:${place.line}`
}

function identifyDefault(draft: Draft, path: string, exports: readonly LoadedDeclaration[]): void {
  const { builder, kinds } = folders[path.split('/', 1)[0]!]!
  for (const { exportName, value } of exports) {
    const data = definitionOf(value)
    if (exportName === 'default' || data === undefined || !isDeclaration(data)) continue
    const message = `${exportName} is ${describeValue(value)}, but only the default export is declared here`
    const hint = isMetric(data)
      ? 'metrics live in metric/'
      : 'give it a file of its own and export it by default'
    draft.report({ place: placeIn(path, data) }, { code: 'MODEL_BAD_PATH', message, hint })
  }
  const value = exports.find((one) => one.exportName === 'default')?.value
  const data = definitionOf(value)
  if (data !== undefined && kinds.includes(data.kind)) {
    identifyTable(draft, path, value as object)
    return
  }
  const subject = { place: placeIn(path, data) }
  const hint = `write \`export default ${builder.split(/[ ,]/, 1)[0]}({ … })\``
  if (value === undefined) {
    draft.report(subject, {
      code: 'MODEL_BAD_DECLARATION',
      message: 'the file exports nothing by default',
      hint,
    })
  } else if (data === undefined) {
    draft.report(subject, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the default export is ${describeValue(value)}, not a declaration`,
      hint,
    })
  } else {
    const folder = path.split('/', 1)[0]!
    const right = Object.entries(folders).find(([, one]) => one.kinds.includes(data.kind))?.[0]
    const where =
      data.kind === 'raw_table'
        ? 'put it into source({ tables }) in raw/'
        : right === undefined
          ? hint
          : `move the file to ${right}/`
    draft.report(subject, {
      code: 'MODEL_BAD_PATH',
      message: `${describeValue(value)} lies in ${folder}/, which holds ${builder}`,
      hint: where,
    })
  }
}

function isDeclaration(data: DefinitionData): boolean {
  return (
    isMetric(data) ||
    ['source', 'files', 'event', 'object', 'activity', 'attributes', 'merged'].includes(data.kind)
  )
}

function identifyTable(draft: Draft, path: string, value: object): void {
  const data = definitionOf(value)!
  const place = placeIn(path, data)
  const parts = path.replace(/\.[cm]?tsx?$/, '').split('/')
  const id = parts.join('.')
  let isNamed = true
  for (const part of parts.slice(1)) {
    const fault = nameFault(part)
    if (fault === undefined) continue
    isNamed = false
    draft.report(
      { id, place },
      { code: 'MODEL_BAD_NAME', message: `"${part}" in the path ${fault.fault}`, hint: fault.hint },
    )
  }
  const depth = data.kind === 'source' ? parts.length + 1 : parts.length
  if (depth > 3) {
    const message = `${data.kind === 'source' ? `${id}.<table>` : id} has ${depth} parts, more than 3`
    draft.report(
      { id, place },
      {
        code: 'MODEL_BAD_PATH',
        message,
        hint: 'a folder of a class may hold one level of folders, none around a source',
      },
    )
    return
  }
  if (!isNamed) return
  if (data.kind === 'merged') addMerged(draft, { id, place, data })
  else if (data.kind === 'source') addSource(draft, id, { data, path, place })
  else
    addTable(draft, {
      id,
      class: parts[0] as TableClass,
      place,
      data: data as TableDefinitionData,
      object: value,
    })
}

function addMerged(draft: Draft, entry: MergedEntry): void {
  if (draft.merged.has(entry.id)) reportTwice(draft, entry, draft.merged.get(entry.id)!)
  else draft.merged.set(entry.id, entry)
}

function addSource(
  draft: Draft,
  id: string,
  source: { readonly data: SourceData; readonly path: string; readonly place: Place },
): void {
  for (const fault of optionProblems(id, source.data)) draft.report({ id, ...source }, fault)
  const names = Object.entries(source.data.tables)
  if (names.length === 0)
    draft.report(
      { id, place: source.place },
      {
        code: 'MODEL_BAD_DECLARATION',
        message: `${id} has no tables`,
        hint: 'add some under `tables`',
      },
    )
  for (const [name, value] of names) {
    const data = definitionOf(value)
    const entry = {
      id: `${id}.${name}`,
      place: data?.kind === 'raw_table' ? placeIn(source.path, data) : source.place,
    }
    const fault = nameFault(name)
    if (data?.kind !== 'raw_table') {
      const message = `the table "${name}" is ${describeValue(value)}`
      draft.report(entry, {
        code: 'MODEL_BAD_DECLARATION',
        message,
        hint: "write table('what a row is', { … })",
      })
    } else if (fault === undefined) {
      addTable(draft, {
        ...entry,
        class: 'raw',
        data,
        object: value as object,
        source: source.data,
      })
    } else {
      const hint = `${fault.hint.split(';')[0]}, with { from: 'public.${name}' }`
      draft.report(entry, {
        code: 'MODEL_BAD_NAME',
        message: `the table name "${name}" ${fault.fault}`,
        hint,
      })
    }
  }
}

function addTable(draft: Draft, entry: TableEntry): void {
  const known = draft.tableOf.get(entry.object)
  const other = draft.tables.get(entry.id)
  if (known !== undefined) {
    const message = `${entry.id} is the same declaration as ${known.id} in ${atLine(known.place)}`
    draft.report(entry, {
      code: 'MODEL_DUPLICATE',
      message,
      hint: 'declare it once; import it where it is needed',
    })
  } else if (other !== undefined) {
    reportTwice(draft, entry, other)
  } else {
    draft.tables.set(entry.id, entry)
    draft.tableOf.set(entry.object, entry)
  }
}

/** The builder's call, when it is in this file; else the file. */
function placeIn(path: string, data: DefinitionData | undefined): Place {
  if (data === undefined || !('place' in data) || folderOf(data.place.file, path) === undefined)
    return { file: path }
  return { ...data.place, file: path }
}

/** A place from a stack trace, relative to the project folder. */
export function relativePlace(book: Book, place: Place, fallback: Place): Place {
  const file = place.file.replaceAll('\\', '/')
  if (book.folder === undefined || !file.startsWith(book.folder))
    return place.line === undefined ? fallback : { ...place, file: outside(book, file) }
  return { ...place, file: file.slice(book.folder.length) }
}

/** A file beside the project folder, with `../` for each step up. */
function outside(book: Book, file: string): string {
  const folder = (book.folder ?? '').split('/').slice(0, -1)
  const parts = file.split('/')
  let common = 0
  while (common < folder.length && folder[common] === parts[common]) common++
  return book.folder === undefined || common <= 1
    ? parts.at(-1)!
    : [...folder.slice(common).map(() => '..'), ...parts.slice(common)].join('/')
}
