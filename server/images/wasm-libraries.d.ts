/** The part of libjpeg-turbo's WebAssembly build that is used; the package has no types. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  /** One JPEG; `delete` frees its memory. */
  interface JpegDecoder {
    /** Room for the file, valid until the next call. */
    getEncodedBuffer(bytes: number): Uint8Array;
    /** @throws the address of a C++ exception, a number */
    decode(): void;
    /** Pixels row by row, channels interleaved; valid until the next call. */
    getDecodedBuffer(): Uint8Array;
    delete(): void;
  }
  export interface JpegLibrary {
    JPEGDecoder: new () => JpegDecoder;
  }
  /** Fills `module` with the library, before it returns where `instantiateWasm` does not wait. */
  export default function load(module: object): Promise<unknown>;
}

/** libwebp's decoder; the types of the package need a browser's. */
declare module '@jsquash/webp/codec/dec/webp_dec.js' {
  /** Fills `module` with the library, before it returns where `instantiateWasm` does not wait. */
  export default function load(module: object): Promise<unknown>;
}

/** What Node has of WebAssembly and @types/node leaves out. */
declare namespace WebAssembly {
  class Module {
    constructor(code: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: object);
    readonly exports: object;
  }
}
