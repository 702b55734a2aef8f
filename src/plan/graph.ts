/** Order over named nodes and their edges. */

export interface Node {
  readonly id: string
  /** Ids that must come before. Names that are not nodes are passed over. */
  readonly after: readonly string[]
  /** Ids that come before where that makes no circle. */
  readonly preferAfter: readonly string[]
}

/** Ids in an order in which each comes after what it needs; ties by name. `after` must have no circle (the model's check holds that). */
export function order(nodes: readonly Node[]): readonly string[] {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const needs = new Map(
    nodes.map((node) => [node.id, new Set(node.after.filter((id) => byId.has(id)))]),
  )
  for (const node of nodes) {
    for (const id of node.preferAfter) {
      if (byId.has(id) && id !== node.id && !reaches(needs, id, node.id))
        needs.get(node.id)!.add(id)
    }
  }
  const done = new Set<string>()
  const ordered: string[] = []
  const visit = (id: string): void => {
    if (done.has(id)) return
    done.add(id)
    for (const need of [...needs.get(id)!].toSorted()) visit(need)
    ordered.push(id)
  }
  for (const id of [...byId.keys()].toSorted()) visit(id)
  return ordered
}

/** The ids and everything that they need, over `after` and `preferAfter`. */
export function closure(nodes: readonly Node[], ids: readonly string[]): ReadonlySet<string> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const found = new Set<string>()
  const open = [...ids]
  while (open.length > 0) {
    const id = open.pop()!
    const node = byId.get(id)
    if (node === undefined || found.has(id)) continue
    found.add(id)
    open.push(...node.after, ...node.preferAfter)
  }
  return found
}

function reaches(
  needs: ReadonlyMap<string, ReadonlySet<string>>,
  from: string,
  target: string,
): boolean {
  const seen = new Set<string>()
  const open = [from]
  while (open.length > 0) {
    const id = open.pop()!
    if (id === target) return true
    if (seen.has(id)) continue
    seen.add(id)
    open.push(...(needs.get(id) ?? []))
  }
  return false
}
