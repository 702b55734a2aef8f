/** The candidate with the smallest edit distance, if it is near enough to be a typing error; else undefined. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  // Two edits make any short name into any other.
  let bestDistance = (name.length <= 3 ? 1 : Math.max(2, Math.floor(name.length / 3))) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `Did you mean "x"?` when a candidate is near, else the first few candidates by name. */
export function suggest(name: string, candidates: Iterable<string>): string {
  const all = [...candidates]
  const match = nearest(name, all)
  if (match !== undefined) return `Did you mean "${match}"?`
  if (all.length === 0) return 'There is none.'
  const shown = all.toSorted().slice(0, 8).join(', ')
  return all.length > 8 ? `There are ${all.length}, among them ${shown}.` : `There are ${shown}.`
}

/** Levenshtein distance with adjacent transpositions counted once. */
function editDistance(left: string, right: string): number {
  let previous: number[] = []
  let current = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const beforePrevious = previous
    previous = current
    current = [i]
    for (let j = 1; j <= right.length; j++) {
      const cost = left[i - 1] === right[j - 1] ? 0 : 1
      let value = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + cost)
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        value = Math.min(value, beforePrevious[j - 2]! + 1)
      }
      current.push(value)
    }
  }
  return current[right.length]!
}
