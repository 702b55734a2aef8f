/** A metric of the calendar: by a time grain every period of the range has a group, be there rows or not. */
import { sqlType } from '../model/column-type.ts'
import { isGrain } from './calendar.ts'
import type { Answer, Kind, KindRequest, Part } from './inquiry.ts'
import type { InnerNode } from './measure.ts'
import { ownGrain } from './model-index.ts'
import { seriesCtes } from './series.ts'
import type { Series } from './series.ts'
import { conjunctsOf, groupCondition, isTimeWord, namesIn, unitOf, wordSql } from './time-words.ts'

type EveryPeriod = Extract<InnerNode, { readonly kind: 'calendar' }>

export const calendar: Kind<EveryPeriod> = { compile, isMovable: true }

function compile(request: KindRequest<EveryPeriod>): Part {
  const { model, node, by, name, state, where, range, later, ask } = request
  const values = [{ name: state, expression: node.of }]
  const inner = ask({ values, by, where, range, later, isFilled: false })
  const sql = by.some((text) => isGrain(text) || ownGrain(model, text) !== undefined)
    ? withPeriods(request, inner)
    : inner.sql
  return {
    ctes: [`${name}_group as (\n${sql}\n)`],
    groups: `${name}_group`,
    dimensions: inner.dimensions,
    states: [{ name: state, kind: 'value', type: inner.values[0]!.type }],
    reads: inner.reads,
    sources: inner.sources,
    rootId: request.rootIds[0]!,
  }
}

/** A period that has no group gets one in which everything but its time is unknown. Conditions on what is grouped by hold for it too. */
function withPeriods(request: KindRequest<EveryPeriod>, inner: Answer): string {
  const { model, node, by, slugs, state, range } = request
  const words = by.filter((text) => isTimeWord(model, text))
  const unit = unitOf(words)
  const times = slugs.filter((_, at) => isTimeWord(model, by[at]!))
  const open = openEnds(request, words, times)
  const conditions = conjunctsOf(request.where).filter((condition) =>
    namesIn(condition).every((text) => by.includes(text)),
  )
  const scope = { model, rootId: request.rootIds[0]!, metric: node.name }
  const known = (text: string): string => {
    const at = by.indexOf(text)
    return times.includes(slugs[at]!)
      ? `each_period.${slugs[at]!}`
      : `cast(null as ${sqlType(inner.dimensions[at]!.type)})`
  }
  const where = groupCondition(scope, conditions, known)
  // A day that a calendar does not have lies in no period of it.
  const inCalendar = times.flatMap((slug, at) =>
    ownGrain(model, words[at]!) === undefined ? [] : [`each_period.${slug} is not null`],
  )
  const same = times.map((slug) => `some_group.${slug} = each_period.${slug}`)
  const ctes = [
    `some_group as (\n${inner.sql}\n)`,
    ...seriesCtes({ prefix: '', column: 'period', grain: unit, range, open }),
    `each_period as (\n  select distinct ${words.map((word, at) => `${wordSql(model, word, { unit, period: 'period.period' })} as ${times[at]!}`).join(', ')}\n  from period\n)`,
  ]
  const value = `cast(null as ${sqlType(inner.values[0]!.type)}) as ${state}`
  return `with ${ctes.join(',\n')}
select ${[...slugs, state].join(', ')}
from some_group
union all
select ${[...by.map((text, at) => `${known(text)} as ${slugs[at]!}`), value].join(', ')}
from each_period
left join some_group on ${same.join(' and ')}
where ${[`some_group.${times[0]!} is null`, ...inCalendar, ...where].join('\n  and ')}`
}

/** Where the range is open: from the first period that has a group to the last, or as far as the project's calendar reaches. */
function openEnds(
  { model }: KindRequest<EveryPeriod>,
  words: readonly string[],
  times: readonly string[],
): Series['open'] {
  const begins = times.filter((_, at) => isGrain(words[at]!)).join(', ')
  if (begins === '') {
    const { table, day } = words.flatMap((word) => ownGrain(model, word) ?? [])[0]!
    return { first: `min(${day})`, last: `max(${day})`, from: table }
  }
  const begin = begins.includes(',') ? `greatest(${begins})` : begins
  return { first: `min(${begin})`, last: `max(${begin})`, from: 'some_group' }
}
