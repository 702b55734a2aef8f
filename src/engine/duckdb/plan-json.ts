/**
 * The shape of DuckDB's bound plan (`json_serialize_plan`), as far as lineage reads it. The format is not documented: the engine's version is
 * pinned, and the rename-truth test holds it. References are positions in the output of the operator's inputs.
 */

export interface PlanNode {
  readonly type: string
  readonly children: readonly PlanNode[]
  readonly table_index?: number
  readonly expressions?: readonly PlanExpression[] | readonly (readonly PlanExpression[])[]

  // Scans and table functions.
  readonly names?: readonly string[]
  readonly name?: string
  readonly column_indexes?: readonly { readonly index: number }[]
  readonly projection_ids?: readonly number[]
  readonly projected_input?: readonly number[]
  readonly function_data?: {
    readonly catalog?: string
    readonly schema?: string
    readonly table?: string
  }

  // Joins.
  readonly join_type?: string
  readonly conditions?: readonly PlanCondition[]
  readonly condition?: PlanExpression | null
  readonly predicate?: PlanExpression | null
  readonly left_projection_map?: readonly number[]
  readonly right_projection_map?: readonly number[]
  readonly duplicate_eliminated_columns?: readonly PlanExpression[]
  readonly chunk_types?: readonly unknown[]

  // Filters, groups, order, limits.
  readonly projection_map?: readonly number[]
  readonly groups?: readonly PlanExpression[]
  readonly grouping_sets?: readonly (readonly number[])[]
  readonly grouping_functions?: readonly (readonly number[])[]
  readonly groupings_index?: number
  readonly distinct_type?: string
  readonly distinct_targets?: readonly PlanExpression[]
  readonly order_by?: { readonly orders: readonly PlanOrder[] } | null
  readonly orders?: readonly PlanOrder[]
  readonly projections?: readonly number[]
  readonly limit_val?: unknown
  readonly offset_val?: unknown
  readonly sample_options?: unknown
  readonly setop_all?: boolean

  // Common table expressions.
  readonly cte_index?: number
  readonly column_count?: number
}

export interface PlanCondition {
  readonly left?: PlanExpression
  readonly right?: PlanExpression
  readonly comparison?: string
}

export interface PlanOrder {
  readonly type: string
  readonly null_order?: string
  readonly expression: PlanExpression
}

export interface PlanType {
  readonly id: string
}

export interface PlanExpression {
  readonly expression_class: string
  readonly type: string
  readonly return_type?: PlanType
  readonly index?: number
  readonly binding?: { readonly table_index: number; readonly column_index: number }
  readonly name?: string
  readonly child?: PlanExpression
  readonly children?: readonly PlanExpression[]
  readonly left?: PlanExpression
  readonly right?: PlanExpression
  readonly value?: { readonly value?: unknown }
  readonly partitions?: readonly PlanExpression[]
  readonly filter?: PlanExpression | null
}
