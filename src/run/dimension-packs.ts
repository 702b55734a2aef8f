/** Which dimensions share one grouping: as many as fit together without more combinations than the engine's caches hold states of. */
import type { CodedDimension } from './dimension-codes.ts'

/** Measured with 40 and 100 states: 500 to 1,000 groups cost little more than one, 3,000 cost twice as much. */
const combinationsMax = 1_000

/** Largest first, each into the first pack that has room; every dimension is in exactly one. */
export function packDimensions(
  dimensions: readonly CodedDimension[],
): readonly (readonly CodedDimension[])[] {
  const packs: { combinations: number; readonly members: CodedDimension[] }[] = []
  const sized = dimensions.toSorted(
    (left, right) => (right.size ?? Infinity) - (left.size ?? Infinity),
  )
  for (const dimension of sized) {
    const size = dimension.size ?? Infinity
    const pack = packs.find((each) => each.combinations * size <= combinationsMax)
    if (pack === undefined) packs.push({ combinations: size, members: [dimension] })
    else {
      pack.combinations *= size
      pack.members.push(dimension)
    }
  }
  return packs.map((pack) => pack.members)
}
