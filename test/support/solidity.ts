import solc from 'solc'

export type SolidityOutput = {
  /** Warnings too. */
  readonly problems: readonly string[]
  /** By contract or interface name. */
  readonly abis: ReadonlyMap<string, readonly unknown[]>
}

type Output = {
  readonly errors?: readonly { readonly formattedMessage: string }[]
  readonly contracts?: Readonly<
    Record<string, Readonly<Record<string, { readonly abi: unknown[] }>>>
  >
}

/** What the Solidity compiler says to these files and nothing else. */
export function compileTexts(files: ReadonlyMap<string, string>): SolidityOutput {
  const sources = Object.fromEntries([...files].map(([name, content]) => [name, { content }]))
  const settings = { outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } } }
  const input = { language: 'Solidity', sources, settings }
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as Output
  const contracts = Object.values(output.contracts ?? {}).flatMap((file) => Object.entries(file))
  return {
    problems: (output.errors ?? []).map((error) => error.formattedMessage),
    abis: new Map(contracts.map(([name, { abi }]) => [name, abi])),
  }
}
