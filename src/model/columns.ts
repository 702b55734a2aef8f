/** Column builders. What they return becomes a direct property of the table: `purchase.amount` is the column, a wrong name a compile error. */
import { comparisons, type ColumnKind, type Comparable } from './conditions.ts'
import {
  define,
  type definition,
  definitionOf,
  present,
  type ColumnData,
  type ColumnSpec,
} from './definition.ts'
import type { AsOf, ColumnType } from './model.ts'
import { readOptions, type Options } from './options.ts'

/** A column of a table. */
export interface Column<Kind extends ColumnKind = ColumnKind> extends Comparable<Kind> {
  readonly [definition]: { readonly kind: 'column'; readonly type: Kind }
}

export type Columns = Readonly<Record<string, Column>>

export interface ColumnOptions {
  /** What one is: `KRW`, `GBP`, `gram`. */
  readonly unit?: string
  /** Null is refused by the checks. */
  readonly required?: boolean
  /** Words that access rules and the catalog use: `personal`. */
  readonly tags?: readonly string[]
  /** The name in the file or the database, where it differs. */
  readonly field?: string
}

export interface NumericOptions extends ColumnOptions {
  /** Ascending cuts: the column then has the dimension `.bucket`. */
  readonly buckets?: readonly number[]
}

export interface DecimalOptions extends NumericOptions {
  /** All digits, 1 to 38; 18 when absent. */
  readonly precision?: number
  /** Digits after the point; 2 when absent. */
  readonly scale?: number
}

export interface ReferenceOptions extends ColumnOptions {
  /** A key that names no object is kept and reads as unknown; the checks refuse it when absent. */
  readonly orphans?: 'allowed'
}

export interface KeyOptions extends ColumnOptions {
  /** `integer` when absent. */
  readonly type?: 'integer' | 'text' | 'uuid'
}

const columnOptions: Options<ColumnOptions> = {
  unit: 'text',
  required: 'boolean',
  tags: 'texts',
  field: 'text',
}
const numericOptions: Options<NumericOptions> = { ...columnOptions, buckets: 'any' }
const decimalOptions: Options<DecimalOptions> = {
  ...numericOptions,
  precision: 'number',
  scale: 'number',
}
const referenceOptions: Options<ReferenceOptions> = { ...columnOptions, orphans: ['allowed'] }
const keyOptions: Options<KeyOptions> = { ...columnOptions, type: ['integer', 'text', 'uuid'] }

type SimpleKind =
  | 'text'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'timestamp'
  | 'local_timestamp'
  | 'date'
  | 'time'
  | 'uuid'
  | 'bytes'
  | 'json'

/** A column of exactly this definition; the builders below are what authors use. */
export function column<Kind extends ColumnKind>(spec: ColumnSpec): Column<Kind> {
  return define(Object.create(comparisons) as object, { kind: 'column', spec }) as Column<Kind>
}

function simple<Kind extends SimpleKind>(
  kind: Kind,
  description: string,
  options: NumericOptions = {},
): Column<Kind> {
  const of = `${kind} column`
  const given =
    kind === 'integer' || kind === 'number'
      ? readOptions(of, options, numericOptions)
      : readOptions<ColumnOptions>(of, options, columnOptions)
  return column({ type: { kind }, description, ...given })
}

/** Identifies the row; an object and an activity have exactly one. */
export function key(description: string, options: KeyOptions = {}): Column<'key'> {
  const { type = 'integer', ...given } = readOptions('key', options, keyOptions)
  return column({
    type: { kind: 'key', of: { kind: type } },
    description,
    ...given,
    required: true,
  })
}

export function text(description: string, options?: ColumnOptions): Column<'text'> {
  return simple('text', description, options)
}

export function integer(description: string, options?: NumericOptions): Column<'integer'> {
  return simple('integer', description, options)
}

/** Exact: money, weights, prices. */
export function decimal(description: string, options: DecimalOptions = {}): Column<'decimal'> {
  const given = readOptions('decimal column', options, decimalOptions)
  const { precision = 18, scale = 2, ...others } = given
  return column({ type: { kind: 'decimal', precision, scale }, description, ...others })
}

/** Binary floating point, never for money. */
export function number(description: string, options?: NumericOptions): Column<'number'> {
  return simple('number', description, options)
}

export function boolean(description: string, options?: ColumnOptions): Column<'boolean'> {
  return simple('boolean', description, options)
}

/** An instant. */
export function timestamp(description: string, options?: ColumnOptions): Column<'timestamp'> {
  return simple('timestamp', description, options)
}

/** A wall clock without a zone. */
export function local_timestamp(
  description: string,
  options?: ColumnOptions,
): Column<'local_timestamp'> {
  return simple('local_timestamp', description, options)
}

export function date(description: string, options?: ColumnOptions): Column<'date'> {
  return simple('date', description, options)
}

export function time(description: string, options?: ColumnOptions): Column<'time'> {
  return simple('time', description, options)
}

export function uuid(description: string, options?: ColumnOptions): Column<'uuid'> {
  return simple('uuid', description, options)
}

export function bytes(description: string, options?: ColumnOptions): Column<'bytes'> {
  return simple('bytes', description, options)
}

export function json(description: string, options?: ColumnOptions): Column<'json'> {
  return simple('json', description, options)
}

/** `list('text', 'words')`, or `list(decimal('a price', { scale: 3 }), 'prices')`. */
export function list(
  of: Column | SimpleKind,
  description: string,
  options: ColumnOptions = {},
): Column<'list'> {
  const given = readOptions('list column', options, columnOptions)
  return column({ type: { kind: 'list', of: elementType(of) }, description, ...given })
}

function elementType(of: unknown): ColumnType {
  if (typeof of === 'string') return { kind: of as SimpleKind }
  const data = definitionOf(of)
  const type = data?.kind === 'column' ? data.spec.type : undefined
  // A key or a reference in a list has no meaning of its own; buildModel refuses the text's kind `unknown`.
  if (type === undefined || type.kind === 'key' || type.kind === 'reference')
    return { kind: 'unknown' } as unknown as ColumnType
  return type
}

/**
 * The key of an object: `refers(member)`, and `refers(() => category)` where two files need each other or an object names itself.
 * The function's result has no type here, because the compiler could not finish a type that contains itself.
 */
export function refers(
  object: ObjectReference,
  description?: string,
  options: ReferenceOptions = {},
): Column<'reference'> {
  const given = readOptions('reference', options, referenceOptions)
  return column({ type: { kind: 'reference', target: object }, description, ...given })
}

export type ObjectReference = { readonly [definition]: { readonly kind: 'object' } } | (() => void)

/** A table's object: the columns are its properties, each knowing its table and name. */
export function attachColumns(columns: Readonly<Record<string, unknown>>): object {
  const table = withMissing({})
  for (const [name, value] of Object.entries(columns)) {
    const data = definitionOf(value)
    if (data?.kind !== 'column') continue
    const attached: ColumnData = { kind: 'column', spec: data.spec, owner: table, name }
    const property = define(Object.create(comparisons) as object, attached)
    Object.defineProperty(table, name, { value: property, enumerable: true })
  }
  return table
}

/**
 * Answers for a name that the object does not have with a definition that says so. An author without a type checker then reads
 * `act.purchase has no column "amuont"` with the nearest name, where `undefined` could only say that something is missing.
 */
export function withMissing<T extends object>(target: T): T {
  const proxy: T = new Proxy(target, {
    get: (object, name) =>
      isAskedName(object, name) ? missing(proxy, name) : (Reflect.get(object, name) as unknown),
  })
  return proxy
}

/** Whether somebody means a column or table, and not the language or a tool that feels its way. */
export function isAskedName(object: object, name: string | symbol): name is string {
  return (
    typeof name === 'string' &&
    !(name in object) &&
    /^[a-z][a-z0-9_]*$/.test(name) &&
    name !== 'then' &&
    name !== 'inspect'
  )
}

function missing(owner: object, name: string): object {
  return withMissing(define(Object.create(comparisons) as object, { kind: 'missing', owner, name }))
}

/** A column reached by references. */
export interface Path<Kind extends ColumnKind> extends Comparable<Kind> {
  readonly [definition]: { readonly kind: 'path'; readonly type: Kind }
  /** As of when the attribute is read: as of the row's own instant (`then`) unless this says otherwise. */
  at(asOf: Exclude<AsOf, 'cohort_entry'>): Path<Kind>
}

/** What can be aggregated or split by: a column of the rows, or one that they reach. */
export interface Reached<Kind extends ColumnKind = ColumnKind> {
  readonly [definition]: { readonly kind: 'column' | 'path'; readonly type: Kind }
}

/** `via(purchase.product, product.brand, brand.name)`, for conditions and aggregates. */
export function via<Kind extends ColumnKind>(
  ...path: readonly [Column<'reference'>, ...Column<'reference'>[], Column<Kind>]
): Path<Kind> {
  const make = (asOf: AsOf | undefined): Path<Kind> => {
    const result = Object.create(comparisons) as { at: Path<Kind>['at'] }
    result.at = make
    return define(result, {
      kind: 'path',
      columns: path,
      ...present({ asOf }),
    }) as unknown as Path<Kind>
  }
  return make(undefined)
}
