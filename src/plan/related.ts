/**
 * A related column: what the same object's activities are, seen from each row of an activity. It is a function of the row, computed when asked, so that it may look
 * forward; a question joins it by the row's key.
 */
import { MaruError } from '../base/errors.ts'
import { sqlType } from '../model/column-type.ts'
import type { Day } from '../base/time.ts'
import { filledColumns, nestedChoices } from '../model/model.ts'
import type {
  ActivityModel,
  ColumnModel,
  Model,
  RowChoice,
  Selection,
  TableId,
} from '../model/model.ts'
import { attach, fromClause, resolvePath } from './attach.ts'
import type { Attachment, AttributePath } from './attach.ts'
import { chooseRows, sameColumn } from './choice.ts'
import type { ChoiceRequest, ChosenRows } from './choice.ts'
import { takenCte, takenValue, unansweredTake } from './chosen-attribute.ts'

/** The local days of the rows that a question is about; open without an end. */
export interface AskedDays {
  readonly from?: Day
  /** The day after the last. */
  readonly to?: Day
}

/** `attach` for paths of which some may be related columns, which are then computed for the rows of the days that are asked for. */
// The days are no part of what is attached.
// oxlint-disable-next-line max-params
export function attachRelated(
  model: Model,
  rootId: TableId,
  paths: readonly AttributePath[],
  days: AskedDays = {},
): Attachment {
  const base = model.tables.find(({ id }) => id === rootId)
  const related = paths.filter((path) => path.related !== undefined)
  if (base?.kind !== 'activity' || related.length === 0) return attach(model, rootId, paths)
  const others = paths.filter((path) => path.related === undefined)
  const plain = attach(model, rootId, [...others, resolvePath(model, rootId, base.key)!])
  const key = plain.expressions.at(-1)!
  const queries = new Map(
    related.map(({ column, related: selection }) => [
      column.name,
      relatedQuery({ model, base, column, selection: selection!, days }),
    ]),
  )
  const joins = [...queries].map(([name, { sql }]) => {
    const alias = aliasOf(name)
    return { table: `(\n${sql}\n)`, alias, condition: `${alias}.asked_id = ${key}` }
  })
  return {
    ...plain,
    joins: [...plain.joins, ...joins],
    joined: [...plain.joined, ...[...queries.values()].flatMap(({ tables }) => tables)],
    expressions: paths.map((path) =>
      path.related === undefined
        ? plain.expressions[others.indexOf(path)]!
        : queries.get(path.column.name)!.value,
    ),
  }
}

/** `chooseRows` of a metric, whose conditions may be on related columns. */
export function chooseRelated(request: ChoiceRequest): ChosenRows {
  return chooseRows({ ...request, attach: attachRelated })
}

function aliasOf(column: string): string {
  return `${column}__related`
}

interface RelatedRequest {
  readonly model: Model
  /** Whose rows are looked from. */
  readonly base: ActivityModel
  readonly column: ColumnModel
  readonly selection: Selection
  readonly days: AskedDays
}

interface RelatedQuery {
  /** A SELECT of (asked_id, taken), for the rows that have something. */
  readonly sql: string
  /** The value, also of rows that have nothing. */
  readonly value: string
  readonly tables: readonly TableId[]
}

function relatedQuery(request: RelatedRequest): RelatedQuery {
  const { model, base, column, selection } = request
  const what = unansweredTake(selection)
  if (what !== undefined) {
    throw new MaruError(
      'METRIC_ILLEGAL',
      `the related column "${column.name}" of ${base.id} has ${what}, which is not answered yet`,
      { hint: 'take one row or an aggregate' },
    )
  }
  const { take, map: _map, ...choice } = selection
  const scope = scopeOf(request, choice)
  const chosen = chooseRelated({
    model,
    choice,
    name: 'related',
    columns: { taken: take.column ?? 'occurred_at' },
    scope: { kind: 'rows', name: 'scope_row' },
  })
  const ctes = [
    ...scope.ctes,
    ...chosen.histories.map(({ sql }) => sql),
    ...chosen.ctes,
    takenCte(model, selection, { name: 'related_value', rows: chosen.rows, keys: 'asked_id' }),
  ]
  return {
    sql: `with ${ctes.join(',\n')}\nselect asked_id, taken\nfrom related_value`,
    value: takenValue(selection, { rows: aliasOf(column.name), type: sqlType(column.type) }),
    tables: [...scope.tables, ...chosen.tables],
  }
}

/** The rows that are looked from, each with the instant of its object's next one. */
function scopeOf(
  { model, base, days }: RelatedRequest,
  choice: RowChoice,
): { readonly ctes: readonly string[]; readonly tables: readonly TableId[] } {
  const compared = nestedChoices(choice)
    .filter(({ window }) => (window?.from ?? window?.to)?.at.kind !== 'chosen')
    .flatMap(({ same = [] }) => same.map(({ anchor }) => anchor))
  const texts = [...new Set(compared)]
  const paths = [base.actor, 'occurred_at', base.key, ...texts].map((text): AttributePath => {
    const path = resolvePath(model, base.id, text)
    if (path !== undefined) return path
    throw new MaruError('METRIC_ILLEGAL', `${base.id} has no "${text}"`, {
      hint: '`same` compares with a column of the row that is looked from',
    })
  })
  const attachment = attachRelated(model, base.id, paths)
  const [object, occurredAt, key, ...same] = attachment.expressions
  const items = [
    `${object} as object_key`,
    `${occurredAt} as asked_at`,
    `${key} as asked_id`,
    `lead(${occurredAt}) over (partition by ${object} order by ${occurredAt}, ${key}) as next_at`,
    `${attachment.root.alias}.${filledColumns.day} as ${filledColumns.day}`,
    ...texts.map((text, at) => `${same[at]} as ${sameColumn(text)}`),
  ]
  const { day } = filledColumns
  const asked = [
    ...(days.from === undefined ? [] : [`${day} >= date '${days.from}'`]),
    ...(days.to === undefined ? [] : [`${day} < date '${days.to}'`]),
  ]
  return {
    ctes: [
      `base_row as (
  select ${items.join(',\n    ')}
  ${fromClause(attachment).replaceAll('\n', '\n  ')}
  where ${object} is not null
    and ${occurredAt} is not null
)`,
      `scope_row as (\n  select *\n  from base_row${asked.length === 0 ? '' : `\n  where ${asked.join(' and ')}`}\n)`,
    ],
    tables: [attachment.root.table, ...attachment.joined],
  }
}
