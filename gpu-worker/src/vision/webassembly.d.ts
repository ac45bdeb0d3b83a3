/** What is used of WebAssembly; Node's types leave it to those of browsers. */
declare namespace WebAssembly {
  const Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  const Instance: new (module: object) => { readonly exports: unknown };
}
