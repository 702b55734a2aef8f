/** Which dimensions are added up together: as many as have few enough combinations for the processor's cache. */

/** Bytes of the states of all combinations. */
const packBytesMax = 256 * 1024

/** Largest first, each into the first pack that has room; every dimension is in exactly one. `groupBytes`: of the states of one combination. */
export function packDimensions<Dimension extends { readonly size: number }>(
  dimensions: readonly Dimension[],
  groupBytes: number,
): readonly (readonly Dimension[])[] {
  const combinationsMax = packBytesMax / groupBytes
  const packs: { combinations: number; readonly members: Dimension[] }[] = []
  for (const dimension of dimensions.toSorted((left, right) => right.size - left.size)) {
    const pack = packs.find((each) => each.combinations * dimension.size <= combinationsMax)
    if (pack === undefined) packs.push({ combinations: dimension.size, members: [dimension] })
    else {
      pack.combinations *= dimension.size
      pack.members.push(dimension)
    }
  }
  return packs.map((pack) => pack.members)
}
