import { HOST } from '../../../core/primitives/wasmCode.ts'
import {
  WASM_PAGE_BYTES,
  type Wasm,
  type WasmMemory,
  webAssembly,
} from '../../../core/primitives/webAssembly.ts'
import { kitModule } from './kit.ts'

/** Gas, base and size of the frame, steps; the number of the exit. */
export type LoopFunction = (gas: number, base: number, size: number, steps: number) => number

/** Modules of one machine, each some 200 KB; then the others stay JavaScript until all paths are forgotten. */
const MOST_MODULES = 128

/** Makes memories and instances of what is written here; whatever the platform refuses is null. */
export class LoopHost {
  readonly #wasm: Wasm | null
  #modules = 0
  #kit: object | null = null
  #memory: WasmMemory | null = null
  #imports: object | null = null

  constructor(wasm: Wasm | null = webAssembly()) {
    this.#wasm = wasm
  }

  memory(bytes: number): WasmMemory | null {
    return attempt(this.#wasm, (wasm) => {
      return new wasm.Memory({ initial: Math.ceil(bytes / WASM_PAGE_BYTES) })
    })
  }

  compile(bytes: Uint8Array<ArrayBuffer>): object | null {
    if (this.#modules === MOST_MODULES) return null
    this.#modules++
    return attempt(this.#wasm, (wasm) => new wasm.Module(bytes))
  }

  /** No module made so far is in use any more. */
  forget(): void {
    this.#modules = 0
  }

  /** The loop in a memory. */
  bind(module: object, memory: WasmMemory): LoopFunction | null {
    return attempt(this.#wasm, (wasm) => {
      const { exports } = new wasm.Instance(module, { [HOST]: this.#importsFor(wasm, memory) })
      return (exports as { readonly run: LoopFunction }).run
    })
  }

  #importsFor(wasm: Wasm, memory: WasmMemory): object {
    if (this.#imports === null || this.#memory !== memory) {
      this.#kit ??= new wasm.Module(kitModule())
      const { exports } = new wasm.Instance(this.#kit, { [HOST]: { memory } })
      this.#imports = { ...exports, memory }
      this.#memory = memory
    }
    return this.#imports
  }
}

function attempt<T>(wasm: Wasm | null, make: (wasm: Wasm) => T): T | null {
  if (wasm === null) return null
  try {
    return make(wasm)
  } catch {
    // No room, or a platform without vectors or several results.
    return null
  }
}
