import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CsvRecordScanner, parseCsvRecord } from './csv-records.ts'

const shape = { delimiter: ',', quote: '"' }
const field = fc.stringMatching(/^["\n\r,;a한]*$/)
const record = fc.array(field, { minLength: 2, maxLength: 4 })
const write = (fields: readonly string[]): string =>
  `${fields.map((text) => `"${text.replaceAll('"', '""')}"`).join(',')}\n`

describe('CSV records', () => {
  it('end where they were written to end, however the bytes are cut into chunks (property)', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 9 }),
        (records, size) => {
          const texts = records.map(write)
          const bytes = Buffer.from(texts.join(''))
          const scanner = new CsvRecordScanner(shape)
          const found: string[] = []
          let pending = Buffer.alloc(0)
          for (let start = 0; start < bytes.length; start += size) {
            const chunk = bytes.subarray(start, start + size)
            for (let offset = 0; offset < chunk.length;) {
              const end = scanner.nextRecord(chunk, offset)
              pending = Buffer.concat([
                pending,
                chunk.subarray(offset, end === -1 ? chunk.length : end),
              ])
              if (end === -1) break
              found.push(pending.toString())
              pending = Buffer.alloc(0)
              offset = end
            }
          }
          assert.deepEqual(found, texts)
          assert.equal(scanner.lines, texts.join('').split('\n').length - 1)
          assert.equal(scanner.isQuoteOpen, false)
        },
      ),
      { seed: 11, numRuns: 300 },
    )
  })

  it('have the fields that were written (property)', () => {
    fc.assert(
      fc.property(record, (fields) => {
        assert.deepEqual(parseCsvRecord(write(fields), shape), fields)
      }),
      { seed: 12, numRuns: 300 },
    )
  })

  it('skip blank lines, take a quote inside a field as it is, and know their first line', () => {
    const scanner = new CsvRecordScanner(shape)
    const bytes = Buffer.from('a,b\r\n\r\n\n5" disk,x\n"open')
    assert.equal(bytes.subarray(0, scanner.nextRecord(bytes, 0)).toString(), 'a,b\r\n')
    const second = scanner.nextRecord(bytes, 5)
    assert.equal(bytes.subarray(5, second).toString(), '\r\n\n5" disk,x\n')
    assert.equal(scanner.recordLine, 4)
    assert.equal(scanner.nextRecord(bytes, second), -1)
    assert.equal(scanner.isQuoteOpen, true)
    assert.equal(scanner.recordLine, 5)
    assert.deepEqual(parseCsvRecord('a,,"b""c",d"e\r\n', shape), ['a', '', 'b"c', 'd"e'])
  })

  it('are found open or closed the same when only skimmed (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^["\n,a]*$/), { maxLength: 6 }), (chunks) => {
        const skimmer = new CsvRecordScanner(shape)
        const scanner = new CsvRecordScanner(shape)
        for (const chunk of chunks) {
          skimmer.skim(Buffer.from(chunk))
          scanner.nextRecord(Buffer.from(chunk), 0, Infinity)
          assert.equal(skimmer.isQuoteOpen, scanner.isQuoteOpen)
        }
      }),
      { seed: 13, numRuns: 500 },
    )
  })
})
