/**
 * Circles in a graph given as name → names it needs: each group of names that reach one another gives one circle, the shortest through its
 * alphabetically first name, beginning there. Names that are not keys are passed over.
 */
export function findCircles(
  needs: ReadonlyMap<string, readonly string[]>,
): readonly (readonly string[])[] {
  const circles: (readonly string[])[] = []
  for (const group of strongGroups(needs)) {
    const first = group.toSorted()[0]!
    if (group.length > 1 || needs.get(first)!.includes(first))
      circles.push(shortestWayBack(needs, first))
  }
  return circles.toSorted((left, right) => (left[0]! < right[0]! ? -1 : 1))
}

interface Visit {
  readonly name: string
  readonly index: number
  low: number
  next: number
}

/** Tarjan's algorithm with its own stack: a chain may be longer than the call stack. */
function strongGroups(
  needs: ReadonlyMap<string, readonly string[]>,
): readonly (readonly string[])[] {
  const groups: (readonly string[])[] = []
  const visits = new Map<string, Visit>()
  const open: string[] = []
  const isOpen = new Set<string>()
  const work: Visit[] = []
  const enter = (name: string): void => {
    const visit: Visit = { name, index: visits.size, low: visits.size, next: 0 }
    visits.set(name, visit)
    open.push(name)
    isOpen.add(name)
    work.push(visit)
  }
  for (const start of needs.keys()) {
    if (!visits.has(start)) enter(start)
    while (work.length > 0) {
      const visit = work.at(-1)!
      const need = needs.get(visit.name)![visit.next++]
      if (need !== undefined) {
        if (!needs.has(need)) continue
        const known = visits.get(need)
        if (known === undefined) enter(need)
        else if (isOpen.has(need)) visit.low = Math.min(visit.low, known.index)
        continue
      }
      work.pop()
      const parent = work.at(-1)
      if (parent !== undefined) parent.low = Math.min(parent.low, visit.low)
      if (visit.low !== visit.index) continue
      const group = open.splice(open.lastIndexOf(visit.name))
      for (const name of group) isOpen.delete(name)
      groups.push(group)
    }
  }
  return groups
}

function shortestWayBack(
  needs: ReadonlyMap<string, readonly string[]>,
  start: string,
): readonly string[] {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const name of queue) {
    for (const need of needs.get(name) ?? []) {
      if (need === start) return wayFrom(cameFrom, name)
      if (cameFrom.has(need)) continue
      cameFrom.set(need, name)
      queue.push(need)
    }
  }
  return [start]
}

function wayFrom(cameFrom: ReadonlyMap<string, string>, end: string): readonly string[] {
  const way = [end]
  for (let name = cameFrom.get(end); name !== undefined; name = cameFrom.get(name)) way.push(name)
  return way.reverse()
}
