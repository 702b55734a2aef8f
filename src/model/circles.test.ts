import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { findCircles } from './circles.ts'

describe('findCircles', () => {
  it('gives each circle once, from its first name, and none where there is none', () => {
    const needs = new Map([
      ['a', ['b']],
      ['b', ['c', 'x']],
      ['c', ['a']],
      ['d', ['d']],
      ['e', ['a', 'nowhere']],
    ])
    assert.deepEqual(findCircles(needs), [['a', 'b', 'c'], ['d']])
    assert.deepEqual(
      findCircles(
        new Map([
          ['a', ['b']],
          ['b', []],
        ]),
      ),
      [],
    )
  })

  it('walks a chain longer than the call stack', () => {
    const needs = new Map(
      Array.from({ length: 20_000 }, (_, index) => [`n${index}`, [`n${index + 1}`]] as const),
    )
    assert.deepEqual(findCircles(needs), [])
  })

  it('finds a circle exactly for the names that reach themselves', () => {
    const edges = fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 14 })
    fc.assert(
      fc.property(edges, (pairs) => {
        const needs = new Map<string, readonly string[]>(
          Array.from(
            { length: 7 },
            (_, index) =>
              [
                `n${index}`,
                pairs.filter(([from]) => from === index).map(([, to]) => `n${to}`),
              ] as const,
          ),
        )
        const circles = findCircles(needs)
        for (const circle of circles) {
          circle.forEach((name, index) =>
            assert.ok(
              needs.get(name)!.includes(circle[(index + 1) % circle.length]!),
              circle.join(' '),
            ),
          )
        }
        const looping = [...needs.keys()].filter((name) => reaches(needs, name))
        assert.equal(circles.length > 0, looping.length > 0)
        for (const circle of circles) for (const name of circle) assert.ok(looping.includes(name))
      }),
      { seed: 3, numRuns: 300 },
    )
  })
})

function reaches(needs: ReadonlyMap<string, readonly string[]>, target: string): boolean {
  const open = [...needs.get(target)!]
  const seen = new Set<string>()
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === target) return true
    if (!seen.has(name)) open.push(...needs.get(name)!)
    seen.add(name)
  }
  return false
}
