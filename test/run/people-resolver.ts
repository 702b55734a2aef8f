/** Who an id is, by a look at all edges for every instant: what `people` is held to. */
export interface Edge {
  readonly kind: 'identify' | 'alias'
  readonly source: string
  readonly id: string
  /** Hours since the beginning. */
  readonly at: number
  readonly from: string | null
  readonly member: string | null
}

export interface Resolver {
  readonly person: (actor: string, at: number) => string
  readonly personThen: (actor: string, at: number) => string
  readonly shared: (actor: string, at: number) => boolean
}

const byOrder = (one: Edge, other: Edge): number =>
  one.at - other.at || compare(one.id, other.id) || compare(one.source, other.source)
const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

/** The plain meaning, one instant at a time. */
export function resolver(all: readonly Edge[], reachHours: number): Resolver {
  const edges = all.filter((edge) => edge.member !== null && edge.from !== null)
  const members = new Set(all.flatMap((edge) => edge.member ?? []))
  const isMerge = (edge: Edge): boolean => edge.kind === 'alias' && members.has(edge.from!)
  const merges = edges.filter((edge) => isMerge(edge) && edge.from !== edge.member)
  const uses = edges.filter((edge) => !isMerge(edge)).toSorted(byOrder)
  const nameAt = (member: string, at: number): string => {
    const known = merges.filter((edge) => edge.at <= at)
    const group = new Set([member])
    for (let size = 0; size < group.size;) {
      size = group.size
      for (const edge of known)
        if (group.has(edge.from!) || group.has(edge.member!))
          group.add(edge.from!).add(edge.member!)
    }
    const last = known
      .filter((edge) => group.has(edge.member!))
      .toSorted(byOrder)
      .at(-1)
    return `member:${last?.member ?? member}`
  }
  const usesOf = (actor: string): readonly Edge[] =>
    uses.filter((edge) => `anonymous:${edge.from}` === actor)
  const lastUse = (actor: string, at: number): Edge | undefined =>
    usesOf(actor)
      .filter((edge) => edge.at <= at)
      .at(-1)
  const firstUse = (actor: string, at: number): Edge | undefined => {
    const own = usesOf(actor)
    return own.filter((edge) => edge.at === own[0]?.at && edge.at <= at).at(-1)
  }
  return {
    person: (actor, at) => {
      if (actor.startsWith('member:')) return nameAt(actor.slice(7), at + reachHours)
      const use = lastUse(actor, at) ?? firstUse(actor, at + reachHours)
      return use === undefined ? actor : nameAt(use.member!, at + reachHours)
    },
    personThen: (actor, at) => {
      if (actor.startsWith('member:')) return nameAt(actor.slice(7), at)
      const use = lastUse(actor, at)
      return use === undefined ? actor : nameAt(use.member!, at)
    },
    shared: (actor, at) => {
      const own = usesOf(actor).filter((edge) => edge.at <= at)
      return new Set(own.map((edge) => nameAt(edge.member!, Infinity))).size > 1
    },
  }
}
