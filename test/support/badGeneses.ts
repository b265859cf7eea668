type Document = {
  chainId: unknown
  validators: { name: string; publicKey: string; power: number }[]
  accounts: { address: string; balance: string }[]
  consensus: Record<string, unknown>
  evm: Record<string, unknown>
}

/** Files made from a good one with one kind of mistake each, and two with many; and the codes that each must name. */
export function badGeneses(
  good: string,
): (readonly [name: string, text: string, codes: readonly string[]])[] {
  const changes: Record<string, (document: Document) => void> = {
    UNKNOWN_KEY: (document) => Object.assign(document, { colour: 'blue' }),
    MISSING_KEY: (document) => delete document.consensus.maxBlockGas,
    WRONG_TYPE: (document) => Object.assign(document.consensus, { maxBlockBytes: '2000000' }),
    OUT_OF_RANGE: (document) => Object.assign(document, { chainId: 0 }),
    UNSUPPORTED: (document) => Object.assign(document.evm, { hardfork: 'frontier' }),
    BAD_PUBLIC_KEY: (document) =>
      document.validators.push({ name: 'zero', publicKey: `0x02${'ff'.repeat(32)}`, power: 1 }),
    BAD_CHECKSUM: (document) =>
      document.accounts.push({
        address: '0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266',
        balance: '1',
      }),
    BAD_FORMAT: (document) => Object.assign(document, { genesisTime: 'yesterday' }),
  }
  // These are looked for once every single value is right.
  const later: Record<string, (document: Document) => void> = {
    DUPLICATE_ACCOUNT: (document) =>
      document.accounts.push(document.accounts[0] as Document['accounts'][0]),
    DUPLICATE_VALIDATOR: (document) =>
      document.validators.push(document.validators[0] as Document['validators'][0]),
    SUPPLY_TOO_LARGE: (document) =>
      document.accounts.push(
        ...['11', '22'].map((byte) => ({
          address: `0x${byte.repeat(20)}`,
          balance: (2n ** 255n).toString(),
        })),
      ),
    MISSING_TREASURY: (document) => Object.assign(document.consensus, { tipRecipient: 'treasury' }),
  }
  const changed = (...change: ((document: Document) => void)[]): string => {
    const document = JSON.parse(good) as Document
    for (const apply of change) apply(document)
    return JSON.stringify(document)
  }
  return [
    ['no JSON', good.slice(0, -20), ['NOT_JSON']],
    ['a repeated key', good.replace('{', '{ "chainId": 1,'), ['DUPLICATE_KEY']],
    ...Object.entries({ ...changes, ...later }).map(
      ([code, change]) => [code, changed(change), [code]] as const,
    ),
    ['all values at once', changed(...Object.values(changes)), Object.keys(changes)],
    ['all sums at once', changed(...Object.values(later)), Object.keys(later)],
  ]
}
