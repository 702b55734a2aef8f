import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { sql } from '../index.ts'
import { definitionOf, type SqlData } from './definition.ts'
import type { SqlModel } from './model.ts'
import { duckdbWords, reservedIn } from './reserved-words.ts'
import { nameFault, scalarLiteral, snakeCase, sourcePlace, sqlText, storedId } from './sql-names.ts'

/** The template as the Model would have it, for templates without tables. */
function modelOf(
  template: unknown,
  place: { readonly line: number; readonly column: number },
): SqlModel {
  const { parts, chunks } = definitionOf(template) as SqlData
  return { parts: parts as SqlModel['parts'], chunks, place: { file: 'act/x.ts', ...place } }
}

describe('scalarLiteral', () => {
  it('writes what DuckDB reads back as the same value', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const values = [
      "it's",
      '',
      '\\',
      "'; drop table x; --",
      '한국',
      0,
      -1,
      1.5,
      -0.1,
      1e21,
      1e-7,
      2n ** 63n - 1n,
      -(2n ** 63n),
      true,
      false,
      null,
    ]
    try {
      for (const value of values) {
        const text = scalarLiteral(value)
        const made = await connection.runAndReadAll(
          `select ${text} as value, (${text})::varchar as text`,
        )
        const [row] = made.getRowObjectsJS()
        if (typeof value === 'string' || typeof value === 'boolean' || value === null)
          assert.equal(row!['value'], value)
        else assert.equal(Number(row!['text']), Number(value), text)
        if (typeof value === 'bigint') assert.equal(row!['text'], String(value))
      }
      const less = await connection.runAndReadAll(`select 5 -${scalarLiteral(-3)} as eight`)
      assert.deepEqual(less.getRows(), [[8]])
    } finally {
      connection.closeSync()
      instance.closeSync()
    }
  })

  it('refuses what no number is', () => {
    assert.throws(() => scalarLiteral(Number.NaN), { code: 'MODEL_BAD_DECLARATION' })
  })
})

describe('names', () => {
  it('are refused exactly where DuckDB itself stumbles over them', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    try {
      const keywords = (
        await connection.runAndReadAll('select keyword_name from duckdb_keywords()')
      )
        .getRows()
        .map(([word]) => String(word))
      assert.ok(keywords.length > 400)
      const listed = new Set(duckdbWords)
      for (const word of keywords) {
        const stumbles = [
          `select x.${word}, ${word} + 1 from (select 1 as ${word}) x order by ${word}`,
          `with ${word} as (select 1 as a) select ${word}.a from ${word}`,
        ]
        const results = await Promise.allSettled(stumbles.map((text) => connection.run(text)))
        assert.equal(
          results.some((result) => result.status === 'rejected'),
          listed.has(word),
          word,
        )
      }
    } finally {
      connection.closeSync()
      instance.closeSync()
    }
  })

  it('are refused when only Spark or PostgreSQL reserve them', () => {
    assert.deepEqual(reservedIn('time'), ['Spark'])
    assert.deepEqual(reservedIn('user'), ['Spark', 'PostgreSQL'])
    assert.deepEqual(reservedIn('localtime'), ['PostgreSQL'])
    assert.deepEqual(reservedIn('amount'), [])
  })

  it('are made legal from anything, reserved words and lengths apart', () => {
    assert.equal(snakeCase('InvoiceNo'), 'invoice_no')
    assert.equal(snakeCase('  Unit Price (GBP) '), 'unit_price_gbp')
    assert.equal(snakeCase('2nd'), 'x_2nd')
    assert.equal(snakeCase('수량'), 'x')
    fc.assert(
      fc.property(fc.string(), (text) => {
        const name = snakeCase(text)
        assert.ok(nameFault(name) === undefined || reservedIn(name).length > 0, name)
      }),
      { seed: 5, numRuns: 500 },
    )
  })

  it('of merged tables have a stored form', () => {
    assert.equal(storedId('merged.purchase'), 'stored.purchase')
    assert.equal(storedId('merged.shop.purchase'), 'stored.shop.purchase')
  })
})

describe('sqlText', () => {
  it('takes the text as it stands in the file, flattens nested sql, and writes scalars', () => {
    const condition = sql`price > ${-1.5} and name ~ '\d+\n'`
    const template = sql`select \`a\`, \${x}, '\\' from t where ${condition} and ${sql.raw('1 = 1')}`
    assert.equal(
      sqlText(modelOf(template, { line: 1, column: 1 })),
      "select `a`, ${x}, '\\\\' from t where price > (-1.5) and name ~ '\\d+\\n' and 1 = 1",
    )
  })
})

describe('sourcePlace', () => {
  it('looks through holes with braces, texts, comments and templates of their own', () => {
    const f = (value: unknown): string => JSON.stringify(value)
    const template = sql`a ${f({ b: '}`' })} c ${/* } ` */ `x${`${1}`}}`} d`
    const source = "\n  sql`a ${f({ b: '}`' })} c ${/* } ` */ `x${`${1}`}}`} d`"
    const model = modelOf(template, { line: 2, column: 6 })
    const made = sqlText(model)
    assert.equal(made, `a '{"b":"}\`"}' c 'x1}' d`)
    const columnOf = (text: string): number => source.indexOf(text)
    assert.deepEqual(sourcePlace(model, 0, source), { file: 'act/x.ts', line: 2, column: 7 })
    assert.deepEqual(sourcePlace(model, 5, source), {
      file: 'act/x.ts',
      line: 2,
      column: columnOf('${f'),
    })
    assert.deepEqual(sourcePlace(model, made.indexOf(' c ') + 1, source), {
      file: 'act/x.ts',
      line: 2,
      column: columnOf('c ${/*'),
    })
    assert.deepEqual(sourcePlace(model, made.length - 1, source), {
      file: 'act/x.ts',
      line: 2,
      column: columnOf('d`'),
    })
    assert.deepEqual(sourcePlace(model, made.length, source), {
      file: 'act/x.ts',
      line: 2,
      column: columnOf('d`') + 1,
    })
  })

  it('finds every character of random templates, whatever their line ends and escapes', () => {
    const piece = fc.constantFrom(
      'select',
      ' ',
      '\n',
      '\r\n',
      '\\`',
      '\\${',
      '$',
      '\\\\',
      '\\n',
      '한',
      '😀',
      "'",
      '{',
      '}',
      '//',
      '/*',
    )
    const hole = fc.constantFrom(
      '${1}',
      '${"}"}',
      "${'`'}",
      '${[{}].length}',
      '${`}`}',
      '${sql`n ${2} m`}',
      '${true}',
    )
    const literal = fc
      .array(fc.oneof({ weight: 3, arbitrary: piece }, { weight: 1, arbitrary: hole }), {
        maxLength: 12,
      })
      .map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(literal, fc.constantFrom('', '// one\n', 'a\r\nb '), (body, before) => {
        fc.pre(!body.includes('$${') && !body.includes('$\\${'))
        const source = `${before}sql\`${body}\` // after`
        // The text of a random template can only be run by evaluating it.
        // oxlint-disable-next-line typescript/no-implied-eval
        const template: unknown = new Function('sql', `return sql\`${body}\``)(sql)
        const lines = before.split('\n')
        const model = modelOf(template, { line: lines.length, column: lines.at(-1)!.length + 4 })
        const { parts, chunks } = definitionOf(template) as SqlData
        const own = new Set(chunks)
        let offset = 0
        for (const [index, part] of parts.entries()) {
          const text =
            part.kind === 'text'
              ? part.text
              : scalarLiteral(part.kind === 'value' ? part.value : null)
          for (let at = 0; at < text.length; at++, offset++) {
            const found = characterAt(source, sourcePlace(model, offset, source))
            if (!own.has(index)) assert.equal(found, '$')
            else
              assert.equal(
                found === '\r' ? '\n' : found,
                text[at],
                JSON.stringify({ source, offset }),
              )
          }
        }
      }),
      { seed: 11, numRuns: 400 },
    )
  })

  it('answers with the template’s own place when the file has changed', () => {
    const model = modelOf(sql`select 1`, { line: 3, column: 6 })
    assert.deepEqual(sourcePlace(model, 4, 'other text'), model.place)
    assert.deepEqual(sourcePlace(model, 4, '\n\n  sql`select'), model.place)
    assert.deepEqual(sourcePlace(model, 400, '\n\n  sql`select 1`'), model.place)
  })
})

function characterAt(
  source: string,
  place: { readonly line?: number; readonly column?: number },
): string {
  return source
    .split('\n')
    .slice(place.line! - 1)
    .join('\n')[place.column! - 1]!
}
