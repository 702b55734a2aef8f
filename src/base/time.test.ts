import { equal, ok, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addDays, dayNumber, dayOfNumber, isTimeZone, localDay, parseDay } from './time.ts'

const micros = (iso: string): bigint => BigInt(Date.parse(iso)) * 1000n

describe('parseDay', () => {
  it('takes days that exist', () => {
    for (const day of ['2011-03-31', '2012-02-29', '0001-01-01', '9999-12-31'])
      equal(parseDay(day), day)
  })

  it('refuses every other text and says how a day is written', () => {
    for (const text of [
      '2011-02-29',
      '2011-13-01',
      '2011-00-10',
      '2011-1-5',
      '20110105',
      ' 2011-01-05',
      '2011-01-05T00:00',
      '10000-01-01',
      '',
    ]) {
      throws(() => parseDay(text), { code: 'USAGE', hint: /YYYY-MM-DD/ }, text)
    }
  })
})

describe('day numbers', () => {
  it('count from 1970', () => {
    equal(dayNumber('1970-01-01'), 0)
    equal(dayNumber('1969-12-31'), -1)
    equal(dayOfNumber(14_977), '2011-01-03')
    equal(addDays('2012-02-28', 2), '2012-03-01')
    equal(addDays('2011-01-01', -1), '2010-12-31')
  })

  it('and days are one to one', () => {
    const number = fc.integer({ min: dayNumber('0001-01-01'), max: dayNumber('9999-12-31') })
    fc.assert(
      fc.property(number, (value) => {
        equal(dayNumber(parseDay(dayOfNumber(value))), value)
      }),
      { seed: 1 },
    )
  })

  it('outside of what four digits can write are refused', () => {
    for (const number of [dayNumber('0001-01-01') - 1, dayNumber('9999-12-31') + 1, Number.NaN])
      throws(() => dayOfNumber(number), { code: 'USAGE' })
    throws(() => addDays('9999-12-31', 1), { code: 'USAGE' })
  })
})

describe('localDay', () => {
  const seoul = 'Asia/Seoul'
  const london = 'Europe/London'
  const cases: readonly (readonly [instant: string, zone: string, day: string, why: string])[] = [
    ['2011-01-04T14:59:59.999Z', seoul, '2011-01-04', 'the last moment of the day in Seoul'],
    ['2011-01-04T15:00:00Z', seoul, '2011-01-05', 'midnight in Seoul is 15:00 UTC'],
    ['1988-07-01T13:59:59.999Z', seoul, '1988-07-01', 'Seoul had summer time in 1988'],
    ['1988-07-01T14:00:00Z', seoul, '1988-07-02', 'and midnight at 14:00 UTC'],
    ['2011-03-26T23:59:59.999Z', london, '2011-03-26', 'winter: midnight is 0:00 UTC'],
    ['2011-03-27T00:00:00Z', london, '2011-03-27', 'the day of 23 hours begins in winter time'],
    ['2011-03-27T22:59:59.999Z', london, '2011-03-27', 'and ends in summer time'],
    ['2011-03-27T23:00:00Z', london, '2011-03-28', 'summer: midnight is 23:00 UTC'],
    ['2011-10-29T22:59:59.999Z', london, '2011-10-29', 'the day before the clocks go back'],
    ['2011-10-29T23:00:00Z', london, '2011-10-30', 'the day of 25 hours begins in summer time'],
    ['2011-10-30T00:30:00Z', london, '2011-10-30', '1:30 for the first time'],
    ['2011-10-30T01:30:00Z', london, '2011-10-30', '1:30 for the second time'],
    ['2011-10-30T23:59:59.999Z', london, '2011-10-30', 'and ends in winter time'],
    ['2011-10-31T00:00:00Z', london, '2011-10-31', 'winter again'],
    ['0012-05-06T12:00:00Z', 'UTC', '0012-05-06', 'four digits in the year 12'],
  ]
  for (const [instant, zone, day, why] of cases) {
    it(`of ${instant} in ${zone} is ${day}: ${why}`, () =>
      equal(localDay(micros(instant), zone), day))
  }

  it('holds the instant to the microsecond, also before 1970', () => {
    equal(localDay(-1n, 'UTC'), '1969-12-31')
    equal(localDay(0n, 'UTC'), '1970-01-01')
    equal(localDay(micros('1960-01-01T00:00:00Z') - 1n, 'UTC'), '1959-12-31')
  })

  it('is the first or last day for instants that no four-digit year holds', () => {
    equal(localDay(-(2n ** 63n), seoul), '0001-01-01')
    equal(localDay(2n ** 63n - 1n, london), '9999-12-31')
  })

  it('never goes back as time goes on, and every day from one to the next is there', () => {
    const hourMicros = 3_600_000_000n
    for (const zone of [seoul, london]) {
      let day = localDay(micros('2011-01-01T00:00:00Z'), zone)
      for (let hour = 1n; hour <= 366n * 24n; hour++) {
        const next = localDay(micros('2011-01-01T00:00:00Z') + hour * hourMicros, zone)
        ok(next === day || next === addDays(day, 1), `${day} then ${next}`)
        day = next
      }
      equal(day.slice(0, 7), '2012-01')
    }
  })
})

describe('isTimeZone', () => {
  it('knows the names of zones', () => {
    ok(isTimeZone('Asia/Seoul'))
    ok(!isTimeZone('Asia/Soul'))
    ok(!isTimeZone(''))
  })
})
