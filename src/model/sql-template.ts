/** The `sql` template: captures text, references and values as parts, and the place of the opening back tick. Nothing is resolved here. */
import { callPlace } from './call-place.ts'
import {
  define,
  type definition,
  definitionOf,
  type Defined,
  type SqlData,
  type SqlPartData,
} from './definition.ts'
import { MaruError } from '../base/errors.ts'
import type { Scalar } from './model.ts'

export type Sql = Defined<'sql'>

/** Anything with columns can be named in a transform, and its columns. A function returns the table later, where files need each other. */
type Reference = {
  readonly [definition]: {
    readonly kind: 'raw_table' | 'event' | 'object' | 'activity' | 'attributes' | 'column'
  }
}

export type SqlHole = Reference | Sql | Scalar | (() => void)

interface SqlTag {
  /**
   * The text is taken as it stands in the file (a back slash stays a back slash; only \` and \${ are unescaped).
   * `${table}` writes its id, `${column}` its bare name, `${sql`…`}` its parts, a scalar its literal.
   */
  (strings: TemplateStringsArray, ...holes: readonly SqlHole[]): Sql
  /** Text that Maru does not look into: the marked exception. */
  raw(text: string): Sql
}

function template(strings: TemplateStringsArray, ...holes: readonly SqlHole[]): Sql {
  if (!Array.isArray(strings?.raw)) {
    throw new MaruError('MODEL_BAD_DECLARATION', 'sql was called as a function', {
      hint: 'write sql`select …`; for text made elsewhere sql.raw(text)',
    })
  }
  const parts: SqlPartData[] = []
  const chunks: number[] = []
  strings.raw.forEach((text, index) => {
    chunks.push(parts.length)
    parts.push({ kind: 'text', text: unescape(text) })
    if (index < holes.length) parts.push(...partsOf(holes[index]))
  })
  return define({}, { kind: 'sql', parts, chunks, place: callPlace(template) }) as Sql
}

/** Turns the file's text into the SQL text. */
function unescape(raw: string): string {
  return raw.replaceAll(/\\(?=`|\$\{)/g, '')
}

function partsOf(hole: unknown): readonly SqlPartData[] {
  const data = definitionOf(hole)
  if (data?.kind === 'sql') return data.parts
  if (data === undefined && isScalar(hole)) return [{ kind: 'value', value: hole }]
  return [{ kind: 'reference', to: hole }]
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
}

function raw(text: string): Sql {
  const data: SqlData = {
    kind: 'sql',
    parts: [{ kind: 'text', text: String(text) }],
    chunks: [],
    place: callPlace(raw),
  }
  return define({}, data) as Sql
}

export const sql: SqlTag = Object.assign(template, { raw })
