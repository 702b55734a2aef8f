import { deepEqual } from 'node:assert/strict'
import { it } from 'node:test'
import type { Scan } from '../lake/lake.ts'
import { namedColumns } from './named-columns.ts'

const scan = {
  schema: { fields: ['day', 'value', 'sales__sum', 'sales'].map((name, id) => ({ name, id })) },
} as unknown as Scan

it('keeps the columns whose whole name stands in the text, and one where none does', () => {
  const kept = (sql: string): readonly string[] =>
    namedColumns(scan, sql).schema.fields.map(({ name }) => name)
  deepEqual(kept(`select row.value, sum(sales__sum) from t as row where "day" > '2026-01-01'`), [
    'day',
    'value',
    'sales__sum',
  ])
  deepEqual(kept('select count(*) from t'), ['day'])
})
