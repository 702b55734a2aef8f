/** Reads TypeScript as tokens, so that what stands in comments, strings and templates is not taken for code. */
import { SyntaxKind } from 'typescript/unstable/ast'
import { createScanner, tokenIsIdentifierOrKeyword } from 'typescript/unstable/ast/scanner'

export interface Token {
  readonly kind: SyntaxKind
  /** Without the quotes for a string. */
  readonly value: string
  /** Counts from 1. */
  readonly line: number
}

/** All tokens, comments included, blanks not. */
export function tokensOf(source: string): readonly Token[] {
  const scanner = createScanner(false, 0, source)
  const tokens: Token[] = []
  /** For each open brace: whether it is a template's `${`. */
  const braces: boolean[] = []
  let line = 1
  let position = 0
  let significant: SyntaxKind | undefined
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    if (kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) {
      if (!endsOperand(significant)) kind = scanner.reScanSlashToken()
    } else if (kind === SyntaxKind.CloseBraceToken && braces.pop() === true) {
      kind = scanner.reScanTemplateToken(false)
      if (kind === SyntaxKind.TemplateMiddle) braces.push(true)
    } else if (kind === SyntaxKind.OpenBraceToken) braces.push(false)
    else if (kind === SyntaxKind.TemplateHead) braces.push(true)

    const start = scanner.getTokenStart()
    line += linesIn(source, position, start)
    position = start
    if (isBlank(kind)) continue
    tokens.push({
      kind,
      value: isComment(kind) ? scanner.getTokenText() : scanner.getTokenValue(),
      line,
    })
    // `!` before or after an operand leaves it to the token before what a slash means.
    if (!isComment(kind) && kind !== SyntaxKind.ExclamationToken) significant = kind
  }
  return tokens
}

export interface ImportedName {
  readonly specifier: string
  readonly line: number
}

/** What the source imports: statically, as types, by `export … from`, by `import('…')` of values and of types. */
export function importsOf(source: string): readonly ImportedName[] {
  const tokens = tokensOf(source).filter((token) => !isComment(token.kind))
  const found: ImportedName[] = []
  for (const [index, token] of tokens.entries()) {
    if (
      token.kind !== SyntaxKind.StringLiteral &&
      token.kind !== SyntaxKind.NoSubstitutionTemplateLiteral
    )
      continue
    const before = tokens[index - 1]?.kind
    const isCall =
      before === SyntaxKind.OpenParenToken && tokens[index - 2]?.kind === SyntaxKind.ImportKeyword
    if (before === SyntaxKind.FromKeyword || before === SyntaxKind.ImportKeyword || isCall) {
      found.push({ specifier: token.value, line: token.line })
    }
  }
  return found
}

export function isComment(kind: SyntaxKind): boolean {
  return kind === SyntaxKind.SingleLineCommentTrivia || kind === SyntaxKind.MultiLineCommentTrivia
}

function isBlank(kind: SyntaxKind): boolean {
  return kind === SyntaxKind.WhitespaceTrivia || kind === SyntaxKind.NewLineTrivia
}

/** After a value a slash divides; elsewhere it begins a regular expression. */
function endsOperand(kind: SyntaxKind | undefined): boolean {
  if (kind === undefined || expressionKeywords.has(kind)) return false
  return operandEnds.has(kind) || tokenIsIdentifierOrKeyword(kind)
}

/** Keywords that an expression follows; all others can be names. */
const expressionKeywords: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.AwaitKeyword,
  SyntaxKind.CaseKeyword,
  SyntaxKind.DefaultKeyword,
  SyntaxKind.DeleteKeyword,
  SyntaxKind.DoKeyword,
  SyntaxKind.ElseKeyword,
  SyntaxKind.ExtendsKeyword,
  SyntaxKind.InKeyword,
  SyntaxKind.InstanceOfKeyword,
  SyntaxKind.NewKeyword,
  SyntaxKind.OfKeyword,
  SyntaxKind.ReturnKeyword,
  SyntaxKind.ThrowKeyword,
  SyntaxKind.TypeOfKeyword,
  SyntaxKind.VoidKeyword,
  SyntaxKind.YieldKeyword,
])

const operandEnds: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.NumericLiteral,
  SyntaxKind.BigIntLiteral,
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateTail,
  SyntaxKind.RegularExpressionLiteral,
  SyntaxKind.CloseParenToken,
  SyntaxKind.CloseBracketToken,
  SyntaxKind.CloseBraceToken,
  SyntaxKind.PlusPlusToken,
  SyntaxKind.MinusMinusToken,
])

function linesIn(source: string, from: number, to: number): number {
  let count = 0
  for (
    let index = source.indexOf('\n', from);
    index !== -1 && index < to;
    index = source.indexOf('\n', index + 1)
  )
    count++
  return count
}
