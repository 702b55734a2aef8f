/**
 * Lineage from the bound plan: every operator becomes the columns of its result, each with its sources, and the facts that prove where
 * partitions go. An operator that is not known here passes everything on as transformed and proves nothing.
 */
import type { Lineage } from '../engine.ts'
import { flowKinds, noColumn, splitKey, type Column } from './column-flow.ts'
import { parseDayOf, type Facts } from './partition-facts.ts'
import type { PlanNode } from './plan-json.ts'
import { evaluate } from './plan-operators.ts'
import type { LineageWalk, UseKind } from './relation.ts'

/** `outputs` are the names of the statement's columns in order. */
export function lineageOf(plan: PlanNode, outputs: readonly string[], zone: string): Lineage {
  const walk: LineageWalk = {
    evaluate: (node) => evaluate(node, walk),
    zone,
    uses: new Set(),
    expressions: new Map(),
    correlated: [],
    relationByIndex: new Map(),
    scans: new Map(),
  }
  const root = evaluate(plan, walk)
  const held = heldFacts(root.facts, outputs)
  return {
    rows: root.rows,
    columns: outputs.map((output, index) =>
      columnLineage(output, root.columns[index] ?? root.rest ?? noColumn),
    ),
    uses: [...walk.uses].map((key) => {
      const at = key.indexOf(' ')
      return { ...splitKey(key.slice(at + 1)), kind: key.slice(0, at) as UseKind }
    }),
    ...held,
    additive: root.additive.map((set) => [...set].toSorted()),
  }
}

function columnLineage(output: string, column: Column): Lineage['columns'][number] {
  const sources = [...column.sources].map(([key, rank]) => ({
    ...splitKey(key),
    kind: flowKinds[rank]!,
  }))
  return { output, expression: column.text, sources }
}

function heldFacts(
  facts: Facts,
  outputs: readonly string[],
): Pick<Lineage, 'preserved' | 'preservedDays'> {
  const preserved: Lineage['preserved'][number][] = []
  const preservedDays: NonNullable<Lineage['preservedDays']>[number][] = []
  for (const [table, own] of facts) {
    for (const [position, held] of own) {
      const output = outputs[position]
      if (output === undefined) continue
      for (const fact of held) {
        const day = parseDayOf(fact)
        if (day === undefined) preserved.push({ table, column: fact, output })
        else preservedDays.push({ table, output, ...day })
      }
    }
  }
  return preservedDays.length === 0 ? { preserved } : { preserved, preservedDays }
}
