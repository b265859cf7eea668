/** As much of the platform's WebAssembly as Nexus needs; its type is not among those of the pure folders. */
export type Wasm = {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (module: object, imports?: object) => { readonly exports: object }
  readonly Memory: new (size: { readonly initial: number }) => WasmMemory
}
export type WasmMemory = { readonly buffer: ArrayBuffer; grow(pages: number): number }

export const WASM_PAGE_BYTES = 65_536

/** Null where there is none. */
export const webAssembly = (): Wasm | null =>
  (globalThis as { readonly WebAssembly?: Wasm }).WebAssembly ?? null

/** The exports of a module without imports; null: the platform does not take it. */
export function instantiate<Exports>(
  wasm: Wasm,
  module: () => Uint8Array<ArrayBuffer>,
): Exports | null {
  try {
    return new wasm.Instance(new wasm.Module(module())).exports as Exports
  } catch {
    // Vectors came to WebAssembly later than the rest of it, and some browsers compile small modules only.
    return null
  }
}
