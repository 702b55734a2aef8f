/** A condition on groups: over the values of a question, after they are computed. */
import { MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type { AttributePath } from '../plan/attach.ts'
import { bindCondition, conditionSql } from './condition.ts'
import { parseFilter } from './filter-language.ts'
import type { Answer } from './inquiry.ts'

/** The values are columns of their names. */
export function havingSql(text: string, values: Answer['values']): string {
  const columns = new Map<AttributePath, string>()
  const bound = bindCondition(parseFilter(text), (named) => {
    const value = values.find(({ name }) => name === named.text || `metric.${name}` === named.text)
    if (value === undefined) {
      throw new MaruError(
        'METRIC_BAD_QUERY',
        `the condition on groups names "${named.text}", which is no metric of the question`,
        {
          hint: suggest(
            named.text,
            values.map(({ name }) => name),
          ),
        },
      )
    }
    const { name, type } = value
    const column = { name, type, description: '', required: false, tags: [] }
    const path = { references: [], table: '', column, now: false }
    columns.set(path, name)
    return { text: name, path, type, isOwnTime: false }
  })
  return conditionSql(bound, (path) => columns.get(path)!)
}
