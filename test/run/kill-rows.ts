/** The shop's rows at a step: each step adds, moves and takes away a few, so that every table has something to publish. */
import type { ShopRows } from './shop-project.ts'

const instant = (hours: number): string =>
  `timestamptz '2011-02-28 12:00:00+00' + interval '${hours}' hour`

export function rowsAtStep(step: number): ShopRows {
  const orders = Array.from({ length: 8 + step }, (_, index) => index + 1).filter(
    (id) => (id + step) % 7 !== 0,
  )
  return {
    member: [1, 2, 3].map((id) => [String(id), (id + step) % 3 === 0 ? `'FR'` : `'KR'`]),
    product_version: [1, 2, 3].flatMap((product) =>
      Array.from({ length: 1 + (step % 4) }, (_, at) => [
        String(product * 100 + at),
        String(product),
        `'name ${at}'`,
        instant(at * 30),
      ]),
    ),
    orders: orders.map((id) => [
      String(id),
      String(1 + (id % 3)),
      instant(20 * id + (step % 2) * 10),
    ]),
    item: orders.map((id) => [
      String(id),
      String(id),
      String(1 + ((id + step) % 3)),
      String(1 + (step % 5)),
      '1.50',
    ]),
  }
}
