/**
 * Finds what is wrong with one task from its binding. Pure. Faults hold offsets in the SQL text, not places in a file, so that they stay
 * true when the declaration moves within its file.
 */
import type { ErrorCode } from '../base/error-codes.ts'
import type { Place, Problem } from '../base/errors.ts'
import { nearest, suggest } from '../base/nearest.ts'
import type { Binding } from '../engine/engine.ts'
import type { SqlModel, TableModel } from '../model/model.ts'
import { sourcePlace, sqlText } from '../model/sql-names.ts'
import { sqlType, typeText } from '../model/column-type.ts'
import { isAssignable } from './column-type.ts'
import { lineAndColumn } from './import-problem.ts'
import { portableFunctions } from './portable-lists.ts'
import { portabilityFault } from './portable-subset.ts'
import type { ProducedColumn, SqlTask } from './task.ts'

export interface TaskFault {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string
  readonly at: FaultPosition
}

/** In the SQL text, at the declaration of a column, or at the SQL as a whole. */
export type FaultPosition =
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'column'; readonly column: string }
  | { readonly kind: 'sql' }

export function bindingFaults(task: SqlTask, binding: Binding, sql: string): TaskFault[] {
  return [
    ...endFaults(task, sql),
    ...readFaults(task, binding, sql),
    ...columnFaults(task, binding, sql),
    ...(isOwnText(task) ? [] : constructFaults(binding, sql)),
  ]
}

/** A run puts the text into parentheses. */
function endFaults(task: SqlTask, sql: string): TaskFault[] {
  const end = /;\s*$/.exec(sql)
  if (end === null) return []
  const message = `the SQL of ${task.table.id} ends with a semicolon`
  return [
    { code: 'SQL_BIND', message, hint: 'take it out', at: { kind: 'offset', offset: end.index } },
  ]
}

/** A table whose name stands in the text is not in the graph: nothing would say that the task depends on it. */
function readFaults(task: SqlTask, binding: Binding, sql: string): TaskFault[] {
  const referenced = new Set(
    task.sql.parts.flatMap((part) => (part.kind === 'table' ? [part.id] : [])),
  )
  return binding.tables
    .filter((id) => !referenced.has(id))
    .map((id) => ({
      code: 'SQL_BIND' as const,
      message: `${id} stands in the text as a plain name, so nothing knows that ${task.table.id} reads it`,
      hint: `import its declaration and write \${…} instead of ${id}`,
      at: positionOf(wordPattern(id), sql),
    }))
}

function columnFaults(task: SqlTask, binding: Binding, sql: string): TaskFault[] {
  const produced = new Map(binding.columns.map((column) => [column.name, column]))
  const expected = new Set(task.produces.map((column) => column.name))
  const missing = task.produces.filter((column) => !produced.has(column.name))
  const surplus = [...produced.keys()].filter((name) => !expected.has(name))
  return [
    ...duplicates(binding.columns.map((column) => column.name)).map((name) => ({
      code: 'MODEL_COLUMNS' as const,
      message: `the SQL of ${task.table.id} yields the column "${name}" more than once`,
      hint: 'give each column its own name with `as`',
      at: outputPosition(name, sql),
    })),
    ...missing.map((column) => missingColumn(task, column, surplus)),
    ...surplus.map((name) =>
      surplusColumn(task, name, { sql, missing: missing.map((column) => column.name) }),
    ),
    ...task.produces.flatMap((column) =>
      typeFault(task, column, { produced: produced.get(column.name), sql }),
    ),
  ]
}

function missingColumn(
  task: SqlTask,
  column: ProducedColumn,
  surplus: readonly string[],
): TaskFault {
  const near = nearest(column.name, surplus)
  if (column.implied) {
    return {
      code: 'MODEL_COLUMNS',
      message: `${task.table.id} has history, but its SQL does not yield "${column.name}"`,
      hint: `select the instant from which the version holds as ${column.name}, or take out \`history: true\``,
      at: { kind: 'sql' },
    }
  }
  return {
    code: 'MODEL_COLUMNS',
    message: `${task.table.id} declares the column "${column.name}", but its SQL does not yield it`,
    hint:
      near === undefined
        ? `add it to the select, or take the column out`
        : `the select yields "${near}": write … as ${column.name}`,
    at: { kind: 'column', column: column.name },
  }
}

function surplusColumn(
  task: SqlTask,
  name: string,
  context: { readonly sql: string; readonly missing: readonly string[] },
): TaskFault {
  const near = nearest(name, context.missing)
  return {
    code: 'MODEL_COLUMNS',
    message: `the SQL of ${task.table.id} yields the column "${name}", which is not declared`,
    hint:
      near === undefined
        ? `declare ${name} under columns, or take it out of the select`
        : `Did you mean "${near}"?`,
    at: outputPosition(name, context.sql),
  }
}

function typeFault(
  task: SqlTask,
  column: ProducedColumn,
  found: { readonly produced: Binding['columns'][number] | undefined; readonly sql: string },
): TaskFault[] {
  if (found.produced === undefined || isAssignable(found.produced.type, column.type)) return []
  return [
    {
      code: 'MODEL_TYPE',
      message: `${task.table.id}.${column.name} is declared ${typeText(column.type)}, but its SQL yields ${typeText(found.produced.type)}`,
      hint: castHint(column, found.produced.type),
      at: outputPosition(column.name, found.sql),
    },
  ]
}

function castHint(column: ProducedColumn, produced: ProducedColumn['type']): string {
  const declared = column.type
  const cast = `cast(… as ${sqlType(declared)}) as ${column.name}`
  const rounds =
    produced.kind === 'decimal' && (declared.kind === 'decimal' || declared.kind === 'integer')
  const scale = declared.kind === 'decimal' ? declared.scale : 0
  return rounds
    ? `write cast(round(…, ${scale}) as ${sqlType(declared)}) as ${column.name}, or declare ${typeText(produced)}`
    : `write ${cast}, or declare the column as ${typeText(produced)}`
}

/** Tables without a template around them: no author wrote this, a builder of Maru's did, for the engine that it runs on. */
function isOwnText({ sql: { parts, chunks } }: SqlTask): boolean {
  return chunks?.length === 0 && parts.some((part) => part.kind === 'table')
}

function constructFaults(binding: Binding, sql: string): TaskFault[] {
  const faults = new Map<string, TaskFault>()
  for (const construct of binding.constructs) {
    const fault = portabilityFault(construct, sql)
    if (fault === undefined) continue
    const at = constructPosition(construct, sql)
    const key = `${fault.message} ${at.kind === 'offset' ? at.offset : ''}`
    if (!faults.has(key))
      faults.set(key, { code: 'SQL_NOT_PORTABLE', message: fault.message, hint: fault.instead, at })
  }
  return [...faults.values()]
}

/** The engine gives the place of the expression after a word such as `qualify`; the word itself is what the author looks for. */
function constructPosition(construct: Binding['constructs'][number], sql: string): FaultPosition {
  const pattern = wordPattern(construct.name)
  if (construct.offset === undefined) return positionOf(pattern, sql)
  const words = construct.kind === 'syntax' ? [...sql.matchAll(new RegExp(pattern, 'gi'))] : []
  const word = words.findLast((match) => match.index <= construct.offset!)
  return { kind: 'offset', offset: word?.index ?? construct.offset }
}

export interface BindFailure {
  readonly message: string
  /** Characters from the start of the text, when the engine knows. */
  readonly offset?: number
  readonly hint?: string
}

/** The engine's refusal, with the nearest name when what stands at the place is a table or a column. */
export function bindFailureFault(
  task: SqlTask,
  failure: BindFailure,
  context: {
    readonly sql: string
    readonly tables: ReadonlyMap<string, TableModel>
    readonly columnsOf: (id: string) => readonly string[]
  },
): TaskFault {
  const { sql } = context
  const message = `the SQL of ${task.table.id} does not bind: ${failure.message}`
  const offset = failure.offset
  const at: FaultPosition = offset === undefined ? { kind: 'sql' } : { kind: 'offset', offset }
  const hint = failure.hint ?? 'correct the SQL here'
  if (offset === undefined) return { code: 'SQL_BIND', message, hint, at }
  const name = /^["\w]+(\.["\w]+)*/.exec(sql.slice(offset))?.[0]?.replaceAll('"', '')
  if (name === undefined) return { code: 'SQL_BIND', message, hint, at }
  if (/\btable\b/i.test(failure.message) && /(\bfrom|\bjoin|,)\s*$/i.test(sql.slice(0, offset))) {
    const near = suggest(name, context.tables.keys())
    return { code: 'SQL_BIND', message, hint: `${near} Import the declaration and write \${…}`, at }
  }
  if (/\bfunction\b/i.test(failure.message)) {
    const near = nearest(name.toLowerCase(), Object.keys(portableFunctions))
    return {
      code: 'SQL_BIND',
      message,
      hint: near === undefined ? hint : `Did you mean ${near}()?`,
      at,
    }
  }
  const read = task.sql.parts.flatMap((part) => (part.kind === 'table' ? [part.id] : []))
  const columns = new Set(read.flatMap((id) => context.columnsOf(id)))
  const last = name.split('.').at(-1)!
  const near =
    columns.has(last) || hint.startsWith('Did you mean') ? undefined : nearest(last, columns)
  return {
    code: 'SQL_BIND',
    message,
    hint: near === undefined ? hint : `Did you mean "${near}"?`,
    at,
  }
}

/** The fault at its place in the user's file. */
export function faultProblem(
  task: SqlTask,
  fault: TaskFault,
  readSource: (file: string) => string | undefined,
): Problem {
  const source = readSource(task.sql.place.file)
  return {
    code: fault.code,
    message: fault.message,
    hint: fault.hint,
    where: faultPlace(task.sql, fault.at, source),
    id: task.table.id,
  }
}

function faultPlace(sql: SqlModel, at: FaultPosition, source: string | undefined): Place {
  if (source === undefined || at.kind === 'sql') return sql.place
  if (at.kind === 'offset') return sourcePlace(sql, at.offset, source)
  const declared = new RegExp(`(?:^|[{,])\\s*(['"]?)${at.column}\\1\\s*:`, 'm').exec(source)
  if (declared === null) return sql.place
  const start = declared.index + declared[0].search(/\w/)
  return { file: sql.place.file, ...lineAndColumn(source, start) }
}

/** Where an output column is made: its alias, or else its first mention. */
function outputPosition(name: string, sql: string): FaultPosition {
  const alias = new RegExp(`\\bas\\s+"?${escapePattern(name)}\\b`, 'i').exec(sql)
  if (alias === null) return positionOf(wordPattern(name), sql)
  return {
    kind: 'offset',
    offset: alias.index + alias[0].search(new RegExp(`${escapePattern(name)}$`, 'i')),
  }
}

function positionOf(pattern: RegExp, sql: string): FaultPosition {
  const match = pattern.exec(sql)
  return match === null ? { kind: 'sql' } : { kind: 'offset', offset: match.index }
}

function wordPattern(name: string): RegExp {
  return new RegExp(`(?<![\\w.])${escapePattern(name)}(?!\\w)`, 'i')
}

function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function duplicates(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))]
}

/** The text as the engine sees it. */
export function taskSql(task: SqlTask): string {
  return sqlText(task.sql)
}
