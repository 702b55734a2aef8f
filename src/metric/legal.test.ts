import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { shopModel } from '../../test/metric/shop-model.ts'
import { compileQuestion, describePair, legalDimensions, neededDimensions } from './metric.ts'

describe('which dimensions go with a metric', () => {
  it('lists grains, own columns and what the references reach, with descriptions', () => {
    const paths = legalDimensions(shopModel, 'sales').map(({ path }) => path)
    for (const path of [
      'month',
      'day_of_week',
      'status',
      'member',
      'member.country',
      'member.purchases_1y',
      'product.brand',
      'product.brand.name',
    ]) {
      assert.ok(paths.includes(path), path)
    }
    for (const path of ['store.city', 'member.version', 'member.valid_from', 'product.brand__name'])
      assert.ok(!paths.includes(path), path)
    const country = legalDimensions(shopModel, 'sales').find(
      ({ path }) => path === 'member.country',
    )
    assert.deepEqual(country, {
      path: 'member.country',
      type: { kind: 'text' },
      description: 'the country',
    })
  })

  it('compiles every pair that it calls legal', () => {
    for (const metric of [
      'sales',
      'status',
      'stock',
      'gifts',
      'order_value',
      'growth',
      'running',
    ]) {
      for (const { path } of legalDimensions(shopModel, metric)) {
        const by = [...new Set([path, ...neededDimensions(shopModel, metric, [path])])]
        compileQuestion(shopModel, { metrics: [metric], by, from: '2011-01-01', to: '2011-01-02' })
        assert.deepEqual(describePair(shopModel, metric, path), { isLegal: true, nearest: [] })
      }
    }
  })

  it('compiles every pair of a metric over objects that it calls legal', () => {
    for (const { path } of legalDimensions(shopModel, 'members')) {
      compileQuestion(shopModel, { metrics: ['members'], by: [path] })
      assert.deepEqual(describePair(shopModel, 'members', path), { isLegal: true, nearest: [] })
    }
  })

  it('gives the reason against a pair, and the legal ones nearest', () => {
    const pair = describePair(shopModel, 'stock', 'product.brand')
    assert.equal(pair.isLegal, false)
    assert.match(
      pair.reason!,
      /act\.stocktake reaches store \(obj\.store\), and has no "product\.brand"/,
    )
    assert.deepEqual(describePair(shopModel, 'sales', 'member.contry').nearest.slice(0, 1), [
      'member.country',
    ])
    assert.equal(describePair(shopModel, 'gifts', 'member.country').isLegal, false)
    assert.equal(describePair(shopModel, 'members', 'month').isLegal, false)
    assert.equal(describePair(shopModel, 'members', 'member.country').isLegal, true)
  })
})
