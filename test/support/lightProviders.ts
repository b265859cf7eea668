import {
  type LightBlock,
  type LightProvider,
  lightBlockCodec,
} from '../../consensus/light/index.ts'
import { encode } from '../../core/primitives/codec.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { Height } from '../../core/primitives/units.ts'
import type { LightChain } from './lightChain.ts'

type Code = 'NOT_FOUND' | 'NO_ANSWER'

/** Serves a chain, or whatever `answer` makes of it, and writes down what it was asked. */
export class TestProvider implements LightProvider {
  readonly name: string
  readonly asked: (number | 'latest')[] = []
  readonly #answer: (height: number) => LightBlock | Uint8Array | Code
  readonly #latest: number

  constructor(
    name: string,
    chain: LightChain,
    options: {
      readonly latest?: number
      readonly answer?: (height: number) => LightBlock | Uint8Array | Code
    } = {},
  ) {
    this.name = name
    this.#latest = options.latest ?? chain.height
    this.#answer =
      options.answer ?? ((height) => (height > this.#latest ? 'NOT_FOUND' : chain.at(height)))
  }

  fetch = async (height: Height | 'latest'): Promise<Result<Uint8Array, Code>> => {
    this.asked.push(height)
    await Promise.resolve()
    const answer = this.#answer(height === 'latest' ? this.#latest : height)
    if (typeof answer === 'string') return reject(answer)
    return ok(answer instanceof Uint8Array ? answer : encode(lightBlockCodec, answer))
  }
}
