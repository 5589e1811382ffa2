/** As much of WebAssembly as is used here: Node has it, its types do not (https://webassembly.github.io/spec/js-api/). */
declare namespace WebAssembly {
  class Memory {
    /** `initial` is in pages of 64 KiB. */
    constructor(size: { readonly initial: number });
    readonly buffer: ArrayBuffer;
  }
  const Module: new (binary: Uint8Array) => object;
  class Instance {
    constructor(
      module: Module,
      imports: Readonly<Record<string, Readonly<Record<string, Memory>>>>,
    );
    readonly exports: Readonly<Record<string, unknown>>;
  }
  /** Whether the binary can be used here. */
  function validate(binary: Uint8Array): boolean;
}
